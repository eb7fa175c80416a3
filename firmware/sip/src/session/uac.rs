//! Calling: our INVITE and its responses (RFC 3261 §13.2).

use std::time::Instant;

use bytes::Bytes;

use super::{
    Cancel, ClientCredentials, Live, Purpose, Reliability, SentAck, Session, SessionId,
    SessionPolicy, SessionTimer, State,
};
use crate::dialog::Dialog;
use crate::endpoint::Event;
use crate::endpoint::context::Context;
use crate::flow::Flow;
use crate::session::request::sdp_of;
use crate::transaction::TransactionId;
use crate::transaction::layer::Owner;
use crate::{CSeq, HeaderName, HeaderValue, Method, NameAddr, Request, Response, StatusCode, Uri};

/// An INVITE to be sent.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The way to send it.
    pub flow: Flow,
    /// Request URI.
    pub target: Uri,
    /// From; its tag is chosen by the endpoint.
    pub from: NameAddr,
    /// To.
    pub to: NameAddr,
    /// User part of our Contact.
    pub contact_user: String,
    /// Further header fields (Route, P-Asserted-Identity, Alert-Info …).
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// SDP offer; `None` asks the peer for its offer (the answer then goes into the ACK).
    pub offer: Option<Bytes>,
    /// To answer challenges with.
    pub credentials: Option<ClientCredentials>,
    /// Which extensions to use; `None` for those of
    /// [`EndpointConfig::policy`](crate::EndpointConfig::policy).
    pub policy: Option<SessionPolicy>,
    /// Hops that are left, 70 for a new call; one less than that of the INVITE a call is passed on from.
    pub max_forwards: u8,
}

impl Invite {
    /// An INVITE without offer, further header fields and credentials.
    pub fn new(flow: Flow, target: Uri, from: NameAddr, to: NameAddr) -> Self {
        Self {
            flow,
            target,
            from,
            to,
            contact_user: String::new(),
            headers: Vec::new(),
            offer: None,
            credentials: None,
            policy: None,
            max_forwards: 70,
        }
    }
}

impl Session {
    /// Sends the INVITE.
    pub(crate) fn invite(
        context: &mut Context,
        now: Instant,
        id: SessionId,
        invite: Invite,
    ) -> Self {
        let tag = context.token();
        let call_id = context.token();
        let policy = invite.policy.unwrap_or(context.config.policy);
        let mut session = Self::new(
            id,
            invite.flow,
            State::Calling { provisional: false },
            tag.clone(),
            &invite.contact_user,
            policy,
        );
        let mut request = Request::new(Method::Invite, invite.target);
        let headers = &mut request.headers;
        headers.push(HeaderName::MaxForwards, u32::from(invite.max_forwards));
        headers.push(HeaderName::From, invite.from.with_tag(&tag));
        headers.push(HeaderName::To, invite.to);
        headers.push(HeaderName::CallId, HeaderValue::sanitized(call_id));
        headers.push(
            HeaderName::CSeq,
            CSeq::new(context.first_sequence(), Method::Invite),
        );
        headers.push(
            HeaderName::Contact,
            context.contact(&invite.flow, &invite.contact_user),
        );
        headers.push(HeaderName::Allow, context.allow());
        if let Some(supported) = context.supported(&policy) {
            headers.push(HeaderName::Supported, supported);
        }
        if policy.reliability == Reliability::Required {
            headers.push(HeaderName::Require, "100rel");
        }
        session.ask_for_timer(headers);
        for (name, value) in invite.headers {
            headers.push(name, value);
        }
        if let Some(offer) = invite.offer {
            session.described = Some(offer.clone());
            request = request.with_body("application/sdp", offer);
        }
        session.caller = true;
        session.credentials = invite.credentials.map(Box::new);
        session.send_invite(context, now, request, 0);
        session
    }

    /// Sends an initial INVITE, the first or one with credentials added.
    pub(super) fn send_invite(
        &mut self,
        context: &mut Context,
        now: Instant,
        request: Request,
        challenges: u8,
    ) {
        let id = context.send_request(now, self.flow, Owner::Session(self.id), request.clone());
        self.invite = Some(Box::new(request));
        self.live.push(Live {
            id,
            purpose: Purpose::Invite,
            request: None,
            challenges,
        });
    }

    /// Sends the INVITE anew, with what its refusal asked for; the dialogs of the first try are over.
    pub(super) fn invite_anew(
        &mut self,
        context: &mut Context,
        now: Instant,
        request: Request,
        challenges: u8,
    ) {
        self.forget_early_dialogs(context);
        self.abort_exchange(context, now);
        self.state = State::Calling { provisional: false };
        self.send_invite(context, now, request, challenges);
    }

    pub(super) fn invite_response(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        response: Response,
    ) {
        if response.status.is_provisional() {
            self.provisional(context, now, id, response);
        } else if response.status.is_success() {
            self.success(context, now, id, response);
        } else {
            self.invite_failed(context, now, response.status, Some(response));
        }
    }

    fn provisional(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        response: Response,
    ) {
        if let Some(Cancel::Wanted(reason)) = self
            .cancel
            .take_if(|cancel| matches!(cancel, Cancel::Wanted(_)))
        {
            self.send_cancel(context, now, reason);
            return;
        }
        let State::Calling { provisional } = &mut self.state else {
            return;
        };
        let first = !std::mem::replace(provisional, true);
        if response.status == StatusCode::TRYING {
            if first && context.config.tell_trying {
                let session = self.id;
                context.events.push_back(Event::Trying { session });
            }
            return;
        }
        self.progressed(context, now, id, response);
    }

    /// The dialog that a response to our INVITE makes.
    pub(super) fn new_dialog(
        &self,
        context: &Context,
        id: TransactionId,
        response: &Response,
    ) -> Option<Dialog> {
        match &self.invite {
            Some(invite) => Dialog::for_client(&context.keys, invite, response),
            // Answered before: another fork has done so, too.
            None => context.fork(id, response),
        }
    }

    fn success(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        response: Response,
    ) {
        let Some(mut dialog) = self.new_dialog(context, id, &response) else {
            return;
        };
        if let Some(ack) = self
            .acks
            .iter()
            .find(|ack| ack.invite == id && ack.remote_tag == dialog.remote_tag)
        {
            context.layer.transmit(self.flow, ack.message.clone());
            return;
        }
        if !matches!(self.state, State::Calling { .. }) {
            if !matches!(self.state, State::Answering { .. }) || !self.is_dialog(dialog.key) {
                self.refuse_fork(context, now, id, dialog, &response);
            }
            return;
        }
        let mut settled = false;
        let mut answer = None;
        if let Some(early) = self.take_early(dialog.key) {
            dialog = early.dialog;
            dialog.established(&response);
            (settled, answer) = (early.settled, early.answer);
        }
        self.forget_early_dialogs(context);
        self.forget_exchange_of_others(context, now, dialog.key);
        self.hear_allow(&response.headers);
        context.dialogs.insert(dialog.key, self.id);
        self.dialog = Some(dialog);
        let sequence = sequence_of(&response);
        // From now on the transaction's own copy is enough.
        let offered = self
            .invite
            .take()
            .is_some_and(|invite| !invite.body.is_empty());
        if offered || settled {
            self.state = State::Confirmed;
            self.acknowledge(context, id, sequence, None);
        } else {
            self.state = State::Answering {
                invite: id,
                sequence,
            };
        }
        self.timer_granted(context, now, &response.headers);
        // What a 2xx says after offer and answer are complete is no offer and not binding (§13.2.1).
        let sdp = match settled {
            true => answer,
            false => sdp_of(&response.headers, &response.body),
        };
        context.events.push_back(Event::Answered {
            session: self.id,
            sdp,
            response,
        });
        self.send_queued_offer(context, now);
    }

    /// Sends the ACK for a 2xx within the dialog of the session and keeps it for copies of the 2xx.
    pub(super) fn acknowledge(
        &mut self,
        context: &mut Context,
        invite: TransactionId,
        sequence: u32,
        answer: Option<Bytes>,
    ) {
        let Some(dialog) = &self.dialog else {
            return;
        };
        let mut ack = dialog.acknowledge(sequence);
        if let Some(answer) = answer {
            ack = ack.with_body("application/sdp", answer);
        }
        let remote_tag = dialog.remote_tag.clone();
        let message = context.send_ack(self.flow, ack);
        self.acks.reserve_exact(1);
        self.acks.push(SentAck {
            invite,
            remote_tag,
            message,
        });
    }

    /// A 2xx we cannot use, from another fork or after hanging up: it is acknowledged and its dialog ended at once
    /// (§13.2.2.4).
    fn refuse_fork(
        &mut self,
        context: &mut Context,
        now: Instant,
        invite: TransactionId,
        mut dialog: Dialog,
        response: &Response,
    ) {
        let remote_tag = dialog.remote_tag.clone();
        let message = context.send_ack(self.flow, dialog.acknowledge(sequence_of(response)));
        self.acks.reserve_exact(1);
        self.acks.push(SentAck {
            invite,
            remote_tag,
            message,
        });
        let bye = dialog.request(Method::Bye);
        self.send(context, now, Purpose::Bye, bye);
    }

    /// Our INVITE has failed; `response` is `None` when nobody answered or the flow failed.
    pub(super) fn invite_failed(
        &mut self,
        context: &mut Context,
        now: Instant,
        status: StatusCode,
        response: Option<Response>,
    ) {
        if !matches!(self.state, State::Calling { .. }) {
            return;
        }
        self.abort_exchange(context, now);
        self.state = State::Terminated;
        self.forget_early_dialogs(context);
        if !std::mem::replace(&mut self.reported, true) {
            context.events.push_back(Event::Rejected {
                session: self.id,
                status,
                response,
            });
        }
    }

    /// Asks for the INVITE to be cancelled, now or as soon as a provisional response permits it (§9.1).
    pub(super) fn cancel(
        &mut self,
        context: &mut Context,
        now: Instant,
        reason: Option<super::Reason>,
    ) {
        let State::Calling { provisional } = self.state else {
            return;
        };
        self.abort_exchange(context, now);
        self.state = State::Terminated;
        self.forget_early_dialogs(context);
        if provisional {
            self.send_cancel(context, now, reason);
        } else {
            self.cancel = Some(Cancel::Wanted(reason));
        }
    }

    fn send_cancel(&mut self, context: &mut Context, now: Instant, reason: Option<super::Reason>) {
        let Some(invite) = self
            .live
            .iter()
            .rfind(|live| live.purpose == Purpose::Invite)
            .map(|live| live.id)
        else {
            return;
        };
        let reason = reason.as_ref().map(HeaderValue::from);
        if let Some(id) = context
            .layer
            .cancel(now, invite, Owner::Session(self.id), reason)
        {
            self.live.push(Live {
                id,
                purpose: Purpose::Cancel,
                request: None,
                challenges: 0,
            });
        }
        let after = context.layer.values.timeout();
        let timer = self.start_timer(context, now, after, SessionTimer::CancelUnanswered);
        self.cancel = Some(Cancel::Sent(timer));
    }

    /// Neither 487 nor anything else came: the INVITE counts as cancelled (§9.1).
    pub(super) fn cancel_unanswered(&mut self, context: &mut Context) {
        self.cancel = None;
        for live in self
            .live
            .iter()
            .filter(|live| live.purpose == Purpose::Invite)
        {
            context.layer.abandon(live.id);
        }
    }
}

/// The sequence number a response repeats.
pub(super) fn sequence_of(response: &Response) -> u32 {
    response
        .headers
        .cseq()
        .map(|cseq| cseq.number)
        .unwrap_or_default()
}
