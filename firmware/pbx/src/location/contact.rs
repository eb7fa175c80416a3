//! Contacts, and what registrations say of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memchr;
use ramal_model::{Binding, ExtensionId};
use ramal_sip::{Flow, HeaderName, HeaderValue, Transport, Uri};

use crate::live::Registration;

/// A registered contact.
///
/// There may be a hundred thousand of them: texts take their own length and no more, and nothing here keeps the
/// buffer of the datagram they were read from.
#[derive(Debug, Clone)]
pub(crate) struct Contact {
    /// Whose it is.
    pub(crate) extension: ExtensionId,
    /// The extension's number when it registered.
    pub(crate) number: Box<str>,
    /// What requests to the phone are addressed to, as the phone gave it.
    pub(crate) uri: Box<str>,
    /// The way the registration came and requests to the phone go: through its NAT, over its connection.
    pub(crate) flow: Flow,
    /// Which phone it is, if it says so (RFC 5626 §4.1).
    pub(crate) instance: Option<Instance>,
    /// Value of the Route field of requests to the phone: its Path (RFC 3327 §5.2).
    pub(crate) path: Option<Box<str>>,
    /// What the phone calls itself.
    pub(crate) user_agent: Option<Arc<str>>,
    /// Whether it has answered lately, as far as it was asked.
    pub(crate) reachable: bool,
    /// `Call-ID` of the registration.
    pub(super) call_id: Box<str>,
    /// Number of its `CSeq`.
    pub(super) cseq: u32,
    /// What tells the registration's request from all others.
    pub(super) fingerprint: u64,
    /// When it registered first, UTC milliseconds since the epoch.
    pub(crate) registered_at: i64,
    /// When it registered last, the same way.
    pub(super) refreshed_at: i64,
    /// When it expires, the same way.
    pub(super) expires_at: i64,
    /// When the stored binding expires, the same way; 0 when none is stored.
    pub(super) stored_until: i64,
    /// When it expires, for the timer.
    pub(super) deadline: Instant,
    /// When there is something to do with it: to ask whether it is there, or to remove it.
    pub(super) due: Instant,
    /// Names it for good; a contact that is registered anew has another.
    pub(super) id: u64,
    /// Grows with every registration and refresh of any contact.
    pub(super) order: u64,
    /// Questions in a row that it did not answer.
    pub(super) unanswered: u8,
    /// Whether it waits to be written.
    pub(super) unwritten: bool,
}

/// A phone's own name, the same whatever its address (RFC 5626 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    /// `+sip.instance`, without its quotes.
    pub(crate) id: Box<str>,
    /// `reg-id`: which of the phone's flows; 0 when it does not say.
    pub(crate) reg_id: u32,
}

impl Contact {
    /// The address to send requests to; `None` only when an older version stored what this one cannot read.
    pub(crate) fn target(&self) -> Option<Uri> {
        self.uri.parse().ok()
    }

    /// The Route field of requests to it, if it needs one (RFC 3327 §5.3).
    pub(crate) fn route(&self) -> Option<(HeaderName, HeaderValue)> {
        let path = self.path.as_deref()?;
        Some((HeaderName::Route, HeaderValue::sanitized(path)))
    }

    /// Seconds until it expires, rounded up.
    pub(crate) fn remaining(&self, now: Instant) -> u32 {
        let left = self.deadline.saturating_duration_since(now);
        u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
    }

    /// As the live state shows it.
    pub(super) fn live(&self) -> Registration {
        Registration {
            extension: self.number.to_string(),
            contact: self.uri.to_string(),
            source: self.flow.remote.to_string(),
            transport: transport_name(self.flow.transport).to_owned(),
            user_agent: self.user_agent.as_deref().map(str::to_owned),
            registered_at: self.registered_at,
            expires_at: self.expires_at,
            reachable: self.reachable,
        }
    }

    /// As the store keeps it.
    pub(super) fn stored(&self) -> Binding {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let instance = self.instance.as_ref();
        Binding {
            extension: self.extension,
            contact: self.uri.to_string(),
            source: self.flow.remote.to_string(),
            transport: transport_name(self.flow.transport).to_owned(),
            user_agent: text(self.user_agent.as_deref()),
            instance: text(instance.map(|instance| &*instance.id)),
            reg_id: instance.map_or(0, |instance| instance.reg_id),
            path: text(self.path.as_deref()),
            call_id: self.call_id.to_string(),
            cseq: self.cseq,
            registered_at: self.registered_at,
            expires_at: self.expires_at,
        }
    }

    /// A stored contact, `left` before it expires; `None` when it cannot be reached any more.
    pub(super) fn restored(
        binding: &Binding,
        number: &str,
        now: Instant,
        left: Duration,
        flow: impl FnOnce(SocketAddr) -> Flow,
    ) -> Option<Self> {
        if left.is_zero() || binding.transport != transport_name(Transport::Udp) {
            return None;
        }
        binding.contact.parse::<Uri>().ok()?;
        let text = |text: &str| (!text.is_empty()).then(|| text.into());
        Some(Self {
            extension: binding.extension,
            number: number.into(),
            uri: binding.contact.as_str().into(),
            flow: flow(binding.source.parse().ok()?),
            instance: text(&binding.instance).map(|id| Instance {
                id,
                reg_id: binding.reg_id,
            }),
            path: text(&binding.path),
            user_agent: (!binding.user_agent.is_empty())
                .then(|| binding.user_agent.as_str().into()),
            reachable: true,
            call_id: binding.call_id.as_str().into(),
            cseq: binding.cseq,
            fingerprint: 0,
            registered_at: binding.registered_at,
            refreshed_at: 0,
            expires_at: binding.expires_at,
            stored_until: binding.expires_at,
            deadline: now + left,
            due: now,
            id: 0,
            order: 0,
            unanswered: 0,
            unwritten: false,
        })
    }
}

fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
        Transport::Ws => "ws",
        Transport::Wss => "wss",
    }
}

/// The registration a change comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin<'a> {
    /// How it arrived.
    pub(crate) flow: Flow,
    /// Its `Call-ID`.
    pub(crate) call_id: &'a str,
    /// Its `CSeq` number.
    pub(crate) cseq: u32,
    /// What tells its request from all others; 0 when its answer need not be repeated.
    pub(crate) fingerprint: u64,
    /// Its `User-Agent`.
    pub(crate) user_agent: Option<&'a str>,
    /// Its `Path`.
    pub(crate) path: Option<&'a str>,
}

/// What a registration changes.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Removes every contact (`Contact: *`).
    RemoveAll,
    /// Adds, refreshes or removes single contacts.
    Contacts(Vec<ContactChange>),
}

/// One contact of a registration.
#[derive(Debug, Clone)]
pub(crate) struct ContactChange {
    /// The contact's address.
    pub(crate) uri: Uri,
    /// Its instance, if given.
    pub(crate) instance: Option<Instance>,
    /// How long it is to last; zero removes it.
    pub(crate) expires: Duration,
}

/// Whether a change concerns this contact: the same address, or the same phone under a new one (RFC 5626 §6).
///
/// Two flows of one phone that differ in `reg-id` may well have the same address.
pub(super) fn same_phone(contact: &Contact, change: &ContactChange) -> bool {
    match (&contact.instance, &change.instance) {
        (Some(known), Some(instance)) if known.reg_id != 0 || instance.reg_id != 0 => {
            known == instance
        }
        (Some(known), Some(instance)) if known == instance => true,
        _ => same_address(&contact.uri, &change.uri),
    }
}

fn same_address(known: &str, uri: &Uri) -> bool {
    let (known_text, text) = (known.as_bytes(), uri.as_bytes());
    known_text == text
        || !differ_in_user(known_text, text)
            && known
                .parse::<Uri>()
                .is_ok_and(|known| known.equivalent(uri))
}

/// Whether two URIs plainly name different users, which is all that has to be known of most; false when it takes reading
/// them to tell.
fn differ_in_user(a: &[u8], b: &[u8]) -> bool {
    match (user(a), user(b)) {
        (Some(a), Some(b)) => a != b,
        _ => false,
    }
}

/// What stands between the scheme and the first `@`, unless something in it is escaped.
fn user(uri: &[u8]) -> Option<&[u8]> {
    let rest = uri.get(memchr(b':', uri)? + 1..)?;
    let user = rest.get(..memchr(b'@', rest)?)?;
    memchr(b'%', user).is_none().then_some(user)
}
