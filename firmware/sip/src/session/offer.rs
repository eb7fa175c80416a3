//! Our offers after the first: re-INVITE, and UPDATE before the call is answered (RFC 3261 §14.1, RFC 3311, RFC 3264).

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::request::sdp_of;
use super::uac::sequence_of;
use super::{Purpose, Session, SessionTimer, State};
use crate::dialog::{Dialog, DialogKey};
use crate::endpoint::context::Context;
use crate::endpoint::{EndCause, Event};
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;
use crate::transaction::invite_client;
use crate::{HeaderName, Headers, Method, RAck, Request, Response, StatusCode};

/// How often an offer is tried against 491 before it counts as refused.
const MOST_GLARES: u8 = 8;
/// The longest Retry-After, in seconds, an offer waits for; RFC 3311 §5.2 knows none above 10.
const MOST_RETRY_AFTER: u32 = 32;

/// Offers under way after the session was set up. At most one is outstanding (RFC 3264 §4).
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) pending: Pending,
    /// The user's latest offer that had to wait.
    pub(super) queued: Option<Bytes>,
    /// Runs while an offer waits after 491.
    glare: Option<TimerHandle>,
    glares: u8,
}

/// The offer that is outstanding.
#[derive(Debug, Default)]
pub(super) enum Pending {
    #[default]
    None,
    /// Ours waits for its final response; a re-INVITE until the timer gives up.
    Ours {
        sdp: Bytes,
        dialog: DialogKey,
        unanswered: Option<TimerHandle>,
    },
    /// The peer's re-INVITE, UPDATE or PRACK waits for our user.
    Theirs {
        transaction: TransactionId,
        dialog: DialogKey,
        request: Box<Request>,
    },
    /// The peer's reliable provisional response waits for our user, whose answer goes into the PRACK.
    InProvisional { dialog: DialogKey, rack: RAck },
}

impl Session {
    /// Offers a new session description, at once or when the exchange under way is over.
    pub(crate) fn offer(&mut self, context: &mut Context, now: Instant, sdp: Bytes) {
        if !matches!(self.state, State::Terminated) {
            self.exchange.queued = Some(sdp);
            self.exchange.glares = 0;
            self.send_queued_offer(context, now);
        }
    }

    /// The dialog an offer can go into now, and how.
    fn open_dialog(&self) -> Option<(DialogKey, Method)> {
        if !matches!(self.exchange.pending, Pending::None) || self.exchange.glare.is_some() {
            return None;
        }
        let update = || self.peer_takes_update.then_some(Method::Update);
        match self.state {
            State::Confirmed if self.unacknowledged.is_none() => {
                Some((self.dialog.as_ref()?.key, Method::Invite))
            }
            State::Ringing { .. } if self.settled && !self.is_accepting() => {
                Some((self.dialog.as_ref()?.key, update()?))
            }
            State::Calling { .. } => Some((self.settled_early()?, update()?)),
            _ => None,
        }
    }

    /// Sends the offer that waits, if nothing else is outstanding.
    pub(super) fn send_queued_offer(&mut self, context: &mut Context, now: Instant) {
        if self.exchange.queued.is_none() {
            return;
        }
        let Some((key, method)) = self.open_dialog() else {
            return;
        };
        let Some(dialog) = self.dialog_mut(key) else {
            return;
        };
        let invite = method == Method::Invite;
        let mut request = dialog.request(method);
        let Some(sdp) = self.exchange.queued.take() else {
            return;
        };
        self.describe_us(context, &mut request);
        let purpose = if invite {
            Purpose::Reinvite
        } else {
            Purpose::Update
        };
        let request = request.with_body("application/sdp", sdp.clone());
        self.send(context, now, purpose, request);
        // An UPDATE has timer F.
        let timeout = context.layer.values.timeout();
        let unanswered = invite
            .then(|| self.start_timer(context, now, timeout, SessionTimer::ReinviteUnanswered));
        self.exchange.pending = Pending::Ours {
            sdp,
            dialog: key,
            unanswered,
        };
    }

    /// Adds what every INVITE and UPDATE within a dialog says of us.
    pub(super) fn describe_us(&self, context: &Context, request: &mut Request) {
        let headers = &mut request.headers;
        headers.push(
            HeaderName::Contact,
            context.contact(&self.flow, &self.contact_user),
        );
        headers.push(HeaderName::Allow, context.allow());
        if let Some(supported) = context.supported(&self.policy) {
            headers.push(HeaderName::Supported, supported);
        }
        if matches!(self.state, State::Confirmed) {
            self.ask_for_timer(headers);
        }
    }

    /// The dialog with this key, standing or early.
    pub(super) fn dialog_mut(&mut self, key: DialogKey) -> Option<&mut Dialog> {
        let early = self.early.iter_mut().map(|early| &mut early.dialog);
        self.dialog
            .iter_mut()
            .chain(early)
            .find(|dialog| dialog.key == key)
    }

    /// A response to an offer of ours.
    pub(super) fn offer_response(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        purpose: Purpose,
        response: Response,
    ) {
        if response.status.is_provisional() {
            if matches!(self.state, State::Terminated) {
                self.abandon_reinvites(context);
            }
            return;
        }
        if response.status.is_success() && purpose == Purpose::Reinvite {
            if let Some(ack) = self.acks.iter().find(|ack| ack.invite == id) {
                context.layer.transmit(self.flow, ack.message.clone());
                return;
            }
            self.acknowledge(context, id, sequence_of(&response), None);
        }
        let Some((sdp, dialog)) = self.take_ours(context) else {
            return;
        };
        if response.status.is_success() {
            self.offer_accepted(context, now, sdp, dialog, &response);
        } else if !self.offer_again(context, now, sdp, &response) {
            match response.status {
                StatusCode::CALL_DOES_NOT_EXIST if matches!(self.state, State::Confirmed) => {
                    return self.give_up(context, now, EndCause::DialogGone);
                }
                StatusCode::REQUEST_TIMEOUT if matches!(self.state, State::Confirmed) => {
                    return self.give_up(context, now, EndCause::Timeout);
                }
                status => {
                    let session = self.id;
                    context
                        .events
                        .push_back(Event::OfferRefused { session, status });
                    self.refresh_again(context, now);
                }
            }
        }
        self.send_queued_offer(context, now);
    }

    fn offer_accepted(
        &mut self,
        context: &mut Context,
        now: Instant,
        sdp: Bytes,
        dialog: DialogKey,
        response: &Response,
    ) {
        self.exchange.glares = 0;
        self.retarget(dialog, &response.headers);
        if matches!(self.state, State::Confirmed) {
            self.timer_granted(context, now, &response.headers);
        }
        let session = self.id;
        let event = match sdp_of(&response.headers, &response.body) {
            Some(answer) => {
                self.described = Some(sdp);
                if let Some(early) = self.early_mut(dialog) {
                    early.answer = None;
                }
                Event::OfferAnswered {
                    session,
                    sdp: answer,
                }
            }
            None => Event::OfferRefused {
                session,
                status: StatusCode::NOT_ACCEPTABLE_HERE,
            },
        };
        context.events.push_back(event);
    }

    /// Some refusals only mean "later" or "differently". Returns whether the offer waits for another try.
    fn offer_again(
        &mut self,
        context: &mut Context,
        now: Instant,
        sdp: Bytes,
        response: &Response,
    ) -> bool {
        let retry_after = || {
            let seconds = response.headers.number(HeaderName::RetryAfter).ok()??;
            (seconds <= MOST_RETRY_AFTER).then_some(Duration::from_secs(seconds.into()))
        };
        let after = match response.status {
            StatusCode::SESSION_INTERVAL_TOO_SMALL if self.lengthen(&response.headers) => None,
            StatusCode::REQUEST_PENDING => Some(self.glare_pause(context)),
            StatusCode::SERVER_INTERNAL_ERROR => match retry_after() {
                None => return false,
                after => after,
            },
            _ => return false,
        };
        if self.exchange.glares >= MOST_GLARES {
            return false;
        }
        self.exchange.queued.get_or_insert(sdp);
        if let Some(after) = after {
            self.exchange.glares += 1;
            self.exchange.glare = Some(self.start_timer(context, now, after, SessionTimer::Glare));
        }
        true
    }

    fn take_ours(&mut self, context: &mut Context) -> Option<(Bytes, DialogKey)> {
        match std::mem::take(&mut self.exchange.pending) {
            Pending::Ours {
                sdp,
                dialog,
                unanswered,
            } => {
                if let Some(timer) = unanswered {
                    context.layer.timers.cancel(timer);
                }
                Some((sdp, dialog))
            }
            other => {
                self.exchange.pending = other;
                None
            }
        }
    }

    /// Both sides offered at once: the owner of the Call-ID waits 2.1-4 s, the other at most 2 s (§14.1).
    fn glare_pause(&self, context: &mut Context) -> Duration {
        let hundredths = if self.caller {
            210 + context.below(191)
        } else {
            context.below(201)
        };
        Duration::from_millis(u64::from(hundredths) * 10)
    }

    pub(super) fn glare_over(&mut self, context: &mut Context, now: Instant) {
        self.exchange.glare = None;
        self.send_queued_offer(context, now);
    }

    pub(super) fn stop_glare(&mut self, context: &mut Context) {
        if let Some(timer) = self.exchange.glare.take() {
            context.layer.timers.cancel(timer);
        }
    }

    /// A target refresh request or its 2xx may have moved the peer.
    pub(super) fn retarget(&mut self, dialog: DialogKey, headers: &Headers) {
        self.hear_allow(headers);
        if let Some(dialog) = self.dialog_mut(dialog) {
            dialog.refresh_target(headers);
        }
    }

    /// The session ends: the peer's offer is refused, ours is given up.
    pub(super) fn abort_exchange(&mut self, context: &mut Context, now: Instant) {
        self.stop_glare(context);
        self.exchange.queued = None;
        self.take_ours(context);
        self.refuse_theirs(context, now, StatusCode::REQUEST_TERMINATED);
        self.exchange.pending = Pending::None;
        self.abandon_reinvites(context);
    }

    /// The session is over: ends re-INVITEs that are merely being processed.
    fn abandon_reinvites(&self, context: &mut Context) {
        // After BYE nobody need answer them, and no timer of their own would end them.
        for live in self
            .live
            .iter()
            .filter(|live| live.purpose == Purpose::Reinvite)
        {
            if context.layer.invite_state(live.id) == Some(invite_client::State::Proceeding) {
                context.layer.abandon(live.id);
            }
        }
    }

    /// The call was answered by `dialog`: exchanges within the early dialogs of other forks are over.
    pub(super) fn forget_exchange_of_others(
        &mut self,
        context: &mut Context,
        now: Instant,
        dialog: DialogKey,
    ) {
        let session = self.id;
        match &self.exchange.pending {
            Pending::Ours { dialog: of, .. } if *of != dialog => {
                self.take_ours(context);
                let status = StatusCode::CALL_DOES_NOT_EXIST;
                context
                    .events
                    .push_back(Event::OfferRefused { session, status });
            }
            Pending::Theirs { dialog: of, .. } if *of != dialog => {
                self.refuse_theirs(context, now, StatusCode::CALL_DOES_NOT_EXIST);
                context.events.push_back(Event::OfferWithdrawn { session });
            }
            // Answered in a final response although the first offer stands unanswered, or by another fork.
            Pending::InProvisional { .. } => {
                self.exchange.pending = Pending::None;
                context.events.push_back(Event::OfferWithdrawn { session });
            }
            _ => {}
        }
    }

    /// Nobody answered our UPDATE before the call was answered. What the peer knows of it is not known, so the dialog
    /// cannot go on (§12.2.1.2); other forks may.
    pub(super) fn early_offer_unanswered(
        &mut self,
        context: &mut Context,
        now: Instant,
        status: StatusCode,
        cause: EndCause,
    ) {
        let Some((_, dialog)) = self.take_ours(context) else {
            return;
        };
        match self.state {
            State::Calling { .. } if self.early.len() > 1 => {
                if let Some(early) = self.take_early(dialog) {
                    context.dialogs.remove(&early.dialog.key);
                }
                let session = self.id;
                context
                    .events
                    .push_back(Event::OfferRefused { session, status });
            }
            State::Calling { .. } | State::Ringing { .. } => {
                self.report_end(context, cause, Headers::new());
                self.hang_up(context, now, None);
            }
            _ => {}
        }
    }

    /// No final response to our re-INVITE within 64*T1, although it is being processed.
    pub(super) fn reinvite_unanswered(&mut self, context: &mut Context, now: Instant) {
        if matches!(self.exchange.pending, Pending::Ours { .. }) {
            self.give_up(context, now, EndCause::Timeout);
        }
    }
}
