//! How much of what is sent to a two-wire line comes back (ITU-T G.122, echo return loss), and when.
//!
//! White noise is sent for 1.6 s and compared with what comes at every delay up to 128 ms: each comparison is one tap of
//! the echo path, and the sum of their squares is the part of the power that comes back. What is on the line besides
//! resembles the noise at no delay and does not count; what it adds by chance is known and taken off.

use crate::{ZERO_DBM0_RMS, peak_of_dbm0};

/// Delays that are compared (128 ms): the path of a driver's buffers and of a hybrid.
const TAPS: usize = 1_024;
/// Samples that are compared (1.6 s).
const SAMPLES: usize = 12_800;
/// Level of the noise that [`EchoMeter`] sends, dBm0: as loud as somebody who speaks.
pub const ECHO_METER_LEVEL: f64 = -16.0;
/// Largest loss that can be told from none of it coming back, dB.
const LARGEST: f32 = 50.0;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredEcho {
    /// Level sent less level of its echo, dB; at most 50, which means that much or more.
    pub loss: f32,
    /// When most of it comes back, milliseconds after it was sent.
    pub delay: f32,
    /// Level of everything that came and is no echo, dBm0.
    pub rest: f32,
}

/// Measures the echo of a line, 20 ms by 20 ms or in blocks of any other size.
#[derive(Clone, Debug)]
pub struct EchoMeter {
    /// Of the noise: a shift register, because a congruential generator resembles itself at some delays.
    state: u32,
    /// What was sent, newest last, with room to move back only now and then; where it ends.
    sent: Vec<f32>,
    end: usize,
    products: Vec<f64>,
    sent_energy: f64,
    received_energy: f64,
    samples: usize,
}

impl Default for EchoMeter {
    fn default() -> Self {
        EchoMeter::new()
    }
}

impl EchoMeter {
    /// A meter before its measurement. Allocates.
    #[must_use]
    pub fn new() -> Self {
        EchoMeter {
            state: 0x5eed,
            sent: vec![0.0; TAPS * 4],
            end: TAPS,
            products: vec![0.0; TAPS],
            sent_energy: 0.0,
            received_energy: 0.0,
            samples: 0,
        }
    }

    /// What is to be sent next.
    pub fn fill(&mut self, block: &mut [i16]) {
        // An even distribution has a peak of sqrt(3) times its effective value, a sine of sqrt(2).
        let peak = peak_of_dbm0(ECHO_METER_LEVEL) * 1.5f64.sqrt();
        for sample in block {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 17;
            self.state ^= self.state << 5;
            *sample = (f64::from(self.state.cast_signed()) / 2_147_483_648.0 * peak).round() as i16;
        }
    }

    /// Takes in what was sent and what came in the same time; the result once enough is known.
    pub fn process(&mut self, sent: &[i16], received: &[i16]) -> Option<MeasuredEcho> {
        for (&sent, &received) in sent.iter().zip(received) {
            let (sent, received) = (f32::from(sent), f32::from(received));
            if self.end == self.sent.len() {
                self.sent.copy_within(self.end - TAPS + 1.., 0);
                self.end = TAPS - 1;
            }
            self.sent[self.end] = sent;
            self.end += 1;
            // The first noise has an echo that is still to come.
            self.samples += 1;
            if self.samples <= TAPS {
                continue;
            }
            self.sent_energy += f64::from(sent * sent);
            self.received_energy += f64::from(received * received);
            let past = &self.sent[self.end - TAPS..self.end];
            for (product, past) in self.products.iter_mut().zip(past) {
                *product += f64::from(past * received);
            }
        }
        (self.samples >= TAPS + SAMPLES).then(|| self.result())
    }

    fn result(&self) -> MeasuredEcho {
        let counted = (self.samples - TAPS) as f64;
        let energy = self.sent_energy.max(1.0);
        let power: f64 = self.products.iter().map(|p| (p / energy).powi(2)).sum();
        // Each tap of something that has nothing to do with the noise is off by this on average.
        let by_chance = TAPS as f64 * self.received_energy / (energy * counted);
        let returned = (power - by_chance).max(10f64.powf(f64::from(-LARGEST) / 10.0));
        let loudest = (0..TAPS).max_by(|&a, &b| {
            let size = |tap: usize| self.products[tap].abs();
            size(a).total_cmp(&size(b))
        });
        let rest = (self.received_energy - returned * energy).max(0.0) / counted;
        MeasuredEcho {
            loss: (-10.0 * returned.log10()) as f32,
            delay: (TAPS - 1 - loudest.unwrap_or(TAPS - 1)) as f32 / 8.0,
            rest: (10.0 * (rest / (ZERO_DBM0_RMS * ZERO_DBM0_RMS)).max(1e-10).log10()) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Law, Tone};

    /// What a meter finds on a line whose hybrid has this path, with this on the line besides.
    fn measured(path: &[f32], besides: impl Fn(&mut [i16])) -> MeasuredEcho {
        let mut meter = EchoMeter::new();
        let (mut past, mut received) = (vec![0.0f32; path.len()], [0i16; 160]);
        let mut sent = [0i16; 160];
        loop {
            if let Some(measured) = meter.process(&sent, &received) {
                return measured;
            }
            meter.fill(&mut sent);
            for (sent, received) in sent.iter().zip(&mut received) {
                past.rotate_right(1);
                past[0] = f32::from(*sent);
                let echo: f32 = path.iter().zip(&past).map(|(tap, past)| tap * past).sum();
                *received = echo.round() as i16;
            }
            besides(&mut received);
            let mut octets = [0; 160];
            Law::A.encode(&received, &mut octets);
            Law::A.decode(&octets, &mut received);
        }
    }

    fn path(delay: usize, loss: f32) -> Vec<f32> {
        let mut taps: Vec<f32> = (0..120)
            .map(|n| (-(n as f32) / 18.0).exp() * (n as f32 * 0.9).cos())
            .collect();
        let gain: f32 = taps.iter().map(|tap| tap * tap).sum();
        let scale = 10f32.powf(-loss / 20.0) / gain.sqrt();
        taps.iter_mut().for_each(|tap| *tap *= scale);
        [vec![0.0; delay], taps].concat()
    }

    #[test]
    fn known_losses_are_found_to_half_a_decibel_whatever_the_delay() {
        for loss in [3.0, 6.0, 12.0, 20.0, 30.0] {
            for delay in [0, 40, 700] {
                let found = measured(&path(delay, loss), |_| {});
                assert!((found.loss - loss).abs() < 0.5, "{loss} {delay}: {found:?}");
                assert!((found.delay - delay as f32 / 8.0).abs() < 1.0, "{found:?}");
            }
        }
    }

    #[test]
    fn what_else_is_on_the_line_is_no_echo() {
        let hum = std::cell::RefCell::new(Tone::new(425.0, -25.0, 8_000));
        let found = measured(&path(16, 12.0), |block| hum.borrow_mut().add(block));
        assert!((found.loss - 12.0).abs() < 1.0, "{found:?}");
        assert!((found.rest + 25.0).abs() < 1.5, "{found:?}");
        // Nothing comes back at all.
        let found = measured(&[0.0], |_| {});
        assert!(found.loss > 45.0, "{found:?}");
    }
}
