//! Messages of the peer for a call (Q.931 §5.1, §5.2, §5.8).

use super::{Call, Context, Stage, Timer};
use crate::Cause;
use crate::event::{ConnectedParty, Event, Fault};
use crate::ie::PartyNumber;
use crate::message::{Elements, Faults, Message, MessageType};

impl Call {
    pub(crate) fn receive(&mut self, message: Message, faults: &Faults, ctx: &mut Context<'_>) {
        match message.kind {
            MessageType::Disconnect => return self.disconnect_received(message, faults, ctx),
            MessageType::Release => return self.release_received(&message, faults, ctx),
            MessageType::ReleaseComplete => return self.release_complete_received(&message, ctx),
            // A second one is the first again (§5.8.3.2 e).
            MessageType::Setup => return,
            _ => {}
        }
        let kind = message.kind;
        let fault = match (faults.not_comprehended.first(), message.missing(faults)) {
            (Some(&element), _) | (None, Some(element)) => {
                Some((Cause::MANDATORY_ELEMENT_MISSING, element))
            }
            (None, None) => message
                .invalid(faults)
                .map(|element| (Cause::INVALID_ELEMENT_CONTENTS, element)),
        };
        if let Some((cause, element)) = fault {
            // §5.8.6: no action on the message. STATUS is never answered by STATUS.
            self.tell_fault(kind, cause, element, ctx);
            if kind != MessageType::Status {
                self.send_status(cause, &[element], ctx);
            }
            return;
        }
        self.act(message, ctx);
        if self.stage == Stage::Over || kind == MessageType::Status {
            return;
        }
        // §5.8.7: the message counts without these.
        let ignored = match (faults.unrecognized.first(), faults.malformed.first()) {
            (Some(&element), _) => Some((Cause::ELEMENT_UNKNOWN, element)),
            (None, Some(&element)) => Some((Cause::INVALID_ELEMENT_CONTENTS, element)),
            (None, None) => None,
        };
        if let Some((cause, element)) = ignored {
            self.tell_fault(kind, cause, element, ctx);
            self.send_status(cause, &[element], ctx);
        }
    }

    fn act(&mut self, message: Message, ctx: &mut Context<'_>) {
        let kind = message.kind;
        let elements = message.elements;
        match kind {
            MessageType::Status => self.status(&elements, ctx),
            MessageType::StatusEnquiry => {
                self.send_status(Cause::RESPONSE_TO_STATUS_ENQUIRY, &[], ctx);
            }
            MessageType::Suspend => self.reject(MessageType::SuspendReject, ctx),
            MessageType::Resume => self.reject(MessageType::ResumeReject, ctx),
            MessageType::Hold => self.reject(MessageType::HoldReject, ctx),
            MessageType::Retrieve => self.reject(MessageType::RetrieveReject, ctx),
            // Messages that cross ours; the call ends anyway.
            _ if self.stage.is_clearing() => {}
            MessageType::SetupAcknowledge => self.setup_acknowledge(&elements, ctx),
            MessageType::CallProceeding => self.call_proceeding(&elements, ctx),
            MessageType::Alerting => self.alerting(elements, ctx),
            MessageType::Progress => self.progress(&elements, ctx),
            MessageType::Connect => self.connected(elements, ctx),
            MessageType::ConnectAcknowledge => self.connect_acknowledge(ctx),
            MessageType::Information => self.information(elements, ctx),
            MessageType::Notify => {
                if let Some(indicator) = elements.notification {
                    let call = self.id;
                    ctx.tell(Event::Notified { call, indicator });
                }
            }
            MessageType::UserInformation => {
                if let Some(information) = elements.user_user {
                    let call = self.id;
                    ctx.tell(Event::UserUser { call, information });
                }
            }
            MessageType::Facility => {
                if let Some(name) = elements.calling_name() {
                    ctx.tell(Event::Name {
                        call: self.id,
                        name,
                    });
                }
            }
            // How long to wait between USER INFORMATION is of no use here.
            MessageType::CongestionControl => {}
            MessageType::Unknown(octet) => {
                self.unexpected(kind, Cause::MESSAGE_TYPE_UNKNOWN, octet, ctx);
            }
            MessageType::Segment => self.unexpected(kind, Cause::MESSAGE_TYPE_UNKNOWN, 0x60, ctx),
            MessageType::Register => self.unexpected(kind, Cause::MESSAGE_TYPE_UNKNOWN, 0x64, ctx),
            other => self.unexpected(other, Cause::MESSAGE_NOT_COMPATIBLE, 0, ctx),
        }
    }

    /// §5.8.4: a message that has no place here.
    fn unexpected(&self, message: MessageType, cause: Cause, octet: u8, ctx: &mut Context<'_>) {
        let state = self.state(ctx.settings.role);
        ctx.tell(Event::Fault(Fault::Unexpected {
            call: Some(self.id),
            message,
            state,
        }));
        // The diagnostic of 97 is the message type (Q.850 table 1).
        match octet {
            0 => self.send_status(cause, &[], ctx),
            octet => self.send_status(cause, &[octet], ctx),
        }
    }

    fn out_of_place(&self, message: MessageType, ctx: &mut Context<'_>) {
        self.unexpected(message, Cause::MESSAGE_NOT_COMPATIBLE, 0, ctx);
    }

    pub(super) fn tell_fault(
        &self,
        message: MessageType,
        cause: Cause,
        element: u8,
        ctx: &mut Context<'_>,
    ) {
        ctx.tell(Event::Fault(Fault::Elements {
            message,
            cause,
            element,
        }));
    }

    /// Services a gateway does not have (§5.6, ETS 300 141).
    fn reject(&self, kind: MessageType, ctx: &mut Context<'_>) {
        let cause = match kind {
            MessageType::SuspendReject | MessageType::ResumeReject => Cause::FACILITY_REJECTED,
            _ => Cause::FACILITY_NOT_IMPLEMENTED,
        };
        self.send_cause(kind, cause, ctx);
    }

    fn setup_acknowledge(&mut self, elements: &Elements, ctx: &mut Context<'_>) {
        if self.stage != Stage::SetupSent {
            return self.out_of_place(MessageType::SetupAcknowledge, ctx);
        }
        if !self.settle_channel(elements.channel, ctx) {
            return;
        }
        self.stage = Stage::SendingDigits;
        self.start(Timer::T304, ctx);
        ctx.tell(Event::MoreDigitsWanted {
            call: self.id,
            in_band: elements.is_in_band(),
        });
        if let Some((digits, complete)) = self.waiting_digits.take() {
            self.send_digits(digits, complete, ctx);
        }
    }

    fn call_proceeding(&mut self, elements: &Elements, ctx: &mut Context<'_>) {
        if !matches!(self.stage, Stage::SetupSent | Stage::SendingDigits) {
            return self.out_of_place(MessageType::CallProceeding, ctx);
        }
        if !self.settle_channel(elements.channel, ctx) {
            return;
        }
        self.stage = Stage::PeerProceeding;
        let in_band = elements.is_in_band();
        // With something to hear the caller decides how long to listen (§5.1.6).
        self.timer = None;
        if !in_band {
            self.start(Timer::T310, ctx);
        }
        ctx.tell(Event::Proceeding {
            call: self.id,
            in_band,
        });
    }

    fn alerting(&mut self, elements: Elements, ctx: &mut Context<'_>) {
        if !matches!(
            self.stage,
            Stage::SetupSent | Stage::SendingDigits | Stage::PeerProceeding
        ) {
            return self.out_of_place(MessageType::Alerting, ctx);
        }
        if !self.settle_channel(elements.channel, ctx) {
            return;
        }
        self.stage = Stage::PeerAlerting;
        self.start(Timer::T301, ctx);
        let name = elements.calling_name();
        ctx.tell(Event::Alerting {
            call: self.id,
            in_band: elements.is_in_band(),
            user_user: elements.user_user,
        });
        if let Some(name) = name {
            ctx.tell(Event::Name {
                call: self.id,
                name,
            });
        }
    }

    fn progress(&mut self, elements: &Elements, ctx: &mut Context<'_>) {
        if self.stage == Stage::SetupSent {
            return self.out_of_place(MessageType::Progress, ctx);
        }
        self.stop_progress_timer();
        ctx.tell(Event::Progress {
            call: self.id,
            in_band: elements.is_in_band(),
            cause: elements.cause.as_ref().map(|element| element.cause),
        });
    }

    fn connected(&mut self, elements: Elements, ctx: &mut Context<'_>) {
        if !matches!(
            self.stage,
            Stage::SetupSent | Stage::SendingDigits | Stage::PeerProceeding | Stage::PeerAlerting
        ) {
            return self.out_of_place(MessageType::Connect, ctx);
        }
        if !self.settle_channel(elements.channel, ctx) {
            return;
        }
        self.stage = Stage::Active;
        self.timer = None;
        self.send(MessageType::ConnectAcknowledge, Elements::default(), ctx);
        let party = ConnectedParty {
            number: elements.connected,
            name: elements.display,
            user_user: elements.user_user,
        };
        ctx.tell(Event::Connected {
            call: self.id,
            party: Box::new(party),
        });
    }

    fn connect_acknowledge(&mut self, ctx: &mut Context<'_>) {
        match self.stage {
            Stage::ConnectSent => {
                self.stage = Stage::Active;
                self.timer = None;
                ctx.tell(Event::Established { call: self.id });
            }
            // What the user may or may not send (§5.1.8).
            Stage::Active => {}
            _ => self.out_of_place(MessageType::ConnectAcknowledge, ctx),
        }
    }

    fn information(&mut self, elements: Elements, ctx: &mut Context<'_>) {
        let call = self.id;
        let digits = elements.called.as_ref().map_or("", PartyNumber::digits);
        match self.stage {
            Stage::SetupSent => self.out_of_place(MessageType::Information, ctx),
            Stage::ReceivingDigits => {
                let digits = match (digits, &elements.keypad) {
                    // Some exchanges send what is dialled as keys.
                    ("", Some(keys)) => keys.clone(),
                    (digits, _) => digits.to_owned(),
                };
                if elements.sending_complete {
                    self.timer = None;
                } else if self.timer.is_some() {
                    self.start(Timer::T302, ctx);
                }
                ctx.tell(Event::Digits {
                    call,
                    digits,
                    complete: elements.sending_complete,
                });
            }
            _ => {
                let keypad = elements
                    .keypad
                    .or_else(|| Some(digits.to_owned()).filter(|digits| !digits.is_empty()));
                let display = elements.display;
                if keypad.is_some() || display.is_some() {
                    ctx.tell(Event::Information {
                        call,
                        keypad,
                        display,
                    });
                }
            }
        }
    }

    /// §5.8.11.
    fn status(&mut self, elements: &Elements, ctx: &mut Context<'_>) {
        let (Some(cause), Some(peer_state)) = (&elements.cause, elements.call_state) else {
            return;
        };
        let cause = cause.cause;
        let answers = self.t322.is_some() && cause == Cause::RESPONSE_TO_STATUS_ENQUIRY;
        if answers {
            self.t322 = None;
        }
        let is_mismatch = peer_state == 0 || answers && !self.stage.fits(peer_state);
        if is_mismatch || cause != Cause::RESPONSE_TO_STATUS_ENQUIRY {
            ctx.tell(Event::Fault(Fault::Status {
                call: Some(self.id),
                cause,
                peer_state,
            }));
        }
        if peer_state == 0 {
            let cause = if self.stage.is_clearing() {
                self.cause
            } else {
                cause
            };
            self.finish(cause, ctx);
        } else if is_mismatch {
            self.disconnect(Cause::MESSAGE_NOT_COMPATIBLE, false, ctx);
        }
    }
}
