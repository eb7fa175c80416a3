//! Which extensions a session uses.

/// Reliable provisional responses (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliability {
    /// Never sent; the peer is not told of them, and an INVITE that requires them is refused (420).
    Off,
    /// Sent where the peer takes them and they carry a session description, or where the peer requires them. Plain
    /// ringing is not worth the two messages more.
    #[default]
    Supported,
    /// Every provisional response is reliable, both ways. An INVITE of a peer that cannot is refused (421).
    Required,
}

/// Session timers (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionTimers {
    /// Never asked for, never kept: no refresh is sent, no session expires, what the peer says of it is not looked at.
    /// (An INVITE that requires them is refused, 420.)
    Refuse,
    /// Kept when the peer asks for them; whoever can else refreshes.
    Accept,
    /// Asked for in every session. A peer that does not know them is refreshed all the same, so that one that vanished
    /// is noticed, but the session does not expire.
    #[default]
    Originate,
}

/// How a session is run. [`EndpointConfig::policy`](crate::EndpointConfig::policy) is that of all sessions;
/// [`Invite::policy`](crate::Invite::policy) and [`Endpoint::set_policy`](crate::Endpoint::set_policy) make exceptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Reliable provisional responses.
    pub reliability: Reliability,
    /// Session timers.
    pub timers: SessionTimers,
    /// Session interval asked for, in seconds; 1800 by default (RFC 4028 §4 recommends it).
    pub session_expires: u32,
    /// Shortest session interval granted, in seconds; 90 by default, which is the least the RFC allows (§5).
    pub min_se: u32,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self {
            reliability: Reliability::default(),
            timers: SessionTimers::default(),
            session_expires: 1800,
            min_se: LEAST_SESSION_INTERVAL,
        }
    }
}

/// The least session interval there is, in seconds (RFC 4028 §5); a Min-SE that says as much is left out.
pub(crate) const LEAST_SESSION_INTERVAL: u32 = 90;

impl SessionPolicy {
    /// The option tags of this policy.
    pub(crate) fn option_tags<'a>(self) -> impl Iterator<Item = &'a str> {
        let reliable = (self.reliability != Reliability::Off).then_some("100rel");
        let timer = (self.timers != SessionTimers::Refuse).then_some("timer");
        reliable.into_iter().chain(timer)
    }
}
