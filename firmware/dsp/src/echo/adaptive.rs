//! Partitioned block frequency-domain filter with a Kalman gain.
//!
//! For every line of the spectrum the filter knows how uncertain its weight is and how loud the line's
//! noise and near-end speech are, and steps accordingly (Enzner and Vary's state-space approach). A
//! voice excites few lines at a time; those that it does not excite are left alone, and so are those
//! where the near end talks.

use super::fourier::{Complex, POINTS, forward, inverse, multiply};
use super::{BLOCK, ECHO_TAIL};

const PARTITIONS: usize = ECHO_TAIL / BLOCK;
/// Lines of the spectrum of a real signal that are not mirrored.
const LINES: usize = POINTS / 2 + 1;
/// Uncertainty of a weight of which nothing is known: the square of a hybrid that loses 6 dB.
const UNKNOWN: f32 = 0.25;
/// Uncertainty of a weight that has been good until now.
const TRUSTED: f32 = 0.02;
/// Part of a weight's square that becomes uncertain from block to block: lines change.
const DRIFT: f32 = 0.0001;
/// Part of what a block should have taught that is believed: harmonics teach the same again and again.
const BELIEF: f32 = 0.4;
/// Part of the old value that the estimate of the near end's spectrum keeps.
const KEEP: f32 = 0.8;
/// Part of the residue that is near end at least.
const LEAST_NEAR: f32 = 0.5;
/// Power of each line that is near end at least: about -66 dBm0 of noise.
const FLOOR: f32 = 64.0 * 64.0;
/// Companding noise that comes back with the echo, as part of its power: 36 dB below (G.711).
const COMPANDING: f32 = 2.5e-4;
/// Part of a block's spectrum that the half of it which is not wrapped has.
const HALF: f32 = 0.5;
/// The filter has lost its way when this part of the near end is left over, for so many blocks.
const LOST: f32 = 0.5;
const LOST_BLOCKS: u32 = 25;

type Spectrum = [Complex; LINES];

/// A filter of [`ECHO_TAIL`] taps that learns by blocks of [`BLOCK`] samples.
#[derive(Clone, Debug)]
pub(super) struct AdaptiveFilter {
    /// Spectra of the last blocks of the far end, the newest at `newest`.
    far: Box<[Spectrum; PARTITIONS]>,
    newest: usize,
    before: [f32; BLOCK],
    weights: Box<[Spectrum; PARTITIONS]>,
    /// Uncertainty of each weight, as mean square of its error.
    uncertain: Box<[[f32; LINES]; PARTITIONS]>,
    /// Spectrum of what is not echo.
    near: [f32; LINES],
    lost: u32,
}

fn whole(half: &Spectrum) -> [Complex; POINTS] {
    std::array::from_fn(|k| match half.get(k) {
        Some(&line) => line,
        None => {
            let (real, imaginary) = half[POINTS - k];
            (real, -imaginary)
        }
    })
}

fn half(points: &[Complex; POINTS]) -> Spectrum {
    std::array::from_fn(|k| points[k])
}

impl AdaptiveFilter {
    pub fn new() -> Self {
        AdaptiveFilter {
            far: Box::new([[(0.0, 0.0); LINES]; PARTITIONS]),
            newest: 0,
            before: [0.0; BLOCK],
            weights: Box::new([[(0.0, 0.0); LINES]; PARTITIONS]),
            uncertain: Box::new([[UNKNOWN; LINES]; PARTITIONS]),
            near: [FLOOR; LINES],
            lost: 0,
        }
    }

    /// Takes in a block of both directions and learns from it if `adapt`; energy of what is left of
    /// the near end by the weights before the step.
    pub fn step(&mut self, far: &[f32; BLOCK], near: &[f32; BLOCK], adapt: bool) -> f32 {
        self.newest = (self.newest + PARTITIONS - 1) % PARTITIONS;
        let mut points: [Complex; POINTS] = std::array::from_fn(|n| match n.checked_sub(BLOCK) {
            None => (self.before[n], 0.0),
            Some(n) => (far[n], 0.0),
        });
        forward(&mut points);
        self.far[self.newest] = half(&points);
        self.before = *far;

        let mut echo = [(0.0, 0.0); LINES];
        for (age, weights) in self.weights.iter().enumerate() {
            let far = &self.far[(self.newest + age) % PARTITIONS];
            for ((sum, &far), &weight) in echo.iter_mut().zip(far).zip(weights) {
                let product = multiply(far, weight);
                *sum = (sum.0 + product.0, sum.1 + product.1);
            }
        }
        let mut points = whole(&echo);
        inverse(&mut points);
        let mut left = [0.0; BLOCK];
        for (n, left) in left.iter_mut().enumerate() {
            *left = near[n] - points[BLOCK + n].0;
        }
        let energy = super::energy(&left);
        if adapt {
            self.learn(&left, FLOOR + super::energy(near) * COMPANDING);
            self.lost = if energy > super::energy(near) * LOST {
                self.lost + 1
            } else {
                self.lost.saturating_sub(2)
            };
            if self.lost >= LOST_BLOCKS {
                // Another path, or speech on both sides: begin to doubt everything. Should it be
                // speech, the foreground filter is what is heard.
                self.lost = 0;
                self.doubt(UNKNOWN);
            }
        }
        energy
    }

    /// Steps towards what would have left less; `noise` is the least power of each line that is no echo.
    fn learn(&mut self, left: &[f32; BLOCK], noise: f32) {
        let mut points: [Complex; POINTS] = std::array::from_fn(|n| match n.checked_sub(BLOCK) {
            None => (0.0, 0.0),
            Some(n) => (left[n], 0.0),
        });
        forward(&mut points);
        let error: Spectrum = std::array::from_fn(|k| {
            let expected: f32 = (0..PARTITIONS)
                .map(|age| {
                    let (real, imaginary) = self.far[(self.newest + age) % PARTITIONS][k];
                    (real * real + imaginary * imaginary) * self.uncertain[age][k]
                })
                .sum::<f32>()
                * HALF;
            let residue = points[k].0 * points[k].0 + points[k].1 * points[k].1;
            let near = (residue - expected).max(residue * LEAST_NEAR) + noise;
            self.near[k] = self.near[k] * KEEP + near * (1.0 - KEEP);
            // A voice that sets in counts at once.
            let scale = 1.0 / (expected + self.near[k].max(near));
            (points[k].0 * scale, points[k].1 * scale)
        });
        let scales: [f32; LINES] = std::array::from_fn(|k| {
            let residue = points[k].0.hypot(points[k].1).max(1e-9);
            error[k].0.hypot(error[k].1) / residue
        });
        for age in 0..PARTITIONS {
            let far = &self.far[(self.newest + age) % PARTITIONS];
            let gradient: Spectrum = std::array::from_fn(|k| {
                let (real, imaginary) = multiply((far[k].0, -far[k].1), error[k]);
                let uncertain = self.uncertain[age][k];
                (real * uncertain, imaginary * uncertain)
            });
            for (k, uncertain) in self.uncertain[age].iter_mut().enumerate() {
                let power = far[k].0 * far[k].0 + far[k].1 * far[k].1;
                let known = (*uncertain * power * scales[k] * HALF * BELIEF).min(1.0);
                let (real, imaginary) = self.weights[age][k];
                *uncertain =
                    *uncertain * (1.0 - known) + DRIFT * (real * real + imaginary * imaginary);
            }
            // Only the first half of a partition's response is real; the other is the block's wrap.
            let mut points = whole(&gradient);
            inverse(&mut points);
            points[BLOCK..].fill((0.0, 0.0));
            forward(&mut points);
            for (weight, change) in self.weights[age].iter_mut().zip(&points) {
                *weight = (weight.0 + change.0, weight.1 + change.1);
            }
        }
    }

    /// Knows nothing again.
    pub fn forget(&mut self) {
        self.weights.fill([(0.0, 0.0); LINES]);
        self.uncertain.fill([UNKNOWN; LINES]);
    }

    /// Writes the impulse response, last tap first.
    pub fn weights(&self, taps: &mut [f32; ECHO_TAIL]) {
        for (age, weights) in self.weights.iter().enumerate() {
            let mut points = whole(weights);
            inverse(&mut points);
            for (n, point) in points[..BLOCK].iter().enumerate() {
                taps[ECHO_TAIL - 1 - age * BLOCK - n] = point.0;
            }
        }
    }

    fn doubt(&mut self, uncertain: f32) {
        for partition in self.uncertain.iter_mut() {
            for value in partition {
                *value = value.max(uncertain);
            }
        }
    }

    /// Starts again from an impulse response, last tap first.
    pub fn restart(&mut self, taps: &[f32; ECHO_TAIL]) {
        self.doubt(TRUSTED);
        for (age, weights) in self.weights.iter_mut().enumerate() {
            let mut points = [(0.0, 0.0); POINTS];
            for (n, point) in points[..BLOCK].iter_mut().enumerate() {
                point.0 = taps[ECHO_TAIL - 1 - age * BLOCK - n];
            }
            forward(&mut points);
            *weights = half(&points);
        }
    }
}
