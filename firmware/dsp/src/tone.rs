//! Sine generator.

use std::f64::consts::TAU;

use crate::peak_of_dbm0;

/// A sine that continues over blocks without a step in phase.
///
/// The phase is a 32-bit fraction of a period advanced by a fixed step, so the frequency is within
/// `rate / 2^33` Hz (under a microhertz at 8 kHz) of the wanted one and never drifts.
#[derive(Clone, Debug)]
pub struct Tone {
    phase: u32,
    step: u32,
    peak: f64,
}

impl Tone {
    /// A tone of `frequency` Hz (below half of `rate`) at `level` dBm0 for `rate` samples a second.
    ///
    /// Levels above +3.14 dBm0 clip.
    #[must_use]
    pub fn new(frequency: f64, level: f64, rate: u32) -> Self {
        let step = (frequency / f64::from(rate) * 4_294_967_296.0).round() as u32;
        Tone {
            phase: 0,
            step,
            peak: peak_of_dbm0(level),
        }
    }

    /// The next sample.
    pub fn next_sample(&mut self) -> i16 {
        let angle = f64::from(self.phase) * (TAU / 4_294_967_296.0);
        self.phase = self.phase.wrapping_add(self.step);
        (self.peak * angle.sin())
            .round()
            .clamp(f64::from(i16::MIN), f64::from(i16::MAX)) as i16
    }

    /// Overwrites `block` with the next samples.
    pub fn fill(&mut self, block: &mut [i16]) {
        block.fill_with(|| self.next_sample());
    }

    /// Adds the next samples to `block`, saturating; two tones make a DTMF or dial tone.
    pub fn add(&mut self, block: &mut [i16]) {
        for sample in block {
            *sample = sample.saturating_add(self.next_sample());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phase_is_exact_after_an_hour() {
        let mut tone = Tone::new(1_000.0, 0.0, 8_000);
        let first: Vec<i16> = (0..8).map(|_| tone.next_sample()).collect();
        for _ in 0..8_000 * 3_600 / 8 - 1 {
            for _ in 0..8 {
                tone.next_sample();
            }
        }
        let last: Vec<i16> = (0..8).map(|_| tone.next_sample()).collect();
        assert_eq!(first, last);
        assert_eq!(i32::from(first[2]), peak_of_dbm0(0.0).round() as i32);
    }

    #[test]
    fn blocks_join_without_a_step() {
        let (mut whole, mut parts) = ([0i16; 320], [0i16; 320]);
        Tone::new(425.0, -13.0, 8_000).fill(&mut whole);
        let mut tone = Tone::new(425.0, -13.0, 8_000);
        parts.chunks_mut(37).for_each(|part| tone.fill(part));
        assert_eq!(whole, parts);
    }

    #[test]
    fn two_tones_add_and_saturate() {
        let mut block = [0i16; 80];
        Tone::new(697.0, -6.0, 8_000).fill(&mut block);
        let single = block;
        Tone::new(1_209.0, -6.0, 8_000).add(&mut block);
        assert_ne!(single, block);
        let mut loud = [i16::MAX; 8];
        Tone::new(1_000.0, 3.0, 8_000).add(&mut loud);
        assert_eq!(loud[2], i16::MAX);
        assert!(loud[6] < 10_000);
    }
}
