//! What legs and the service say to the SIP agent, and what it tells legs.

use std::net::IpAddr;

use bytes::Bytes;
use ramal_sip::{EndCause, Headers, ReferId, StatusCode};
use tokio::sync::oneshot;

use super::defence::Ban;
use super::destination::{Destination, MakeInvite, OutgoingRequest};
use crate::call::{Newcomer, Replacing};
use crate::counters::Counters;
use crate::leg::Release;
use crate::queue;

/// Names a leg towards the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LegKey(pub(crate) u64);

/// What legs and the service want of the agent.
#[derive(Debug)]
pub(crate) enum Command {
    /// Calls somebody. The leg gets [`SipEvent::Connecting`] and [`SipEvent::Sending`] for every way tried, then what comes of the last.
    Invite {
        leg: LegKey,
        events: queue::Sender<SipEvent>,
        destination: Destination,
        invite: MakeInvite,
    },
    /// Sends a request outside of sessions.
    Request {
        destination: Destination,
        request: Box<OutgoingRequest>,
    },
    /// Sends a provisional response.
    Progress {
        leg: LegKey,
        status: u16,
        sdp: Option<Bytes>,
    },
    /// Answers a call.
    Accept { leg: LegKey, sdp: Bytes },
    /// Refuses a call.
    Reject { leg: LegKey, release: Release },
    /// Ends a call that was made or answered.
    HangUp { leg: LegKey, release: Release },
    /// Offers new media.
    Offer { leg: LegKey, sdp: Bytes },
    /// Answers an offer.
    AnswerOffer { leg: LegKey, sdp: Bytes },
    /// Refuses an offer.
    RefuseOffer { leg: LegKey, status: u16 },
    /// Tells a key by INFO.
    Digit { leg: LegKey, digit: char },
    /// Takes a REFER.
    AcceptRefer { refer: ReferId },
    /// Refuses a REFER.
    RefuseRefer { refer: ReferId, status: StatusCode },
    /// Tells a referrer how the call it asked for fares.
    ReferProgress { refer: ReferId, status: StatusCode },
    /// Asks for the bans in force.
    Bans(oneshot::Sender<Vec<Ban>>),
    /// Ends the bans of an address; the answer is whether there was one.
    LiftBan {
        address: IpAddr,
        lifted: oneshot::Sender<bool>,
    },
    /// Asks for the counters, which also shows that the agent works.
    Counters(oneshot::Sender<Counters>),
    /// Ends the agent once everything it wants to send is sent.
    Stop(oneshot::Sender<()>),
}

/// What the agent tells a leg about its session.
#[derive(Debug)]
pub(crate) enum SipEvent {
    /// Somebody has the call; nothing else is known yet.
    Trying,
    /// A server is to be tried, the first or the next; perhaps there is no connection to it yet.
    Connecting,
    /// The INVITE is sent from this address of ours.
    Sending {
        from: IpAddr,
    },
    Progress {
        status: StatusCode,
        sdp: Option<Bytes>,
    },
    Answered {
        sdp: Option<Bytes>,
    },
    Rejected {
        status: StatusCode,
        headers: Headers,
    },
    Confirmed {
        sdp: Option<Bytes>,
    },
    Offer {
        sdp: Option<Bytes>,
    },
    OfferWithdrawn,
    OfferAnswered {
        sdp: Bytes,
    },
    OfferRefused,
    Digit(char),
    /// The phone wants the other end to call somebody else.
    Refer {
        refer: ReferId,
        target: String,
        join: Option<oneshot::Sender<Newcomer>>,
    },
    /// Somebody takes the phone's place in its dialog.
    Replaced(Replacing),
    /// Somebody wants to talk with both ends of its call (RFC 3911).
    Joined(Box<Newcomer>),
    Ended {
        cause: EndCause,
        headers: Headers,
    },
}
