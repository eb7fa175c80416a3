//! Event and Subscription-State (RFC 6665).

use std::fmt;

use bytes::Bytes;

use super::{HeaderFault, HeaderValue};
use crate::grammar::{is_token_text, saturating_number, trim};
use crate::{ByteStr, Params, params};

/// Event (RFC 6665 §8.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventPackage {
    /// The package with its templates, as spelled: `dialog`, `presence.winfo`. Compares with case.
    pub package: ByteStr,
    /// The parameters; see [`id`](Self::id).
    pub params: Params,
}

impl EventPackage {
    /// A package without parameters.
    pub fn new(package: &'static str) -> Self {
        Self {
            package: ByteStr::from_static(package),
            params: Params::new(),
        }
    }

    /// The `id` parameter as spelled, which tells subscriptions of one dialog and package apart.
    pub fn id(&self) -> Option<&str> {
        let id = self.params.raw("id")?;
        std::str::from_utf8(id).ok()
    }

    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let (package, params) = token_and_params(value, share)?;
        Ok(Self { package, params })
    }
}

impl fmt::Display for EventPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.package, self.params)
    }
}

impl From<&EventPackage> for HeaderValue {
    fn from(event: &EventPackage) -> Self {
        HeaderValue::received([event.package.as_bytes(), event.params.as_bytes()].concat())
    }
}

impl From<EventPackage> for HeaderValue {
    fn from(event: EventPackage) -> Self {
        (&event).into()
    }
}

/// State of a subscription (RFC 6665 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SubscriptionStatus {
    /// `active`
    Active,
    /// `pending`
    Pending,
    /// `terminated`
    Terminated,
    /// Any other, as spelled.
    Other(ByteStr),
}

impl SubscriptionStatus {
    /// The state as in the field.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Terminated => "terminated",
            Self::Other(name) => name,
        }
    }
}

/// Subscription-State (RFC 6665 §8.2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubscriptionState {
    /// The state.
    pub status: SubscriptionStatus,
    /// The parameters.
    pub params: Params,
}

impl SubscriptionState {
    /// A state that lasts `expires` seconds more.
    pub fn lasting(status: SubscriptionStatus, expires: u32) -> Self {
        Self {
            status,
            params: Params::new().with("expires", &expires.to_string()),
        }
    }

    /// The end of a subscription, for a reason of RFC 6665 §4.1.3 (`timeout`, `noresource` …).
    pub fn terminated(reason: &str) -> Self {
        Self {
            status: SubscriptionStatus::Terminated,
            params: Params::new().with("reason", reason),
        }
    }

    /// Seconds until the subscription ends.
    pub fn expires(&self) -> Option<u32> {
        self.seconds("expires")
    }

    /// Seconds until a new subscription may be tried.
    pub fn retry_after(&self) -> Option<u32> {
        self.seconds("retry-after")
    }

    /// Why a subscription ended, as spelled.
    pub fn reason(&self) -> Option<&str> {
        std::str::from_utf8(self.params.raw("reason")?).ok()
    }

    fn seconds(&self, name: &str) -> Option<u32> {
        let seconds = saturating_number(self.params.raw(name)?)?;
        Some(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let (state, params) = token_and_params(value, share)?;
        let status = [
            SubscriptionStatus::Active,
            SubscriptionStatus::Pending,
            SubscriptionStatus::Terminated,
        ]
        .into_iter()
        .find(|status| state.eq_ignore_ascii_case(status.as_str()))
        .unwrap_or(SubscriptionStatus::Other(state));
        Ok(Self { status, params })
    }
}

impl From<&SubscriptionState> for HeaderValue {
    fn from(state: &SubscriptionState) -> Self {
        let status = state.status.as_str().as_bytes();
        HeaderValue::received([status, state.params.as_bytes()].concat())
    }
}

impl From<SubscriptionState> for HeaderValue {
    fn from(state: SubscriptionState) -> Self {
        (&state).into()
    }
}

fn token_and_params(
    value: &[u8],
    share: impl Fn(&[u8]) -> Bytes,
) -> Result<(ByteStr, Params), HeaderFault> {
    let end = value.iter().position(|&b| b == b';').unwrap_or(value.len());
    let (token, rest) = value.split_at_checked(end).unwrap_or_default();
    let token = trim(token);
    if !is_token_text(token) {
        return Err(HeaderFault::Malformed);
    }
    if !params::check(rest) {
        return Err(HeaderFault::Param);
    }
    let token = ByteStr::from_utf8(share(token)).ok_or(HeaderFault::Malformed)?;
    Ok((token, Params::from_checked(share(rest))))
}
