//! How a call ends (Q.931 §5.3).

use super::{Call, Context, Stage, Timer, in_band};
use crate::Cause;
use crate::event::Event;
use crate::message::{Elements, Faults, Message, MessageType};

impl Call {
    /// Ends the call by the message that fits its state.
    pub(super) fn disconnect(&mut self, cause: Cause, with_tone: bool, ctx: &mut Context<'_>) {
        match self.stage {
            Stage::SetupReceived if !with_tone => {
                // §5.2.5.1: the first answer may be a refusal.
                self.send_cause(MessageType::ReleaseComplete, cause, ctx);
                self.finish(cause, ctx);
            }
            // The link is away: the peer learns of it when it asks (§5.8.10).
            _ if self.t309.is_some() => self.finish(cause, ctx),
            Stage::DisconnectSent => {
                let has_tone = self
                    .timer
                    .is_some_and(|running| running.timer == Timer::T306);
                if has_tone && !with_tone {
                    self.release(cause, ctx);
                }
            }
            Stage::DisconnectReceived => self.release(cause, ctx),
            Stage::ReleaseSent | Stage::Over => {}
            _ => {
                if self.stage == Stage::SetupReceived {
                    // Nothing can be heard before the channel is named.
                    let elements = Elements {
                        channel: self.first_answer(),
                        ..Elements::default()
                    };
                    self.send(MessageType::CallProceeding, elements, ctx);
                }
                let elements = Elements {
                    cause: Some(ctx.cause(cause, &[])),
                    progress: in_band(with_tone, ctx),
                    ..Elements::default()
                };
                self.send(MessageType::Disconnect, elements, ctx);
                self.cause = cause;
                self.t322 = None;
                self.setup = None;
                self.stage = Stage::DisconnectSent;
                let timer = if with_tone { Timer::T306 } else { Timer::T305 };
                self.start(timer, ctx);
            }
        }
    }

    /// RELEASE, as the first clearing message or as the answer to DISCONNECT.
    pub(super) fn release(&mut self, cause: Cause, ctx: &mut Context<'_>) {
        self.send_cause(MessageType::Release, cause, ctx);
        if self.stage != Stage::DisconnectReceived {
            self.cause = cause;
        }
        self.t309 = None;
        self.t322 = None;
        self.setup = None;
        self.stage = Stage::ReleaseSent;
        self.start(Timer::T308, ctx);
    }

    pub(super) fn disconnect_received(
        &mut self,
        message: Message,
        faults: &Faults,
        ctx: &mut Context<'_>,
    ) {
        match self.stage {
            // Both at once (§5.3.5).
            Stage::DisconnectSent => return self.release(self.cause, ctx),
            Stage::DisconnectReceived | Stage::ReleaseSent | Stage::Over => return,
            _ => {}
        }
        let fault = Self::clearing_fault(&message, faults);
        let is_in_band = message.elements.is_in_band() && fault.is_none() && self.channel.is_some();
        let cause = match message.elements.cause {
            Some(element) => element.cause,
            None => Cause::NORMAL_UNSPECIFIED,
        };
        self.cause = cause;
        self.timer = None;
        self.t322 = None;
        self.setup = None;
        ctx.tell(Event::Disconnected {
            call: self.id,
            cause,
            in_band: is_in_band,
            user_user: message.elements.user_user,
        });
        if is_in_band {
            self.stage = Stage::DisconnectReceived;
            // The peer's own timer ends it; should it forget, so does ours.
            self.start(Timer::T306, ctx);
            return;
        }
        self.stage = Stage::DisconnectReceived;
        match fault {
            Some((wrong, element)) => {
                self.tell_fault(MessageType::Disconnect, wrong, element, ctx);
                self.release(wrong, ctx);
            }
            None => self.release(cause, ctx),
        }
    }

    pub(super) fn release_received(
        &mut self,
        message: &Message,
        faults: &Faults,
        ctx: &mut Context<'_>,
    ) {
        let told = message.elements.cause.as_ref().map(|element| element.cause);
        if self.stage == Stage::ReleaseSent {
            // Both at once: neither answers (§5.3.5).
            return self.finish(self.cause, ctx);
        }
        let is_first = !self.stage.is_clearing();
        let cause = match told {
            Some(cause) if is_first => cause,
            None if is_first => Cause::NORMAL_UNSPECIFIED,
            _ => self.cause,
        };
        let elements = match Self::clearing_fault(message, faults) {
            // A cause is needed only in the first clearing message (table 3-10).
            None if is_first && told.is_none() => Elements {
                cause: Some(ctx.cause(Cause::MANDATORY_ELEMENT_MISSING, &[crate::ie::id::CAUSE])),
                ..Elements::default()
            },
            Some((cause, element)) => {
                self.tell_fault(MessageType::Release, cause, element, ctx);
                Elements {
                    cause: Some(ctx.cause(cause, &[element])),
                    ..Elements::default()
                }
            }
            None => Elements::default(),
        };
        self.send(MessageType::ReleaseComplete, elements, ctx);
        self.finish(cause, ctx);
    }

    pub(super) fn release_complete_received(&mut self, message: &Message, ctx: &mut Context<'_>) {
        let told = message.elements.cause.as_ref().map(|element| element.cause);
        let cause = if self.stage.is_clearing() {
            self.cause
        } else {
            told.unwrap_or(Cause::NORMAL_UNSPECIFIED)
        };
        self.finish(cause, ctx);
    }

    /// What is wrong with the elements of DISCONNECT or RELEASE, worst first (§5.8.6, §5.8.7).
    fn clearing_fault(message: &Message, faults: &Faults) -> Option<(Cause, u8)> {
        if let Some(&element) = faults.not_comprehended.first() {
            return Some((Cause::MANDATORY_ELEMENT_MISSING, element));
        }
        if let Some(element) = message.missing(faults) {
            return Some((Cause::MANDATORY_ELEMENT_MISSING, element));
        }
        if let Some(&element) = faults.malformed.first() {
            return Some((Cause::INVALID_ELEMENT_CONTENTS, element));
        }
        let element = *faults.unrecognized.first()?;
        Some((Cause::ELEMENT_UNKNOWN, element))
    }

    /// RESTART has taken the channel (§5.5): nothing is sent.
    pub(crate) fn restarted(&mut self, ctx: &mut Context<'_>) {
        self.finish(Cause::TEMPORARY_FAILURE, ctx);
    }
}
