//! Readers for fields of SIP's extensions. Each reads on demand, as those of [`typed`](super::typed) do.

use super::typed::Reading;
use super::{
    EventPackage, HeaderFault, HeaderName, Headers, RAck, Replaces, SessionExpires,
    SubscriptionState,
};
use crate::grammar::{is_token_text, saturating_number, trim};
use crate::session::Reason;
use crate::{ByteStr, Params, params};

impl Headers {
    /// Session-Expires.
    ///
    /// # Errors
    /// Duplicate or malformed, as with all readers of this type.
    pub fn session_expires(&self) -> Reading<Option<SessionExpires>> {
        self.optional(HeaderName::SessionExpires, |v, share| {
            SessionExpires::parse(v, share)
        })
    }

    /// Min-SE, in seconds; too large a number saturates.
    ///
    /// # Errors
    /// Duplicate or not a number.
    pub fn min_se(&self) -> Reading<Option<u32>> {
        self.number(HeaderName::MinSe)
    }

    /// RSeq (RFC 3262 §7.1).
    ///
    /// # Errors
    /// Duplicate, or not a number of 1 to 2^32-1.
    pub fn rseq(&self) -> Reading<Option<u32>> {
        let name = HeaderName::RSeq;
        let Some(value) = self.single(name.clone())? else {
            return Ok(None);
        };
        match saturating_number(value).map(u32::try_from) {
            None => Err(HeaderFault::Malformed.of(name)),
            Some(Err(_) | Ok(0)) => Err(HeaderFault::OutOfRange.of(name)),
            Some(Ok(number)) => Ok(Some(number)),
        }
    }

    /// RAck.
    ///
    /// # Errors
    /// Duplicate or malformed.
    pub fn rack(&self) -> Reading<Option<RAck>> {
        self.optional(HeaderName::RAck, |v, share| RAck::parse(v, share))
    }

    /// Replaces.
    ///
    /// # Errors
    /// Duplicate or malformed.
    pub fn replaces(&self) -> Reading<Option<Replaces>> {
        self.optional(HeaderName::Replaces, |v, share| Replaces::parse(v, share))
    }

    /// Join, which names a dialog as Replaces does.
    ///
    /// # Errors
    /// Duplicate or malformed.
    pub fn join(&self) -> Reading<Option<Replaces>> {
        self.optional(HeaderName::Join, |v, share| Replaces::parse(v, share))
    }

    /// Event.
    ///
    /// # Errors
    /// Duplicate or malformed.
    pub fn event(&self) -> Reading<Option<EventPackage>> {
        self.optional(HeaderName::Event, |v, share| EventPackage::parse(v, share))
    }

    /// Subscription-State.
    ///
    /// # Errors
    /// Duplicate or malformed.
    pub fn subscription_state(&self) -> Reading<Option<SubscriptionState>> {
        self.optional(HeaderName::SubscriptionState, |v, share| {
            SubscriptionState::parse(v, share)
        })
    }

    /// The event packages of Allow-Events.
    ///
    /// # Errors
    /// An element is no token.
    pub fn allow_events(&self) -> Reading<Vec<ByteStr>> {
        self.tokens(&HeaderName::AllowEvents)
    }

    /// The values of Privacy (RFC 3323 §4.2: `id`, `user`, `none` …); semicolons separate them, and commas are let
    /// through.
    ///
    /// # Errors
    /// An element is no token.
    pub fn privacy(&self) -> Reading<Vec<ByteStr>> {
        let name = HeaderName::Privacy;
        self.values(&name)
            .flat_map(|value| value.split(|&b| b == b';'))
            .map(trim)
            .filter(|value| !value.is_empty())
            .map(|value| {
                is_token_text(value)
                    .then(|| ByteStr::from_utf8(self.share(value)))
                    .flatten()
                    .ok_or_else(|| HeaderFault::Malformed.of(name.clone()))
            })
            .collect()
    }

    /// The Reason values whose protocol is SIP or Q.850; those of others and malformed ones are left out, for nothing
    /// depends on them.
    pub fn reasons(&self) -> Vec<Reason> {
        self.values(&HeaderName::Reason)
            .filter_map(|value| {
                let end = value.iter().position(|&b| b == b';')?;
                let (protocol, rest) = value.split_at_checked(end)?;
                params::check(rest).then_some(())?;
                Reason::read(trim(protocol), &Params::from_checked(self.share(rest)))
            })
            .collect()
    }
}
