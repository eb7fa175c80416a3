//! Speech as it comes from a synthesiser, made fit for telephones.

use ramal_dsp::{ZERO_DBM0_RMS, peak_of_dbm0, resample};

use crate::wav::Recording;

/// Samples a second: what G.722 and Opus carry. For G.711 the gateway takes every second one behind a low-pass.
const RATE: u32 = 16_000;
/// Active speech level of all prompts (about ITU-T P.56), in dBm0.
const LEVEL: f64 = -16.0;
/// Highest peak allowed: 1 dB below overload.
const PEAK: f64 = 2.14;
/// 10 ms, the grain of level measurement.
const GRAIN: usize = RATE as usize / 100;
/// Grains this far below the loudest are pauses.
const PAUSE_DB: f64 = 35.0;
/// Grains kept before and after the speech, so that no consonant is cut.
const LEAD: usize = 2;
const TAIL: usize = 6;

/// Resamples to 16 kHz, trims to the speech and brings it to [`LEVEL`]; `None` when nothing is heard.
pub fn condition(recording: &Recording) -> Option<Recording> {
    let input: Vec<f32> = recording
        .samples
        .iter()
        .map(|&sample| f32::from(sample))
        .collect();
    let mut samples = resample(&input, recording.rate, RATE);
    remove_offset(&mut samples);
    let levels: Vec<f64> = samples.chunks(GRAIN).map(energy).collect();
    let loudest = levels.iter().copied().fold(0.0, f64::max);
    // Quieter than -60 dBm0 is nothing.
    if loudest.sqrt() < ZERO_DBM0_RMS * 0.001 {
        return None;
    }
    let floor = loudest * 10f64.powf(-PAUSE_DB / 10.0);
    let speaks = |level: &f64| *level >= floor;
    let first = levels.iter().position(speaks)?.saturating_sub(LEAD);
    let last = (levels.iter().rposition(speaks)? + 1 + TAIL).min(levels.len());
    let active: Vec<f64> = levels.iter().copied().filter(speaks).collect();
    let rms = (active.iter().sum::<f64>() / active.len() as f64).sqrt();

    let mut speech = samples
        .get(first * GRAIN..(last * GRAIN).min(samples.len()))?
        .to_vec();
    let peak = speech
        .iter()
        .fold(0f32, |peak, sample| peak.max(sample.abs()));
    let wanted = ZERO_DBM0_RMS * 10f64.powf(LEVEL / 20.0) / rms;
    let allowed = peak_of_dbm0(PEAK) / f64::from(peak);
    let gain = wanted.min(allowed) as f32;
    let length = speech.len();
    for (index, sample) in speech.iter_mut().enumerate() {
        // Ends faded over half a grain, so that nothing clicks.
        let edge = (index.min(length - 1 - index) as f32 / (GRAIN / 2) as f32).min(1.0);
        *sample *= gain * edge;
    }
    let samples = speech.iter().map(|sample| sample.round() as i16).collect();
    Some(Recording {
        rate: RATE,
        samples,
    })
}

fn remove_offset(samples: &mut [f32]) {
    let mean = samples.iter().sum::<f32>() / samples.len().max(1) as f32;
    samples.iter_mut().for_each(|sample| *sample -= mean);
}

fn energy(grain: &[f32]) -> f64 {
    grain
        .iter()
        .map(|&sample| f64::from(sample) * f64::from(sample))
        .sum::<f64>()
        / grain.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_dsp::{Goertzel, Tone, level_dbm0};

    /// Half a second of silence, a second of tone, a second of silence, at 22,050 samples a second.
    fn recording(level: f64) -> Recording {
        let rate = 22_050;
        let mut samples = vec![0i16; rate as usize * 5 / 2];
        Tone::new(500.0, level, rate).fill(&mut samples[rate as usize / 2..rate as usize * 3 / 2]);
        Recording { rate, samples }
    }

    #[test]
    fn speech_is_trimmed_resampled_and_levelled() {
        for level in [-40.0, -20.0, 0.0] {
            let speech = condition(&recording(level)).unwrap();
            assert_eq!(speech.rate, 16_000);
            let milliseconds = speech.samples.len() / 16;
            assert!((1_060..=1_110).contains(&milliseconds), "{milliseconds} ms");
            let middle = &speech.samples[2_000..16_000];
            assert!(
                (level_dbm0(middle) - LEVEL).abs() < 0.3,
                "{}",
                level_dbm0(middle)
            );
            let mut meter = Goertzel::new(500.0, 16_000);
            meter.feed(middle);
            assert!((meter.level_dbm0() - LEVEL).abs() < 0.3);
            assert_eq!((speech.samples[0], *speech.samples.last().unwrap()), (0, 0));
        }
    }

    #[test]
    fn single_peaks_never_reach_overload() {
        let mut sharp = recording(-30.0);
        sharp.samples[20_000] = i16::MAX;
        let speech = condition(&sharp).unwrap();
        let peak = speech
            .samples
            .iter()
            .map(|sample| sample.unsigned_abs())
            .max()
            .unwrap();
        assert!(f64::from(peak) <= peak_of_dbm0(PEAK) + 1.0, "{peak}");
    }

    #[test]
    fn nothing_heard_is_no_prompt() {
        assert_eq!(
            condition(&Recording {
                rate: 22_050,
                samples: vec![3; 10_000]
            }),
            None
        );
        assert_eq!(
            condition(&Recording {
                rate: 22_050,
                samples: vec![]
            }),
            None
        );
    }
}
