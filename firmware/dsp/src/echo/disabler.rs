//! The tone by which modems switch echo cancellers off: 2,100 Hz whose phase turns over every 450 ms
//! (ITU-T V.25 §3, V.8 ANSam; detector after G.168 §7).

use std::f64::consts::TAU;

use crate::{SAMPLE_RATE, ZERO_DBM0_RMS};

/// Samples of one look: 10 ms, 21 turns of the tone.
const LOOK: usize = 80;
/// Weakest tone, -31 dBm0, as part of 0 dBm0.
const WEAKEST: f32 = 7.9e-4;
/// Power from which the canceller stays off, -36 dBm0.
const HOLD: f32 = 2.5e-4;
/// Looks below [`HOLD`] that switch it on again (250 ms, G.168 §7.5).
const RELEASE: u32 = 25;
/// Looks of steady tone before it is the answer tone (300 ms).
const STEADY: u32 = 30;
/// Part of everything heard that the tone is; ANSam's amplitude swings by a fifth.
const PURITY: f32 = 0.8;

/// Finds the answer tone of fax machines and modems (CED, ANS, ANSam) and its phase reversals.
#[derive(Clone, Debug)]
pub struct AnswerToneDetector {
    step: (f32, f32),
    oscillator: (f32, f32),
    sum: (f32, f32),
    energy: f32,
    filled: usize,
    /// Direction of the tone in the last two looks, newest first.
    directions: [Option<(f32, f32)>; 2],
    /// Turn from look to look while steady: the tone may be 15 Hz off.
    turn: (f32, f32),
    steady: u32,
    quiet: u32,
    reversed: bool,
}

impl Default for AnswerToneDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl AnswerToneDetector {
    /// Nothing heard yet.
    #[must_use]
    pub fn new() -> Self {
        let angle = TAU * 2_100.0 / f64::from(SAMPLE_RATE);
        AnswerToneDetector {
            step: (angle.cos() as f32, -angle.sin() as f32),
            oscillator: (1.0, 0.0),
            sum: (0.0, 0.0),
            energy: 0.0,
            filled: 0,
            directions: [None; 2],
            turn: (1.0, 0.0),
            steady: 0,
            quiet: 0,
            reversed: false,
        }
    }

    /// Takes in the next samples.
    pub fn process(&mut self, block: &[i16]) {
        for &sample in block {
            let sample = f32::from(sample) / ZERO_DBM0_RMS as f32;
            let ((a, b), (c, s)) = (self.oscillator, self.step);
            self.sum = (self.sum.0 + sample * a, self.sum.1 + sample * b);
            self.energy += sample * sample;
            self.oscillator = (a * c - b * s, a * s + b * c);
            self.filled += 1;
            if self.filled == LOOK {
                self.look();
                // Whole turns in a look: the oscillator is back where it began.
                self.oscillator = (1.0, 0.0);
                (self.sum, self.energy, self.filled) = ((0.0, 0.0), 0.0, 0);
            }
        }
    }

    /// Whether the tone has sounded for 300 ms and still does: a fax or modem has answered.
    #[must_use]
    pub fn tone(&self) -> bool {
        self.steady >= STEADY
    }

    /// Whether its phase has turned over since, and there has been sound ever since: echo
    /// cancellers are to be off.
    #[must_use]
    pub fn reversed(&self) -> bool {
        self.reversed
    }

    fn look(&mut self) {
        let total = self.energy / LOOK as f32;
        let (real, imaginary) = self.sum;
        let tone = 2.0 * (real * real + imaginary * imaginary) / (LOOK * LOOK) as f32;
        let length = real.hypot(imaginary).max(1e-9);
        let heard = tone > WEAKEST && tone > total * PURITY;
        let direction = heard.then_some((real / length, imaginary / length));
        let [last, before] = self.directions;
        self.directions = [direction, last];
        // The look that has the reversal inside shows half a tone or none: compare around it too.
        let since_last = direction.zip(last).map(|(now, last)| turned(now, last));
        let since_before = direction
            .zip(before)
            .map(|(now, before)| turned(turned(now, before), self.turn));
        let reverses = |since: Option<(f32, f32)>| {
            since.is_some_and(|since| turned(since, self.turn).0 < -0.7)
        };
        if self.tone() && (reverses(since_last) || reverses(since_before)) {
            self.reversed = true;
        }
        let goes_on = since_last.filter(|since| since.0 > 0.4);
        self.steady = match goes_on {
            Some(since) => {
                let mean = |old: f32, new: f32| old * 0.8 + new * 0.2;
                self.turn = (mean(self.turn.0, since.0), mean(self.turn.1, since.1));
                self.steady + 1
            }
            // One look may be spoilt by the reversal.
            None if self.tone() && (last.is_some() || direction.is_some()) => self.steady,
            None => 0,
        };
        self.quiet = if total < HOLD { self.quiet + 1 } else { 0 };
        if self.quiet >= RELEASE {
            self.reversed = false;
        }
    }
}

/// The turn from `b` to `a`.
fn turned(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0 * b.0 + a.1 * b.1, a.1 * b.0 - a.0 * b.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tone;

    /// `parts` pieces of 450 ms, the phase turned over between them.
    fn answer(frequency: f64, level: f64, parts: usize) -> Vec<i16> {
        let mut samples = vec![0; parts * 3_600];
        Tone::new(frequency, level, SAMPLE_RATE).fill(&mut samples);
        for part in samples.chunks_mut(3_600).skip(1).step_by(2) {
            part.iter_mut().for_each(|sample| *sample = -*sample);
        }
        samples
    }

    fn after(samples: &[i16]) -> (bool, bool) {
        let mut detector = AnswerToneDetector::new();
        samples.chunks(33).for_each(|block| detector.process(block));
        (detector.tone(), detector.reversed())
    }

    #[test]
    fn the_tone_within_its_limits_with_and_without_reversals() {
        for frequency in [2_085.0, 2_100.0, 2_115.0] {
            for level in [-12.0, -28.0] {
                assert_eq!(after(&answer(frequency, level, 1)), (true, false));
                assert_eq!(after(&answer(frequency, level, 3)), (true, true));
            }
        }
        assert_eq!(after(&answer(2_000.0, -12.0, 4)), (false, false));
        assert_eq!(after(&answer(2_100.0, -40.0, 4)), (false, false));
    }

    #[test]
    fn sound_holds_it_and_silence_of_250_ms_releases_it() {
        let mut detector = AnswerToneDetector::new();
        detector.process(&answer(2_100.0, -12.0, 3));
        let mut data = [0; 8_000];
        crate::Noise::new(1).add(&mut data, -20.0);
        detector.process(&data);
        assert!(detector.reversed());
        detector.process(&[0; 1_600]);
        assert!(detector.reversed());
        detector.process(&[0; 800]);
        assert!(!detector.reversed());
    }
}
