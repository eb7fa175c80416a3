//! INVITE sessions: RFC 3261 §13-15.
//!
//! A [`Session`] is one call leg from INVITE to the last retransmission after BYE. For the user it is over at the first
//! `Rejected` or `Ended`; it lives on, in [`State::Terminated`], until each of its transactions has had its final
//! response. Late copies of that are for [`afterwards`], which keeps much less.
//!
//! One file per idea: [`uac`] and [`uas`] set a session up, [`early`] and [`reliable`] do so with PRACK, [`offer`] and
//! [`answer`] change it, [`refresh`] keeps it alive, [`request`] takes the peer's requests, [`refer`] passes it on,
//! [`terminate`] ends it, [`unacknowledged`] repeats 2xx until the ACK comes, [`authenticate`] answers challenges,
//! [`policy`] says which extensions are used, [`state`] what a session is made of.

mod afterwards;
mod answer;
mod authenticate;
mod early;
mod offer;
mod policy;
mod reason;
mod refer;
mod refresh;
mod reliable;
mod replaces;
mod request;
mod state;
mod terminate;
mod uac;
mod uas;
mod unacknowledged;

use std::time::{Duration, Instant};

use bytes::Bytes;

pub use authenticate::ClientCredentials;
pub use policy::{Reliability, SessionPolicy, SessionTimers};
pub use reason::{Reason, ReasonProtocol};
pub use refer::{Refer, ReferId};
pub use uac::Invite;

use crate::dialog::{Dialog, DialogKey};
use crate::endpoint::context::Context;
use crate::endpoint::{EndCause, Event};
use crate::flow::Flow;
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;
use crate::transaction::layer::{News, TimerKey, TransactionLayer};
use crate::{HeaderName, Headers, Method, Request, Response, StatusCode};
use early::Early;
use offer::Exchange;
use refer::Referral;
use refresh::SessionTimerState;
use reliable::Reliable;
pub(crate) use state::SentAck;
pub(crate) use state::SessionTimer;
use state::{Cancel, Live, Purpose, State};
use unacknowledged::Unacknowledged;

/// Names one INVITE session of an endpoint; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub(crate) u64);

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    /// The way the latest request within the dialog came; ours go the same way.
    flow: Flow,
    state: State,
    local_tag: Box<str>,
    contact_user: Box<str>,
    policy: SessionPolicy,
    /// The dialog, from the INVITE on (UAS) or from the 2xx on (UAC).
    dialog: Option<Dialog>,
    /// Early dialogs of our INVITE, one per fork that has rung.
    early: Vec<Early>,
    /// Our INVITE until it is answered: dialogs are made from it, and it may be sent again.
    invite: Option<Box<Request>>,
    /// Whether we called: decides who waits longer after glare (§14.1).
    caller: bool,
    credentials: Option<Box<ClientCredentials>>,
    live: Vec<Live>,
    acks: Vec<SentAck>,
    cancel: Option<Cancel>,
    unacknowledged: Option<Unacknowledged>,
    still_ringing: Option<TimerHandle>,
    exchange: Exchange,
    /// REFERs of the peer whose outcome is still awaited.
    refers: Vec<Referral>,
    /// Whether the peer has sent any REFER.
    referred: bool,
    /// The peer's INVITE: our reliable provisional responses.
    reliable: Option<Box<Reliable>>,
    /// The peer's INVITE: whether offer and answer are complete before it is answered.
    settled: bool,
    /// How we described ourselves last; offered again to refresh the session.
    described: Option<Bytes>,
    timer: SessionTimerState,
    /// Whether the peer lists UPDATE in Allow.
    peer_takes_update: bool,
    /// Whether the user has been told that the session is over.
    reported: bool,
}

/// How often a provisional response is repeated (§13.3.1.1).
const STILL_RINGING: Duration = Duration::from_secs(60);

impl Session {
    fn new(
        id: SessionId,
        flow: Flow,
        state: State,
        local_tag: String,
        contact_user: &str,
        policy: SessionPolicy,
    ) -> Self {
        Self {
            id,
            flow,
            state,
            local_tag: local_tag.into(),
            contact_user: contact_user.into(),
            policy,
            dialog: None,
            early: Vec::new(),
            invite: None,
            caller: false,
            credentials: None,
            live: Vec::new(),
            acks: Vec::new(),
            cancel: None,
            unacknowledged: None,
            still_ringing: None,
            exchange: Exchange::default(),
            refers: Vec::new(),
            referred: false,
            reliable: None,
            settled: false,
            described: None,
            timer: SessionTimerState::default(),
            peer_takes_update: false,
            reported: false,
        }
    }

    /// Whether nothing of the session is left to be done, apart from what its transactions do by themselves. Who may
    /// have to answer a challenge even of a fork's stays longer.
    pub(crate) fn is_over(&self, layer: &TransactionLayer) -> bool {
        matches!(self.state, State::Terminated)
            && self.unacknowledged.is_none()
            && !self.is_referring()
            && match self.credentials {
                Some(_) => self.live.is_empty(),
                None => self.live.iter().all(|live| layer.is_settled(live.id)),
            }
    }

    /// Whether our INVITE still waits for any response.
    pub(crate) fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Calling { provisional: false })
    }

    /// Gives back timers and dialogs before the session is forgotten.
    pub(crate) fn release(&mut self, context: &mut Context) {
        self.forget_early_dialogs(context);
        if let Some(dialog) = self.dialog.take() {
            context.dialogs.remove(&dialog.key);
        }
        if let Some(Cancel::Sent(timer)) = self.cancel.take() {
            context.layer.timers.cancel(timer);
        }
        self.stop_ringing(context);
        self.stop_glare(context);
        self.forget_referrals(context);
        self.stop_reliable(context);
        self.stop_session_timer(context);
        self.leave_acks(context);
    }

    /// Sets how the session is run.
    pub(crate) fn set_policy(&mut self, policy: SessionPolicy) {
        self.policy = policy;
    }

    /// Notes what the peer can do.
    fn hear_allow(&mut self, headers: &Headers) {
        if let Some(update) = takes_update(headers) {
            self.peer_takes_update = update;
        }
    }

    /// News from one of the session's transactions.
    pub(crate) fn indication(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        news: News,
    ) {
        let Some(purpose) = self
            .live
            .iter()
            .find(|live| live.id == id)
            .map(|live| live.purpose)
        else {
            return;
        };
        match news {
            News::Response(response) => self.response(context, now, id, purpose, response),
            News::Timeout | News::FlowFailed if purpose == Purpose::Users => {
                context.events.push_back(Event::Timeout {
                    transaction: id,
                    flow_failed: matches!(news, News::FlowFailed),
                });
            }
            News::Timeout | News::FlowFailed if purpose == Purpose::Notify => {
                self.notify_answered(context, now, id, None);
            }
            News::FlowFailed if purpose == Purpose::Refresh => self.refresh_unsent(context, now),
            News::Timeout => self.unanswered(
                context,
                now,
                purpose,
                StatusCode::REQUEST_TIMEOUT,
                EndCause::Timeout,
            ),
            News::FlowFailed => {
                self.unanswered(
                    context,
                    now,
                    purpose,
                    StatusCode::SERVICE_UNAVAILABLE,
                    EndCause::FlowFailed,
                );
            }
            News::Terminated => self.transaction_ended(context, id, purpose),
        }
    }

    fn response(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        purpose: Purpose,
        response: Response,
    ) {
        if matches!(response.status.code(), 401 | 407)
            && self.answer_challenge(context, now, id, &response)
        {
            return;
        }
        match purpose {
            Purpose::Invite
                if response.status == StatusCode::SESSION_INTERVAL_TOO_SMALL
                    && self.invite_again_with_interval(context, now, id, &response) => {}
            Purpose::Invite => self.invite_response(context, now, id, response),
            Purpose::Reinvite | Purpose::Update => {
                self.offer_response(context, now, id, purpose, response);
            }
            Purpose::Refresh => self.refresh_response(context, now, response),
            Purpose::Info => match response.status {
                StatusCode::CALL_DOES_NOT_EXIST => self.give_up(context, now, EndCause::DialogGone),
                StatusCode::REQUEST_TIMEOUT => self.give_up(context, now, EndCause::Timeout),
                _ => {}
            },
            Purpose::Notify => self.notify_answered(context, now, id, Some(response.status)),
            Purpose::Users => context.events.push_back(Event::Response {
                transaction: id,
                response,
            }),
            // Whatever the answer, the dialog is over (§15.1.1); the INVITE tells how the cancelling went (§9.1), and
            // whether the other side goes on without the PRACK.
            Purpose::Bye | Purpose::Cancel | Purpose::Prack | Purpose::Served => {}
        }
    }

    fn unanswered(
        &mut self,
        context: &mut Context,
        now: Instant,
        purpose: Purpose,
        status: StatusCode,
        cause: EndCause,
    ) {
        match purpose {
            Purpose::Invite => self.invite_failed(context, now, status, None),
            Purpose::Update if !matches!(self.state, State::Confirmed) => {
                self.early_offer_unanswered(context, now, status, cause);
            }
            Purpose::Reinvite | Purpose::Update | Purpose::Refresh | Purpose::Info => {
                self.give_up(context, now, cause);
            }
            Purpose::Notify
            | Purpose::Users
            | Purpose::Bye
            | Purpose::Cancel
            | Purpose::Prack
            | Purpose::Served => {}
        }
    }

    fn transaction_ended(&mut self, context: &mut Context, id: TransactionId, purpose: Purpose) {
        self.live.retain(|live| live.id != id);
        self.acks.retain(|ack| ack.invite != id);
        // A challenged INVITE is followed by another one with the same purpose.
        if purpose == Purpose::Invite
            && !self.live.iter().any(|live| live.purpose == Purpose::Invite)
        {
            self.invite = None;
            if let Some(Cancel::Sent(timer)) = self.cancel.take() {
                context.layer.timers.cancel(timer);
            }
        }
    }

    /// A timer of the session has expired.
    pub(crate) fn expire(&mut self, context: &mut Context, now: Instant, timer: SessionTimer) {
        match timer {
            SessionTimer::Retransmit => self.retransmit_success(context, now),
            SessionTimer::AckMissing => self.ack_missing(context, now),
            SessionTimer::StillRinging => self.repeat_provisional(context, now),
            SessionTimer::RepeatReliable => self.repeat_reliable(context, now),
            SessionTimer::PrackMissing => self.prack_missing(context, now),
            SessionTimer::Refresh => self.refresh(context, now),
            SessionTimer::SessionExpiry => self.session_expired(context, now),
            SessionTimer::Glare => self.glare_over(context, now),
            SessionTimer::CancelUnanswered => self.cancel_unanswered(context),
            SessionTimer::ReinviteUnanswered => self.reinvite_unanswered(context, now),
            SessionTimer::ReferExpired => self.refer_expired(context, now),
        }
    }

    fn start_timer(
        &self,
        context: &mut Context,
        now: Instant,
        after: Duration,
        timer: SessionTimer,
    ) -> TimerHandle {
        context
            .layer
            .timers
            .start(now + after, TimerKey::Session(self.id, timer))
    }

    /// Tells the user that the session is over, once.
    fn report_end(&mut self, context: &mut Context, cause: EndCause, headers: Headers) {
        if !std::mem::replace(&mut self.reported, true) {
            context.events.push_back(Event::Ended {
                session: self.id,
                cause,
                headers,
            });
        }
    }

    fn is_dialog(&self, key: DialogKey) -> bool {
        self.dialog.as_ref().is_some_and(|dialog| dialog.key == key)
    }
}

/// Whether UPDATE is among the methods of Allow; `None` without one.
fn takes_update(headers: &Headers) -> Option<bool> {
    // Methods compare with case, but nobody means another one by "update".
    headers
        .contains(&HeaderName::Allow)
        .then(|| headers.has_token(&HeaderName::Allow, Method::Update.as_str()))
}

/// Whether whoever sent these header fields knows an extension.
pub(crate) fn offers(headers: &Headers, option: &str) -> bool {
    headers.has_token(&HeaderName::Supported, option)
        || headers.has_token(&HeaderName::Require, option)
}
