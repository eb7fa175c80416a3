//! What a call commands of a SIP leg, and the leg's events.

use std::task::{Context, Poll};

use ramal_dsp::AnswerVerdict;
use ramal_media::{Channel as MediaChannel, Codec, Detected, StreamEvent};
use ramal_model::LegKind;

use super::{SipLeg, State};
use crate::leg::fax::{Fax, FaxOffer};
use crate::leg::{Cause, DigitWay, Leg, LegEvent, MediaFlow, Release};
use crate::sip::{Command, LegKey};

impl Leg for SipLeg {
    fn alert(&mut self) {
        if self.state == State::Calling {
            let sdp = self.early_offer();
            self.send(Command::Progress {
                leg: self.key,
                status: 180,
                sdp,
            });
        }
    }

    fn progress(&mut self, prefer: Option<Codec>) -> Result<(), Cause> {
        if self.state != State::Calling {
            return Ok(());
        }
        if self.negotiation.has_offer() || self.early_answer.is_some() || self.offers_early {
            if self.early_answer.is_none() {
                self.early_answer = Some(self.describe(prefer)?);
            }
            self.send(Command::Progress {
                leg: self.key,
                status: 183,
                sdp: self.early_answer.clone(),
            });
        } else {
            // Without an offer there is nothing to answer before the call itself is (RFC 3261 §13.2.1).
            self.alert();
        }
        Ok(())
    }

    fn hears_refusals(&self) -> bool {
        let early = self.negotiation.has_offer() || self.offers_early;
        self.state == State::Established || early
    }

    fn answer(&mut self, prefer: Option<Codec>) -> Result<(), Cause> {
        if self.state != State::Calling {
            return Ok(());
        }
        let sdp = match self.early_answer.take() {
            Some(answer) => answer,
            None => self.describe(prefer)?,
        };
        self.send(Command::Accept { leg: self.key, sdp });
        self.state = State::Established;
        Ok(())
    }

    fn set_media_flow(&mut self, flow: MediaFlow) {
        self.wanted = flow;
        self.apply();
        self.tell_media_flow();
    }

    fn send_digit(&mut self, digit: char) {
        if self.state != State::Established {
            return;
        }
        match (self.digit_way(), &self.stream) {
            (DigitWay::Events | DigitWay::Tones, Some(stream)) => {
                if let Err(error) = stream.press(digit) {
                    tracing::error!(%error, "cannot press a key in a call");
                }
            }
            _ => self.send(Command::Digit {
                leg: self.key,
                digit,
            }),
        }
    }

    fn offer_fax(&mut self, fax: &Fax) -> bool {
        self.ask_to_fax(fax)
    }

    fn answer_fax(&mut self, offer: FaxOffer, fax: &Fax) {
        self.take_fax(offer, fax);
    }

    fn end_fax(&mut self) {
        self.return_to_voice();
    }

    fn hang_up(&mut self, release: Release) {
        let command = match self.state {
            State::Over => return,
            State::Calling => Command::Reject {
                leg: self.key,
                release,
            },
            State::Ringing | State::Established => Command::HangUp {
                leg: self.key,
                release,
            },
        };
        self.state = State::Over;
        self.send(command);
    }

    fn listen_for_machine(&mut self) {
        self.awaits_machine = true;
        self.listen();
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<LegEvent> {
        loop {
            if self.state == State::Over {
                return Poll::Pending;
            }
            match self.events.poll_recv(context) {
                Poll::Ready(Some(event)) => {
                    if let Some(event) = self.sip_event(event) {
                        return Poll::Ready(event);
                    }
                    continue;
                }
                Poll::Ready(None) => {
                    // The agent gave up on this leg, or has stopped.
                    self.state = State::Over;
                    return Poll::Ready(LegEvent::HungUp(Cause::TEMPORARY_FAILURE));
                }
                Poll::Pending => {}
            }
            let Some(events) = &mut self.stream_events else {
                return Poll::Pending;
            };
            match events.poll_recv(context) {
                Poll::Ready(Some(StreamEvent::MediaTimeout)) => {
                    return Poll::Ready(LegEvent::MediaTimeout);
                }
                Poll::Ready(Some(StreamEvent::Unsecured(fault))) => {
                    return Poll::Ready(LegEvent::Unsecured(fault));
                }
                Poll::Ready(Some(StreamEvent::Digit { digit, .. })) => {
                    return Poll::Ready(LegEvent::MediaDigit(digit));
                }
                Poll::Ready(Some(StreamEvent::Detected(Detected::Key { digit, .. }))) => {
                    return Poll::Ready(LegEvent::ToneDigit(digit));
                }
                Poll::Ready(Some(StreamEvent::Detected(Detected::Answered(
                    AnswerVerdict::Machine { .. } | AnswerVerdict::Beep { .. },
                )))) => {
                    return Poll::Ready(LegEvent::MachineHeard);
                }
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => self.stream_events = None,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn stream(&self) -> Option<&MediaChannel> {
        self.stream.as_deref()
    }

    fn codecs(&self) -> &[Codec] {
        self.negotiation.codecs()
    }

    fn codec(&self) -> Option<Codec> {
        self.negotiation.codec()
    }

    fn encryption(&self) -> Option<&'static str> {
        self.negotiation.encryption()
    }

    fn kind(&self) -> LegKind {
        LegKind::Sip
    }

    fn key(&self) -> Option<LegKey> {
        Some(self.key)
    }

    fn device(&self) -> &str {
        &self.device
    }

    fn digit_way(&self) -> DigitWay {
        self.negotiation.digit_way()
    }

    fn is_private(&self) -> bool {
        self.private
    }
}
