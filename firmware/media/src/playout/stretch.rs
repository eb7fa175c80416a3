//! Longer and shorter sound at the same pitch: whole pitch periods are put in or taken out, overlapped
//! with what is around them (WSOLA; Verhelst and Roelands 1993).

use crate::SampleRate;

/// Least and most that is put in or taken out: 2.5 and 10 ms.
const LEAST_MS: f32 = 2.5;
const MOST_MS: f32 = 10.0;
/// How alike two periods have to be.
const ALIKE: f32 = 0.75;
/// Effective value below which nobody hears a cut.
const INAUDIBLE: f32 = 30.0;

fn samples(rate: SampleRate, milliseconds: f32) -> usize {
    (milliseconds * rate.hertz() as f32 / 1_000.0) as usize
}

/// Samples that a change adds or takes at most.
pub(super) fn most(rate: SampleRate) -> usize {
    samples(rate, MOST_MS)
}

/// Where the sound at the beginning of `ready` repeats itself, at best; `None` when nowhere.
fn period(ready: &[i16], rate: SampleRate) -> Option<usize> {
    let (least, most) = (samples(rate, LEAST_MS), samples(rate, MOST_MS));
    let first = ready.get(..most)?;
    let energy = first
        .iter()
        .map(|&s| f32::from(s) * f32::from(s))
        .sum::<f32>();
    if (energy / most as f32).sqrt() < INAUDIBLE {
        return Some(most);
    }
    let (lag, likeness) = best_lag(ready, least, most, most)?;
    (likeness >= ALIKE).then_some(lag)
}

/// The lag between `least` and `most` at which `window` samples are most like those at the beginning,
/// as far as there are samples, and how alike they are, at most 1.
pub(super) fn best_lag(
    samples: &[i16],
    least: usize,
    most: usize,
    window: usize,
) -> Option<(usize, f32)> {
    let mut best = None;
    for lag in least..=most {
        let shifted = samples.get(lag..)?;
        let window = window.min(shifted.len());
        let (mut product, mut one, mut other) = (0.0f32, 1.0f32, 1.0f32);
        for (&a, &b) in samples.iter().zip(shifted).take(window) {
            let (a, b) = (f32::from(a), f32::from(b));
            product += a * b;
            one += a * a;
            other += b * b;
        }
        let likeness = product / (one * other).sqrt();
        if best.is_none_or(|(_, most)| likeness > most) {
            best = Some((lag, likeness));
        }
    }
    best
}

/// Goes from `from` to `to` over their length; both are as long.
pub(super) fn fade(from: i16, to: i16, place: usize, length: usize) -> i16 {
    let weight = (place as f32 + 0.5) / length as f32;
    (f32::from(from) * (1.0 - weight) + f32::from(to) * weight).round_ties_even() as i16
}

/// Takes a period out of the first `filled` samples; gives how many there are now.
pub(super) fn shorten(ready: &mut [i16], filled: usize, rate: SampleRate) -> usize {
    let Some(period) = period(&ready[..filled], rate).filter(|period| 2 * period <= filled) else {
        return filled;
    };
    for place in 0..period {
        ready[place] = fade(ready[place], ready[place + period], place, period);
    }
    ready.copy_within(2 * period..filled, period);
    filled - period
}

/// Puts a period into the first `filled` samples; gives how many there are now.
pub(super) fn lengthen(ready: &mut [i16], filled: usize, rate: SampleRate) -> usize {
    let room = ready.len();
    let fits = |period: &usize| 2 * period <= filled && filled + period <= room;
    let Some(period) = period(&ready[..filled], rate).filter(fits) else {
        return filled;
    };
    ready.copy_within(period..filled, 2 * period);
    // After the first period, which stays, the second goes over into the first, and that into the second.
    for place in 0..period {
        let second = ready[place + 2 * period];
        ready[place + period] = fade(second, ready[place], place, period);
    }
    filled + period
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f64, count: usize) -> Vec<i16> {
        let step = hertz * std::f64::consts::TAU / 8_000.0;
        (0..count)
            .map(|n| (10_000.0 * (n as f64 * step).sin()) as i16)
            .collect()
    }

    #[test]
    fn a_tone_stays_a_tone() {
        for hertz in [150.0, 425.0, 1_004.0, 2_100.0] {
            for change in [shorten, lengthen] {
                let mut ready = sine(hertz, 600);
                let filled = change(&mut ready, 320, SampleRate::Narrow);
                assert!((filled as i32 - 320).unsigned_abs() >= 20, "{hertz}");
                // The second difference of a sine is bounded; a click exceeds it.
                let bound = 10_000.0 * (hertz / 8_000.0 * std::f64::consts::TAU).powi(2) * 1.3;
                for three in ready[..filled].windows(3) {
                    let bend = i32::from(three[0]) - 2 * i32::from(three[1]) + i32::from(three[2]);
                    assert!(f64::from(bend.abs()) < bound + 700.0, "{hertz}: {bend}");
                }
            }
        }
    }

    #[test]
    fn noise_is_left_alone_and_silence_is_not() {
        let mut state = 1u32;
        let mut noise: Vec<i16> = (0..600)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 17) as i16
            })
            .collect();
        noise.iter_mut().for_each(|sample| *sample -= 16_384);
        assert_eq!(shorten(&mut noise.clone(), 320, SampleRate::Narrow), 320);
        assert_eq!(lengthen(&mut noise, 320, SampleRate::Narrow), 320);
        assert_eq!(shorten(&mut [0; 600], 320, SampleRate::Narrow), 240);
        assert_eq!(lengthen(&mut [0; 600], 320, SampleRate::Narrow), 400);
    }
}
