//! What every message passes before and after the protocol engine sees it.

use bytes::Bytes;
use ramal_sip::{Flow, HeaderName, HeaderValue, Request, StatusCode, TransactionId};

use super::ALLOW;
use super::agent::Agent;
use crate::clock::Now;

impl Agent {
    /// Takes a message; false when its source is not listened to.
    pub(super) fn message(&mut self, flow: Flow, message: Bytes) -> bool {
        let now = Now::read();
        let source = flow.remote.ip();
        // A carrier carries the calls of everybody: what is sent in its name must not shut it out.
        let carrier = self.exchange.trunks.is_peer(source);
        if !carrier && !self.authority.defence.admits(now, source, &message) {
            return false;
        }
        let tiresome = self.authority.defence.is_tiresome(now.instant, source);
        let before = self.endpoint.faults();
        if tiresome {
            self.endpoint
                .handle_message_quietly(now.instant, flow, message);
        } else {
            self.endpoint.handle_message(now.instant, flow, message);
        }
        let faults = self.endpoint.faults() - before;
        if faults > 0 && !carrier {
            self.authority.defence.malformed(now, source, faults);
        }
        true
    }

    /// Answers an OPTIONS, which phones ask to see whether we live; says nothing that INVITE would not (RFC 3261 §11.2).
    /// Strangers hear nothing.
    pub(super) fn options(&mut self, transaction: TransactionId, flow: Flow, request: &Request) {
        let now = Now::read();
        let source = flow.remote.ip();
        let carrier = self.exchange.trunks.is_peer(source);
        if !carrier && !self.authority.defence.may_inquire(now.instant, source) {
            self.endpoint.ignore(now.instant, transaction);
            return;
        }
        let response = request
            .response(StatusCode::OK)
            .with_header(HeaderName::Allow, HeaderValue::sanitized(ALLOW))
            .with_header(
                HeaderName::Accept,
                HeaderValue::sanitized("application/sdp"),
            );
        self.endpoint
            .respond_statelessly(now.instant, transaction, response);
    }

    /// Whether a connection is not wanted.
    pub(super) fn is_banned(&self, flow: Flow) -> bool {
        let now = Now::read().instant;
        self.authority.defence.is_banned(now, flow.remote.ip())
    }
}
