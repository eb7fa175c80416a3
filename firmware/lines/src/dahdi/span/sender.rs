//! The way of a call's sound into the kernel: what there is, as it comes, and no more of it on the way than is needed.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use ramal_dsp::FRAME_SAMPLES;

use super::super::Received;
use super::echo::LineEcho;
use super::hardware::SpanChannel;
use crate::audio::DriverAudio;

/// Blocks in the kernel that are enough beside the one that is being sent: one waits, one came early.
const ENOUGH: usize = 2;
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
    /// Blocks to be left out.
    spare: usize,
    /// Blocks that lie in the kernel: it does not tell (`DAHDI_GET_BUFINFO` answers -1), but takes one for each that comes.
    queued: usize,
    echo: Option<Box<LineEcho>>,
}

impl Sender {
    /// For a new call, whose far end's echo is taken out or not.
    pub(super) fn new(cancels_echo: bool) -> Self {
        Self {
            echo: cancels_echo.then(|| Box::new(LineEcho::new())),
            ..Self::default()
        }
    }

    /// The echo is taken out by somebody else from now on.
    pub(super) fn leave_echo(&mut self) {
        self.echo = None;
    }

    /// A block has come, and its echo of what was sent is taken out. The line has taken one meanwhile, and what is left is
    /// looked at before more is sent.
    pub(super) fn came(&mut self, block: &mut [u8; FRAME_SAMPLES]) {
        self.queued = self.queued.saturating_sub(1);
        if let Some(echo) = &mut self.echo {
            echo.clean(block);
        }
        let waiting = self.queued;
        self.fewest = if self.rounds == 0 {
            waiting
        } else {
            self.fewest.min(waiting)
        };
        self.rounds += 1;
        if self.rounds >= REVIEW {
            self.rounds = 0;
            self.spare += self.fewest.saturating_sub(ENOUGH);
        }
    }

    /// Sends what the call has given. False when an event must be fetched first.
    pub(super) fn send(&mut self, audio: &mut DriverAudio, device: &impl SpanChannel) -> bool {
        let mut block = [0; FRAME_SAMPLES];
        while self.spare > 0 && audio.take_octets(&mut block) {
            self.spare -= 1;
        }
        while audio.take_octets(&mut block) {
            match device.transmit(&block) {
                Received::Octets(_) => {
                    self.queued += 1;
                    if let Some(echo) = &mut self.echo {
                        echo.sent(&block);
                    }
                }
                Received::Event => return false,
                // Full: the block is lost, and with it the delay it would have become.
                Received::Nothing | Received::Gone => return true,
            }
        }
        true
    }
}

/// Has `epoll` tell, under the timeslot's number, when its call has said something: it is sent at once then, and otherwise
/// with the next block that comes from the line. It stays watched over all calls of a timeslot.
pub(super) fn watch_answers(epoll: &Epoll, audio: &DriverAudio, timeslot: u8) {
    let Some(answers) = audio.answers() else {
        return;
    };
    let interest = EpollEvent::new(
        EpollFlags::EPOLLIN | EpollFlags::EPOLLET,
        u64::from(timeslot),
    );
    match epoll.add(answers, interest) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => tracing::warn!(%error, timeslot, "the sound of a timeslot is sent late"),
    }
}
