//! Lines: channels clocked by the tick instead of by packets.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use ramal_dsp::{FRAME_SAMPLES, Law, RateHalver};

use crate::player::Frame;
use crate::recording::Tap;
use crate::{Codec, SampleRate};

/// The audio side of a line (DAHDI channel, simulated line): exchanges 20 ms in both directions on
/// every tick of the media thread, or, in a bridge with a stream, whenever the line has said 20 ms. Sound waits for no
/// tick then, and the stream goes by the clock of the line.
pub trait LineAudio: Send {
    /// Gives the line the next 20 ms to send in `transmit` and takes what it received into `receive`,
    /// both A-law. Must not block nor allocate.
    fn exchange(&mut self, transmit: &[u8; FRAME_SAMPLES], receive: &mut [u8; FRAME_SAMPLES]);

    /// A descriptor that changes whenever the line has said 20 ms, as an eventfd does that is written to. It is watched
    /// and never read. Without one the line goes by ticks.
    fn beat(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// How many times 20 ms the line has said that were not exchanged.
    fn waiting(&self) -> usize {
        1
    }

    /// What was exchanged at a beat is all there.
    fn answered(&mut self) {}
}

/// A line whose clock has stood still for so long goes by ticks until it beats again.
const STOPPED: Duration = Duration::from_millis(100);
/// Times 20 ms taken at one beat at most.
const BURST: usize = 16;

/// 20 ms of nothing, A-law.
pub(crate) const SILENCE: [u8; FRAME_SAMPLES] = [Law::A.silence(); FRAME_SAMPLES];

/// A line and what it exchanges.
pub(crate) struct LinePort {
    audio: Box<dyn LineAudio>,
    /// The line's beat, as this line alone has it watched: several may have one clock.
    beat: Option<OwnedFd>,
    /// When it beat last.
    beaten: Option<Instant>,
    /// What it said last.
    pub(crate) received: [u8; FRAME_SAMPLES],
    /// What it is to be sent next, from another line or a room, oldest first. Two frames let both lines
    /// of a bridge be served in either order within a tick.
    waiting: [[u8; FRAME_SAMPLES]; 2],
    filled: usize,
    halver: RateHalver,
    pub(crate) frames: u64,
    /// Copies what is exchanged for a recording.
    pub(crate) tap: Option<Box<Tap>>,
}

impl LinePort {
    pub(crate) fn new(audio: Box<dyn LineAudio>) -> Self {
        // Where the system gives no descriptor the line goes by ticks.
        let beat = audio.beat().and_then(|beat| beat.try_clone_to_owned().ok());
        LinePort {
            audio,
            beat,
            beaten: None,
            received: SILENCE,
            waiting: [SILENCE; 2],
            filled: 0,
            halver: RateHalver::new(),
            frames: 0,
            tap: None,
        }
    }

    /// The descriptor to be watched for the line's beat.
    pub(crate) fn beat(&self) -> Option<&OwnedFd> {
        self.beat.as_ref()
    }

    /// The line has beaten: how often 20 ms are to be exchanged.
    pub(crate) fn beaten(&mut self, now: Instant) -> usize {
        self.beaten = Some(now);
        self.audio.waiting().min(BURST)
    }

    /// When the line beat last, unless its clock stands still.
    pub(crate) fn last_beat(&self, now: Instant) -> Option<Instant> {
        self.beaten
            .filter(|beaten| now.saturating_duration_since(*beaten) < STOPPED)
    }

    /// What was exchanged at a beat is all there.
    pub(crate) fn answered(&mut self) {
        self.audio.answered();
    }

    /// Forgets what was to be sent: the source changes.
    pub(crate) fn interrupt(&mut self) {
        self.filled = 0;
    }

    /// Takes a frame to be sent; when two wait already, the oldest is dropped.
    pub(crate) fn hear(&mut self, frame: &[u8; FRAME_SAMPLES]) {
        if self.filled == self.waiting.len() {
            self.waiting.swap(0, 1);
            self.filled -= 1;
        }
        self.waiting[self.filled] = *frame;
        self.filled += 1;
    }

    /// The same of linear samples at `rate`.
    pub(crate) fn hear_samples(&mut self, samples: &[i16], rate: SampleRate) {
        let mut narrow = [0i16; FRAME_SAMPLES];
        let samples = match rate {
            SampleRate::Narrow => samples,
            SampleRate::Wide => {
                self.halver.process(samples, &mut narrow);
                &narrow
            }
        };
        let mut frame = SILENCE;
        Law::A.encode(samples, &mut frame);
        self.hear(&frame);
    }

    /// Exchanges 20 ms: `played`, or else what waits.
    pub(crate) fn exchange(&mut self, played: Option<Frame<'_>>, now: Instant) {
        let mut transmit = SILENCE;
        if self.filled > 0 {
            transmit = self.waiting[0];
            self.waiting.swap(0, 1);
            self.filled -= 1;
        }
        match played {
            None => {}
            Some(Frame::Silence) => transmit = SILENCE,
            Some(Frame::Encoded(frame) | Frame::Alaw(frame)) => {
                transmit = frame.first_chunk().copied().unwrap_or(SILENCE);
            }
        }
        self.audio.exchange(&transmit, &mut self.received);
        if let Some(tap) = &mut self.tap {
            let timestamp = (self.frames as u32).wrapping_mul(FRAME_SAMPLES as u32);
            tap.received(Codec::Pcma, 0, timestamp, &self.received, now);
            tap.sent(Codec::Pcma, timestamp, &transmit, now);
        }
        self.frames += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that says what it was sent.
    struct Mirror;

    impl LineAudio for Mirror {
        fn exchange(&mut self, transmit: &[u8; FRAME_SAMPLES], receive: &mut [u8; FRAME_SAMPLES]) {
            *receive = *transmit;
        }
    }

    fn sent(line: &mut LinePort) -> u8 {
        line.exchange(None, Instant::now());
        line.received[0]
    }

    #[test]
    fn frames_are_sent_in_order_and_the_oldest_is_dropped() {
        let mut line = LinePort::new(Box::new(Mirror));
        let quiet = Law::A.silence();
        assert_eq!(sent(&mut line), quiet);
        for octet in [1, 2, 3] {
            line.hear(&[octet; FRAME_SAMPLES]);
        }
        assert_eq!([sent(&mut line), sent(&mut line)], [2, 3]);
        assert_eq!(sent(&mut line), quiet);
        line.hear(&[4; FRAME_SAMPLES]);
        let played = Some(Frame::Alaw(&[9; FRAME_SAMPLES]));
        line.exchange(played, Instant::now());
        assert_eq!(line.received[0], 9);
        assert_eq!(sent(&mut line), quiet);
    }

    #[test]
    fn wide_samples_are_sent_at_the_line_s_rate() {
        let mut line = LinePort::new(Box::new(Mirror));
        let mut last = 0;
        for _ in 0..4 {
            line.hear_samples(&[8_000; 320], SampleRate::Wide);
            last = sent(&mut line);
        }
        let mut expected = [0];
        Law::A.encode(&[8_000], &mut expected);
        assert_eq!(last, expected[0]);
    }
}
