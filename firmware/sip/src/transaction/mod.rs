//! SIP transactions: RFC 3261 §17, with the Accepted states of RFC 6026.
//!
//! Each of the four machines is a file: [`invite_client`], [`non_invite_client`], [`invite_server`],
//! [`non_invite_server`]. A machine knows neither messages nor clocks: it takes an input (a response class, a
//! retransmission, an expired timer) and lists [`Action`]s. [`layer::Transactions`] keeps the tables, matches messages
//! to machines (§17.1.3, §17.2.3), carries the actions out and passes [`layer::Indication`]s up.

pub(crate) mod acknowledge;
pub(crate) mod client;
pub(crate) mod invite_client;
pub(crate) mod invite_server;
pub(crate) mod key;
pub(crate) mod layer;
pub(crate) mod non_invite_client;
pub(crate) mod non_invite_server;
pub(crate) mod server;

use std::time::Duration;

/// Names one transaction of an endpoint, client or server; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(pub(crate) u64);

/// The timers of RFC 3261 §17 (table 4) and RFC 6026 §7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Timer {
    /// INVITE request retransmission.
    A,
    /// INVITE client transaction timeout.
    B,
    /// Wait for retransmissions of a final response to INVITE.
    D,
    /// Non-INVITE request retransmission.
    E,
    /// Non-INVITE client transaction timeout.
    F,
    /// INVITE final response retransmission.
    G,
    /// Wait for ACK.
    H,
    /// Wait for ACK retransmissions.
    I,
    /// Wait for non-INVITE request retransmissions.
    J,
    /// Wait for non-INVITE response retransmissions.
    K,
    /// Wait for INVITE retransmissions after a 2xx (server).
    L,
    /// Wait for 2xx retransmissions and for 2xx of other forks (client).
    M,
}

/// The base values all timers are computed from (RFC 3261 table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimerValues {
    /// Round-trip estimate; 500 ms by default.
    pub t1: Duration,
    /// Longest interval between retransmissions of non-INVITE requests and INVITE responses; 4 s by default.
    pub t2: Duration,
    /// Longest time a message stays in the network; 5 s by default.
    pub t4: Duration,
}

impl Default for TimerValues {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}

impl TimerValues {
    /// 64*T1: how long anything is tried, and how long late copies are awaited.
    pub(crate) fn timeout(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: at least 32 s over UDP, so that every retransmitted final response finds its ACK (§17.1.1.2).
    pub(crate) fn d(&self) -> Duration {
        self.timeout().max(Duration::from_secs(32))
    }
}

/// What a machine asks of the layer, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send the stored request or the latest response (again).
    Send,
    /// Build the ACK for the non-2xx response at hand, keep it and send it (§17.1.1.3).
    Acknowledge,
    /// Start a timer.
    Start(Timer, Duration),
    /// Stop a timer.
    Stop(Timer),
    /// Pass the response at hand to the transaction user.
    Deliver,
    /// Tell the transaction user that nobody answered.
    Timeout,
    /// Tell the transaction user that the transport failed.
    FlowFailed,
    /// The machine has reached Terminated: forget it.
    Terminate,
}

/// The classes of response the client machines tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseClass {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 300-699.
    Failure,
}

impl ResponseClass {
    pub(crate) fn of(status: u16) -> Self {
        match status {
            ..200 => Self::Provisional,
            200..300 => Self::Success,
            _ => Self::Failure,
        }
    }
}
