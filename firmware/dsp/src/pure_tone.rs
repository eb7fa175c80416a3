//! Single tones of any frequency: answering machines' beeps, fax calling tone, special information tone.

use crate::{SAMPLE_RATE, ZERO_DBM0_RMS};

/// Samples of one look (20 ms).
const LOOK: usize = 160;
const LOOK_MS: u32 = 20;
/// Delays at which the signal is compared with itself.
const LAGS: usize = 12;
/// Weakest tone, dBm0.
const WEAKEST: f32 = -40.0;
/// Part of everything heard that is the tone.
const PURITY: f32 = 0.85;
/// Largest change of frequency within one tone, Hz.
const STEADY: f32 = 20.0;

/// A single tone that was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PureTone {
    /// Frequency in Hz (within 5).
    pub frequency: f32,
    /// How long it has lasted, milliseconds in steps of 20.
    pub duration_ms: u32,
    /// Level in dBm0.
    pub level: f32,
}

/// Finds single tones between 250 and 3,400 Hz in blocks of any size.
#[derive(Clone, Debug)]
pub struct PureToneDetector {
    samples: [f32; LOOK],
    filled: usize,
    current: Option<PureTone>,
}

impl Default for PureToneDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl PureToneDetector {
    /// Nothing heard yet.
    #[must_use]
    pub fn new() -> Self {
        PureToneDetector {
            samples: [0.0; LOOK],
            filled: 0,
            current: None,
        }
    }

    /// The tone that sounds now.
    #[must_use]
    pub fn current(&self) -> Option<PureTone> {
        self.current
    }

    /// Takes in the next samples; tells every tone when it has ended.
    pub fn process(&mut self, block: &[i16], mut on_end: impl FnMut(PureTone)) {
        for &sample in block {
            self.samples[self.filled] = f32::from(sample) / ZERO_DBM0_RMS as f32;
            self.filled += 1;
            if self.filled < LOOK {
                continue;
            }
            self.filled = 0;
            let heard = measure(&self.samples);
            self.current = match (self.current, heard) {
                (Some(old), Some(new)) if (old.frequency - new.frequency).abs() < STEADY => {
                    Some(PureTone {
                        duration_ms: old.duration_ms + LOOK_MS,
                        level: old.level.max(new.level),
                        frequency: old.frequency * 0.7 + new.frequency * 0.3,
                    })
                }
                (old, new) => {
                    if let Some(old) = old {
                        on_end(old);
                    }
                    new
                }
            };
        }
    }
}

/// The only tone of a look, if there is one.
fn measure(samples: &[f32; LOOK]) -> Option<PureTone> {
    let mut products = [0.0f32; LAGS + 1];
    for (lag, product) in products.iter_mut().enumerate() {
        let pairs = samples.iter().zip(&samples[lag..]);
        *product = pairs.map(|(a, b)| a * b).sum::<f32>() / (LOOK - lag) as f32;
    }
    let total = products[0];
    let level = 10.0 * total.max(1e-12).log10();
    if level < WEAKEST {
        return None;
    }
    // A cosine's values obey r(k+1) + r(k-1) = 2 cos w r(k); lag 0 is left out, where white noise is.
    let (mut both, mut middle) = (0.0, 0.0);
    for k in 2..LAGS {
        both += (products[k + 1] + products[k - 1]) * products[k];
        middle += products[k] * products[k];
    }
    let cosine = both / (2.0 * middle.max(1e-20));
    if cosine.abs() >= 1.0 {
        return None;
    }
    let omega = cosine.acos();
    let frequency = omega * SAMPLE_RATE as f32 / std::f32::consts::TAU;
    // How much of the values a cosine of that frequency explains.
    let (mut along, mut own, mut all) = (0.0, 0.0, 0.0);
    for (k, &product) in products.iter().enumerate().skip(1) {
        let wave = (omega * k as f32).cos();
        along += product * wave;
        own += wave * wave;
        all += product * product;
    }
    let power = along / own;
    let explained = along * along / (own * all).max(1e-20);
    let pure = power > total * PURITY && explained > 0.9;
    (pure && (250.0..3_400.0).contains(&frequency)).then_some(PureTone {
        frequency,
        duration_ms: LOOK_MS,
        level,
    })
}

/// The three tones of the special information tone and how far each may be off, Hz (E.180 §10: ±50).
const INFORMATION: [f32; 3] = [950.0, 1_400.0, 1_800.0];
const INFORMATION_OFF: f32 = 50.0;
/// Each is 330 ± 70 ms long; two looks may be lost at its borders.
const INFORMATION_MS: std::ops::RangeInclusive<u32> = 220..=420;

/// Finds the special information tone in the tones that [`PureToneDetector`] tells.
#[derive(Clone, Debug, Default)]
pub struct SpecialInformationDetector {
    heard: usize,
}

impl SpecialInformationDetector {
    /// Takes in a tone that has ended; true when it was the last of the three.
    pub fn tone_ended(&mut self, tone: PureTone) -> bool {
        let is = |place: usize| {
            (tone.frequency - INFORMATION[place]).abs() <= INFORMATION_OFF
                && INFORMATION_MS.contains(&tone.duration_ms)
        };
        self.heard = match self.heard {
            place if is(place) => place + 1,
            _ if is(0) => 1,
            _ => 0,
        };
        let complete = self.heard == INFORMATION.len();
        if complete {
            self.heard = 0;
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CadenceGenerator, CountryTones, Law, Noise, Tone};

    fn tones(samples: &[i16]) -> Vec<PureTone> {
        let mut detector = PureToneDetector::new();
        let mut tones = Vec::new();
        for block in samples.chunks(77) {
            detector.process(block, |tone| tones.push(tone));
        }
        tones
    }

    #[test]
    fn a_beep_has_its_frequency_length_and_level_in_noise_through_a_law() {
        for frequency in [425.0, 1_000.0, 1_400.0, 2_100.0, 3_000.0] {
            let mut samples = vec![0; 1_234];
            let mut beep = [0; 2_400];
            Tone::new(frequency, -20.0, SAMPLE_RATE).fill(&mut beep);
            samples.extend(beep);
            samples.extend([0; 2_000]);
            Noise::new(3).add(&mut samples, -40.0);
            let mut octets = vec![0; samples.len()];
            Law::A.encode(&samples, &mut octets);
            Law::A.decode(&octets, &mut samples);
            let tones = tones(&samples);
            let [tone] = tones[..] else {
                panic!("{frequency}: {tones:?}")
            };
            assert!(
                (f64::from(tone.frequency) - frequency).abs() < 5.0,
                "{tone:?}"
            );
            assert!((260..=320).contains(&tone.duration_ms), "{tone:?}");
            assert!((tone.level + 20.0).abs() < 0.5, "{tone:?}");
        }
    }

    #[test]
    fn two_tones_and_noise_are_no_single_tone() {
        let mut pair = [0; 8_000];
        Tone::new(350.0, -13.0, SAMPLE_RATE).add(&mut pair);
        Tone::new(1_440.0, -13.0, SAMPLE_RATE).add(&mut pair);
        assert_eq!(tones(&pair), []);
        let mut noise = [0; 80_000];
        Noise::new(1).add(&mut noise, -20.0);
        assert_eq!(tones(&noise), []);
    }

    #[test]
    fn the_special_information_tone_of_every_country_is_found_once_a_repetition() {
        for row in CountryTones::all() {
            let mut samples = vec![0; 8 * 2_090 * 3];
            CadenceGenerator::new(row.special_information).fill(&mut samples);
            let mut detector = SpecialInformationDetector::default();
            let found = tones(&samples)
                .into_iter()
                .filter(|&tone| detector.tone_ended(tone))
                .count();
            assert!(found >= 2, "{}: {found}", row.country);
        }
    }
}
