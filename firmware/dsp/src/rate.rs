//! Between 8,000 and 16,000 samples a second, block by block: for media threads.

/// Weights of the half-band filter at odd distances 1, 3, 5... from its centre; those at even distances
/// are 0 and the centre is 1/2. A Kaiser-windowed sinc: flat within 0.05 dB up to 3,400 Hz and 55 dB
/// down from 4,600 Hz.
const SIDE: [f32; HALF] = weights();
/// Weights on each side.
const HALF: usize = 12;
/// Samples of the slower rate that are remembered.
const MEMORY: usize = 2 * HALF;

const fn weights() -> [f32; HALF] {
    let mut weights = [0.0; HALF];
    let mut sum = 0.0f64;
    let mut index = 0;
    while index < HALF {
        let distance = (2 * index + 1) as f64;
        // sin(pi x / 2) of odd x is 1, -1, 1...
        let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
        let x = distance / (2 * HALF) as f64;
        let weight = sign / (std::f64::consts::PI * distance) * kaiser(x);
        weights[index] = weight as f32;
        sum += weight;
        index += 1;
    }
    // Both sides together weigh as much as the centre.
    let mut index = 0;
    while index < HALF {
        weights[index] = (weights[index] as f64 * 0.25 / sum) as f32;
        index += 1;
    }
    weights
}

/// Kaiser window for 55 dB at `x` in 0..1, by the power series of its Bessel functions.
const fn kaiser(x: f64) -> f64 {
    let beta = 5.1f64;
    bessel(beta * beta * (1.0 - x * x) / 4.0) / bessel(beta * beta / 4.0)
}

/// Modified Bessel function of the first kind, order 0, of `2 sqrt(quarter)`.
const fn bessel(quarter: f64) -> f64 {
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-12 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

fn rounded(value: f32) -> i16 {
    // Saturates.
    value.round_ties_even() as i16
}

/// The sum over both sides of the filter's centre, of samples in order of time.
fn sides(window: &[f32; MEMORY]) -> f32 {
    let mut sum = 0.0;
    for (index, weight) in SIDE.iter().enumerate() {
        sum += weight * (window[HALF - 1 - index] + window[HALF + index]);
    }
    sum
}

/// The last samples, kept twice so that they are always one piece in order of time.
#[derive(Clone, Debug)]
struct Window {
    samples: [f32; 2 * MEMORY],
    at: usize,
}

impl Window {
    const fn new() -> Self {
        Window {
            samples: [0.0; 2 * MEMORY],
            at: 0,
        }
    }

    /// Takes the next sample; gives the last ones, the oldest first.
    fn push(&mut self, sample: f32) -> &[f32; MEMORY] {
        self.samples[self.at] = sample;
        self.samples[self.at + MEMORY] = sample;
        self.at = (self.at + 1) % MEMORY;
        // `at` is below MEMORY, so this many follow it.
        self.samples[self.at..]
            .first_chunk()
            .unwrap_or(&[0.0; MEMORY])
    }
}

/// Makes 16,000 samples a second of 8,000.
#[derive(Clone, Debug)]
pub struct RateDoubler {
    window: Window,
}

impl Default for RateDoubler {
    fn default() -> Self {
        Self::new()
    }
}

impl RateDoubler {
    /// Silence so far.
    #[must_use]
    pub const fn new() -> Self {
        RateDoubler {
            window: Window::new(),
        }
    }

    /// Writes two samples for each of `input`; the shorter of the two bounds how many.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) {
        let (pairs, _) = output.as_chunks_mut::<2>();
        for (&sample, pair) in input.iter().zip(pairs) {
            let window = self.window.push(f32::from(sample));
            *pair = [rounded(window[HALF - 1]), rounded(2.0 * sides(window))];
        }
    }
}

/// Makes 8,000 samples a second of 16,000.
#[derive(Clone, Debug)]
pub struct RateHalver {
    odd: Window,
    /// Even samples wait until the odd ones around them are known.
    even: [f32; HALF - 1],
    at: usize,
}

impl Default for RateHalver {
    fn default() -> Self {
        Self::new()
    }
}

impl RateHalver {
    /// Silence so far.
    #[must_use]
    pub const fn new() -> Self {
        RateHalver {
            odd: Window::new(),
            even: [0.0; HALF - 1],
            at: 0,
        }
    }

    /// Writes one sample for two of `input`; the shorter of the two bounds how many.
    pub fn process(&mut self, input: &[i16], output: &mut [i16]) {
        let (pairs, _) = input.as_chunks::<2>();
        for (&[even, odd], out) in pairs.iter().zip(output) {
            let window = self.odd.push(f32::from(odd));
            // The one between the two middle samples of the window.
            let centre = std::mem::replace(&mut self.even[self.at], f32::from(even));
            self.at = (self.at + 1) % self.even.len();
            *out = rounded(0.5 * centre + sides(window));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Goertzel, Tone, level_dbm0};

    fn sine(hertz: f64, rate: f64, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|n| (8_000.0 * (n as f64 * hertz * std::f64::consts::TAU / rate).sin()) as i16)
            .collect()
    }

    /// Level of what comes out, relative to what goes in, dB; in blocks of odd sizes.
    fn halved(hertz: f64) -> f64 {
        let input = sine(hertz, 16_000.0, 16_000);
        let mut output = vec![0; 8_000];
        let mut halver = RateHalver::new();
        for (input, output) in input.chunks(34).zip(output.chunks_mut(17)) {
            halver.process(input, output);
        }
        level_dbm0(&output[400..]) - level_dbm0(&input[800..])
    }

    #[test]
    fn telephone_band_passes_and_what_is_above_does_not() {
        for hertz in [100.0, 300.0, 1_004.0, 2_000.0, 3_000.0, 3_400.0] {
            assert!(halved(hertz).abs() < 0.1, "{hertz}: {}", halved(hertz));
        }
        for hertz in [4_700.0, 5_500.0, 7_000.0, 7_900.0] {
            assert!(halved(hertz) < -48.0, "{hertz}: {}", halved(hertz));
        }
    }

    #[test]
    fn there_and_back_is_the_same_a_little_later() {
        for hertz in [200.0, 1_004.0, 3_300.0] {
            let input = sine(hertz, 8_000.0, 8_000);
            let (mut wide, mut output) = (vec![0; 16_000], vec![0; 8_000]);
            RateDoubler::new().process(&input, &mut wide);
            assert!((level_dbm0(&wide[400..]) - level_dbm0(&input[200..])).abs() < 0.1);
            RateHalver::new().process(&wide, &mut output);
            let wrong = (100..7_900)
                .map(|n| (output[n + 23] - input[n]).abs())
                .max();
            assert!(wrong.unwrap() < 120, "{hertz}: {wrong:?}");
        }
    }

    #[test]
    fn doubling_makes_no_images() {
        let mut tone = vec![0; 8_000];
        Tone::new(3_000.0, -10.0, 8_000).fill(&mut tone);
        let mut wide = vec![0; 16_000];
        RateDoubler::new().process(&tone, &mut wide);
        let level = |frequency: f64| {
            let mut band = Goertzel::new(frequency, 16_000);
            band.feed(&wide[400..]);
            band.level_dbm0()
        };
        assert!((level(3_000.0) + 10.0).abs() < 0.1, "{}", level(3_000.0));
        assert!(level(5_000.0) < -60.0, "{}", level(5_000.0));
    }
}
