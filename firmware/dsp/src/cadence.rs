//! Tones that sound in a rhythm.

use crate::{SAMPLE_RATE, Tone};

/// One part of a tone's rhythm: frequencies that sound together, or a pause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneStep {
    /// Frequencies in Hz, at most [`CadencedTone::MOST_FREQUENCIES`] in one tone; empty is a pause.
    pub frequencies: &'static [f64],
    /// Length in milliseconds; 0 never ends.
    pub milliseconds: u32,
}

/// A tone as an exchange sends it: steps one after the other, at one level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CadencedTone {
    /// The steps in order; at least one.
    pub steps: &'static [ToneStep],
    /// Step that follows the last one; `None` when the tone is over then.
    pub repeat_from: Option<usize>,
    /// Level of each frequency in dBm0.
    pub level: f64,
}

impl CadencedTone {
    /// Different frequencies that one tone has at most.
    pub const MOST_FREQUENCIES: usize = 4;

    /// Whether the tone sounds without pause or change for ever.
    #[must_use]
    pub fn is_continuous(&self) -> bool {
        matches!(self.steps, [only] if only.milliseconds == 0 || self.repeat_from.is_some())
    }

    /// Milliseconds of one repetition, the part before it left out; 0 for a tone that does not repeat.
    #[must_use]
    pub fn period_ms(&self) -> u32 {
        let repeated = self.repeat_from.and_then(|from| self.steps.get(from..));
        repeated.map_or(0, |steps| steps.iter().map(|step| step.milliseconds).sum())
    }
}

/// Samples over which a tone rises and falls (2 ms), so that it does not click.
const EDGE: f64 = 16.0;

/// Plays a [`CadencedTone`], block by block, without a step in phase at a block's border or where
/// a frequency goes on from one step to the next.
#[derive(Clone, Debug)]
pub struct CadenceGenerator {
    tone: CadencedTone,
    voices: [Option<Voice>; CadencedTone::MOST_FREQUENCIES],
    /// Step that sounds; beyond the last when the tone is over.
    step: usize,
    /// Samples of this step that are left.
    left: u64,
}

#[derive(Clone, Debug)]
struct Voice {
    frequency: f64,
    oscillator: Tone,
    /// 0 silent, [`EDGE`] full.
    gain: f64,
}

impl CadenceGenerator {
    /// Plays `tone` from its beginning. Frequencies beyond the fourth are not heard.
    #[must_use]
    pub fn new(tone: CadencedTone) -> Self {
        let mut voices = [const { None }; CadencedTone::MOST_FREQUENCIES];
        let mut used = 0;
        for &frequency in tone.steps.iter().flat_map(|step| step.frequencies) {
            let known = voices
                .iter()
                .flatten()
                .any(|voice: &Voice| voice.frequency == frequency);
            if known || used == voices.len() {
                continue;
            }
            voices[used] = Some(Voice {
                frequency,
                oscillator: Tone::new(frequency, tone.level, SAMPLE_RATE),
                gain: 0.0,
            });
            used += 1;
        }
        let mut generator = CadenceGenerator {
            tone,
            voices,
            step: 0,
            left: 0,
        };
        generator.enter(0);
        generator
    }

    fn enter(&mut self, step: usize) {
        self.step = step;
        self.left = match self.tone.steps.get(step) {
            Some(step) if step.milliseconds > 0 => {
                u64::from(step.milliseconds) * u64::from(SAMPLE_RATE) / 1_000
            }
            _ => u64::MAX,
        };
    }

    /// Whether the last step has been played and nothing follows.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.step >= self.tone.steps.len()
    }

    /// The next sample.
    pub fn next_sample(&mut self) -> i16 {
        if self.left == 0 {
            let next = self.step + 1;
            let follows = if next < self.tone.steps.len() {
                next
            } else {
                self.tone.repeat_from.unwrap_or(next)
            };
            self.enter(follows);
        }
        if self.left != u64::MAX {
            self.left -= 1;
        }
        let sounding = self
            .tone
            .steps
            .get(self.step)
            .map_or(&[][..], |step| step.frequencies);
        let mut sum = 0.0;
        for voice in self.voices.iter_mut().flatten() {
            let sample = f64::from(voice.oscillator.next_sample());
            let wanted = sounding.contains(&voice.frequency);
            voice.gain = (voice.gain + if wanted { 1.0 } else { -1.0 }).clamp(0.0, EDGE);
            sum += sample * voice.gain / EDGE;
        }
        sum.round().clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
    }

    /// Overwrites `block` with the next samples.
    pub fn fill(&mut self, block: &mut [i16]) {
        block.fill_with(|| self.next_sample());
    }

    /// Adds the next samples to `block`, saturating.
    pub fn add(&mut self, block: &mut [i16]) {
        for sample in block {
            *sample = sample.saturating_add(self.next_sample());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Goertzel, level_dbm0};

    const ON: ToneStep = ToneStep {
        frequencies: &[425.0],
        milliseconds: 250,
    };
    const OFF: ToneStep = ToneStep {
        frequencies: &[],
        milliseconds: 250,
    };

    fn level_at(samples: &[i16], from_ms: usize, to_ms: usize) -> f64 {
        let mut meter = Goertzel::new(425.0, SAMPLE_RATE);
        meter.feed(&samples[from_ms * 8..to_ms * 8]);
        meter.level_dbm0()
    }

    #[test]
    fn the_rhythm_has_its_times_and_its_level() {
        let busy = CadencedTone {
            steps: &[ON, OFF],
            repeat_from: Some(0),
            level: -10.0,
        };
        assert_eq!((busy.period_ms(), busy.is_continuous()), (500, false));
        let mut samples = vec![0; 16_000];
        let mut generator = CadenceGenerator::new(busy);
        samples
            .chunks_mut(37)
            .for_each(|block| generator.fill(block));
        for period in 0..4 {
            let begin = period * 500;
            assert!((level_at(&samples, begin + 4, begin + 248) + 10.0).abs() < 0.1);
            assert!(level_dbm0(&samples[(begin + 254) * 8..(begin + 499) * 8]) < -80.0);
        }
        assert!(!generator.is_over());
    }

    #[test]
    fn a_tone_without_repetition_ends_and_stays_silent() {
        let mut generator = CadenceGenerator::new(CadencedTone {
            steps: &[ON, OFF],
            repeat_from: None,
            level: -10.0,
        });
        let mut samples = [0; 4_000];
        generator.fill(&mut samples);
        assert!(!generator.is_over());
        generator.fill(&mut samples);
        assert!(generator.is_over());
        assert!(level_dbm0(&samples) < -80.0);
    }

    #[test]
    fn a_frequency_that_goes_on_into_the_next_step_keeps_its_phase() {
        let tone = CadencedTone {
            steps: &[
                ToneStep {
                    frequencies: &[350.0, 440.0],
                    milliseconds: 100,
                },
                ToneStep {
                    frequencies: &[440.0],
                    milliseconds: 100,
                },
            ],
            repeat_from: Some(0),
            level: -13.0,
        };
        let mut samples = [0; 8_000];
        CadenceGenerator::new(tone).fill(&mut samples);
        let mut meter = Goertzel::new(440.0, SAMPLE_RATE);
        meter.feed(&samples);
        assert!((meter.level_dbm0() + 13.0).abs() < 0.1);
    }
}
