//! Sample rate conversion block by block.

use std::f64::consts::PI;

/// Taps to each side of the centre for each unit of decimation.
const SIDE: f64 = 32.0;
/// Shape of the Kaiser window: 70 dB of stop band.
const BETA: f64 = 6.76;
/// Part of the lower Nyquist frequency that passes unattenuated: 3.5 of 4 kHz, 7 of 8 kHz.
const PASS: f64 = 0.875;
/// Places between two input samples for which there are weights. Rates whose ratio needs more are taken at the nearest
/// place, whose error lies below that of 16-bit samples for speech.
const MAX_PHASES: u64 = 1_024;

/// Converts a stream of samples by a windowed sinc low-pass.
pub(crate) struct Resampler {
    from: u64,
    to: u64,
    /// Weights of the samples around an output instant, by its place between two input samples.
    phases: Vec<Vec<f32>>,
    reach: usize,
    /// Input from `start` on, which is `reach` samples before the first one still needed.
    input: Vec<f32>,
    start: u64,
    /// Input samples taken.
    taken: u64,
    /// Output samples given.
    given: u64,
}

impl Resampler {
    /// From `from` to `to` samples a second, both above 0.
    pub(crate) fn new(from: u32, to: u32) -> Self {
        let divisor = greatest_common_divisor(from, to);
        let (from, to) = (u64::from(from / divisor), u64::from(to / divisor));
        let step = from as f64 / to as f64;
        let band = (1.0 / step).min(1.0) * PASS;
        let side = SIDE * step.max(1.0);
        let count = to.min(MAX_PHASES);
        let phases = if from == to {
            Vec::new()
        } else {
            (0..count)
                .map(|phase| weights(phase as f64 / count as f64, band, side))
                .collect()
        };
        let reach = if from == to { 0 } else { side.ceil() as usize };
        Self {
            from,
            to,
            phases,
            reach,
            input: vec![0.0; reach],
            start: 0,
            taken: 0,
            given: 0,
        }
    }

    /// Takes the next samples and appends what they make to `output`.
    pub(crate) fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) {
        self.taken += samples.len() as u64;
        if self.phases.is_empty() {
            self.given = self.taken;
            output.extend_from_slice(samples);
            return;
        }
        self.input.extend_from_slice(samples);
        self.give(u64::MAX, output);
    }

    /// The end of the input: appends what is still to come.
    pub(crate) fn finish(&mut self, output: &mut Vec<f32>) {
        if self.phases.is_empty() {
            return;
        }
        let silence = vec![0.0; self.reach + 1];
        self.input.extend_from_slice(&silence);
        let whole = (self.taken * self.to).div_ceil(self.from);
        self.give(whole, output);
    }

    fn give(&mut self, limit: u64, output: &mut Vec<f32>) {
        let width = 2 * self.reach + 1;
        while self.given < limit {
            let instant = self.given * self.from;
            let (centre, rest) = (instant / self.to, instant % self.to);
            // The buffer begins `reach` before sample `start`.
            let first = (centre - self.start) as usize;
            let Some(around) = self.input.get(first..first + width) else {
                break;
            };
            let place = if self.to > MAX_PHASES {
                (rest * MAX_PHASES / self.to) as usize
            } else {
                rest as usize
            };
            let weights = self.phases.get(place).into_iter().flatten();
            output.push(weights.zip(around).map(|(w, s)| w * s).sum());
            self.given += 1;
        }
        let centre = self.given * self.from / self.to;
        let done = ((centre - self.start) as usize).min(self.input.len());
        if done > 4_096 {
            self.input.drain(..done);
            self.start += done as u64;
        }
    }
}

/// Weights of the samples around an instant `fraction` after one of them; they add up to 1.
pub(crate) fn weights(fraction: f64, band: f64, side: f64) -> Vec<f32> {
    let reach = side.ceil() as i32;
    let raw: Vec<f64> = (-reach..=reach)
        .map(|index| {
            let offset = f64::from(index) - fraction;
            if offset.abs() <= side {
                sinc(offset * band) * kaiser(offset / side)
            } else {
                0.0
            }
        })
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|weight| (weight / sum) as f32).collect()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a.max(1)
    } else {
        greatest_common_divisor(b, a % b)
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// Kaiser window at `x` in -1..=1.
fn kaiser(x: f64) -> f64 {
    bessel(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel(BETA)
}

/// Modified Bessel function of the first kind, order 0.
fn bessel(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-12 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_dsp::Goertzel;
    use std::f64::consts::TAU;

    fn converted(frequency: f64, from: u32, to: u32, blocks: usize) -> Vec<i16> {
        let sine: Vec<f32> = (0..from)
            .map(|n| ((TAU * frequency * f64::from(n) / f64::from(from)).sin() * 0.3) as f32)
            .collect();
        let mut resampler = Resampler::new(from, to);
        let mut output = Vec::new();
        for block in sine.chunks(blocks) {
            resampler.push(block, &mut output);
        }
        resampler.finish(&mut output);
        output.iter().map(|s| (s * 32_768.0) as i16).collect()
    }

    fn level(samples: &[i16], frequency: f64, rate: u32) -> f64 {
        let mut meter = Goertzel::new(frequency, rate);
        meter.feed(&samples[samples.len() / 10..samples.len() * 9 / 10]);
        meter.level_dbm0()
    }

    #[test]
    fn any_rate_becomes_the_wanted_one_without_loss_in_the_band_or_aliases() {
        for from in [
            4_000, 8_000, 11_025, 22_050, 32_000, 44_100, 44_099, 48_000, 96_000, 192_000,
        ] {
            let to = 16_000;
            let kept = converted(1_004.0, from, to, 777);
            assert_eq!(kept.len(), to as usize, "{from}");
            let wanted = level(&converted(1_004.0, to, to, 500), 1_004.0, to);
            let heard = level(&kept, 1_004.0, to);
            assert!((heard - wanted).abs() < 0.1, "{from}: {heard} for {wanted}");
            if from > 20_000 {
                let folded = level(&converted(10_000.0, from, to, 777), 6_000.0, to);
                assert!(folded < wanted - 65.0, "{from}: {folded}");
            }
        }
    }

    #[test]
    fn the_size_of_the_blocks_makes_no_difference() {
        let whole = converted(700.0, 44_100, 16_000, 44_100);
        assert_eq!(converted(700.0, 44_100, 16_000, 1), whole);
        assert_eq!(converted(700.0, 44_100, 16_000, 4_999), whole);
    }
}
