//! Provisional responses the peer acknowledges by PRACK (RFC 3262 §3).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::request::sdp_of;
use super::{Reliability, STILL_RINGING, Session, SessionTimer, State, offers};
use crate::dialog::DialogKey;
use crate::endpoint::context::Context;
use crate::endpoint::{EndCause, Event};
use crate::timer::TimerHandle;
use crate::transaction::TransactionId;
use crate::{CSeq, HeaderName, Headers, Method, RAck, Request, StatusCode};

/// How many provisional responses may wait behind one that is not acknowledged; further ones are left out.
const MOST_WAITING: usize = 8;
/// How often a reliable response is followed by another one, so that proxies on the way keep the call (§3).
const STILL_RINGING_RELIABLY: Duration = Duration::from_secs(150);

/// The reliable provisional responses of one INVITE.
#[derive(Debug, Default)]
pub(super) struct Reliable {
    /// RSeq of the latest one, 0 before the first.
    rseq: u32,
    /// Its status.
    status: Option<StatusCode>,
    unacknowledged: Option<Unacknowledged>,
    /// What waits for its PRACK.
    waiting: VecDeque<(StatusCode, Option<Bytes>)>,
    /// The answer to the call, when it waits for the PRACK.
    accept: Option<Bytes>,
    /// Whether a session description was sent: the only one until the exchange is complete.
    described: bool,
}

/// The response that waits for its PRACK.
#[derive(Debug)]
struct Unacknowledged {
    rack: RAck,
    message: Bytes,
    described: bool,
    interval: Duration,
    retransmit: TimerHandle,
    missing: TimerHandle,
}

impl Session {
    /// Sends a provisional response.
    pub(crate) fn progress(
        &mut self,
        context: &mut Context,
        now: Instant,
        status: StatusCode,
        sdp: Option<Bytes>,
    ) {
        let State::Ringing { invite, request } = &self.state else {
            return;
        };
        if !(101..200).contains(&status.code()) || self.is_accepting() {
            return;
        }
        if self.sends_reliably(request, sdp.is_some()) {
            return self.progress_reliably(context, now, status, sdp);
        }
        let invite = *invite;
        let offered = sdp_of(&request.headers, &request.body).is_some();
        let mut response = self.response_to(context, request, status);
        if let Some(sdp) = sdp.filter(|_| offered && !self.settled) {
            response = response.with_body("application/sdp", sdp);
        }
        context.respond(now, invite, response);
        self.keep_ringing(context, now, STILL_RINGING);
    }

    fn keep_ringing(&mut self, context: &mut Context, now: Instant, after: Duration) {
        self.stop_ringing(context);
        self.still_ringing =
            Some(self.start_timer(context, now, after, SessionTimer::StillRinging));
    }

    /// A minute has passed without news (§13.3.1.1).
    pub(super) fn repeat_provisional(&mut self, context: &mut Context, now: Instant) {
        self.still_ringing = None;
        let State::Ringing { invite, .. } = &self.state else {
            return;
        };
        let invite = *invite;
        match self.reliable.as_ref().and_then(|reliable| reliable.status) {
            // The same one again would be taken for a copy.
            Some(status) => self.progress_reliably(context, now, status, None),
            None => {
                context.layer.respond_again(now, invite);
                self.keep_ringing(context, now, STILL_RINGING);
            }
        }
    }

    fn sends_reliably(&self, invite: &Request, described: bool) -> bool {
        self.policy.reliability != Reliability::Off
            && offers(&invite.headers, "100rel")
            && (described
                || self.policy.reliability == Reliability::Required
                || invite.headers.has_token(&HeaderName::Require, "100rel"))
    }

    fn progress_reliably(
        &mut self,
        context: &mut Context,
        now: Instant,
        status: StatusCode,
        sdp: Option<Bytes>,
    ) {
        let reliable = self.reliable.get_or_insert_default();
        if reliable.unacknowledged.is_some() {
            if reliable.waiting.len() < MOST_WAITING {
                reliable.waiting.push_back((status, sdp));
            }
            return;
        }
        if reliable.rseq == 0 {
            // Anything from 1 to 2^31-1; small, so that it never comes near the end (§3).
            reliable.rseq = context.below(0xffff);
        }
        reliable.rseq += 1;
        reliable.status = Some(status);
        let rseq = reliable.rseq;
        let sdp = sdp.filter(|_| !reliable.described);
        let described = sdp.is_some();
        reliable.described |= described;
        let State::Ringing { invite, request } = &self.state else {
            return;
        };
        let invite = *invite;
        let cseq = request
            .headers
            .cseq()
            .map(|cseq| cseq.number)
            .unwrap_or_default();
        let mut response = self
            .response_to(context, request, status)
            .with_header(HeaderName::Require, "100rel")
            .with_header(HeaderName::RSeq, rseq);
        if let Some(sdp) = sdp {
            response = response.with_body("application/sdp", sdp.clone());
            self.described = Some(sdp);
        }
        if !context.respond(now, invite, response) {
            return;
        }
        let message = context.layer.latest_response(invite).unwrap_or_default();
        let interval = context.layer.values.t1;
        let timeout = context.layer.values.timeout();
        let retransmit = self.start_timer(context, now, interval, SessionTimer::RepeatReliable);
        let missing = self.start_timer(context, now, timeout, SessionTimer::PrackMissing);
        if let Some(reliable) = &mut self.reliable {
            reliable.unacknowledged = Some(Unacknowledged {
                rack: RAck {
                    rseq,
                    cseq: CSeq::new(cseq, Method::Invite),
                },
                message,
                described,
                interval,
                retransmit,
                missing,
            });
        }
        self.keep_ringing(context, now, STILL_RINGING_RELIABLY);
    }

    /// Sends the response that waits for its PRACK again; the interval doubles without limit (§3).
    pub(super) fn repeat_reliable(&mut self, context: &mut Context, now: Instant) {
        let State::Ringing { invite, .. } = self.state else {
            return;
        };
        let Some(waiting) = self
            .reliable
            .as_mut()
            .and_then(|reliable| reliable.unacknowledged.as_mut())
        else {
            return;
        };
        context
            .layer
            .repeat_provisional(invite, waiting.message.clone());
        waiting.interval *= 2;
        let interval = waiting.interval;
        let timer = self.start_timer(context, now, interval, SessionTimer::RepeatReliable);
        if let Some(Reliable {
            unacknowledged: Some(waiting),
            ..
        }) = self.reliable.as_deref_mut()
        {
            waiting.retransmit = timer;
        }
    }

    /// 64*T1 have passed without PRACK: the INVITE is refused (§3).
    pub(super) fn prack_missing(&mut self, context: &mut Context, now: Instant) {
        self.report_end(context, EndCause::AckTimeout, Headers::new());
        self.refuse(context, now, StatusCode::SERVER_TIME_OUT, Vec::new());
    }

    /// Holds the 200 back until the session description sent reliably is acknowledged (§3). Returns whether it does.
    pub(super) fn accept_after_prack(&mut self, sdp: &Bytes) -> bool {
        let Some(reliable) = &mut self.reliable else {
            return false;
        };
        let waits = reliable
            .unacknowledged
            .as_ref()
            .is_some_and(|waiting| waiting.described);
        if waits {
            reliable.waiting.clear();
            reliable.accept.get_or_insert_with(|| sdp.clone());
        }
        waits
    }

    pub(super) fn is_accepting(&self) -> bool {
        self.reliable
            .as_ref()
            .is_some_and(|reliable| reliable.accept.is_some())
    }

    /// The INVITE gets its final response: nothing is repeated any more, but a late PRACK is still answered.
    pub(super) fn stop_reliable(&mut self, context: &mut Context) {
        if let Some(reliable) = &mut self.reliable {
            reliable.waiting.clear();
            reliable.accept = None;
            if let Some(waiting) = &reliable.unacknowledged {
                context.layer.timers.cancel(waiting.retransmit);
                context.layer.timers.cancel(waiting.missing);
            }
        }
    }

    /// A PRACK from the peer.
    pub(super) fn prack_received(
        &mut self,
        context: &mut Context,
        now: Instant,
        dialog: DialogKey,
        transaction: TransactionId,
        prack: Request,
    ) {
        let acknowledged = prack.headers.rack().ok().flatten().and_then(|rack| {
            let reliable = self.reliable.as_mut()?;
            reliable.unacknowledged.take_if(|it| it.rack == rack)
        });
        let Some(acknowledged) = acknowledged else {
            // Of nothing, or acknowledged before.
            let status = StatusCode::CALL_DOES_NOT_EXIST;
            return self.reply(context, now, transaction, &prack, status);
        };
        context.layer.timers.cancel(acknowledged.retransmit);
        context.layer.timers.cancel(acknowledged.missing);
        let sdp = sdp_of(&prack.headers, &prack.body);
        let session = self.id;
        if acknowledged.described && !self.settled {
            self.settled = true;
            if !self.offered_by_peer() {
                // Ours was the offer, and the PRACK has the answer.
                context.events.push_back(match sdp {
                    Some(sdp) => Event::OfferAnswered { session, sdp },
                    None => Event::OfferRefused {
                        session,
                        status: StatusCode::NOT_ACCEPTABLE_HERE,
                    },
                });
                self.reply(context, now, transaction, &prack, StatusCode::OK);
                return self.go_on_ringing(context, now);
            }
        }
        match sdp {
            None => self.reply(context, now, transaction, &prack, StatusCode::OK),
            Some(_) => self.offer_received(context, now, dialog, transaction, prack),
        }
        self.go_on_ringing(context, now);
    }

    /// What waited for a PRACK goes out.
    fn go_on_ringing(&mut self, context: &mut Context, now: Instant) {
        let Some(reliable) = &mut self.reliable else {
            return;
        };
        if !matches!(self.state, State::Ringing { .. }) {
            return;
        }
        if let Some(sdp) = reliable.accept.take() {
            self.accept(context, now, sdp);
        } else if let Some((status, sdp)) = reliable.waiting.pop_front() {
            self.progress_reliably(context, now, status, sdp);
        }
        self.send_queued_offer(context, now);
    }

    /// Whether the INVITE that rings has brought an offer.
    pub(super) fn offered_by_peer(&self) -> bool {
        match &self.state {
            State::Ringing { request, .. } => sdp_of(&request.headers, &request.body).is_some(),
            _ => true,
        }
    }

    /// Whether our offer in a provisional response waits for its answer.
    pub(super) fn offers_in_provisional(&self) -> bool {
        let described = self
            .reliable
            .as_ref()
            .is_some_and(|reliable| reliable.described);
        described && !self.settled && !self.offered_by_peer()
    }
}
