//! Being called: the peer's INVITE and our responses (RFC 3261 §13.3).

use std::time::Instant;

use bytes::Bytes;

use super::{Live, Purpose, Session, SessionId, State, takes_update};
use crate::dialog::Dialog;
use crate::endpoint::context::Context;
use crate::endpoint::{EndCause, Event};
use crate::flow::Flow;
use crate::session::request::sdp_of;
use crate::transaction::TransactionId;
use crate::{HeaderName, HeaderValue, Headers, Request, Response, StatusCode};

impl Session {
    /// A new INVITE. `None` when it names no way to send requests back.
    pub(crate) fn incoming(
        context: &mut Context,
        now: Instant,
        id: SessionId,
        flow: Flow,
        invite: TransactionId,
        request: Request,
    ) -> Option<Self> {
        let tag = context.token();
        let sequence = context.first_sequence();
        let dialog = Dialog::for_server(&context.keys, &request, &tag, sequence)?;
        if !context.config.hold_trying {
            context.respond(now, invite, Response::to(&request, StatusCode::TRYING));
        }
        context.dialogs.insert(dialog.key, id);
        let user = request
            .uri
            .user()
            .map(|user| user.into_owned())
            .unwrap_or_default();
        context.events.push_back(Event::Incoming {
            session: id,
            flow,
            request: request.clone(),
        });
        let peer_takes_update = takes_update(&request.headers).unwrap_or_default();
        let state = State::Ringing {
            invite,
            request: Box::new(request),
        };
        let policy = context.config.policy;
        let mut session = Self::new(id, flow, state, tag, &user, policy);
        session.peer_takes_update = peer_takes_update;
        session.dialog = Some(dialog);
        session.live.push(Live {
            id: invite,
            purpose: Purpose::Served,
            request: None,
            challenges: 0,
        });
        Some(session)
    }

    /// Tells the caller that the INVITE has come, if nothing else was told yet.
    pub(crate) fn trying(&mut self, context: &mut Context, now: Instant) {
        if let State::Ringing { invite, request } = &self.state
            && !context.layer.has_responded(*invite)
        {
            context.respond(now, *invite, Response::to(request, StatusCode::TRYING));
        }
    }

    /// A response to a request within the session, with the tag and, where it may refresh the target, the Contact.
    pub(super) fn response_to(
        &self,
        context: &Context,
        request: &Request,
        status: StatusCode,
    ) -> Response {
        let mut response = Response::to(request, status).with_to_tag(&self.local_tag);
        if (101..300).contains(&status.code())
            && matches!(
                request.method,
                crate::Method::Invite | crate::Method::Update
            )
        {
            response.headers.push(
                HeaderName::Contact,
                context.contact(&self.flow, &self.contact_user),
            );
            response.headers.push(HeaderName::Allow, context.allow());
            if let Some(supported) = context.supported(&self.policy) {
                response.headers.push(HeaderName::Supported, supported);
            }
        }
        response
    }

    pub(super) fn stop_ringing(&mut self, context: &mut Context) {
        if let Some(timer) = self.still_ringing.take() {
            context.layer.timers.cancel(timer);
        }
    }

    /// Answers the call.
    pub(crate) fn accept(&mut self, context: &mut Context, now: Instant, sdp: Bytes) {
        if !matches!(self.state, State::Ringing { .. }) || self.accept_after_prack(&sdp) {
            return;
        }
        let State::Ringing { invite, request } =
            std::mem::replace(&mut self.state, State::Confirmed)
        else {
            return;
        };
        let sequence = request
            .headers
            .cseq()
            .map(|cseq| cseq.number)
            .unwrap_or_default();
        let offered = sdp_of(&request.headers, &request.body).is_some();
        let mut response = self.response_to(context, &request, StatusCode::OK);
        self.grant_timer(context, now, &request.headers, &mut response);
        if !self.settled {
            self.described = Some(sdp.clone());
            response = response.with_body("application/sdp", sdp);
        }
        self.stop_ringing(context);
        self.stop_reliable(context);
        context.respond(now, invite, response);
        let expects_answer = !offered && !self.settled;
        self.await_ack(context, now, invite, sequence, true, expects_answer);
    }

    /// Refuses the call.
    pub(crate) fn reject(
        &mut self,
        context: &mut Context,
        now: Instant,
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) {
        if matches!(self.state, State::Ringing { .. }) {
            self.refuse(context, now, status, headers);
            self.report_end(context, EndCause::Refused, Headers::new());
        }
    }

    /// The peer takes its INVITE back (§9.2).
    pub(crate) fn cancelled(
        &mut self,
        context: &mut Context,
        now: Instant,
        id: TransactionId,
        cancel: &Request,
    ) {
        match &self.state {
            State::Ringing { invite, .. } if *invite == id => {
                self.refuse(context, now, StatusCode::REQUEST_TERMINATED, Vec::new());
                self.report_end(context, EndCause::Cancelled, cancel.headers.clone());
            }
            _ => self.withdraw_offer(context, now, id),
        }
    }

    /// Sends the final refusal and ends the session.
    pub(super) fn refuse(
        &mut self,
        context: &mut Context,
        now: Instant,
        status: StatusCode,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) {
        let State::Ringing { invite, request } = &self.state else {
            return;
        };
        let invite = *invite;
        let mut response = self.response_to(context, request, status);
        for (name, value) in headers {
            response.headers.push(name, value);
        }
        self.abort_exchange(context, now);
        context.respond(now, invite, response);
        self.stop_ringing(context);
        self.stop_reliable(context);
        self.state = State::Terminated;
    }

    /// The caller's connection closed: no answer reaches it, and no CANCEL will come.
    pub(crate) fn caller_gone(&mut self, context: &mut Context, now: Instant, flow: Flow) {
        if matches!(self.state, State::Ringing { .. }) && self.flow == flow {
            self.refuse(context, now, StatusCode::REQUEST_TERMINATED, Vec::new());
            self.report_end(context, EndCause::FlowFailed, Headers::new());
        }
    }

    /// The tag of our responses.
    pub(crate) fn local_tag(&self) -> &str {
        &self.local_tag
    }
}
