//! Frames from the peer, state by state (Q.921 §5.5 to §5.8, annex B).

use std::time::Instant;

use super::frame::{Frame, FrameError, Supervisory, Unnumbered};
use super::{Link, LinkError, LinkOutput, LinkState};

impl Link {
    /// PH-DATA indication: a frame without its check sequence.
    pub(crate) fn receive(&mut self, octets: &[u8], now: Instant) {
        self.counters.received += 1;
        match Frame::parse(octets, self.role) {
            Ok(Frame::Unnumbered { kind, poll_final }) => match kind {
                Unnumbered::Sabme => self.sabme(poll_final, now),
                Unnumbered::Disconnect => self.disc(poll_final),
                Unnumbered::Acknowledgement => self.ua(poll_final, now),
                Unnumbered::DisconnectedMode => self.dm(poll_final, now),
                Unnumbered::FrameReject => {
                    self.reestablish_for(LinkError::FrameRejectReceived, now)
                }
            },
            Ok(Frame::Supervisory {
                kind,
                command,
                nr,
                poll_final,
            }) => self.supervisory(kind, command, nr, poll_final, now),
            Ok(Frame::Information {
                ns,
                nr,
                poll,
                information,
            }) => self.information(ns, nr, poll, information, now),
            Err(FrameError::Invalid | FrameError::NotForUs) => self.counters.discarded += 1,
            // The link would only flap: such frames say nothing about ours.
            Err(FrameError::SameRole) => self.error(LinkError::SameRole),
            Err(FrameError::Undefined) => self.reestablish_for(LinkError::UndefinedFrame, now),
            Err(FrameError::UnexpectedInformation) => {
                self.reestablish_for(LinkError::UnexpectedInformation, now);
            }
        }
    }

    /// An error that ends what was going on (§5.8.5, §5.8.6): the link begins anew.
    fn reestablish_for(&mut self, error: LinkError, now: Instant) {
        if !self.is_up() {
            self.counters.discarded += 1;
            return;
        }
        self.error(error);
        self.layer_3_initiated = false;
        self.start_establishing(now);
    }

    fn sabme(&mut self, poll: bool, now: Instant) {
        match self.state {
            LinkState::AwaitingRelease => self.send_unnumbered(Unnumbered::DisconnectedMode, poll),
            // Both ask at once: each answers and waits for its own answer (§5.5.1.2).
            LinkState::AwaitingEstablishment => {
                self.send_unnumbered(Unnumbered::Acknowledgement, poll);
            }
            LinkState::TeiAssigned => {
                self.send_unnumbered(Unnumbered::Acknowledgement, poll);
                self.clear_exceptions();
                self.become_established(now);
                self.output
                    .push_back(LinkOutput::Established { was_up: false });
            }
            LinkState::MultipleFrameEstablished | LinkState::TimerRecovery => {
                self.send_unnumbered(Unnumbered::Acknowledgement, poll);
                self.clear_exceptions();
                self.error(LinkError::PeerReestablished);
                self.discard_queue();
                self.become_established(now);
                // The peer may have lost what it had not acknowledged, even when we have nothing outstanding.
                self.output
                    .push_back(LinkOutput::Established { was_up: true });
            }
        }
    }

    fn disc(&mut self, poll: bool) {
        match self.state {
            LinkState::TeiAssigned | LinkState::AwaitingEstablishment => {
                self.send_unnumbered(Unnumbered::DisconnectedMode, poll);
            }
            LinkState::AwaitingRelease => self.send_unnumbered(Unnumbered::Acknowledgement, poll),
            LinkState::MultipleFrameEstablished | LinkState::TimerRecovery => {
                self.discard_queue();
                self.send_unnumbered(Unnumbered::Acknowledgement, poll);
                self.become_released();
            }
        }
    }

    fn ua(&mut self, last: bool, now: Instant) {
        match (self.state, last) {
            (LinkState::AwaitingEstablishment, true) => {
                let output = if self.layer_3_initiated {
                    self.layer_3_initiated = false;
                    LinkOutput::Confirmed
                } else {
                    // What was waiting unsent is still good; what was sent may have arrived or not.
                    self.queue.drain(..self.sent_once.min(self.queue.len()));
                    LinkOutput::Established { was_up: true }
                };
                self.become_established(now);
                self.output.push_back(output);
                self.send_queued(now);
            }
            (LinkState::AwaitingRelease, true) => self.become_released(),
            (_, true) => self.error(LinkError::UnsolicitedUaFinal),
            (_, false) => self.error(LinkError::UnsolicitedUa),
        }
    }

    fn dm(&mut self, last: bool, now: Instant) {
        match (self.state, last) {
            (LinkState::AwaitingEstablishment, true) => {
                self.discard_queue();
                self.become_released();
            }
            (LinkState::AwaitingRelease, true) => self.become_released(),
            (LinkState::AwaitingEstablishment | LinkState::AwaitingRelease, false)
            | (LinkState::TeiAssigned, true) => {}
            // The peer asks for a link (§5.5.4).
            (LinkState::TeiAssigned, false) => {
                self.layer_3_initiated = true;
                self.start_establishing(now);
            }
            (LinkState::MultipleFrameEstablished, true) => {
                self.error(LinkError::UnsolicitedDmFinal);
            }
            (LinkState::TimerRecovery, true) => {
                self.reestablish_for(LinkError::UnsolicitedDmFinal, now);
            }
            (LinkState::MultipleFrameEstablished | LinkState::TimerRecovery, false) => {
                self.reestablish_for(LinkError::UnsolicitedDm, now);
            }
        }
    }

    fn supervisory(
        &mut self,
        kind: Supervisory,
        command: bool,
        nr: u8,
        poll_final: bool,
        now: Instant,
    ) {
        if !self.is_up() {
            self.counters.discarded += 1;
            return;
        }
        self.peer_busy = kind == Supervisory::ReceiveNotReady;
        if kind == Supervisory::Reject {
            self.counters.rejects_received += 1;
        }
        if command && poll_final {
            // "Enquiry response".
            self.send_supervisory(Supervisory::ReceiveReady, false, true);
        }
        let answers_enquiry = !command && poll_final;
        if answers_enquiry && self.state == LinkState::MultipleFrameEstablished {
            self.error(LinkError::UnsolicitedSupervisory);
        }
        let Some(count) = self.acknowledged_by(nr) else {
            return self.reestablish_for(LinkError::NrError, now);
        };
        match self.state {
            LinkState::TimerRecovery if answers_enquiry => {
                self.advance(count);
                self.go_back();
                if self.peer_busy {
                    self.start_t200(now);
                } else {
                    self.t200 = None;
                    self.t203 = Some(now + self.settings.t203);
                }
                self.state = LinkState::MultipleFrameEstablished;
            }
            LinkState::TimerRecovery => self.advance(count),
            _ => match kind {
                Supervisory::ReceiveReady => self.acknowledged(count, now),
                Supervisory::ReceiveNotReady => {
                    self.advance(count);
                    self.t203 = None;
                    self.start_t200(now);
                }
                Supervisory::Reject => {
                    self.advance(count);
                    self.go_back();
                    self.t200 = None;
                    self.t203 = Some(now + self.settings.t203);
                }
            },
        }
        self.send_queued(now);
    }

    /// State 7: what N(R) means for frames and timers.
    fn acknowledged(&mut self, count: usize, now: Instant) {
        self.advance(count);
        if self.outstanding == 0 {
            self.t200 = None;
            self.t203 = Some(now + self.settings.t203);
        } else if count > 0 {
            self.start_t200(now);
        }
    }

    fn information(&mut self, ns: u8, nr: u8, poll: bool, information: &[u8], now: Instant) {
        if !self.is_up() {
            self.counters.discarded += 1;
            return;
        }
        if information.len() > self.settings.n201 {
            return self.reestablish_for(LinkError::TooLong, now);
        }
        if ns == self.vr {
            self.vr = (self.vr + 1) & 0x7F;
            self.reject_exception = false;
            self.counters.information_received += 1;
            self.output
                .push_back(LinkOutput::Data(information.to_vec()));
            if poll {
                self.send_supervisory(Supervisory::ReceiveReady, false, true);
            } else {
                self.acknowledge_pending = true;
            }
        } else {
            self.counters.out_of_sequence += 1;
            if !self.reject_exception {
                self.reject_exception = true;
                self.send_supervisory(Supervisory::Reject, false, poll);
            } else if poll {
                self.send_supervisory(Supervisory::ReceiveReady, false, true);
            }
        }
        let Some(count) = self.acknowledged_by(nr) else {
            return self.reestablish_for(LinkError::NrError, now);
        };
        if self.state == LinkState::TimerRecovery || self.peer_busy {
            self.advance(count);
        } else {
            self.acknowledged(count, now);
        }
        self.send_queued(now);
    }
}
