//! The peer's offers after its first: re-INVITE, UPDATE, PRACK (RFC 3261 §14.2, RFC 3311 §5.2, RFC 3262 §5).

use std::time::Instant;

use bytes::Bytes;

use super::offer::Pending;
use super::request::sdp_of;
use super::{Session, State};
use crate::dialog::DialogKey;
use crate::endpoint::Event;
use crate::endpoint::context::Context;
use crate::transaction::TransactionId;
use crate::{HeaderName, Method, Request, StatusCode};

/// Why an offer cannot be taken now.
enum Clash {
    /// An earlier one of the peer's is still unanswered.
    Theirs,
    /// One of ours is.
    Ours,
}

impl Session {
    /// A re-INVITE or UPDATE from the peer, or a PRACK with an offer. Its place in the dialog's order has been checked.
    pub(super) fn offer_received(
        &mut self,
        context: &mut Context,
        now: Instant,
        dialog: DialogKey,
        transaction: TransactionId,
        request: Request,
    ) {
        let sdp = sdp_of(&request.headers, &request.body);
        if request.method == Method::Update && sdp.is_none() {
            // No offer, only a new target and a refreshed session (RFC 3311 §5.2, RFC 4028 §9).
            self.retarget(dialog, &request.headers);
            let mut response = self.response_to(context, &request, StatusCode::OK);
            if matches!(self.state, State::Confirmed) {
                self.grant_timer(context, now, &request.headers, &mut response);
            }
            context.respond(now, transaction, response);
            return;
        }
        match self.clash(dialog) {
            Some(Clash::Theirs) => {
                let seconds = context.below(11);
                let response = self
                    .response_to(context, &request, StatusCode::SERVER_INTERNAL_ERROR)
                    .with_reason("Earlier offer still unanswered")
                    .with_header(HeaderName::RetryAfter, seconds);
                context.respond(now, transaction, response);
            }
            Some(Clash::Ours) => {
                let status = StatusCode::REQUEST_PENDING;
                self.reply(context, now, transaction, &request, status);
            }
            None => {
                if request.method == Method::Invite {
                    self.reply(context, now, transaction, &request, StatusCode::TRYING);
                }
                self.exchange.pending = Pending::Theirs {
                    transaction,
                    dialog,
                    request: Box::new(request),
                };
                let session = self.id;
                context.events.push_back(Event::Offer { session, sdp });
            }
        }
    }

    /// What stands in the way of an offer of the peer's.
    fn clash(&self, dialog: DialogKey) -> Option<Clash> {
        match (&self.state, &self.exchange.pending) {
            (_, Pending::Theirs { .. } | Pending::InProvisional { .. }) => Some(Clash::Theirs),
            (_, Pending::Ours { .. }) => Some(Clash::Ours),
            // The first exchange comes first.
            (State::Ringing { .. }, _) if self.offers_in_provisional() => Some(Clash::Ours),
            (State::Ringing { .. }, _) => (!self.settled).then_some(Clash::Theirs),
            (State::Calling { .. }, _) => {
                let settled = self
                    .early
                    .iter()
                    .any(|early| early.dialog.key == dialog && early.settled);
                (!settled).then_some(Clash::Ours)
            }
            (State::Answering { .. }, _) => Some(Clash::Ours),
            // Our 2xx is not acknowledged yet, and may have carried an offer.
            _ => self.unacknowledged.is_some().then_some(Clash::Ours),
        }
    }

    /// The user answers the peer's offer, or makes the offer the peer asked for.
    pub(crate) fn answer_offer(&mut self, context: &mut Context, now: Instant, sdp: Bytes) {
        if let State::Answering { invite, sequence } = self.state {
            self.state = State::Confirmed;
            self.described = Some(sdp.clone());
            self.acknowledge(context, invite, sequence, Some(sdp));
            return self.send_queued_offer(context, now);
        }
        if let Pending::InProvisional { dialog, rack } = &self.exchange.pending {
            let (dialog, rack) = (*dialog, rack.clone());
            self.exchange.pending = Pending::None;
            self.prack(context, now, dialog, &rack, Some(sdp));
            return self.send_queued_offer(context, now);
        }
        let Some((transaction, dialog, request)) = self.take_theirs() else {
            return;
        };
        if let Some(early) = self.early_mut(dialog) {
            early.answer = None;
        }
        self.described = Some(sdp.clone());
        let mut response = self
            .response_to(context, &request, StatusCode::OK)
            .with_body("application/sdp", sdp);
        if request.method != Method::Prack {
            self.retarget(dialog, &request.headers);
            if matches!(self.state, State::Confirmed) {
                self.grant_timer(context, now, &request.headers, &mut response);
            }
        }
        let sent = context.respond(now, transaction, response);
        if request.method == Method::Invite && sent {
            let offered = sdp_of(&request.headers, &request.body).is_some();
            let sequence = request
                .headers
                .cseq()
                .map(|cseq| cseq.number)
                .unwrap_or_default();
            self.await_ack(context, now, transaction, sequence, false, !offered);
        }
        self.send_queued_offer(context, now);
    }

    /// The user refuses the peer's offer; the session goes on as it was.
    pub(crate) fn refuse_offer(&mut self, context: &mut Context, now: Instant, status: StatusCode) {
        let first = matches!(self.exchange.pending, Pending::InProvisional { .. });
        if first || matches!(self.state, State::Answering { .. }) {
            self.hang_up(context, now, None);
            return;
        }
        let status = if status.code() < 300 {
            StatusCode::NOT_ACCEPTABLE_HERE
        } else {
            status
        };
        if self.refuse_theirs(context, now, status) {
            self.send_queued_offer(context, now);
        }
    }

    /// Refuses the peer's offer that waits. Returns whether there was one.
    pub(super) fn refuse_theirs(
        &mut self,
        context: &mut Context,
        now: Instant,
        status: StatusCode,
    ) -> bool {
        let Some((transaction, _, request)) = self.take_theirs() else {
            return false;
        };
        self.reply(context, now, transaction, &request, status);
        true
    }

    fn take_theirs(&mut self) -> Option<(TransactionId, DialogKey, Box<Request>)> {
        match std::mem::take(&mut self.exchange.pending) {
            Pending::Theirs {
                transaction,
                dialog,
                request,
            } => Some((transaction, dialog, request)),
            other => {
                self.exchange.pending = other;
                None
            }
        }
    }

    /// The peer cancels its re-INVITE.
    pub(super) fn withdraw_offer(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
    ) {
        let waits = matches!(&self.exchange.pending, Pending::Theirs { transaction, .. } if *transaction == id);
        if waits && self.refuse_theirs(context, now, StatusCode::REQUEST_TERMINATED) {
            let session = self.id;
            context.events.push_back(Event::OfferWithdrawn { session });
            self.send_queued_offer(context, now);
        }
    }
}
