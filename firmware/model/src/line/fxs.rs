//! Settings of an FXS port: a telephone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Country, ExtensionId,
    problem::{Problems, code},
    text,
};

/// How a telephone is told who calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerIdSending {
    /// Not at all.
    Off,
    /// As the country's exchanges do.
    #[default]
    Country,
    /// By Bell 202 after the first ring (Telcordia GR-30).
    Bell202,
    /// By V.23 after the first ring (ETSI EN 300 659).
    V23,
    /// By V.23 before the first ring, after a reversal of the battery and an alerting tone, as in the United Kingdom.
    V23Reversal,
    /// By keys between `A` and `C` before the first ring.
    Dtmf,
    /// By keys between `A` and `C` before the first ring, after a reversal of the battery.
    DtmfReversal,
}

/// A number that is called when the telephone is lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HotLine {
    /// Whom to call: 1-32 keys.
    pub number: String,
    /// Seconds after which it is called when no key was pressed, 0-15; 0 calls at once.
    pub after_seconds: u8,
}

/// How an FXS port behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FxsSettings {
    /// Whose telephone it is: calls for this extension ring it, and whoever dials on it calls as this extension. Nobody's: it
    /// has no number of the numbering plan.
    pub extension: Option<ExtensionId>,
    /// Whose tones and ringing the telephone gets.
    pub country: Country,
    /// Gain of what comes from the telephone in dB, -12 to 12.
    pub receive_gain: i8,
    /// Gain of what goes to the telephone in dB, -12 to 12.
    pub transmit_gain: i8,
    /// Whether the line's echo is taken out.
    pub echo_cancellation: bool,
    /// How the telephone is told who calls.
    pub caller_id: CallerIdSending,
    /// Ringing: 0 as in the country, 1-5 a distinctive one.
    pub ringing: u8,
    /// Whether the telephone's lamp is told about waiting messages.
    pub message_lamp: bool,
    /// Whether dial tone stutters while messages wait.
    pub stutter_tone: bool,
    /// Whether a second call is told by a tone during a call.
    pub call_waiting: bool,
    /// Shortest opening of the loop that is a recall, milliseconds, 80-1000.
    pub flash_min_ms: u16,
    /// Longest opening of the loop that is a recall, milliseconds, above the shortest up to 1500; 0: there is no recall.
    pub flash_max_ms: u16,
    /// Whether a dial's pulses are read.
    pub pulse_dialling: bool,
    /// For how many milliseconds the feed is cut when the other end has hung up, 0-2000.
    pub disconnect_ms: u16,
    /// Whether the feed is reversed while a call is answered, for telephones that count charges.
    pub reverse_on_answer: bool,
    /// Whether a telephone that is not put down after a call howls.
    pub howler: bool,
    /// A number that is called when the telephone is lifted.
    pub hot_line: Option<HotLine>,
    /// When a number is complete, as a digit map (RFC 3435 §2.1.5); without one, as the numbers of the gateway say.
    pub digit_map: Option<String>,
    /// How long dial tone lasts, seconds, 3-60.
    pub first_key_seconds: u8,
    /// After a pause of so many seconds a number is complete, 1-15.
    pub next_key_seconds: u8,
    /// Whether calls are refused.
    pub do_not_disturb: bool,
}

/// Most characters of a digit map.
const MAX_DIGIT_MAP: usize = 2_048;
/// What digit maps are written with.
const DIGIT_MAP_CHARACTERS: &str = "0123456789*#ABCDabcdXxTt.[]-| ";
/// Keys of a telephone.
const KEYS: &str = "0123456789*#";

impl FxsSettings {
    pub(super) fn check(&self, problems: &mut Problems) {
        let mut between = |field: &str, value: i64, min: i64, max: i64| {
            text::range(problems, field, value, min, max);
        };
        between("receive_gain", self.receive_gain.into(), -12, 12);
        between("transmit_gain", self.transmit_gain.into(), -12, 12);
        between("ringing", self.ringing.into(), 0, 5);
        between("flash_min_ms", self.flash_min_ms.into(), 80, 1_000);
        if self.flash_max_ms != 0 {
            let shortest = i64::from(self.flash_min_ms) + 1;
            between("flash_max_ms", self.flash_max_ms.into(), shortest, 1_500);
        }
        between("disconnect_ms", self.disconnect_ms.into(), 0, 2_000);
        between("first_key_seconds", self.first_key_seconds.into(), 3, 60);
        between("next_key_seconds", self.next_key_seconds.into(), 1, 15);
        if let Some(line) = &self.hot_line {
            between("hot_line.after_seconds", line.after_seconds.into(), 0, 15);
            characters(problems, "hot_line.number", &line.number, KEYS, 32);
        }
        if let Some(map) = &self.digit_map {
            characters(
                problems,
                "digit_map",
                map,
                DIGIT_MAP_CHARACTERS,
                MAX_DIGIT_MAP,
            );
        }
    }
}

/// Checks that there are 1 to `max` characters, all of them allowed.
fn characters(problems: &mut Problems, field: &str, value: &str, allowed: &str, max: usize) {
    let count = value.chars().count();
    if count == 0 {
        problems.add(field, code::REQUIRED, None, "is blank");
    } else if count > max {
        problems.add(
            field,
            code::TOO_LONG,
            Some(&max.to_string()),
            format!("has {count} characters, more than {max}"),
        );
    }
    if let Some(other) = value
        .chars()
        .find(|&character| !allowed.contains(character))
    {
        problems.add(
            field,
            code::CHARACTER,
            Some(allowed),
            format!("`{other}` is none of {allowed}"),
        );
    }
}

impl Default for FxsSettings {
    fn default() -> Self {
        FxsSettings {
            extension: None,
            country: Country::default(),
            receive_gain: 0,
            transmit_gain: 0,
            echo_cancellation: true,
            caller_id: CallerIdSending::default(),
            ringing: 0,
            message_lamp: true,
            stutter_tone: true,
            call_waiting: true,
            flash_min_ms: 80,
            flash_max_ms: 800,
            pulse_dialling: true,
            disconnect_ms: 600,
            reverse_on_answer: false,
            howler: true,
            hot_line: None,
            digit_map: None,
            first_key_seconds: 15,
            next_key_seconds: 3,
            do_not_disturb: false,
        }
    }
}
