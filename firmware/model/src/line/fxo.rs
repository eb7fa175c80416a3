//! Settings of an FXO port: a line from an exchange.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Country, problem::Problems, text};

/// What caller ID is listened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerIdReception {
    /// Nothing.
    Off,
    /// Every kind at once.
    #[default]
    Auto,
    /// A modem's message by Bell 202 (Telcordia GR-30).
    Bell202,
    /// A modem's message by V.23 (ETSI EN 300 659).
    V23,
    /// Keys.
    Dtmf,
}

/// How numbers are dialled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeySending {
    /// By DTMF.
    #[default]
    Tones,
    /// By pulses, ten a second.
    Pulses,
}

/// What is done about dial tone before dialling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DialToneRule {
    /// Nothing: the number is dialled 800 ms after the line was taken.
    Ignore,
    /// Wait for it, and dial all the same when it does not come.
    #[default]
    Wait,
    /// Wait for it; without it the call goes to another line.
    Require,
}

/// When a call out over the line counts as answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerDetection {
    /// When the exchange reverses the battery.
    #[default]
    Polarity,
    /// When somebody speaks, or the battery is reversed.
    Voice,
    /// Some seconds after dialling, whatever happens.
    AfterDialling,
}

/// What is done with a call from the line that is refused: nothing can be told to the exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCall {
    /// It rings until the caller gives up.
    #[default]
    RingOut,
    /// It is taken, gets busy tone for ten seconds, and is ended. The caller pays.
    AnswerAndTone,
    /// It is taken and ended after a second. The caller pays.
    AnswerAndHangUp,
}

/// A tone of sound and pause that this line's exchange gives when the far end has hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LearnedTone {
    /// Its frequencies in Hz, 200-2000; the second is 0 for a single one.
    pub frequencies: [u16; 2],
    /// Sound in milliseconds, 50-3000.
    pub on_ms: u16,
    /// Pause in milliseconds, 50-3000.
    pub off_ms: u16,
}

impl LearnedTone {
    /// Whether both are one tone, measured twice: within 15 Hz, and 30 ms or an eighth.
    #[must_use]
    pub fn is_like(&self, other: &LearnedTone) -> bool {
        let near = |a: u16, b: u16| a.abs_diff(b) <= (a / 8).max(30);
        let mut pairs = self.frequencies.iter().zip(other.frequencies);
        near(self.on_ms, other.on_ms)
            && near(self.off_ms, other.off_ms)
            && pairs.all(|(a, b)| a.abs_diff(b) <= 15)
    }
}

/// How an FXO port behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FxoSettings {
    /// Whose tones and signals the line has.
    pub country: Country,
    /// Gain of what comes from the line in dB, -12 to 12.
    pub receive_gain: i8,
    /// Gain of what goes to the line in dB, -12 to 12.
    pub transmit_gain: i8,
    /// Whether the line's echo is taken out.
    pub echo_cancellation: bool,
    /// What caller ID is listened for.
    pub caller_id: CallerIdReception,
    /// How numbers are dialled.
    pub dialling: KeySending,
    /// What is done about dial tone.
    pub dial_tone: DialToneRule,
    /// How long dial tone is waited for, seconds, 1-15.
    pub dial_tone_seconds: u8,
    /// When a call counts as answered.
    pub answer: AnswerDetection,
    /// With `answer` after dialling: so many seconds after it, 1-60.
    pub answer_after_seconds: u8,
    /// Whether a reversal of the battery after the answer means that the far end has hung up.
    pub polarity_hang_up: bool,
    /// The far end has hung up when no current flows for so many milliseconds, 60-2000; 0: current says nothing.
    pub loop_interruption_ms: u16,
    /// The far end has hung up when busy tone has been heard so many times, 2-10; 0: busy tone says nothing.
    pub busy_repetitions: u8,
    /// Busy tone of this line, when it is not the country's.
    pub learned_tone: Option<LearnedTone>,
    /// The call is over when nothing has been heard for so many seconds, 10-3600; 0: silence says nothing.
    pub silence_seconds: u16,
    /// How long a recall opens the loop, milliseconds, 50-1000.
    pub flash_ms: u16,
    /// Refuse collect calls by hanging up for a moment after the answer. Works where the exchange ends collect calls
    /// then, as in Brazil; callers who pay hear nothing for two and a half seconds.
    pub refuse_collect_calls: bool,
    /// What is done with a call that is refused.
    pub refused_call: RefusedCall,
}

impl FxoSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut between = |field: &str, value: i64, min: i64, max: i64| {
            text::range(problems, field, value, min, max);
        };
        between("receive_gain", self.receive_gain.into(), -12, 12);
        between("transmit_gain", self.transmit_gain.into(), -12, 12);
        between("dial_tone_seconds", self.dial_tone_seconds.into(), 1, 15);
        between(
            "answer_after_seconds",
            self.answer_after_seconds.into(),
            1,
            60,
        );
        between("flash_ms", self.flash_ms.into(), 50, 1_000);
        // Zero switches these off.
        for (field, value, min, max) in [
            (
                "loop_interruption_ms",
                i64::from(self.loop_interruption_ms),
                60,
                2_000,
            ),
            ("busy_repetitions", self.busy_repetitions.into(), 2, 10),
            ("silence_seconds", self.silence_seconds.into(), 10, 3_600),
        ] {
            if value != 0 {
                between(field, value, min, max);
            }
        }
        if let Some(tone) = self.learned_tone {
            let [first, second] = tone.frequencies;
            between("learned_tone.frequencies", first.into(), 200, 2_000);
            if second != 0 {
                between("learned_tone.frequencies", second.into(), 200, 2_000);
            }
            between("learned_tone.on_ms", tone.on_ms.into(), 50, 3_000);
            between("learned_tone.off_ms", tone.off_ms.into(), 50, 3_000);
        }
    }
}

impl Default for FxoSettings {
    fn default() -> Self {
        FxoSettings {
            country: Country::default(),
            receive_gain: 0,
            transmit_gain: 0,
            echo_cancellation: true,
            caller_id: CallerIdReception::default(),
            dialling: KeySending::default(),
            dial_tone: DialToneRule::default(),
            dial_tone_seconds: 4,
            answer: AnswerDetection::default(),
            answer_after_seconds: 10,
            polarity_hang_up: true,
            loop_interruption_ms: 200,
            busy_repetitions: 2,
            learned_tone: None,
            silence_seconds: 0,
            flash_ms: 300,
            refuse_collect_calls: false,
            refused_call: RefusedCall::default(),
        }
    }
}
