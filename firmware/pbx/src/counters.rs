//! What the PBX has counted since its start.

use serde::Serialize;
use utoipa::ToSchema;

/// Counters since the start, and the sizes of what is live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counters {
    /// Calls and phones.
    pub calls: CallCounters,
    /// SIP messages.
    pub sip: SipCounters,
    /// Digest authentication.
    pub authentication: AuthenticationCounters,
    /// Defence against guessing, scanning and flooding.
    pub defence: DefenceCounters,
}

/// Calls and phones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallCounters {
    /// Calls since the start.
    pub started: u64,
    /// Calls in progress.
    pub active: u64,
    /// Registered contacts.
    pub registrations: u64,
    /// Calls refused because the gateway was full or stopping.
    pub refused_full: u64,
}

/// SIP messages by direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SipCounters {
    /// Received, by method in lower case, and by class of response (`1xx`).
    pub received: Vec<Count>,
    /// Sent, the same way; retransmissions not counted.
    pub sent: Vec<Count>,
    /// Copies of messages received.
    pub retransmissions_received: u64,
    /// Copies of messages sent.
    pub retransmissions_sent: u64,
    /// Requests refused for their form, by status.
    pub refused: Vec<Count>,
    /// Messages that could not be parsed.
    pub malformed: u64,
    /// The same by what was wrong.
    pub faults: Vec<Count>,
    /// Messages dropped without an answer.
    pub dropped: u64,
    /// The same by why.
    pub dropped_by_reason: Vec<Count>,
    /// Live transactions.
    pub transactions: u64,
    /// Live INVITE sessions.
    pub sessions: u64,
    /// Open TCP connections.
    pub connections: u64,
    /// Connections closed at once because there were too many, in all or from one address.
    pub refused_connections: u64,
    /// TLS connections that came to nothing: no TLS, too slow, or our certificate not believed.
    pub failed_handshakes: u64,
    /// Messages that could not be handed to the network.
    pub send_failures: u64,
    /// Sessions ended because their call did not keep up with their events.
    pub overruns: u64,
}

/// A named count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Count {
    /// What was counted.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Digest authentication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuthenticationCounters {
    /// Requests that proved who they are from.
    pub accepted: u64,
    /// Requests without credentials, challenged.
    pub challenged: u64,
    /// Requests with an expired or foreign nonce, challenged again.
    pub stale: u64,
    /// Requests with a wrong password or an unknown user.
    pub failed: u64,
    /// Requests of a known user that speak for somebody else.
    pub forbidden: u64,
    /// Requests refused without a challenge because of earlier failures.
    pub banned: u64,
}

/// Defence against guessing, scanning and flooding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DefenceCounters {
    /// Messages of banned sources, dropped unread.
    pub silenced: u64,
    /// Messages of scanners.
    pub scanners: u64,
    /// Messages that could not be read or were refused for their form.
    pub malformed: u64,
    /// Requests that exceeded an allowance.
    pub limited: u64,
    /// Bans of whole sources begun.
    pub bans: u64,
    /// Bans of single accounts begun.
    pub account_bans: u64,
    /// Bans in force.
    pub active_bans: u64,
}
