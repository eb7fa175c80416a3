//! The automatic test of a line to an exchange: what is asked for, what was found, and which settings follow from it.

use ramal_analog::{LineFinding, LineTestFault, LineTestStep};
use ramal_dsp::{CadencedTone, CountryTones};
use ramal_model::{AnswerDetection, Country, DialToneRule, FxoSettings, KeySending, LearnedTone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::CallerId;

/// A measured frequency may be off by so much, Hz.
const FREQUENCY_TOLERANCE: f64 = 15.0;
/// Dial tone this far from what the country's exchanges send needs no gain, dB (ITU-T E.180 §3: -10 dBm0, -15 to -5).
const LEVEL_TOLERANCE: f32 = 5.0;
/// Most gain that a test recommends, dB.
const MOST_GAIN: f32 = 6.0;
/// Echo return loss that has to be left after both gains, dB, so that nothing howls.
const STABILITY: f32 = 6.0;

/// How a test is to hear the end of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum HangUpSource {
    /// Not at all: only what the line itself tells is measured.
    #[default]
    Nothing,
    /// By a call to another line of this gateway, which takes it and hangs up. Tells the most.
    Port {
        /// Name of the other port, such as `FXO 2`.
        port: String,
        /// Number of its line, as this line has to dial it.
        number: String,
    },
    /// By a call to a number that is busy, or that answers and hangs up.
    Number {
        /// As this line has to dial it.
        number: String,
    },
    /// By a call that somebody makes to this line within two minutes; he hangs up after it was taken.
    IncomingCall,
}

/// How a line is to be tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LineTestRequest {
    /// Whether the port gets the settings that follow from what was found. Without faults only.
    pub apply: bool,
    /// A key after which the exchange waits for more without a sound: `0`-`9`, `*` or `#`.
    pub quiet_key: char,
    /// How the end of a call is to be heard.
    pub hang_up: HangUpSource,
}

impl Default for LineTestRequest {
    fn default() -> Self {
        LineTestRequest {
            apply: false,
            quiet_key: '5',
            hang_up: HangUpSource::Nothing,
        }
    }
}

/// What a test is about at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestStep {
    /// Waits for dial tone.
    DialTone,
    /// Makes the exchange wait in silence.
    Silence,
    /// Measures echo.
    Echo,
    /// Calls.
    Calling,
    /// Waits to be called.
    WaitingForCall,
    /// Waits for the far end to hang up.
    HangUp,
}

impl From<LineTestStep> for TestStep {
    fn from(step: LineTestStep) -> Self {
        match step {
            LineTestStep::DialTone => TestStep::DialTone,
            LineTestStep::Silence => TestStep::Silence,
            LineTestStep::Echo => TestStep::Echo,
            LineTestStep::Calling => TestStep::Calling,
            LineTestStep::WaitingForCall => TestStep::WaitingForCall,
            LineTestStep::HangUp => TestStep::HangUp,
        }
    }
}

/// What a test tells while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LineTestNews {
    /// It has got so far.
    Step(LineTestStep),
    /// Something was found.
    Found(LineFinding),
    /// Something is wrong.
    Trouble(LineTestFault),
    /// It is over.
    Finished,
}

/// Something that is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineTrouble {
    /// The card is in alarm or gone.
    Hardware,
    /// There is no battery.
    NoBattery,
    /// There is battery, and no current flows in the closed loop.
    NoCurrent,
    /// Somebody called during the test.
    Rings,
    /// The exchange is silent.
    NoDialTone,
    /// The exchange gives another tone than dial tone.
    OtherTone,
    /// Dial tone goes on whatever is dialled.
    KeysNotTaken,
    /// The line is not silent when it should be, so its echo is not known.
    Disturbed,
    /// Nobody has called.
    NobodyCalled,
    /// The other port did not ring.
    PartnerNotReached,
    /// The other port was in use.
    PartnerBusy,
    /// No tone was heard after the call.
    NoHangUpTone,
    /// It was stopped.
    Stopped,
    /// The settings could not be saved.
    NotSaved,
}

impl From<LineTestFault> for LineTrouble {
    fn from(fault: LineTestFault) -> Self {
        match fault {
            LineTestFault::Hardware => LineTrouble::Hardware,
            LineTestFault::NoBattery => LineTrouble::NoBattery,
            LineTestFault::NoCurrent => LineTrouble::NoCurrent,
            LineTestFault::Rings => LineTrouble::Rings,
            LineTestFault::NoDialTone => LineTrouble::NoDialTone,
            LineTestFault::OtherTone => LineTrouble::OtherTone,
            LineTestFault::KeysNotTaken => LineTrouble::KeysNotTaken,
            LineTestFault::Disturbed => LineTrouble::Disturbed,
            LineTestFault::NobodyCalled => LineTrouble::NobodyCalled,
            LineTestFault::NoHangUpTone => LineTrouble::NoHangUpTone,
            LineTestFault::Stopped => LineTrouble::Stopped,
        }
    }
}

impl LineTrouble {
    /// What is to be done about it.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            LineTrouble::Hardware => {
                "The card of this port is in alarm or gone: check that it sits in its slot and that its driver is loaded."
            }
            LineTrouble::NoBattery => {
                "There is no voltage on the line: check the plug and the cable; if a telephone is dead on it, too, tell the carrier."
            }
            LineTrouble::NoCurrent => {
                "There is voltage but no current when the line is taken: check the cable for a bad contact, and that no \
                 telephone or alarm panel is in front of the gateway; if a telephone does not work either, tell the carrier."
            }
            LineTrouble::Rings => {
                "Somebody called during the test, and the call was let through: test again later."
            }
            LineTrouble::NoDialTone => {
                "The line was taken and the exchange stayed silent for 10 seconds: try a telephone on it; if it is \
                 silent, too, tell the carrier, otherwise check the cable between socket and gateway."
            }
            LineTrouble::OtherTone => {
                "The exchange gives another tone than dial tone: the line may be blocked or out of service, or a device \
                 before the gateway has it; try a telephone on it."
            }
            LineTrouble::KeysNotTaken => {
                "Dial tone goes on whatever is dialled: choose another quiet key that begins a number here, and check \
                 that the line may make calls."
            }
            LineTrouble::Disturbed => {
                "Something is heard on the line when it should be silent, so its echo could not be measured: choose a \
                 quiet key after which the exchange says nothing, and check for hum or a radio station on the line."
            }
            LineTrouble::NobodyCalled => {
                "Nobody called the line within two minutes: start the test again and call it from a mobile telephone."
            }
            LineTrouble::PartnerNotReached => {
                "The other port did not ring: check that the number is that of its line, and that both lines work."
            }
            LineTrouble::PartnerBusy => {
                "The other port was in use: test again when it is free, or choose another one."
            }
            LineTrouble::NoHangUpTone => {
                "No repeated tone was heard within 20 seconds after the call: if the line shows polarity or an \
                 interruption that is enough; otherwise set the silence after which calls end."
            }
            LineTrouble::Stopped => "The test was stopped: start it again.",
            LineTrouble::NotSaved => {
                "What was found could not be saved as the port's settings: look into the log and save them by hand."
            }
        }
    }

    /// Whether nothing that was found may be trusted to set the port by.
    fn is_fatal(self) -> bool {
        !matches!(
            self,
            LineTrouble::Disturbed
                | LineTrouble::NobodyCalled
                | LineTrouble::PartnerNotReached
                | LineTrouble::PartnerBusy
                | LineTrouble::NoHangUpTone
        )
    }
}

/// A fault with what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TroubleReport {
    /// What is wrong.
    pub trouble: LineTrouble,
    /// What to do, in English.
    #[schema(value_type = String)]
    pub advice: &'static str,
}

/// Dial tone as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct DialToneReport {
    /// In Hz; the second is 0 for a single one.
    pub frequencies: [u16; 2],
    /// Level in dBm0, without the port's gain.
    pub level: f32,
    /// From the taking of the line to the tone, milliseconds.
    pub after_ms: u32,
    /// Whether it is the one of the port's country.
    pub of_country: bool,
}

/// Echo as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct EchoReport {
    /// Echo return loss in dB; 50 means that or more.
    pub return_loss: f32,
    /// When most of it comes back, milliseconds.
    pub delay_ms: f32,
}

/// The tone after the far end has hung up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct HangUpToneReport {
    /// Frequencies and rhythm.
    pub tone: LearnedTone,
    /// Level in dBm0, without the port's gain.
    pub level: f32,
    /// Whether it is busy or congestion tone of the port's country.
    pub of_country: bool,
}

/// What a test has found out about a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct LineTestReport {
    /// Dial tone; none when it did not come.
    pub dial_tone: Option<DialToneReport>,
    /// Whether the exchange takes keys as tones (true) or only as pulses.
    pub takes_tones: Option<bool>,
    /// Level of the silent line in dBm0.
    pub noise: Option<f32>,
    /// The line's echo.
    pub echo: Option<EchoReport>,
    /// Whether the far end has answered for sure: the other port did.
    pub answered: bool,
    /// Whether the battery was reversed when the far end answered.
    pub answer_reversal: bool,
    /// Whether the battery was reversed when the far end hung up.
    pub hang_up_reversal: bool,
    /// Whether the current was cut when the far end hung up.
    pub loop_interruption: bool,
    /// For how long, milliseconds, where that was seen.
    pub loop_interruption_ms: Option<u32>,
    /// The tone after the far end has hung up.
    pub hang_up_tone: Option<HangUpToneReport>,
    /// Who called, where the test took a call and the exchange said so.
    pub caller: Option<CallerId>,
    /// What is wrong, with what to do.
    pub troubles: Vec<TroubleReport>,
}

fn hertz(frequencies: [f32; 2]) -> [u16; 2] {
    frequencies.map(|frequency| frequency.round().clamp(0.0, 4_000.0) as u16)
}

fn one_digit(value: f32) -> f32 {
    (value * 10.0).round() / 10.0
}

/// Whether the frequencies are those of a tone's first sound.
fn sounds_like(frequencies: [f32; 2], tone: &CadencedTone) -> bool {
    let mut expected = [0.0; 2];
    let of_tone = tone.steps.first().map_or(&[][..], |step| step.frequencies);
    for (place, frequency) in expected.iter_mut().zip(of_tone) {
        *place = *frequency;
    }
    if expected[1] > 0.0 {
        expected.sort_by(f64::total_cmp);
    }
    frequencies
        .iter()
        .zip(expected)
        .all(|(heard, expected)| (f64::from(*heard) - expected).abs() <= FREQUENCY_TOLERANCE)
}

fn beats_like(on_ms: u32, off_ms: u32, tone: &CadencedTone) -> bool {
    let near = |heard: u32, expected: u32| heard.abs_diff(expected) <= (expected / 8).max(30);
    matches!(tone.steps, [on, off] if near(on_ms, on.milliseconds) && near(off_ms, off.milliseconds))
}

fn tones(country: Country) -> &'static CountryTones {
    CountryTones::of(country.code()).unwrap_or(CountryTones::recommended())
}

/// Level of a country's dial tone in dBm0, all frequencies together.
fn nominal_level(country: Country) -> f32 {
    let dial = tones(country).dial;
    let count = dial.steps.first().map_or(1, |step| step.frequencies.len());
    (dial.level + 10.0 * (count.max(1) as f64).log10()) as f32
}

impl LineTestReport {
    /// Takes in what was found on a line of this country.
    pub fn note(&mut self, finding: &LineFinding, country: Country) {
        let tones = tones(country);
        match *finding {
            LineFinding::DialTone {
                frequencies,
                level,
                after,
            } => {
                self.dial_tone = Some(DialToneReport {
                    frequencies: hertz(frequencies),
                    level: one_digit(level),
                    after_ms: u32::try_from(after.as_millis()).unwrap_or(u32::MAX),
                    of_country: sounds_like(frequencies, &tones.dial),
                });
            }
            LineFinding::TakesTones(takes) => self.takes_tones = Some(takes),
            LineFinding::Noise(level) => self.noise = Some(one_digit(level)),
            LineFinding::Echo { loss, delay } => {
                self.echo = Some(EchoReport {
                    return_loss: one_digit(loss),
                    delay_ms: one_digit(delay),
                });
            }
            LineFinding::AnswerReversal => self.answer_reversal = true,
            LineFinding::HangUpReversal => self.hang_up_reversal = true,
            LineFinding::LoopInterruption(lasted) => {
                self.loop_interruption = true;
                let lasted = lasted.map(|lasted| lasted.as_millis());
                self.loop_interruption_ms = lasted.and_then(|ms| u32::try_from(ms).ok());
            }
            LineFinding::HangUpTone {
                frequencies,
                on_ms,
                off_ms,
                level,
            } => {
                let like = |tone: &CadencedTone| {
                    sounds_like(frequencies, tone) && beats_like(on_ms, off_ms, tone)
                };
                self.hang_up_tone = Some(HangUpToneReport {
                    tone: LearnedTone {
                        frequencies: hertz(frequencies),
                        on_ms: u16::try_from(on_ms).unwrap_or(u16::MAX),
                        off_ms: u16::try_from(off_ms).unwrap_or(u16::MAX),
                    },
                    level: one_digit(level),
                    of_country: like(&tones.busy) || like(&tones.congestion),
                });
            }
        }
    }

    /// Takes in what is wrong.
    pub fn trouble(&mut self, trouble: LineTrouble) {
        let advice = trouble.advice();
        let report = TroubleReport { trouble, advice };
        if !self.troubles.contains(&report) {
            self.troubles.push(report);
        }
    }

    /// Whether the settings that follow may be given to the port.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.dial_tone.is_some() && !self.troubles.iter().any(|found| found.trouble.is_fatal())
    }

    /// The settings that follow from what was found; what was not found stays as it is.
    #[must_use]
    pub fn settings(&self, before: &FxoSettings) -> FxoSettings {
        let mut settings = before.clone();
        if let Some(takes_tones) = self.takes_tones {
            settings.dialling = if takes_tones {
                KeySending::Tones
            } else {
                KeySending::Pulses
            };
        }
        if let Some(tone) = self.dial_tone {
            // Twice as long as it took, and never less than the presets' four seconds.
            let seconds = tone.after_ms.div_ceil(500);
            settings.dial_tone_seconds = u8::try_from(seconds).unwrap_or(u8::MAX).clamp(4, 15);
            if !tone.of_country {
                // The port would wait in vain for its country's.
                settings.dial_tone = DialToneRule::Ignore;
            }
            [settings.receive_gain, settings.transmit_gain] =
                self.gains(nominal_level(before.country) - tone.level);
        }
        if self.answered {
            settings.answer = if self.answer_reversal {
                AnswerDetection::Polarity
            } else {
                AnswerDetection::Voice
            };
        } else if self.answer_reversal {
            settings.answer = AnswerDetection::Polarity;
        }
        settings.polarity_hang_up |= self.hang_up_reversal;
        if let Some(lasted) = self.loop_interruption_ms {
            // Half of it, so that a shorter one counts, too.
            let half = u16::try_from(lasted / 2).unwrap_or(u16::MAX);
            settings.loop_interruption_ms = half.clamp(60, 2_000) / 10 * 10;
        } else if self.loop_interruption && settings.loop_interruption_ms == 0 {
            settings.loop_interruption_ms = 200;
        }
        if let Some(found) = self.hang_up_tone {
            settings.learned_tone = Some(found.tone);
            settings.busy_repetitions = settings.busy_repetitions.max(2);
        }
        settings
    }

    /// Gains in dB, receive and transmit, for a line that loses so much more than is usual.
    fn gains(&self, loss: f32) -> [i8; 2] {
        if loss.abs() <= LEVEL_TOLERANCE {
            return [0, 0];
        }
        let mut receive = loss.clamp(-2.0 * MOST_GAIN, MOST_GAIN);
        // What goes out is as weak at the exchange; half of that is enough for a listener and spares the echo.
        let mut transmit = (loss / 2.0).clamp(0.0, MOST_GAIN);
        if let Some(echo) = self.echo {
            let room = (echo.return_loss - STABILITY).max(0.0);
            transmit = transmit.min((room - receive).max(0.0));
            receive = receive.min(room);
        } else {
            // Not knowing the echo, nothing is made louder.
            (receive, transmit) = (receive.min(0.0), 0.0);
        }
        [receive.floor() as i8, transmit.floor() as i8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn report(level: f32, loss: f32) -> LineTestReport {
        let mut report = LineTestReport::default();
        let brazil = Country::default();
        report.note(
            &LineFinding::DialTone {
                frequencies: [425.4, 0.0],
                level,
                after: Duration::from_millis(320),
            },
            brazil,
        );
        report.note(&LineFinding::Echo { loss, delay: 2.0 }, brazil);
        report
    }

    #[test]
    fn gains_follow_the_level_and_leave_room_for_the_echo() {
        let before = FxoSettings {
            receive_gain: 3,
            ..FxoSettings::default()
        };
        let gains = |level, loss| {
            let settings = report(level, loss).settings(&before);
            (settings.receive_gain, settings.transmit_gain)
        };
        assert_eq!(gains(-12.0, 15.0), (0, 0));
        assert_eq!(gains(-18.0, 30.0), (6, 4));
        assert_eq!(gains(-18.0, 14.0), (6, 2));
        assert_eq!(gains(-18.0, 8.0), (2, 0));
        assert_eq!(gains(-3.0, 15.0), (-7, 0));
        let mut unknown = report(-18.0, 15.0);
        unknown.echo = None;
        assert_eq!(unknown.settings(&before).receive_gain, 0);
    }

    #[test]
    fn a_tone_of_the_country_is_known_as_such_and_every_trouble_says_what_to_do() {
        let mut report = report(-10.0, 20.0);
        assert!(report.dial_tone.unwrap().of_country && report.is_usable());
        let tone = |off_ms| LineFinding::HangUpTone {
            frequencies: [425.0, 0.0],
            on_ms: 250,
            off_ms,
            level: -10.0,
        };
        report.note(&tone(250), Country::default());
        assert!(report.hang_up_tone.unwrap().of_country);
        report.note(&tone(410), Country::default());
        assert!(!report.hang_up_tone.unwrap().of_country);
        report.trouble(LineTrouble::NoHangUpTone);
        report.trouble(LineTrouble::NoHangUpTone);
        assert!(report.troubles.len() == 1 && report.is_usable());
        report.trouble(LineTrouble::Rings);
        assert!(!report.is_usable());
        let settings = report.settings(&FxoSettings::default());
        assert_eq!(settings.learned_tone.unwrap().off_ms, 410);
        assert!(ramal_model::PortSettings::Fxo(settings).validate().is_ok());
    }

    #[test]
    fn a_request_is_read_and_what_it_leaves_out_is_preset() {
        let read: LineTestRequest = serde_json::from_str("{}").unwrap();
        assert_eq!(read, LineTestRequest::default());
        let read: LineTestRequest = serde_json::from_str(
            r#"{"apply":true,"hang_up":{"by":"port","port":"FXO 2","number":"200"}}"#,
        )
        .unwrap();
        assert!(matches!(read.hang_up, HangUpSource::Port { port, .. } if port == "FXO 2"));
    }
}
