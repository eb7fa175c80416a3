//! Short-time spectrum at a few known frequencies: what DTMF and R2 receivers look at.

use std::f64::consts::TAU;

use crate::{SAMPLE_RATE, ZERO_DBM0_RMS};

/// Samples that one look covers (20 ms, Hann window: tones 100 Hz apart do not disturb each other).
pub(crate) const WINDOW: usize = 160;
/// Samples from one look to the next (5 ms).
pub(crate) const HOP: usize = 40;
/// Width of one bin of the window in Hz.
const BIN: f32 = SAMPLE_RATE as f32 / WINDOW as f32;

/// Windowed sines of `N` frequencies; made once and shared by all receivers of a kind.
#[derive(Debug)]
pub(crate) struct BankTables<const N: usize> {
    frequencies: [f64; N],
    cosines: Vec<[f32; WINDOW]>,
    sines: Vec<[f32; WINDOW]>,
    window: [f32; WINDOW],
    /// Sum of the window and of its squares.
    sum: f32,
    squares: f32,
}

impl<const N: usize> BankTables<N> {
    pub fn new(frequencies: [f64; N]) -> Self {
        let window: [f32; WINDOW] = std::array::from_fn(|n| {
            (0.5 - 0.5 * (TAU * (n as f64 + 0.5) / WINDOW as f64).cos()) as f32
        });
        let table = |wave: fn(f64) -> f64| {
            frequencies
                .iter()
                .map(|frequency| {
                    std::array::from_fn(|n| {
                        let angle = TAU * frequency * n as f64 / f64::from(SAMPLE_RATE);
                        wave(angle) as f32 * window[n]
                    })
                })
                .collect()
        };
        BankTables {
            frequencies,
            cosines: table(f64::cos),
            sines: table(f64::sin),
            sum: window.iter().sum(),
            squares: window.iter().map(|w| w * w).sum(),
            window,
        }
    }

    pub fn frequency(&self, index: usize) -> f64 {
        self.frequencies[index]
    }
}

/// What one look shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<const N: usize> {
    /// Spectrum at each frequency now and [`HOP`] samples before.
    now: [(f32, f32); N],
    before: [(f32, f32); N],
    /// Mean square of everything, in units of a sine of 0 dBm0.
    pub total: f32,
}

/// Collects samples and looks at them every [`HOP`].
#[derive(Clone, Debug)]
pub(crate) struct ToneBank<const N: usize> {
    tables: &'static BankTables<N>,
    samples: [f32; WINDOW],
    filled: usize,
    before: [(f32, f32); N],
}

impl<const N: usize> ToneBank<N> {
    pub fn new(tables: &'static BankTables<N>) -> Self {
        ToneBank {
            tables,
            samples: [0.0; WINDOW],
            filled: WINDOW - HOP,
            before: [(0.0, 0.0); N],
        }
    }

    /// Takes in samples up to the next look; the look, if one was reached, and what is left of the block.
    pub fn feed<'a>(&mut self, block: &'a [i16]) -> (Option<Look<N>>, &'a [i16]) {
        let (taken, rest) = block.split_at(block.len().min(WINDOW - self.filled));
        for (place, &sample) in self.samples[self.filled..].iter_mut().zip(taken) {
            *place = f32::from(sample) / ZERO_DBM0_RMS as f32;
        }
        self.filled += taken.len();
        if self.filled < WINDOW {
            return (None, rest);
        }
        let look = self.look();
        self.samples.copy_within(HOP.., 0);
        self.filled = WINDOW - HOP;
        self.before = look.now;
        (Some(look), rest)
    }

    fn look(&self) -> Look<N> {
        let product = |table: &[f32; WINDOW]| dot(table, &self.samples);
        let energy: f32 = self
            .samples
            .iter()
            .zip(&self.tables.window)
            .map(|(s, w)| (s * w) * (s * w))
            .sum();
        let total = energy / self.tables.squares;
        // Nothing to measure in silence; most of a call is silence or nearly so.
        let now = if total < 1e-7 {
            [(0.0, 0.0); N]
        } else {
            std::array::from_fn(|k| {
                (
                    product(&self.tables.cosines[k]),
                    -product(&self.tables.sines[k]),
                )
            })
        };
        Look {
            now,
            before: self.before,
            total,
        }
    }

    /// How far the tone near frequency `index` is from it, Hz (-100..=100), and its power with that
    /// distance allowed for.
    pub fn tone(&self, look: &Look<N>, index: usize) -> (f32, f32) {
        let ((a, b), (c, d)) = (look.now[index], look.before[index]);
        let hop = HOP as f32 / SAMPLE_RATE as f32;
        let turn = std::f32::consts::TAU;
        let expected = (self.tables.frequency(index) as f32 * hop).fract() * turn;
        let advance = (b * c - a * d).atan2(a * c + b * d) - expected;
        let advance = advance - (advance / turn).round() * turn;
        let offset = advance / (turn * hop);
        (offset, self.power(look, index) / response(offset / BIN))
    }

    /// Power at frequency `index`, in units of a sine of 0 dBm0.
    pub fn power(&self, look: &Look<N>, index: usize) -> f32 {
        let (real, imaginary) = look.now[index];
        // Of a sine's mean square, half lies at the negative frequency.
        2.0 * (real * real + imaginary * imaginary) / (self.tables.sum * self.tables.sum)
    }
}

/// Product of two windows, in lanes that the compiler can keep side by side.
fn dot(a: &[f32; WINDOW], b: &[f32; WINDOW]) -> f32 {
    let mut lanes = [0.0f32; 8];
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    lanes.iter().sum()
}

/// Power response of the Hann window `bins` away from its centre.
fn response(bins: f32) -> f32 {
    let x = bins.abs().min(1.2);
    if x < 1e-3 || (x - 1.0).abs() < 1e-3 {
        return if x < 0.5 { 1.0 } else { 0.25 };
    }
    let angle = std::f32::consts::PI * x;
    let amplitude = angle.sin() / angle / (1.0 - x * x);
    amplitude * amplitude
}

/// Decibels of a power ratio.
pub(crate) fn decibels(power: f32) -> f32 {
    10.0 * power.max(1e-12).log10()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::Tone;

    static TABLES: LazyLock<BankTables<2>> = LazyLock::new(|| BankTables::new([697.0, 1_633.0]));

    #[test]
    fn a_tone_is_measured_in_level_and_distance_in_blocks_of_any_size() {
        for distance in [-60.0, -25.0, 0.0, 10.0, 55.0] {
            let mut samples = [0; 800];
            Tone::new(1_633.0 + distance, -20.0, SAMPLE_RATE).fill(&mut samples);
            let mut bank = ToneBank::new(&TABLES);
            let mut last = None;
            for block in samples.chunks(33) {
                let mut rest = block;
                while !rest.is_empty() {
                    let (look, left) = bank.feed(rest);
                    last = look.or(last);
                    rest = left;
                }
            }
            let look = last.unwrap();
            let (offset, power) = bank.tone(&look, 1);
            assert!((f64::from(offset) - distance).abs() < 0.5, "{offset}");
            assert!((decibels(power) + 20.0).abs() < 0.1, "{}", decibels(power));
            assert!((decibels(look.total) + 20.0).abs() < 0.1);
            assert!(decibels(bank.power(&look, 0)) < -70.0);
        }
    }
}
