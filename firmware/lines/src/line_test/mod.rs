//! The automatic test of a line to an exchange: what is asked for, what was found, and which settings follow from it.

mod request;
mod trouble;

use ramal_analog::LineFinding;
use ramal_dsp::{CadencedTone, CountryTones};
use ramal_model::{AnswerDetection, Country, DialToneRule, FxoSettings, KeySending, LearnedTone};
use serde::Serialize;
use utoipa::ToSchema;

pub use request::{HangUpSource, LineTestNews, LineTestRequest, TestStep};
pub use trouble::{LineTrouble, TroubleReport};

use crate::CallerId;

/// A measured frequency may be off by so much, Hz.
const FREQUENCY_TOLERANCE: f64 = 15.0;
/// Dial tone this far from what the country's exchanges send needs no gain, dB (ITU-T E.180 §3: -10 dBm0, -15 to -5).
const LEVEL_TOLERANCE: f32 = 5.0;
/// Most gain that a test recommends, dB.
const MOST_GAIN: f32 = 6.0;
/// Echo return loss that has to be left after both gains, dB, so that nothing howls.
const STABILITY: f32 = 6.0;

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
}
