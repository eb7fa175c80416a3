//! A 2xx to INVITE is repeated until its ACK comes (RFC 3261 §13.3.1.4, §14.2).

use std::time::{Duration, Instant};

use super::{Reason, Session, SessionTimer, State};
use crate::endpoint::context::Context;
use crate::endpoint::{EndCause, Event};
use crate::session::request::sdp_of;
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;
use crate::{Headers, Request, StatusCode};

/// A 2xx of ours that waits for its ACK.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    invite: TransactionId,
    sequence: u32,
    /// Whether it answered the INVITE that began the session.
    initial: bool,
    /// Whether the 2xx carried our offer, so that the ACK carries the answer.
    expects_answer: bool,
    interval: Duration,
    retransmit: TimerHandle,
    missing: TimerHandle,
    /// Hanging up waits for the ACK (§15); the reason to give then.
    pub(super) hang_up: Option<Option<Reason>>,
}

impl Unacknowledged {
    /// Whether the session's first answer waits: until it is acknowledged BYE must not be sent (§15).
    pub(super) fn is_initial(&self) -> bool {
        self.initial
    }
}

impl Session {
    /// The 2xx to an INVITE has been sent.
    pub(super) fn await_ack(
        &mut self,
        context: &mut Context,
        now: Instant,
        invite: TransactionId,
        sequence: u32,
        initial: bool,
        expects_answer: bool,
    ) {
        let interval = context.layer.values.t1;
        let timeout = context.layer.values.timeout();
        let retransmit = self.start_timer(context, now, interval, SessionTimer::Retransmit);
        let missing = self.start_timer(context, now, timeout, SessionTimer::AckMissing);
        self.unacknowledged = Some(Unacknowledged {
            invite,
            sequence,
            initial,
            expects_answer,
            interval,
            retransmit,
            missing,
            hang_up: None,
        });
    }

    pub(super) fn retransmit_success(&mut self, context: &mut Context, now: Instant) {
        let Some(mut waiting) = self.unacknowledged.take() else {
            return;
        };
        context.layer.respond_again(now, waiting.invite);
        waiting.interval = (waiting.interval * 2).min(context.layer.values.t2);
        waiting.retransmit =
            self.start_timer(context, now, waiting.interval, SessionTimer::Retransmit);
        self.unacknowledged = Some(waiting);
    }

    /// 64*T1 have passed without ACK: the call never stood (§13.3.1.4).
    pub(super) fn ack_missing(&mut self, context: &mut Context, now: Instant) {
        let Some(waiting) = self.take_unacknowledged(context) else {
            return;
        };
        self.report_end(context, EndCause::AckTimeout, Headers::new());
        self.bye(context, now, waiting.hang_up.flatten());
    }

    /// An ACK within the dialog. Returns whether it was awaited.
    pub(crate) fn ack(&mut self, context: &mut Context, now: Instant, ack: &Request) -> bool {
        let sequence = ack.headers.cseq().map(|cseq| cseq.number).ok();
        if self
            .unacknowledged
            .as_ref()
            .is_none_or(|waiting| Some(waiting.sequence) != sequence)
        {
            return false;
        }
        let Some(waiting) = self.take_unacknowledged(context) else {
            return false;
        };
        context.layer.forget_response(waiting.invite);
        if let Some(reason) = waiting.hang_up {
            self.bye(context, now, reason);
            return true;
        }
        if !matches!(self.state, State::Confirmed) {
            return true;
        }
        let answer = sdp_of(&ack.headers, &ack.body).filter(|_| waiting.expects_answer);
        let session = self.id;
        let event = match (waiting.initial, answer) {
            (true, sdp) => Some(Event::Confirmed { session, sdp }),
            (false, Some(sdp)) => Some(Event::OfferAnswered { session, sdp }),
            (false, None) => waiting.expects_answer.then_some(Event::OfferRefused {
                session,
                status: StatusCode::NOT_ACCEPTABLE_HERE,
            }),
        };
        context.events.extend(event);
        self.send_queued_offer(context, now);
        true
    }

    /// Stops repeating.
    pub(super) fn take_unacknowledged(&mut self, context: &mut Context) -> Option<Unacknowledged> {
        let waiting = self.unacknowledged.take()?;
        context.layer.timers.cancel(waiting.retransmit);
        context.layer.timers.cancel(waiting.missing);
        Some(waiting)
    }
}
