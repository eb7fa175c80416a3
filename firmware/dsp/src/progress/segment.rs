//! Pieces of sound and of pause, and what frequencies the sound has.
//!
//! Sound below 900 Hz is taken down to 2,000 samples a second and compared with itself at 24 delays.
//! White noise shows only at delay 0, which is left out, so the frequencies come out right in noise.

use std::f32::consts::TAU;
use std::sync::LazyLock;

use crate::{SAMPLE_RATE, ZERO_DBM0_RMS};

/// Samples of one look (10 ms).
const LOOK: usize = 80;
const LOOK_MS: u32 = 10;
/// Every so many samples one is kept.
const DECIMATION: usize = 4;
const LOW_RATE: f32 = SAMPLE_RATE as f32 / DECIMATION as f32;
/// Delays compared.
const LAGS: usize = 24;
/// Taps of the low-pass.
const TAPS: usize = 48;
/// Quietest sound, dBm0.
const QUIETEST: f32 = -42.0;
/// A pause is at least this much below the sound before it, dB.
const BELOW: f32 = 14.0;

static LOW_PASS: LazyLock<[f32; TAPS]> = LazyLock::new(|| {
    let mut taps: [f32; TAPS] = std::array::from_fn(|n| {
        let x = n as f32 - (TAPS as f32 - 1.0) / 2.0;
        let window = 0.5 + 0.5 * (TAU * x / TAPS as f32).cos();
        let cut = 850.0 / SAMPLE_RATE as f32;
        (TAU * cut * x).sin() / (std::f32::consts::PI * x) * window
    });
    let sum: f32 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= sum);
    taps
});

/// The sound of a piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spectrum {
    /// Products of the low band with itself at each delay, the mean of all.
    products: [f32; LAGS + 1],
    /// Mean square of everything.
    total: f32,
}

/// A piece of sound, or of pause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub milliseconds: u32,
    /// `None` for a pause.
    pub sound: Option<Spectrum>,
}

impl Spectrum {
    /// Powers of cosines of these frequencies that come closest to the products (0 for none).
    fn powers(&self, frequencies: [f32; 2]) -> [f32; 2] {
        let wave = |index: usize, k: usize| (TAU * frequencies[index] * k as f32 / LOW_RATE).cos();
        let (mut aa, mut ab, mut bb, mut ra, mut rb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (k, &product) in self.products.iter().enumerate().skip(1) {
            let (a, b) = (wave(0, k), wave(1, k));
            aa += a * a;
            ab += a * b;
            bb += b * b;
            ra += product * a;
            rb += product * b;
        }
        if frequencies[1] <= 0.0 {
            return [ra / aa, 0.0];
        }
        let determinant = aa * bb - ab * ab;
        if determinant.abs() < 1e-3 {
            return [ra / aa, 0.0];
        }
        [
            (ra * bb - rb * ab) / determinant,
            (rb * aa - ra * ab) / determinant,
        ]
    }

    /// How much of the products these frequencies explain, 0-1; 0 when one of them is missing.
    pub fn explained(&self, frequencies: [f32; 2]) -> f32 {
        let powers = self.powers(frequencies);
        let missing = powers[0] <= 0.0
            || (frequencies[1] > 0.0 && powers[1] < powers[0] * 0.1)
            || (frequencies[1] > 0.0 && powers[0] < powers[1] * 0.1);
        if missing {
            return 0.0;
        }
        let (mut left, mut all) = (0.0, 0.0);
        for (k, &product) in self.products.iter().enumerate().skip(1) {
            let wave = |index: usize| {
                powers[index] * (TAU * frequencies[index] * k as f32 / LOW_RATE).cos()
            };
            let second = if frequencies[1] > 0.0 { wave(1) } else { 0.0 };
            let rest = product - wave(0) - second;
            left += rest * rest;
            all += product * product;
        }
        (1.0 - left / all.max(1e-20)).max(0.0)
    }

    /// Part of everything heard, of all frequencies, that these are.
    pub fn tonality(&self, frequencies: [f32; 2]) -> f32 {
        let powers = self.powers(frequencies);
        (powers[0] + powers[1].max(0.0)) / self.total.max(1e-20)
    }

    /// Level of everything heard, dBm0.
    pub fn level_dbm0(&self) -> f32 {
        10.0 * self.total.max(1e-10).log10()
    }

    /// The one or two frequencies that explain it best, in rising order; `None` when none do.
    pub fn frequencies(&self) -> Option<[f32; 2]> {
        let r = &self.products;
        // One: r(k+1) + r(k-1) = y r(k) with y = 2 cos w.
        let (mut top, mut bottom) = (0.0, 0.0);
        for k in 2..LAGS {
            top += (r[k + 1] + r[k - 1]) * r[k];
            bottom += r[k] * r[k];
        }
        let hertz = |y: f32| (y / 2.0).clamp(-1.0, 1.0).acos() * LOW_RATE / TAU;
        let single = [hertz(top / bottom.max(1e-20)), 0.0];
        if self.explained(single) > 0.97 {
            return Some(single);
        }
        // Two: r(k+2) + r(k-2) = a (r(k+1) + r(k-1)) + b r(k), and y solves y^2 - a y - b - 2 = 0.
        let (mut vv, mut vw, mut ww, mut uv, mut uw) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for k in 3..LAGS - 1 {
            let (u, v, w) = (r[k + 2] + r[k - 2], r[k + 1] + r[k - 1], r[k]);
            vv += v * v;
            vw += v * w;
            ww += w * w;
            uv += u * v;
            uw += u * w;
        }
        let determinant = vv * ww - vw * vw;
        if determinant <= 1e-6 * vv * ww {
            return None;
        }
        let a = (uv * ww - uw * vw) / determinant;
        let b = (uw * vv - uv * vw) / determinant;
        let root = a * a + 4.0 * (b + 2.0);
        if root <= 0.0 {
            return None;
        }
        let pair = [
            hertz((a + root.sqrt()) / 2.0),
            hertz((a - root.sqrt()) / 2.0),
        ];
        (self.explained(pair) > 0.9).then_some(pair)
    }
}

/// Cuts the line into pieces.
#[derive(Clone, Debug)]
pub(super) struct Segmenter {
    /// The last samples for the low-pass, and the last of the low band.
    samples: [f32; TAPS],
    low: [f32; LAGS + 1],
    phase: usize,
    /// Products and energy of this look, and of the piece so far.
    look: Sums,
    piece: Sums,
    filled: usize,
    sounding: bool,
    /// Level of the sound, dBm0, falling slowly in pauses.
    level: f32,
    milliseconds: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    products: [f32; LAGS + 1],
    energy: f32,
    looks: u32,
}

impl Sums {
    fn add(&mut self, look: &Sums) {
        for (sum, product) in self.products.iter_mut().zip(&look.products) {
            *sum += product;
        }
        self.energy += look.energy;
        self.looks += 1;
    }

    fn spectrum(&self) -> Spectrum {
        let looks = self.looks.max(1) as f32;
        Spectrum {
            products: self
                .products
                .map(|sum| sum / (looks * (LOOK / DECIMATION) as f32)),
            total: self.energy / (looks * LOOK as f32),
        }
    }
}

impl Segmenter {
    pub fn new() -> Self {
        Segmenter {
            samples: [0.0; TAPS],
            low: [0.0; LAGS + 1],
            phase: 0,
            look: Sums::default(),
            piece: Sums::default(),
            filled: 0,
            sounding: false,
            level: QUIETEST,
            milliseconds: 0,
        }
    }

    /// The piece that has not ended yet; `None` before the first look.
    pub fn current(&self) -> Option<Piece> {
        (self.milliseconds > 0).then(|| Piece {
            milliseconds: self.milliseconds,
            sound: self.sounding.then(|| self.piece.spectrum()),
        })
    }

    /// Takes in samples up to the end of a look; a piece that has ended, and what is left of the block.
    pub fn feed<'a>(&mut self, block: &'a [i16]) -> (Option<Piece>, &'a [i16]) {
        let (taken, rest) = block.split_at(block.len().min(LOOK - self.filled));
        for &sample in taken {
            self.take(f32::from(sample) / ZERO_DBM0_RMS as f32);
        }
        self.filled += taken.len();
        if self.filled < LOOK {
            return (None, rest);
        }
        self.filled = 0;
        let look = std::mem::take(&mut self.look);
        (self.end_look(&look), rest)
    }

    fn take(&mut self, sample: f32) {
        self.look.energy += sample * sample;
        self.samples.copy_within(1.., 0);
        self.samples[TAPS - 1] = sample;
        self.phase += 1;
        if self.phase < DECIMATION {
            return;
        }
        self.phase = 0;
        self.low.copy_within(..LAGS, 1);
        let taps = self.samples.iter().zip(&*LOW_PASS);
        self.low[0] = taps.map(|(sample, tap)| sample * tap).sum();
        for (product, past) in self.look.products.iter_mut().zip(&self.low) {
            *product += self.low[0] * past;
        }
    }

    fn end_look(&mut self, look: &Sums) -> Option<Piece> {
        let level = 10.0 * (look.energy / LOOK as f32).max(1e-10).log10();
        let sounds = level > QUIETEST.max(self.level - BELOW);
        // Half a decibel a second down in pauses: the next sound may be another, weaker one.
        self.level = if sounds {
            self.level.max(level) * 0.9 + level * 0.1
        } else {
            (self.level - 0.005).max(QUIETEST)
        };
        if sounds == self.sounding {
            self.milliseconds = self.milliseconds.saturating_add(LOOK_MS);
            // The first look of a sound holds its edge and the past of the pause.
            if self.milliseconds > 2 * LOOK_MS {
                self.piece.add(look);
            }
            return None;
        }
        let ended = (self.milliseconds > 0).then(|| Piece {
            milliseconds: self.milliseconds,
            sound: self.sounding.then(|| self.piece.spectrum()),
        });
        self.sounding = sounds;
        self.milliseconds = LOOK_MS;
        self.piece = Sums::default();
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::super::is_of;
    use super::*;
    use crate::{Law, Noise, Tone};

    fn spectrum(frequencies: &[f64], level: f64, noise: f64, milliseconds: usize) -> Spectrum {
        let mut samples = vec![0; milliseconds * 8];
        for &frequency in frequencies {
            Tone::new(frequency, level, SAMPLE_RATE).add(&mut samples);
        }
        Noise::new(1).add(&mut samples, noise);
        let mut octets = vec![0; samples.len()];
        Law::A.encode(&samples, &mut octets);
        Law::A.decode(&octets, &mut samples);
        let mut segmenter = Segmenter::new();
        let mut rest = &samples[..];
        while !rest.is_empty() {
            rest = segmenter.feed(rest).1;
        }
        segmenter.current().unwrap().sound.unwrap()
    }

    #[test]
    fn frequencies_are_found_in_noise() {
        for single in [350.0, 400.0, 425.0, 450.0, 500.0, 620.0] {
            let spectrum = spectrum(&[single], -20.0, -40.0, 250);
            let [found, none] = spectrum.frequencies().unwrap();
            assert!((f64::from(found) - single).abs() < 3.0 && none == 0.0);
            assert!(is_of(&spectrum, [single as f32, 0.0]), "{single}");
            assert!(!is_of(&spectrum, [single as f32 + 40.0, 0.0]), "{single}");
        }
        for pair in [
            [350.0, 440.0],
            [480.0, 620.0],
            [400.0, 450.0],
            [440.0, 480.0],
        ] {
            let spectrum = spectrum(&pair, -20.0, -45.0, 500);
            assert!(is_of(&spectrum, pair.map(|f| f as f32)), "{pair:?}");
            assert!(!is_of(&spectrum, [pair[0] as f32, 0.0]), "{pair:?}");
        }
        let [low, high] = spectrum(&[480.0, 620.0], -20.0, -45.0, 250)
            .frequencies()
            .unwrap();
        assert!(
            (low - 480.0).abs() < 5.0 && (high - 620.0).abs() < 5.0,
            "{low} {high}"
        );
    }
}
