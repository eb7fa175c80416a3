//! The way of a call's sound into the kernel: what there is, as it comes, and no more of it on the way than is needed.

use ramal_dsp::FRAME_SAMPLES;

use super::super::Received;
use super::hardware::SpanChannel;
use crate::audio::DriverAudio;

/// Blocks in the kernel that are enough: one is being sent, one waits, one came early.
const ENOUGH: usize = 3;
/// Rounds after which the queue is judged: 2 s.
const REVIEW: usize = 100;

/// Moves blocks from a call to the kernel.
///
/// Nothing is sent when the call gives nothing: the kernel sends silence then, and what comes later makes the queue as long
/// as the call's jitter needs it. What of it was not needed at any time is left out.
#[derive(Debug, Default)]
pub(super) struct Sender {
    rounds: usize,
    fewest: usize,
}

impl Sender {
    /// Sends what the call has given. False when an event must be fetched first.
    pub(super) fn send(&mut self, audio: &mut DriverAudio, device: &impl SpanChannel) -> bool {
        let waiting = device.waiting_to_send().unwrap_or(0);
        self.fewest = if self.rounds == 0 {
            waiting
        } else {
            self.fewest.min(waiting)
        };
        self.rounds += 1;
        let mut block = [0; FRAME_SAMPLES];
        if self.rounds >= REVIEW {
            self.rounds = 0;
            for _ in ENOUGH..self.fewest {
                audio.take_octets(&mut block);
            }
        }
        while audio.take_octets(&mut block) {
            match device.transmit(&block) {
                Received::Octets(_) => {}
                Received::Event => return false,
                // Full: the block is lost, and with it the delay it would have become.
                Received::Nothing | Received::Gone => return true,
            }
        }
        true
    }
}
