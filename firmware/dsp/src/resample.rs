//! Sample rate conversion of whole recordings.

use std::f64::consts::PI;

/// Taps to each side of the centre for each unit of decimation: with the window below this gives
/// 70 dB of stop band and a transition of an eighth of the band.
const SIDE: f64 = 36.0;
/// Shape of the Kaiser window for 70 dB.
const BETA: f64 = 6.76;
/// Part of the lower Nyquist frequency that passes unattenuated (3.4 of 4 kHz is telephony's band).
const PASS: f64 = 0.875;

/// Converts a recording from `from` to `to` samples a second by a windowed sinc low-pass, without aliases above the new band.
///
/// Allocates its result: meant for recordings before they are played, not for media threads. Rates
/// are above 0; equal rates copy.
#[must_use]
pub fn resample(input: &[f32], from: u32, to: u32) -> Vec<f32> {
    if from == to || from == 0 || to == 0 {
        return input.to_vec();
    }
    let divisor = greatest_common_divisor(from, to);
    let (rise, fall) = ((to / divisor) as usize, (from / divisor) as usize);
    let step = f64::from(from) / f64::from(to);
    // Below 1 when the rate falls: the filter must then cut below the new Nyquist frequency.
    let band = (1.0 / step).min(1.0) * PASS;
    let side = SIDE * step.max(1.0);
    // Output instants fall on `rise` different places between two input samples.
    let phases: Vec<Vec<f64>> = (0..rise)
        .map(|phase| weights(phase as f64 / rise as f64, band, side))
        .collect();
    let reach = side.ceil() as usize;
    let length = (input.len() as f64 / step).round() as usize;
    (0..length)
        .map(|output| {
            let (whole, phase) = (output * fall / rise, output * fall % rise);
            let weights = phases.get(phase).into_iter().flatten();
            // The first weight belongs to the sample `reach` before; those before the recording
            // are silent.
            let samples = input.iter().skip(whole.saturating_sub(reach));
            let unheard = reach.saturating_sub(whole);
            let products = weights
                .skip(unheard)
                .zip(samples)
                .map(|(w, &s)| w * f64::from(s));
            products.sum::<f64>() as f32
        })
        .collect()
}

/// Weights of the input samples around an instant `fraction` after one of them; they add up to 1.
fn weights(fraction: f64, band: f64, side: f64) -> Vec<f64> {
    let reach = side.ceil() as i32;
    let raw: Vec<f64> = (-reach..=reach)
        .map(|index| {
            let offset = f64::from(index) - fraction;
            let inside = offset.abs() <= side;
            if inside {
                sinc(offset * band) * kaiser(offset / side)
            } else {
                0.0
            }
        })
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight / sum).collect()
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
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
    let inside = (1.0 - x * x).max(0.0);
    bessel(BETA * inside.sqrt()) / bessel(BETA)
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
    use crate::{Goertzel, Tone};

    /// Level of `frequency` after a tone of it at -10 dBm0 went from `from` to 8 kHz; `heard` is the
    /// frequency looked for.
    fn level(frequency: f64, heard: f64, from: u32) -> f64 {
        let mut tone = vec![0i16; from as usize];
        Tone::new(frequency, -10.0, from).fill(&mut tone);
        let input: Vec<f32> = tone.iter().map(|&sample| f32::from(sample)).collect();
        let output: Vec<i16> = resample(&input, from, 8_000)
            .iter()
            .map(|&sample| sample.round() as i16)
            .collect();
        assert_eq!(output.len(), 8_000);
        let mut meter = Goertzel::new(heard, 8_000);
        meter.feed(&output[400..7_600]);
        meter.level_dbm0()
    }

    #[test]
    fn the_telephone_band_passes_unchanged() {
        for from in [16_000, 22_050, 44_100, 48_000] {
            for frequency in [300.0, 1_004.0, 2_500.0, 3_200.0] {
                let level = level(frequency, frequency, from);
                assert!(
                    (level + 10.0).abs() < 0.2,
                    "{frequency} Hz of {from}: {level}"
                );
            }
        }
    }

    #[test]
    fn what_lies_above_leaves_no_alias() {
        for from in [22_050, 48_000] {
            for frequency in [4_500.0, 5_000.0, 7_000.0] {
                let level = level(frequency, 8_000.0 - frequency, from);
                assert!(level < -70.0, "{frequency} Hz of {from}: {level}");
            }
        }
    }

    #[test]
    fn rates_may_rise_and_recordings_may_be_empty() {
        let rising = resample(&vec![1_000.0; 8_000], 8_000, 16_000);
        assert_eq!(rising.len(), 16_000);
        assert!((rising[8_000] - 1_000.0).abs() < 5.0, "{}", rising[8_000]);
        assert_eq!(resample(&[], 22_050, 8_000), Vec::<f32>::new());
        assert_eq!(resample(&[1.0, 2.0], 8_000, 8_000), [1.0, 2.0]);
    }
}
