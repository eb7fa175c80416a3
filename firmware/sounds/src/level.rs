//! Loudness measured and set, and peaks kept below overload.

use std::collections::VecDeque;

use ebur128::{EbuR128, Mode};

use crate::resample::weights;

/// Loudness of a sine of 0 dBm0 at 1 kHz in LUFS: its mean square lies 3.01 dB below its peak, which lies 3.14 dB below
/// digital overload (ITU-T G.711 note 3 to table 1); BS.1770 weighs 1 kHz with almost 0 dB.
const ZERO_DBM0_LUFS: f64 = -6.15;
/// Below this (LUFS) there is nothing to be made louder.
const SILENT: f64 = -65.0;
/// Amplification at most, in dB: more would bring up hiss only.
const MAX_GAIN_DB: f64 = 30.0;

/// Measures loudness by ITU-R BS.1770-4 with its gates.
pub(crate) struct Meter(EbuR128);

impl Meter {
    pub(crate) fn new(rate: u32) -> Option<Self> {
        EbuR128::new(1, rate, Mode::I | Mode::HISTOGRAM)
            .ok()
            .map(Self)
    }

    pub(crate) fn feed(&mut self, samples: &[f32]) {
        // Fails only for frames of the wrong number of channels.
        let _ = self.0.add_frames_f32(samples);
    }

    /// Factor that brings what was fed to `dbm0`.
    pub(crate) fn gain_to(&self, dbm0: f64) -> f32 {
        let loudness = self.0.loudness_global().unwrap_or(f64::NEG_INFINITY);
        if loudness < SILENT {
            return 1.0;
        }
        let decibels = (dbm0 + ZERO_DBM0_LUFS - loudness).min(MAX_GAIN_DB);
        10f64.powf(decibels / 20.0) as f32
    }
}

/// Instants between two samples at which peaks are looked for, beside the samples themselves (BS.1770-4 annex 2).
const OVERSAMPLING: usize = 4;
/// Taps to each side for them.
const SIDE: usize = 8;

/// Lowers the gain smoothly around peaks, before they come: the output's true peak never exceeds the ceiling by more
/// than the interpolation's error.
pub(crate) struct Limiter {
    ceiling: f32,
    /// Samples over which the gain moves.
    window: usize,
    between: Vec<Vec<f32>>,
    /// Samples whose peak is not known yet, with `SIDE` before them.
    input: VecDeque<f32>,
    /// Samples that wait for the gain.
    delayed: VecDeque<f32>,
    /// Gains that the peaks ask for, with their position; increasing from front to back (sliding minimum).
    minimum: VecDeque<(u64, f32)>,
    /// Minima whose mean is the gain.
    smoothed: VecDeque<f32>,
    sum: f64,
    /// Gain asked for by the peak between the last sample and the next.
    carried: f32,
    position: u64,
}

impl Limiter {
    /// Holds peaks below `ceiling` (1 is full scale) at `rate` samples a second.
    pub(crate) fn new(ceiling: f32, rate: u32) -> Self {
        let window = rate as usize / 200;
        Self {
            ceiling,
            window,
            between: (1..OVERSAMPLING)
                .map(|place| weights(place as f64 / OVERSAMPLING as f64, 0.98, SIDE as f64))
                .collect(),
            input: VecDeque::from(vec![0.0; SIDE]),
            delayed: VecDeque::new(),
            minimum: VecDeque::new(),
            smoothed: VecDeque::new(),
            sum: 0.0,
            carried: 1.0,
            position: 0,
        }
    }

    /// Takes samples and appends those whose gain is known.
    pub(crate) fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) {
        for &sample in samples {
            self.input.push_back(sample);
            if self.input.len() > 2 * SIDE {
                self.step(output);
            }
        }
    }

    /// The end of the input: appends the rest.
    pub(crate) fn finish(&mut self, output: &mut Vec<f32>) {
        self.push(&vec![0.0; SIDE + 2 * self.window], output);
    }

    /// Looks at the sample in the middle of the input.
    fn step(&mut self, output: &mut Vec<f32>) {
        let sample = self.input.get(SIDE).copied().unwrap_or_default();
        let mut peak = 0f32;
        // The filters are only worth their time where the samples come near the ceiling.
        if self
            .input
            .iter()
            .any(|sample| sample.abs() > self.ceiling * 0.5)
        {
            for weights in &self.between {
                let value: f32 = weights.iter().zip(&self.input).map(|(w, s)| w * s).sum();
                peak = peak.max(value.abs());
            }
        }
        self.input.pop_front();
        let asked = |peak: f32| {
            if peak > self.ceiling {
                self.ceiling / peak
            } else {
                1.0
            }
        };
        let after = asked(peak);
        // A peak between two samples lowers both.
        let need = asked(sample.abs()).min(after).min(self.carried);
        self.carried = after;
        self.delayed.push_back(sample);
        while self.minimum.back().is_some_and(|(_, gain)| *gain >= need) {
            self.minimum.pop_back();
        }
        self.minimum.push_back((self.position, need));
        let oldest = self.position.saturating_sub(self.window as u64);
        while self
            .minimum
            .front()
            .is_some_and(|(position, _)| *position < oldest)
        {
            self.minimum.pop_front();
        }
        // The minimum over the last window, averaged over the next one: every mean that touches a sample holds only
        // minima that know of it.
        let least = self.minimum.front().map_or(1.0, |(_, gain)| *gain);
        self.smoothed.push_back(least);
        self.sum += f64::from(least);
        if self.smoothed.len() > self.window {
            self.sum -= f64::from(self.smoothed.pop_front().unwrap_or(1.0));
        }
        self.position += 1;
        if self.delayed.len() >= self.window {
            let gain = (self.sum / self.smoothed.len() as f64).min(1.0) as f32;
            if let Some(sample) = self.delayed.pop_front() {
                output.push(sample * gain);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn sine(amplitude: f64, frequency: f64, rate: u32, seconds: f64) -> Vec<f32> {
        (0..(f64::from(rate) * seconds) as u32)
            .map(|n| ((TAU * frequency * f64::from(n) / f64::from(rate)).sin() * amplitude) as f32)
            .collect()
    }

    #[test]
    fn a_tone_of_any_level_is_brought_to_the_wanted_one() {
        for rate in [8_000, 16_000] {
            for amplitude in [0.9, 0.1, 0.01] {
                let tone = sine(amplitude, 1_000.0, rate, 2.0);
                let mut meter = Meter::new(rate).unwrap();
                meter.feed(&tone);
                let reached = f64::from(meter.gain_to(-16.0)) * amplitude;
                // Full scale is 3.14 dBm0.
                let dbm0 = 20.0 * (reached * ramal_dsp::ZERO_DBM0_PEAK.recip() * 32_768.0).log10();
                assert!((dbm0 + 16.0).abs() < 0.3, "{rate} {amplitude}: {dbm0}");
            }
        }
    }

    #[test]
    fn silence_is_not_amplified_and_hiss_only_so_far() {
        let mut meter = Meter::new(16_000).unwrap();
        meter.feed(&vec![0.0; 32_000]);
        assert_eq!(meter.gain_to(-16.0), 1.0);
        let mut meter = Meter::new(16_000).unwrap();
        meter.feed(&sine(0.001, 1_000.0, 16_000, 2.0));
        assert!(meter.gain_to(-16.0) < 31.7);
    }

    #[test]
    fn what_stays_below_the_ceiling_passes_unchanged() {
        let tone = sine(0.5, 440.0, 16_000, 1.0);
        let mut limiter = Limiter::new(0.89, 16_000);
        let mut output = Vec::new();
        tone.chunks(333)
            .for_each(|block| limiter.push(block, &mut output));
        limiter.finish(&mut output);
        assert_eq!(output.get(..tone.len()), Some(&tone[..]));
    }

    #[test]
    fn peaks_are_lowered_before_they_come() {
        // Quiet, then suddenly far above, with the true peak between the samples.
        let mut tone = sine(0.3, 440.0, 16_000, 0.5);
        tone.extend(sine(3.0, 3_999.0, 16_000, 0.5));
        tone.extend(sine(0.3, 440.0, 16_000, 0.5));
        let mut limiter = Limiter::new(0.89, 16_000);
        let mut output = Vec::new();
        limiter.push(&tone, &mut output);
        limiter.finish(&mut output);
        assert!(output.len() >= tone.len());
        let peak = output
            .iter()
            .fold(0f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak <= 0.8901, "{peak}");
        let quiet = &output[1_000..7_000];
        assert_eq!(quiet, &tone[1_000..7_000]);
    }
}
