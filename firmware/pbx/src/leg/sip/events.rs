//! What the SIP session of a leg reports, turned into leg events.

use ramal_sip::{EndCause, HeaderName, Headers, StatusCode};

use super::fax::FaxState;
use super::{SipLeg, State};
use crate::leg::{Cause, Leg, LegEvent, MediaFlow, Release, from_reason_header};
use crate::sip::{Command, SipEvent};

impl SipLeg {
    /// Takes an event of the session; gives what the call has to know of it.
    pub(super) fn sip_event(&mut self, event: SipEvent) -> Option<LegEvent> {
        match event {
            SipEvent::Connecting => Some(LegEvent::Searching),
            SipEvent::Sending { from } => {
                self.negotiation.set_address(from);
                Some(LegEvent::Searching)
            }
            SipEvent::Trying => Some(LegEvent::Proceeding),
            SipEvent::Progress { status, sdp } => match sdp {
                Some(sdp) if self.negotiation.is_offering() => {
                    self.negotiation.take_answer(&sdp).ok()?;
                    self.apply();
                    Some(LegEvent::Progress)
                }
                _ if status == StatusCode::RINGING || status == StatusCode::SESSION_PROGRESS => {
                    Some(LegEvent::Ringing)
                }
                _ => None,
            },
            SipEvent::Answered { sdp } => self.answered(sdp.as_deref()),
            SipEvent::Rejected { status, .. } if is_media(status) && self.insist() => {
                Some(LegEvent::Searching)
            }
            SipEvent::Rejected { status, headers } => {
                self.state = State::Over;
                let cause =
                    reason(&headers).unwrap_or_else(|| Cause::from_sip_status(status.code()));
                Some(LegEvent::Rejected(cause))
            }
            SipEvent::Confirmed { sdp } => {
                if let Some(sdp) = sdp {
                    if let Err(cause) = self.negotiation.take_answer(&sdp) {
                        return Some(self.give_up(cause));
                    }
                    self.apply();
                }
                self.tell_media_flow();
                None
            }
            SipEvent::Offer { sdp } => self.offered(sdp.as_deref()),
            SipEvent::OfferWithdrawn => {
                self.negotiation.forget_offer();
                self.tell_media_flow();
                None
            }
            SipEvent::OfferAnswered { sdp } if self.fax == FaxState::Offering => {
                Some(self.fax_answered(Some(&sdp)))
            }
            SipEvent::OfferRefused if self.fax == FaxState::Offering => {
                Some(self.fax_answered(None))
            }
            SipEvent::OfferAnswered { sdp } => {
                // An answer that makes no sense leaves things as they were.
                if self.negotiation.take_answer(&sdp).is_ok() {
                    self.apply();
                }
                // The answer is to what the phone was told before; only then may it be told something else.
                let wish = self.wish();
                self.tell_media_flow();
                wish
            }
            SipEvent::OfferRefused => {
                self.negotiation.forget_offer();
                None
            }
            SipEvent::Digit(digit) => Some(LegEvent::Digit(digit)),
            SipEvent::Refer {
                refer,
                target,
                join,
            } => Some(LegEvent::Transfer(Box::new(
                self.lines.transfer(refer, target, join),
            ))),
            SipEvent::Replaced(newcomer) => Some(LegEvent::Replaced(newcomer)),
            SipEvent::Joined(newcomer) => Some(LegEvent::Joined(newcomer)),
            SipEvent::Ended { cause, headers } => {
                self.state = State::Over;
                let cause = reason(&headers).unwrap_or(match cause {
                    EndCause::AckTimeout | EndCause::Timeout | EndCause::Expired => {
                        Cause::RECOVERY_ON_TIMER_EXPIRY
                    }
                    EndCause::FlowFailed => Cause::DESTINATION_OUT_OF_ORDER,
                    EndCause::DialogGone => Cause::NORMAL_UNSPECIFIED,
                    _ => Cause::NORMAL_CLEARING,
                });
                Some(LegEvent::HungUp(cause))
            }
        }
    }

    /// The phone has taken the call.
    fn answered(&mut self, sdp: Option<&[u8]>) -> Option<LegEvent> {
        if let Some(sdp) = sdp
            && let Err(cause) = self.negotiation.take_answer(sdp)
        {
            return Some(self.give_up(cause));
        }
        if self.negotiation.codec().is_none() {
            // Answered without ever saying how to send media.
            return Some(self.give_up(Cause::BEARER_CAPABILITY_NOT_IMPLEMENTED));
        }
        self.apply();
        self.state = State::Established;
        Some(LegEvent::Answered)
    }

    /// The phone wants to change the media: hold, resume, another address or codec.
    fn offered(&mut self, sdp: Option<&[u8]>) -> Option<LegEvent> {
        if let Some(fax) = sdp.and_then(|sdp| self.negotiation.take_fax_offer(sdp)) {
            return Some(self.fax_offered(fax));
        }
        let port = self.port();
        self.told = self.wanted;
        let answer = match sdp {
            Some(sdp) => self.negotiation.take_offer(sdp).and_then(|()| {
                self.negotiation
                    .answer(self.negotiation.codec(), self.wanted, port)
            }),
            None => {
                let codecs: Vec<_> = self.negotiation.codec().into_iter().collect();
                Ok(self.negotiation.offer(&codecs, self.wanted, port))
            }
        };
        match answer {
            Ok(sdp) => {
                self.send(Command::AnswerOffer { leg: self.key, sdp });
                if self.fax == FaxState::Faxing {
                    self.fax = FaxState::Voice;
                    self.apply();
                    return Some(LegEvent::FaxEnded);
                }
                self.apply();
                self.wish()
            }
            Err(cause) => {
                self.send(Command::RefuseOffer {
                    leg: self.key,
                    status: cause.sip_status(),
                });
                None
            }
        }
    }

    /// Whether the phone itself now wants media to flow otherwise than before. What it does not do because it was told
    /// so is not its wish.
    fn wish(&mut self) -> Option<LegEvent> {
        let far = self.negotiation.far();
        let wish = MediaFlow {
            send: far.send || !self.told.send,
            receive: far.receive || !self.told.receive,
        };
        (std::mem::replace(&mut self.wished, wish) != wish).then_some(LegEvent::MediaFlow(wish))
    }

    /// Ends a leg whose media cannot be agreed.
    fn give_up(&mut self, cause: Cause) -> LegEvent {
        let answered = self.state == State::Established;
        self.hang_up(Release::Cause(cause));
        if answered {
            LegEvent::HungUp(cause)
        } else {
            LegEvent::Rejected(cause)
        }
    }
}

/// Whether a refusal is of the media offered (RFC 3261 §21.4.26, §21.6.4).
fn is_media(status: StatusCode) -> bool {
    matches!(status.code(), 488 | 606)
}

/// The cause a `Reason` header names.
fn reason(headers: &Headers) -> Option<Cause> {
    headers
        .get_all(&HeaderName::Reason)
        .find_map(|value| from_reason_header(std::str::from_utf8(value).ok()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::advertise::OuterAddress;
    use crate::queue::queue;
    use bytes::Bytes;
    use ramal_media::{Codec, Engine, EngineConfig, Multiplexing, PromptLibrary};
    use tokio::sync::mpsc;

    use super::super::{MediaSettings, SipLines};
    use super::*;

    /// What a leg is told when the other end holds: it may only listen.
    const HELD: MediaFlow = MediaFlow {
        send: true,
        receive: false,
    };

    /// An established leg whose phone sends and receives, and what the leg has the agent do.
    fn established() -> (SipLeg, mpsc::Receiver<Command>) {
        let (commands, sent) = mpsc::channel(8);
        let engine = Engine::start(EngineConfig {
            bind: [127, 0, 0, 1].into(),
            ports: 30_000..=30_001,
            threads: 1,
            prompts: Arc::new(PromptLibrary::default()),
            multiplexing: Multiplexing::default(),
        })
        .unwrap();
        let lines = SipLines::new(commands, engine, OuterAddress::default());
        let key = lines.key();
        let (_, events) = queue(1);
        let mut leg = SipLeg::new(
            lines,
            key,
            [127, 0, 0, 1].into(),
            events,
            String::new(),
            MediaSettings::default(),
        );
        leg.negotiation
            .offer(&[Codec::Pcma], MediaFlow::BOTH, 30_000);
        leg.negotiation.take_answer(&described("sendrecv")).unwrap();
        leg.state = State::Established;
        (leg, sent)
    }

    fn described(direction: &str) -> Bytes {
        format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 8\r\na={direction}\r\n"
        )
        .into()
    }

    #[test]
    fn a_phone_that_obeys_a_hold_does_not_hold_itself_even_if_resumed_meanwhile() {
        let (mut leg, mut sent) = established();
        leg.set_media_flow(HELD);
        assert!(matches!(sent.try_recv(), Ok(Command::Offer { .. })));
        // The other end resumes before the phone has answered.
        leg.set_media_flow(MediaFlow::BOTH);
        assert!(sent.try_recv().is_err(), "one offer at a time");
        let event = leg.sip_event(SipEvent::OfferAnswered {
            sdp: described("recvonly"),
        });
        assert!(event.is_none(), "{event:?}");
        assert!(matches!(sent.try_recv(), Ok(Command::Offer { .. })));
        let event = leg.sip_event(SipEvent::OfferAnswered {
            sdp: described("sendrecv"),
        });
        assert!(event.is_none(), "{event:?}");
        // A phone that holds on its own account still does.
        leg.set_media_flow(HELD);
        leg.set_media_flow(MediaFlow::BOTH);
        let event = leg.sip_event(SipEvent::OfferAnswered {
            sdp: described("inactive"),
        });
        assert!(
            matches!(event, Some(LegEvent::MediaFlow(flow)) if !flow.send),
            "{event:?}"
        );
    }
}
