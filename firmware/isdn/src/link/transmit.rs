//! Sending frames, and acknowledgements that come for them.

use std::time::Instant;

use super::frame::{Frame, Supervisory, Unnumbered};
use super::{Link, LinkOutput, LinkState};

impl Link {
    fn transmit(&mut self, frame: &Frame<'_>) {
        self.counters.sent += 1;
        self.output
            .push_back(LinkOutput::Frame(frame.encode(self.role)));
    }

    pub(super) fn send_unnumbered(&mut self, kind: Unnumbered, poll_final: bool) {
        self.transmit(&Frame::Unnumbered { kind, poll_final });
    }

    pub(super) fn send_supervisory(&mut self, kind: Supervisory, command: bool, poll_final: bool) {
        let frame = Frame::Supervisory {
            kind,
            command,
            nr: self.vr,
            poll_final,
        };
        self.transmit(&frame);
        self.acknowledge_pending = false;
    }

    /// "Transmit enquiry" of the state machine.
    pub(super) fn send_enquiry(&mut self, now: Instant) {
        self.send_supervisory(Supervisory::ReceiveReady, true, true);
        self.start_t200(now);
    }

    /// Sends waiting I frames as far as the window goes (Q.921 §5.6.1).
    pub(super) fn send_queued(&mut self, now: Instant) {
        if self.state != LinkState::MultipleFrameEstablished || self.peer_busy {
            return;
        }
        while self.outstanding < usize::from(self.settings.window) {
            let Some(information) = self.queue.get(self.outstanding) else {
                return;
            };
            let frame = Frame::Information {
                ns: self.vs(),
                nr: self.vr,
                poll: false,
                information,
            };
            self.output
                .push_back(LinkOutput::Frame(frame.encode(self.role)));
            self.counters.sent += 1;
            if self.outstanding < self.sent_once {
                self.counters.retransmitted += 1;
            } else {
                self.counters.information_sent += 1;
                self.sent_once += 1;
            }
            self.outstanding += 1;
            self.acknowledge_pending = false;
            if self.t200.is_none() {
                self.t203 = None;
                self.start_t200(now);
            }
        }
    }

    /// Sends what acknowledges received I frames, if no frame since has done so (Q.921 §5.6.2). Called when layer 3 has
    /// had its chance to answer.
    pub(crate) fn acknowledge(&mut self) {
        if self.acknowledge_pending && self.is_up() {
            self.send_supervisory(Supervisory::ReceiveReady, false, false);
        }
    }

    /// V(S): the number of the next I frame.
    pub(super) fn vs(&self) -> u8 {
        // The window is at most 127.
        self.va.wrapping_add(self.outstanding as u8) & 0x7F
    }

    /// How many frames N(R) acknowledges; `None` when it is outside of V(A) to V(S).
    pub(super) fn acknowledged_by(&self, nr: u8) -> Option<usize> {
        let count = usize::from(nr.wrapping_sub(self.va) & 0x7F);
        (count <= self.outstanding).then_some(count)
    }

    /// V(A) = N(R).
    pub(super) fn advance(&mut self, count: usize) {
        self.queue.drain(..count.min(self.queue.len()));
        self.outstanding -= count;
        self.sent_once = self.sent_once.saturating_sub(count);
        self.va = self.va.wrapping_add(count as u8) & 0x7F;
    }

    /// "Invoke retransmission": V(S) = V(A).
    pub(super) fn go_back(&mut self) {
        self.outstanding = 0;
    }
}
