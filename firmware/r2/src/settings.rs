//! What the user of a channel chooses.

use std::time::Duration;

use crate::{Cause, Variant};

/// How a line behaves: the country's variant and what differs between operators.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Meanings of the signals.
    pub variant: &'static Variant,
    /// Digits of the called number that an incoming call brings; the number is complete with them.
    /// 1 to [`MAX_DIGITS`](crate::MAX_DIGITS).
    pub max_dnis: u8,
    /// Most digits of the calling number that are asked for; with 0 only the category is.
    pub max_ani: u8,
    /// Ask for the category and the calling number after the first digit of the called number, not
    /// after the last.
    pub ani_first: bool,
    /// Ask for the category and the calling number at all. Without it the category is that of group II.
    pub request_ani: bool,
    /// Accept calls in group A ("set up the speech path") without group B, where the variant has that.
    /// A refusal still goes through group B, so that it can say why.
    pub immediate_accept: bool,
    /// Wait for [`Command::NextDigit`](crate::Command::NextDigit) or
    /// [`Command::DnisComplete`](crate::Command::DnisComplete) after every digit, at most [`Timers::digit`]:
    /// the numbering plan says when a number is complete. The calling side keeps its signal up meanwhile.
    pub overlap: bool,
    /// End answered incoming calls by a forced release (A=0, B=0) instead of a clear-back, so that the
    /// exchange gives the channel back at once instead of after its 30 to 90 s (Brazil).
    pub forced_release: bool,
    /// The exchange acknowledges a seizing by A=0, B=0 instead of A=1, B=1 (Nortel exchanges of CANTV,
    /// openr2 pull request 2). A seizing by both sides at once cannot be told from it then and fails by silence.
    pub zero_seizure_ack: bool,
    /// Answer every call twice: an exchange takes a collect call down then (Brazil).
    pub double_answer: bool,
    /// Interruptions of an answer up to this long are metering pulses; `None` where there are none.
    pub metering_pulse: Option<Duration>,
    /// What an incoming call is told that is refused without more reason ([`Cause::Rejected`]).
    pub refuse_as: Cause,
    /// All times.
    pub timers: Timers,
}

impl Settings {
    /// The usual settings of a variant.
    #[must_use]
    pub fn new(variant: &'static Variant) -> Self {
        let pulse = variant.metering_pulse_ms;
        Settings {
            variant,
            max_dnis: 4,
            max_ani: 20,
            ani_first: variant.ani_first,
            request_ani: true,
            immediate_accept: false,
            overlap: false,
            forced_release: false,
            zero_seizure_ack: false,
            double_answer: false,
            metering_pulse: (pulse > 0).then(|| Duration::from_millis(pulse.into())),
            refuse_as: Cause::Congestion,
            timers: Timers::default(),
        }
    }
}

/// How long everything may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Line bits count after they stood this long: 20 ± 10 ms (Q.412 §2.1.1).
    pub recognition: Duration,
    /// Wait for the acknowledgement of a seizing: 100-200 ms, over a satellite 1-2 s (Q.422 §3.2.2).
    pub seizure_ack: Duration,
    /// A seizing stands at least this long when both sides seized, and idle this long afterwards (Q.422 §3.2.7).
    pub glare: Duration,
    /// A forward register signal is sent at most this long: 15 ± 3 s (Q.476 §5.2.1). Also the most that a backward one is heard.
    pub forward_on: Duration,
    /// Between two forward signals, at least 24 s (Q.476 §5.2.2).
    pub forward_off: Duration,
    /// The called side waits this long for a forward signal to begin: 8-24 s (Q.476 §5.3.1).
    pub backward: Duration,
    /// Silence that ends the called number, where no signal does.
    pub dnis_end: Duration,
    /// Length of a backward signal sent as a pulse: 150 ± 50 ms (Q.442 §4.3.2).
    pub pulse: Duration,
    /// Wait for a decision about a digit, see [`Settings::overlap`].
    pub digit: Duration,
    /// Wait for a decision about a call: less than the other side's [`Timers::forward_on`].
    pub decision: Duration,
    /// Between the end of the register signals and an answer.
    pub answer_delay: Duration,
    /// An outgoing call rings at most this long (Q.118 §2.1.1: 2-4 min).
    pub answer: Duration,
    /// An outgoing call stays up this long after a clear-back (Q.118 §2.1.2: 1-2 min).
    pub clear_back: Duration,
    /// Between a clear-forward and the release-guard that answers it, before the release is complained about.
    pub release_guard: Duration,
    /// Our release-guard follows a clear-forward after this long.
    pub release: Duration,
    /// Wait for the clear-forward after an end of ours, before it is complained about.
    pub clear_forward: Duration,
    /// Bits that mean nothing end a call after this long.
    pub fault: Duration,
    /// An alarm ends a call after this long.
    pub alarm: Duration,
    /// First answer of a double answer.
    pub first_answer: Duration,
    /// Clear-back between both answers.
    pub answer_gap: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Timers {
            recognition: ms(20),
            seizure_ack: ms(2_000),
            glare: ms(100),
            forward_on: ms(15_000),
            forward_off: ms(24_000),
            backward: ms(15_000),
            dnis_end: ms(4_000),
            pulse: ms(150),
            digit: ms(1_000),
            decision: ms(10_000),
            answer_delay: ms(150),
            answer: ms(180_000),
            clear_back: ms(90_000),
            release_guard: ms(10_000),
            release: ms(30),
            clear_forward: ms(120_000),
            fault: ms(2_000),
            alarm: ms(2_000),
            first_answer: ms(400),
            answer_gap: ms(400),
        }
    }
}
