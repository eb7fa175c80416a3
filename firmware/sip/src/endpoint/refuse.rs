//! Requests the endpoint refuses by itself, without keeping any state (RFC 3261 §8.2.7): a flood of them costs no
//! memory, and each copy gets the same answer.

use std::net::SocketAddr;

use super::Endpoint;
use crate::flow::Flow;
use crate::{
    Fault, HeaderName, HeaderValue, Headers, Method, ParseError, Request, Response, StatusCode,
    Transport, Via,
};

/// Domain of the To tags made here within [`KeyMaker::digest`](crate::transaction::key::KeyMaker::digest).
const TAG: u8 = b't';

/// A refusal: the status, a reason phrase naming the fault, and what the RFC wants beside it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) reason: Option<String>,
    pub(super) header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: None,
            header: None,
        }
    }

    pub(super) fn because(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: Some(reason.into()),
            header: None,
        }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.header = Some((name, value.into()));
        self
    }
}

impl Endpoint {
    /// Answers what could not be parsed, if it can and may be answered.
    pub(super) fn handle_malformed(&mut self, flow: Flow, error: &ParseError) {
        let counters = &mut self.context.layer.counters;
        counters.fault(&error.fault);
        if error.fault == Fault::Empty {
            return;
        }
        if error.is_response {
            counters.dropped.malformed_responses += 1;
            return;
        }
        let Some(mut response) = error.response() else {
            counters.dropped.unanswerable += 1;
            return;
        };
        if response.status == StatusCode::NOT_IMPLEMENTED {
            response
                .headers
                .push(HeaderName::Allow, self.context.allow());
        }
        // Where Via cannot be read, the answer goes to where the request came from.
        let mut reply = flow;
        if let Ok(mut via) = error.headers.via() {
            via.stamp(flow.remote);
            response.headers.set_top_via(&via);
            reply = response_flow(&flow, &via);
        }
        self.send_refusal(reply, response);
    }

    /// Refuses a request; an ACK is dropped, for it is never answered.
    pub(super) fn refuse(&mut self, flow: Flow, request: &Request, refusal: Refusal) {
        if request.method == Method::Ack {
            self.context.layer.counters.dropped.stray_acks += 1;
            return;
        }
        let mut response = Response::to(request, refusal.status);
        if let Some(reason) = &refusal.reason {
            response = response.with_reason(reason);
        }
        if let Some((name, value)) = refusal.header {
            response.headers.push(name, value);
        }
        self.send_refusal(flow, response);
    }

    fn send_refusal(&mut self, flow: Flow, response: Response) {
        let status = response.status.code();
        let counters = &mut self.context.layer.counters;
        counters.refuse(status);
        if !self.quiet {
            self.answer_statelessly(flow, response);
        }
    }

    /// Sends a response outside of any transaction. Its To tag comes from the request, so that copies agree.
    pub(super) fn answer_statelessly(&mut self, flow: Flow, response: Response) {
        let tag = self.stateless_tag(&response.headers);
        let mut response = response.with_to_tag(&tag);
        self.context.name_server(&mut response);
        self.context
            .layer
            .counters
            .sent
            .response(response.status.code());
        self.context.layer.transmit(flow, response.encode());
    }

    pub(super) fn stateless_tag(&self, headers: &Headers) -> String {
        let names = [HeaderName::CallId, HeaderName::From, HeaderName::CSeq];
        let key = self.context.keys.digest(
            TAG,
            names
                .iter()
                .map(|name| headers.get(name).unwrap_or_default()),
        );
        format!("{:016x}", key.0 as u64)
    }
}

/// Where responses to a request go whose stamped top Via is `via` (§18.2.2, RFC 3581 §4). `maddr` is not followed: it
/// would let anybody aim our responses at a third party.
pub(super) fn response_flow(flow: &Flow, via: &Via) -> Flow {
    if flow.transport != Transport::Udp {
        return *flow;
    }
    let port = match via.rport() {
        Some(Some(port)) => port,
        _ => via.port.unwrap_or(5060),
    };
    Flow {
        remote: SocketAddr::new(flow.remote.ip(), port),
        ..*flow
    }
}
