//! Levels in dBm0 and the level of a single frequency.
//!
//! The reference is the A-law one: a sine that just reaches the coder's overload point (virtual decision
//! value 4,096, that is 32,768 in 16-bit samples) has +3.14 dBm0 (ITU-T G.711 table 5 and note 3), so
//! 0 dBm0 is a sine 3.14 dB below digital overload. Mu-law's own constant, 3.17 dB below 32,636, differs
//! by less than 0.07 dB and is not distinguished.

use std::f64::consts::TAU;

/// Peak of a sine of 0 dBm0 in 16-bit samples: 32,768 / 10^(3.14 / 20).
pub const ZERO_DBM0_PEAK: f64 = 22_827.06;
/// Root mean square of a sine of 0 dBm0 in 16-bit samples.
pub const ZERO_DBM0_RMS: f64 = ZERO_DBM0_PEAK * std::f64::consts::FRAC_1_SQRT_2;

/// Peak amplitude, in 16-bit samples, of a sine of `dbm0`.
#[must_use]
pub fn peak_of_dbm0(dbm0: f64) -> f64 {
    ZERO_DBM0_PEAK * 10f64.powf(dbm0 / 20.0)
}

/// Level of a whole block in dBm0 (its root mean square against [`ZERO_DBM0_RMS`]); negative infinity
/// for digital silence and for an empty block.
#[must_use]
pub fn level_dbm0(block: &[i16]) -> f64 {
    if block.is_empty() {
        return f64::NEG_INFINITY;
    }
    let energy: f64 = block.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    decibels((energy / block.len() as f64).sqrt() / ZERO_DBM0_RMS)
}

fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// Meter for one frequency (Goertzel's algorithm), fed block by block.
///
/// Its selectivity is one over the measured time: 100 ms resolve about 10 Hz.
#[derive(Clone, Debug)]
pub struct Goertzel {
    omega: f64,
    coefficient: f64,
    previous: f64,
    before: f64,
    energy: f64,
    samples: u64,
}

impl Goertzel {
    /// A meter for `frequency` Hz in a signal of `rate` samples a second.
    #[must_use]
    pub fn new(frequency: f64, rate: u32) -> Self {
        let omega = TAU * frequency / f64::from(rate);
        Goertzel {
            omega,
            coefficient: 2.0 * omega.cos(),
            previous: 0.0,
            before: 0.0,
            energy: 0.0,
            samples: 0,
        }
    }

    /// Takes in the next samples.
    pub fn feed(&mut self, block: &[i16]) {
        for &sample in block {
            let sample = f64::from(sample);
            let next = sample + self.coefficient * self.previous - self.before;
            self.before = self.previous;
            self.previous = next;
            self.energy += sample * sample;
        }
        self.samples += block.len() as u64;
    }

    /// Level of the frequency in dBm0; negative infinity when nothing was fed.
    #[must_use]
    pub fn level_dbm0(&self) -> f64 {
        if self.samples == 0 {
            return f64::NEG_INFINITY;
        }
        let real = self.previous - self.before * self.omega.cos();
        let imaginary = self.before * self.omega.sin();
        let peak = 2.0 * real.hypot(imaginary) / self.samples as f64;
        decibels(peak / ZERO_DBM0_PEAK)
    }

    /// Level of everything fed, in dBm0. A pure tone has the same value here as in
    /// [`Self::level_dbm0`]; the difference is the noise beside it.
    #[must_use]
    pub fn total_dbm0(&self) -> f64 {
        if self.samples == 0 {
            return f64::NEG_INFINITY;
        }
        decibels((self.energy / self.samples as f64).sqrt() / ZERO_DBM0_RMS)
    }

    /// Forgets what was fed, keeping the frequency.
    pub fn reset(&mut self) {
        (self.previous, self.before, self.energy, self.samples) = (0.0, 0.0, 0.0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Law, Tone};

    #[test]
    fn overload_sine_is_3_14_dbm0() {
        let above_reference = decibels(32_768.0 / ZERO_DBM0_PEAK);
        assert!(
            (3.1399..3.1401).contains(&above_reference),
            "{above_reference}"
        );
    }

    #[test]
    fn a_tone_reads_its_own_level_and_others_read_nothing() {
        let mut block = [0i16; 1_600];
        Tone::new(425.0, -10.0, 8_000).fill(&mut block);
        let read = |frequency| {
            let mut meter = Goertzel::new(frequency, 8_000);
            meter.feed(&block);
            meter.level_dbm0()
        };
        assert!((read(425.0) + 10.0).abs() < 0.05, "{}", read(425.0));
        assert!(read(525.0) < -50.0, "{}", read(525.0));
        assert!((level_dbm0(&block) + 10.0).abs() < 0.05);
    }

    #[test]
    fn companding_moves_the_level_by_less_than_a_tenth_of_a_decibel() {
        for law in [Law::A, Law::Mu] {
            let (mut block, mut octets) = ([0i16; 8_000], [0u8; 8_000]);
            Tone::new(1_004.0, -16.0, 8_000).fill(&mut block);
            law.encode(&block, &mut octets);
            law.decode(&octets, &mut block);
            let mut meter = Goertzel::new(1_004.0, 8_000);
            meter.feed(&block);
            assert!(
                (meter.level_dbm0() + 16.0).abs() < 0.1,
                "{law:?} {}",
                meter.level_dbm0()
            );
            // Quantising noise of G.711 lies about 38 dB below the signal.
            assert!((meter.total_dbm0() - meter.level_dbm0()).abs() < 0.01);
        }
    }

    #[test]
    fn the_itu_test_sequence_of_g711_is_0_dbm0_at_1_khz() {
        // Tables 5 and 6/G.711: one period of 1 kHz at 0 dBm0, character signals for A-law and mu-law.
        let alaw = [0x34u8, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4];
        let ulaw = [0x1Eu8, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E];
        for (law, period) in [(Law::A, alaw), (Law::Mu, ulaw)] {
            let mut samples = [0i16; 8];
            law.decode(&period, &mut samples);
            let mut meter = Goertzel::new(1_000.0, 8_000);
            (0..100).for_each(|_| meter.feed(&samples));
            assert!(
                meter.level_dbm0().abs() < 0.1,
                "{law:?} {}",
                meter.level_dbm0()
            );
        }
    }

    #[test]
    fn nothing_fed_reads_as_negative_infinity_and_reset_forgets() {
        let mut meter = Goertzel::new(1_000.0, 8_000);
        assert_eq!(meter.level_dbm0(), f64::NEG_INFINITY);
        meter.feed(&[1_000; 80]);
        meter.reset();
        assert_eq!(meter.total_dbm0(), f64::NEG_INFINITY);
        assert_eq!(level_dbm0(&[]), f64::NEG_INFINITY);
    }
}
