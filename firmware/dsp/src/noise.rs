//! Noise without a source of randomness: comfort noise, and the noise of tests.

use crate::ZERO_DBM0_RMS;

/// White noise by a linear congruential generator; the same seed gives the same noise.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u32,
}

impl Noise {
    /// Noise that begins at `seed`.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Noise { state: seed }
    }

    /// The next value, evenly distributed in -1..1.
    pub fn next_value(&mut self) -> f32 {
        // Numerical Recipes' constants; the low bits are weak, so only the high ones count.
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        ((self.state >> 8) as f32 - 8_388_608.0) / 8_388_608.0
    }

    /// Adds noise of `level` dBm0 to `block`, saturating.
    pub fn add(&mut self, block: &mut [i16], level: f64) {
        // An even distribution over -1..1 has an effective value of 1/sqrt(3).
        let peak = (ZERO_DBM0_RMS * 10f64.powf(level / 20.0) * 3f64.sqrt()) as f32;
        for sample in block {
            *sample = sample.saturating_add((self.next_value() * peak).round() as i16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level_dbm0;

    #[test]
    fn the_level_is_the_one_asked_for_and_seeds_repeat() {
        let (mut first, mut second) = ([0; 8_000], [0; 8_000]);
        Noise::new(7).add(&mut first, -40.0);
        Noise::new(7).add(&mut second, -40.0);
        assert_eq!(first, second);
        assert!((level_dbm0(&first) + 40.0).abs() < 0.3);
    }
}
