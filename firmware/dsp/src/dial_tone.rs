//! Dial tone on a line that has just been taken, and voices on one that is being alerted.
//!
//! [`ProgressDetector`](crate::ProgressDetector) tells dial tone from all others, which takes it longer than the longest of
//! their sounds. A line that was seized a moment ago has hardly anything else to say, so [`DialToneDetector`] needs less.

use crate::{CadencedTone, CountryTones, Goertzel, PureToneDetector, SAMPLE_RATE, level_dbm0};

/// Samples of one look (20 ms).
const LOOK: usize = 160;
/// Quietest dial tone, dBm0.
const QUIETEST_TONE: f64 = -38.0;
/// The tone is within this of everything heard, dB.
const PURITY: f64 = 2.0;
/// Looks in a row that are dial tone: longer than the sounds of a stutter dial tone are short, and than any click.
const NEEDED: u32 = 15;

/// Power of a tone's frequencies, and of everything, in looks.
#[derive(Clone, Debug)]
struct ToneShare {
    meters: [Option<Goertzel>; CadencedTone::MOST_FREQUENCIES],
}

impl ToneShare {
    fn new<'a>(tones: impl IntoIterator<Item = &'a CadencedTone>) -> Self {
        let mut meters = [const { None }; CadencedTone::MOST_FREQUENCIES];
        let mut known: Vec<f64> = Vec::new();
        for tone in tones {
            for &frequency in tone.steps.iter().flat_map(|step| step.frequencies) {
                if !known.contains(&frequency) && known.len() < meters.len() {
                    meters[known.len()] = Some(Goertzel::new(frequency, SAMPLE_RATE));
                    known.push(frequency);
                }
            }
        }
        ToneShare { meters }
    }

    /// Whether nearly all of what is heard are these frequencies. Two that lie within the 50 Hz of a look are counted
    /// twice, which errs on the side of the tone.
    fn is_all_of(&mut self, look: &[i16], level: f64) -> bool {
        let power: f64 = self
            .meters
            .iter_mut()
            .flatten()
            .map(|meter| {
                meter.reset();
                meter.feed(look);
                10f64.powf(meter.level_dbm0() / 10.0)
            })
            .sum();
        level - 10.0 * power.log10() <= PURITY
    }
}

/// Hears dial tone within 300 ms on a line that was just seized.
#[derive(Clone, Debug)]
pub struct DialToneDetector {
    tone: ToneShare,
    looks: u32,
}

impl DialToneDetector {
    /// A detector of a country's dial tone.
    #[must_use]
    pub fn new(tones: &CountryTones) -> Self {
        DialToneDetector {
            tone: ToneShare::new([&tones.dial]),
            looks: 0,
        }
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.looks = 0;
    }

    /// Takes in the next samples, best 20 ms at a time; whether dial tone is heard.
    pub fn process(&mut self, block: &[i16]) -> bool {
        for look in block.chunks(LOOK) {
            let level = level_dbm0(look);
            if level > QUIETEST_TONE && self.tone.is_all_of(look, level) {
                self.looks = self.looks.saturating_add(1);
            } else {
                self.looks = 0;
            }
        }
        self.looks >= NEEDED
    }
}

/// Quietest voice, dBm0.
const QUIETEST_VOICE: f64 = -38.0;
/// Looks of voice out of the last ones (20 ms each) that are somebody speaking.
const SPOKEN: u32 = 15;
const OUT_OF: u32 = 64;

/// Hears that somebody has taken a call that was being alerted: sound that is neither a tone of the country's exchanges
/// nor any other pure tone.
#[derive(Clone, Debug)]
pub struct AnswerVoiceDetector {
    tones: ToneShare,
    pure: PureToneDetector,
    /// The last looks, newest in the lowest bit.
    looks: u64,
}

impl AnswerVoiceDetector {
    /// A detector that knows the tones of a country.
    #[must_use]
    pub fn new(tones: &CountryTones) -> Self {
        AnswerVoiceDetector {
            tones: ToneShare::new([&tones.ringback, &tones.busy, &tones.congestion]),
            pure: PureToneDetector::new(),
            looks: 0,
        }
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.pure = PureToneDetector::new();
        self.looks = 0;
    }

    /// Takes in the next samples, best 20 ms at a time; whether somebody speaks.
    pub fn process(&mut self, block: &[i16]) -> bool {
        for look in block.chunks(LOOK) {
            self.pure.process(look, |_| {});
            let level = level_dbm0(look);
            let voice = level > QUIETEST_VOICE
                && self.pure.current().is_none()
                && !self.tones.is_all_of(look, level);
            self.looks = self.looks << 1 | u64::from(voice);
        }
        const { assert!(OUT_OF == u64::BITS) };
        self.looks.count_ones() >= SPOKEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CadenceGenerator, Noise};

    #[test]
    fn every_dial_tone_is_heard_within_400_ms_and_no_busy_tone_is() {
        for tones in CountryTones::all() {
            let mut detector = DialToneDetector::new(tones);
            let mut generator = CadenceGenerator::new(tones.dial);
            let looks = (0..50).position(|_| {
                let mut block = [0; LOOK];
                generator.add(&mut block);
                Noise::new(3).add(&mut block, -45.0);
                detector.process(&block)
            });
            assert!(looks.is_some_and(|looks| looks < 20), "{}", tones.country);
            let mut detector = DialToneDetector::new(tones);
            if tones.busy.steps[0].milliseconds < 300 {
                let mut generator = CadenceGenerator::new(tones.busy);
                for _ in 0..500 {
                    let mut block = [0; LOOK];
                    generator.add(&mut block);
                    assert!(!detector.process(&block), "{}", tones.country);
                }
            }
        }
    }

    #[test]
    fn tones_and_silence_are_no_voice_and_noise_in_syllables_is() {
        for tones in CountryTones::all() {
            for tone in [
                tones.ringback,
                tones.busy,
                tones.congestion,
                tones.special_information,
            ] {
                let mut detector = AnswerVoiceDetector::new(tones);
                let mut generator = CadenceGenerator::new(tone);
                for _ in 0..750 {
                    let mut block = [0; LOOK];
                    generator.add(&mut block);
                    assert!(!detector.process(&block), "{}", tones.country);
                }
            }
        }
        let brazil = CountryTones::of("BR").unwrap();
        let mut detector = AnswerVoiceDetector::new(brazil);
        let mut noise = Noise::new(7);
        let heard = (0..100).position(|look| {
            let mut block = [0; LOOK];
            if look % 10 < 6 {
                noise.add(&mut block, -20.0);
            }
            detector.process(&block)
        });
        assert!(heard.is_some_and(|looks| looks < 40), "{heard:?}");
    }
}
