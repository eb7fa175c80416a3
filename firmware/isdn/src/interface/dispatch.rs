//! Which call a message of the peer belongs to (Q.931 §5.8.3).

use std::time::Instant;

use super::Interface;
use crate::Cause;
use crate::call::{Call, CallState, Refusal};
use crate::event::{Event, Fault};
use crate::message::{Elements, Faults, Message, MessageType, Origin, ParseError};
use crate::settings::Role;

impl Interface {
    pub(super) fn message_received(&mut self, octets: &[u8], now: Instant) {
        let (message, faults) = match Message::parse(octets) {
            Ok(parsed) => parsed,
            // Services that belong to no call.
            Err(ParseError::NoReference) => return,
            Err(ParseError::Protocol(_) | ParseError::TooShort | ParseError::Reference) => {
                self.counters.unreadable += 1;
                return self.tell(Event::Fault(Fault::NoMessage));
            }
        };
        match message.kind {
            MessageType::Service(_) | MessageType::ServiceAcknowledge(_) => {
                return self.service(&message);
            }
            _ if message.reference.is_global() => return self.global(&message, &faults, now),
            _ => {}
        }
        if let Some(call) = self.call_of(message.reference) {
            self.with_call(call, now, |call, ctx| call.receive(message, &faults, ctx));
        } else if message.kind == MessageType::Setup {
            // With the flag set it would be a call of ours (§5.8.3.2 d).
            if message.reference.origin == Origin::Theirs {
                self.setup_received(message, &faults, now);
            }
        } else {
            self.without_call(&message, now);
        }
    }

    fn setup_received(&mut self, message: Message, faults: &Faults, now: Instant) {
        self.yield_to(&message, now);
        let id = self.new_id();
        let reference = message.reference;
        match Call::incoming(id, message, faults, &mut self.context(now)) {
            Ok(call) => {
                self.counters.incoming += 1;
                self.calls.insert(id, call);
                // §5.8.7: elements that were left out do not hinder the call, and are not worth a word in its first state.
            }
            Err(Refusal { cause, element }) => {
                self.counters.refused += 1;
                if let Some(element) = element {
                    self.tell(Event::Fault(Fault::Elements {
                        message: MessageType::Setup,
                        cause,
                        element,
                    }));
                }
                let diagnostics: Vec<u8> = element.into_iter().collect();
                let mut answer = Message::new(reference, MessageType::ReleaseComplete);
                let ctx = self.context(now);
                answer.elements.cause = Some(ctx.cause(cause, &diagnostics));
                self.messages.push(answer);
            }
        }
    }

    /// Both sides have sent SETUP for the same channel: the network's call has it (§5.7).
    fn yield_to(&mut self, message: &Message, now: Instant) {
        if self.settings.role == Role::Network {
            return;
        }
        let wanted = message
            .elements
            .channel
            .and_then(|channel| channel.single());
        let Some(owner) = wanted.and_then(|channel| self.channels.owner(channel)) else {
            return;
        };
        let yielded = self.with_call(owner, now, |call, ctx| {
            let yields = call.may_yield();
            if yields {
                call.yield_channel(ctx.channels);
            }
            yields
        });
        if yielded == Some(true) {
            self.counters.collisions += 1;
        }
    }

    /// §5.8.3.2: a message for a call that does not exist.
    fn without_call(&mut self, message: &Message, now: Instant) {
        let null = CallState::null(self.settings.role);
        let peer_is_null = message.elements.call_state.is_none_or(|state| state == 0);
        let (kind, cause) = match message.kind {
            MessageType::ReleaseComplete => return,
            // §5.8.11.
            MessageType::Status if peer_is_null => return,
            MessageType::Status => (MessageType::ReleaseComplete, Cause::MESSAGE_NOT_COMPATIBLE),
            MessageType::StatusEnquiry => (MessageType::Status, Cause::RESPONSE_TO_STATUS_ENQUIRY),
            MessageType::Resume => (MessageType::ResumeReject, Cause::FACILITY_REJECTED),
            _ => (MessageType::ReleaseComplete, Cause::INVALID_CALL_REFERENCE),
        };
        if !matches!(
            message.kind,
            MessageType::Release | MessageType::StatusEnquiry
        ) {
            self.tell(Event::Fault(Fault::Unexpected {
                call: None,
                message: message.kind,
                state: null,
            }));
        }
        let cause = self.context(now).cause(cause, &[]);
        let mut answer = Message::new(message.reference, kind);
        answer.elements = Elements {
            cause: Some(cause),
            call_state: (kind == MessageType::Status).then_some(0),
            ..Elements::default()
        };
        self.messages.push(answer);
    }
}
