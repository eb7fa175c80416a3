//! Frequency-shift keying at 1,200 bit/s: Bell 202 and ITU-T V.23 mode 2, with asynchronous characters
//! (one start bit, eight data bits from the lowest, one stop bit or more), as caller ID uses them.

use std::f64::consts::TAU;

use crate::{SAMPLE_RATE, peak_of_dbm0};

/// The frequencies of a modem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FskStandard {
    /// North America and countries after Telcordia GR-30: mark 1,200 Hz, space 2,200 Hz.
    Bell202,
    /// Europe and countries after ETSI EN 300 659: mark 1,300 Hz, space 2,100 Hz.
    V23,
}

impl FskStandard {
    /// Frequency of a binary 1, Hz.
    #[must_use]
    pub fn mark(self) -> f64 {
        match self {
            FskStandard::Bell202 => 1_200.0,
            FskStandard::V23 => 1_300.0,
        }
    }

    /// Frequency of a binary 0, Hz.
    #[must_use]
    pub fn space(self) -> f64 {
        match self {
            FskStandard::Bell202 => 2_200.0,
            FskStandard::V23 => 2_100.0,
        }
    }
}

/// Bits a second.
const BIT_RATE: f64 = 1_200.0;
/// Samples of one bit.
const BIT: f64 = SAMPLE_RATE as f64 / BIT_RATE;

/// Sends bits one after the other, without a step in phase.
#[derive(Clone, Debug)]
pub struct FskModulator<B> {
    bits: B,
    standard: FskStandard,
    peak: f64,
    phase: f64,
    /// Samples of this bit that are left; bits do not end on samples.
    left: f64,
    frequency: f64,
    over: bool,
}

impl<B: Iterator<Item = bool>> FskModulator<B> {
    /// Sends `bits` (true is a mark) at `level` dBm0.
    pub fn new(bits: B, standard: FskStandard, level: f64) -> Self {
        FskModulator {
            bits,
            standard,
            peak: peak_of_dbm0(level),
            phase: 0.0,
            left: 0.0,
            frequency: standard.mark(),
            over: false,
        }
    }

    /// Whether the last bit has been sent.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Adds the next samples to `block`, saturating; nothing after the last bit.
    pub fn add(&mut self, block: &mut [i16]) {
        for sample in block {
            // The half keeps the mean error of bit borders at none.
            while self.left < 0.5 && !self.over {
                match self.bits.next() {
                    Some(true) => self.frequency = self.standard.mark(),
                    Some(false) => self.frequency = self.standard.space(),
                    None => self.over = true,
                }
                self.left += BIT;
            }
            if self.over {
                return;
            }
            self.left -= 1.0;
            self.phase = (self.phase + self.frequency / f64::from(SAMPLE_RATE)).fract();
            let value = (self.peak * (TAU * self.phase).sin()).round();
            *sample = sample.saturating_add(value as i16);
        }
    }
}

/// What a demodulator makes of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FskOutput {
    /// A character with a right stop bit.
    Octet {
        /// The character.
        octet: u8,
        /// How long the line was at mark before its start bit, in bits (at most 65,535).
        mark_bits: u16,
    },
    /// A character without its stop bit.
    FramingError,
}

/// Samples that a bit is correlated over: a bit is 6.67.
const REACH: usize = 7;
/// Weakest carrier, as mean square of a sine in units of full scale squared: about -48 dBm0.
const WEAKEST: f32 = 8.0e-6;

/// Receives characters in blocks of any size.
#[derive(Clone, Debug)]
pub struct FskDemodulator {
    /// One turn of each frequency's oscillator a sample: mark, space.
    steps: [(f32, f32); 2],
    oscillators: [(f32, f32); 2],
    /// Last products with each oscillator, and the last squares.
    products: [[(f32, f32); REACH]; 2],
    squares: [f32; REACH],
    place: usize,
    /// Whether mark (above 0) or space is heard, one sample ago.
    before: f32,
    carrier: bool,
    mark_samples: u32,
    state: Receiving,
}

#[derive(Clone, Copy, Debug)]
enum Receiving {
    Idle,
    /// `wait` samples until the middle of bit `bit` (0 is the start bit).
    Character {
        wait: f64,
        bit: u8,
        octet: u8,
        mark_bits: u16,
    },
}

impl FskDemodulator {
    /// A receiver for `standard`.
    #[must_use]
    pub fn new(standard: FskStandard) -> Self {
        let step = |frequency: f64| {
            let angle = TAU * frequency / f64::from(SAMPLE_RATE);
            (angle.cos() as f32, angle.sin() as f32)
        };
        FskDemodulator {
            steps: [step(standard.mark()), step(standard.space())],
            oscillators: [(1.0, 0.0); 2],
            products: [[(0.0, 0.0); REACH]; 2],
            squares: [0.0; REACH],
            place: 0,
            before: 0.0,
            carrier: false,
            mark_samples: 0,
            state: Receiving::Idle,
        }
    }

    /// Whether the modem's signal is there.
    #[must_use]
    pub fn carrier(&self) -> bool {
        self.carrier
    }

    /// Takes in the next samples and tells every character in order.
    pub fn process(&mut self, block: &[i16], mut on_output: impl FnMut(FskOutput)) {
        for &sample in block {
            let balance = self.balance(f32::from(sample) / 32_768.0);
            if let Some(output) = self.advance(balance) {
                on_output(output);
            }
            self.before = balance;
        }
    }

    /// Power at the mark's frequency less that at the space's over the last bit, -1..=1; sets the carrier.
    fn balance(&mut self, sample: f32) -> f32 {
        self.place = (self.place + 1) % REACH;
        self.squares[self.place] = sample * sample;
        let mut powers = [0.0; 2];
        for (index, power) in powers.iter_mut().enumerate() {
            let ((c, s), (a, b)) = (self.steps[index], self.oscillators[index]);
            let turned = (a * c - b * s, a * s + b * c);
            // Rounding must not make the oscillator grow or fade.
            let correct = 1.5 - 0.5 * (turned.0 * turned.0 + turned.1 * turned.1);
            self.oscillators[index] = (turned.0 * correct, turned.1 * correct);
            self.products[index][self.place] = (sample * turned.0, sample * turned.1);
            let sum = self.products[index]
                .iter()
                .fold((0.0, 0.0), |sum, product| {
                    (sum.0 + product.0, sum.1 + product.1)
                });
            *power = sum.0 * sum.0 + sum.1 * sum.1;
        }
        let energy: f32 = self.squares.iter().sum::<f32>() / REACH as f32;
        self.carrier = energy > WEAKEST;
        let both = powers[0] + powers[1];
        if both <= 0.0 || !self.carrier {
            0.0
        } else {
            (powers[0] - powers[1]) / both
        }
    }

    fn advance(&mut self, balance: f32) -> Option<FskOutput> {
        match &mut self.state {
            Receiving::Idle => {
                if balance > 0.0 {
                    self.mark_samples = self.mark_samples.saturating_add(1);
                }
                if self.before > 0.0 && balance < 0.0 {
                    // Where between the two samples the line went to space.
                    let since = f64::from(balance / (balance - self.before));
                    let mark_bits = (f64::from(self.mark_samples) / BIT).min(65_535.0) as u16;
                    self.state = Receiving::Character {
                        wait: BIT / 2.0 - since,
                        bit: 0,
                        octet: 0,
                        mark_bits,
                    };
                    self.mark_samples = 0;
                } else if balance <= 0.0 {
                    self.mark_samples = 0;
                }
                None
            }
            Receiving::Character {
                wait,
                bit,
                octet,
                mark_bits,
            } => {
                *wait -= 1.0;
                if *wait >= 0.5 {
                    return None;
                }
                *wait += BIT;
                let (mark, place, so_far, mark_bits) = (balance > 0.0, *bit, *octet, *mark_bits);
                *bit += 1;
                match place {
                    0 if mark => self.state = Receiving::Idle,
                    0 => {}
                    1..=8 => *octet |= u8::from(mark) << (place - 1),
                    _ => {
                        self.state = Receiving::Idle;
                        return Some(if mark {
                            FskOutput::Octet {
                                octet: so_far,
                                mark_bits,
                            }
                        } else {
                            FskOutput::FramingError
                        });
                    }
                }
                None
            }
        }
    }
}

/// The bits of a character: start, eight data bits, stop.
pub(crate) fn character(octet: u8) -> impl Iterator<Item = bool> {
    let data = (0..8).map(move |bit| octet >> bit & 1 == 1);
    std::iter::once(false)
        .chain(data)
        .chain(std::iter::once(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Law, Noise};

    fn received(standard: FskStandard, samples: &[i16], block: usize) -> Vec<u8> {
        let mut demodulator = FskDemodulator::new(standard);
        let mut octets = Vec::new();
        for block in samples.chunks(block) {
            demodulator.process(block, |output| {
                if let FskOutput::Octet { octet, .. } = output {
                    octets.push(octet);
                }
            });
        }
        octets
    }

    /// 40 bits of mark, all octets, 20 bits of mark, silence.
    fn sent(standard: FskStandard, level: f64) -> Vec<i16> {
        let bits = std::iter::repeat_n(true, 40)
            .chain((0..=255).flat_map(character))
            .chain(std::iter::repeat_n(true, 20));
        let mut modulator = FskModulator::new(bits, standard, level);
        let mut samples = vec![0; 160 + 17_600];
        samples[160..]
            .chunks_mut(29)
            .for_each(|block| modulator.add(block));
        assert!(modulator.is_over());
        samples
    }

    #[test]
    fn every_octet_arrives_at_every_level_and_block_size() {
        let all: Vec<u8> = (0..=255).collect();
        for standard in [FskStandard::Bell202, FskStandard::V23] {
            for level in [-3.0, -13.5, -40.0] {
                for block in [1, 80, 160, 1_000] {
                    assert_eq!(received(standard, &sent(standard, level), block), all);
                }
            }
        }
    }

    #[test]
    fn every_octet_arrives_in_noise_through_a_law_and_one_percent_slow() {
        let all: Vec<u8> = (0..=255).collect();
        for standard in [FskStandard::Bell202, FskStandard::V23] {
            let mut samples = sent(standard, -20.0);
            // EN 300 659-1 annex A: received with noise 25 dB below.
            Noise::new(9).add(&mut samples, -40.0);
            let mut octets = vec![0; samples.len()];
            Law::Mu.encode(&samples, &mut octets);
            Law::Mu.decode(&octets, &mut samples);
            // The noise before the signal may pass for a character.
            assert!(received(standard, &samples, 160).ends_with(&all));
            // Time stretched by 1 %: frequencies and bit rate 1 % low.
            let stretched: Vec<f32> = samples.iter().map(|&s| f32::from(s)).collect();
            let stretched: Vec<i16> = crate::resample(&stretched, 8_000, 8_080)
                .iter()
                .map(|&s| s as i16)
                .collect();
            assert!(received(standard, &stretched, 160).ends_with(&all));
        }
    }

    #[test]
    fn silence_has_no_carrier_and_says_nothing() {
        let mut demodulator = FskDemodulator::new(FskStandard::V23);
        let mut samples = vec![0; 8_000];
        Noise::new(2).add(&mut samples, -60.0);
        demodulator.process(&samples, |output| panic!("{output:?}"));
        assert!(!demodulator.carrier());
    }
}
