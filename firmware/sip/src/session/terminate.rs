//! Ending a session: RFC 3261 §15, and §9 for one that was not answered yet.

use std::time::Instant;

use super::{Live, Purpose, Reason, ReasonProtocol, Session, State};
use crate::endpoint::EndCause;
use crate::endpoint::context::Context;
use crate::transaction::layer::Owner;
use crate::{HeaderName, HeaderValue, Headers, Method, Request, StatusCode};

impl Session {
    /// Ends the session by CANCEL, BYE or a final response, whichever its state needs.
    pub(crate) fn hang_up(&mut self, context: &mut Context, now: Instant, reason: Option<Reason>) {
        match &self.state {
            State::Calling { .. } => self.cancel(context, now, reason),
            State::Ringing { .. } => {
                let status = refusal(reason.as_ref());
                let headers = reason
                    .iter()
                    .map(|reason| (HeaderName::Reason, HeaderValue::from(reason)))
                    .collect();
                self.refuse(context, now, status, headers);
            }
            State::Answering { invite, sequence } => {
                // Without our answer there is no session to keep, but the 2xx needs its ACK.
                let (invite, sequence) = (*invite, *sequence);
                self.acknowledge(context, invite, sequence, None);
                self.bye(context, now, reason);
            }
            State::Confirmed => match &mut self.unacknowledged {
                Some(waiting) if waiting.is_initial() => {
                    waiting.hang_up = Some(reason);
                    self.abort_exchange(context, now);
                    self.stop_session_timer(context);
                    self.state = State::Terminated;
                }
                _ => self.bye(context, now, reason),
            },
            State::Terminated => {}
        }
        self.report_end(context, EndCause::HungUp, Headers::new());
    }

    /// Sends BYE within the dialog of the session.
    pub(super) fn bye(&mut self, context: &mut Context, now: Instant, reason: Option<Reason>) {
        self.take_unacknowledged(context);
        self.abort_exchange(context, now);
        self.stop_session_timer(context);
        self.state = State::Terminated;
        let Some(dialog) = &mut self.dialog else {
            return;
        };
        let mut bye = dialog.request(Method::Bye);
        if let Some(reason) = &reason {
            bye.headers.push(HeaderName::Reason, reason);
        }
        self.send(context, now, Purpose::Bye, bye);
    }

    /// The peer has lost the dialog or stays silent (§12.2.1.2).
    pub(super) fn give_up(&mut self, context: &mut Context, now: Instant, cause: EndCause) {
        if matches!(self.state, State::Confirmed) {
            self.report_end(context, cause, Headers::new());
            self.bye(context, now, None);
        }
    }

    /// The peer's BYE; the caller has answered it.
    pub(super) fn bye_received(&mut self, context: &mut Context, now: Instant, bye: &Request) {
        self.take_unacknowledged(context);
        self.abort_exchange(context, now);
        self.stop_session_timer(context);
        if matches!(self.state, State::Ringing { .. }) {
            // A caller may leave an early dialog by BYE; its INVITE still needs an answer (§15.1.2).
            self.refuse(context, now, StatusCode::REQUEST_TERMINATED, Vec::new());
        }
        self.state = State::Terminated;
        self.report_end(context, EndCause::Bye, bye.headers.clone());
    }

    /// Sends a request within the dialog.
    pub(super) fn send(
        &mut self,
        context: &mut Context,
        now: Instant,
        purpose: Purpose,
        request: Request,
    ) {
        self.send_challenged(context, now, purpose, request, 0);
    }

    pub(super) fn send_challenged(
        &mut self,
        context: &mut Context,
        now: Instant,
        purpose: Purpose,
        request: Request,
        challenges: u8,
    ) {
        let kept = self
            .credentials
            .is_some()
            .then(|| Box::new(request.clone()));
        let id = context.send_request(now, self.flow, Owner::Session(self.id), request);
        self.live.push(Live {
            id,
            purpose,
            request: kept,
            challenges,
        });
    }
}

/// The status that refuses an INVITE for a reason: the reason's own when it is one, else 480.
fn refusal(reason: Option<&Reason>) -> StatusCode {
    reason
        .filter(|reason| reason.protocol == ReasonProtocol::Sip && reason.cause >= 300)
        .and_then(|reason| StatusCode::new(reason.cause))
        .unwrap_or(StatusCode::TEMPORARILY_UNAVAILABLE)
}
