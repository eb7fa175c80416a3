//! What a session is made of: how far it has come, its live transactions and its timers.

use bytes::Bytes;

use super::Reason;
use crate::Request;
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;

/// What a session's timers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionTimer {
    /// Send the 2xx again (§13.3.1.4).
    Retransmit,
    /// The ACK did not come (§13.3.1.4).
    AckMissing,
    /// Send the provisional response again, for proxies on the way (§13.3.1.1).
    StillRinging,
    /// Send the reliable provisional response again (RFC 3262 §3).
    RepeatReliable,
    /// The PRACK did not come (RFC 3262 §3).
    PrackMissing,
    /// Refresh the session (RFC 4028 §7.4).
    Refresh,
    /// The session was not refreshed (RFC 4028 §10).
    SessionExpiry,
    /// Try the offer again after 491 (§14.1).
    Glare,
    /// The cancelled INVITE was never answered (§9.1).
    CancelUnanswered,
    /// Our re-INVITE was never answered.
    ReinviteUnanswered,
    /// The outcome of a REFER took too long.
    ReferExpired,
}

/// How far the session has come.
#[derive(Debug)]
pub(super) enum State {
    /// Our INVITE waits for its final response.
    Calling {
        /// Whether a provisional response has come: only then may it be cancelled (§9.1).
        provisional: bool,
    },
    /// The peer's INVITE waits for our final response.
    Ringing {
        invite: TransactionId,
        request: Box<Request>,
    },
    /// A 2xx brought an offer; the user's answer goes into the ACK (§13.2.2.4).
    Answering {
        invite: TransactionId,
        sequence: u32,
    },
    /// The 2xx was sent or received.
    Confirmed,
    /// Over for the user; transactions may still run.
    Terminated,
}

/// What a live transaction of the session does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Invite,
    Reinvite,
    /// With an offer.
    Update,
    /// An UPDATE without one, for the session timer.
    Refresh,
    Prack,
    Info,
    /// How a call asked for by REFER fares.
    Notify,
    /// A request of the user's, who hears of it.
    Users,
    Bye,
    Cancel,
    /// A server transaction.
    Served,
}

/// A live transaction of the session.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: TransactionId,
    pub(super) purpose: Purpose,
    /// The request, kept where a challenge could ask for it again with credentials.
    pub(super) request: Option<Box<Request>>,
    /// How many challenges this request has answered.
    pub(super) challenges: u8,
}

/// An ACK that is sent again for every copy of its 2xx.
#[derive(Debug)]
pub(crate) struct SentAck {
    pub(super) invite: TransactionId,
    pub(super) remote_tag: Box<str>,
    pub(super) message: Bytes,
}

/// A CANCEL to be sent or sent.
#[derive(Debug)]
pub(super) enum Cancel {
    /// Waits for a provisional response.
    Wanted(Option<Reason>),
    Sent(TimerHandle),
}
