//! Fax machines: the calling tone CNG and the answer tone CED (ITU-T T.30 §4).

use crate::{AnswerToneDetector, PureToneDetector};

/// CNG is 1,100 ± 38 Hz for 0.5 s, every 3.5 s, both ± 15 %.
const CALLING: f32 = 1_100.0;
const CALLING_OFF: f32 = 38.0;
const CALLING_MS: std::ops::RangeInclusive<u32> = 380..=600;
/// Samples between two calling tones' ends: 3.5 s ± 15 %.
const CALLING_PERIOD: std::ops::RangeInclusive<u64> = 23_800..=32_200;

/// A fax machine's tone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaxTone {
    /// A fax machine calls (CNG).
    Calling {
        /// 0.7 for one tone of the right length, 1 for two at the right distance.
        confidence: f32,
    },
    /// A fax machine or a modem answers (CED, ANS, ANSam): 2,100 Hz for 300 ms.
    Answering,
}

/// Finds fax tones in blocks of any size.
#[derive(Clone, Debug, Default)]
pub struct FaxToneDetector {
    pure: PureToneDetector,
    answer: AnswerToneDetector,
    answered: bool,
    /// Samples since the beginning, and at the end of the last calling tone.
    position: u64,
    last: Option<u64>,
}

impl FaxToneDetector {
    /// Nothing heard yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next samples and tells every tone.
    pub fn process(&mut self, block: &[i16], mut on_tone: impl FnMut(FaxTone)) {
        let (position, last) = (self.position, &mut self.last);
        self.pure.process(block, |tone| {
            let right = (tone.frequency - CALLING).abs() <= CALLING_OFF;
            if right && CALLING_MS.contains(&tone.duration_ms) {
                let again = last.is_some_and(|last| CALLING_PERIOD.contains(&(position - last)));
                *last = Some(position);
                on_tone(FaxTone::Calling {
                    confidence: if again { 1.0 } else { 0.7 },
                });
            }
        });
        self.position += block.len() as u64;
        self.answer.process(block);
        if self.answer.tone() && !self.answered {
            on_tone(FaxTone::Answering);
        }
        self.answered = self.answer.tone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Noise, Tone};

    fn tones(samples: &[i16]) -> Vec<FaxTone> {
        let mut detector = FaxToneDetector::new();
        let mut tones = Vec::new();
        for block in samples.chunks(160) {
            detector.process(block, |tone| tones.push(tone));
        }
        tones
    }

    #[test]
    fn calling_tones_are_sure_with_the_second_and_the_answer_tone_comes_once() {
        let mut samples = vec![0; 8 * 8_000];
        for begin in [500, 4_000] {
            Tone::new(1_110.0, -15.0, 8_000).fill(&mut samples[begin * 8..(begin + 500) * 8]);
        }
        Noise::new(1).add(&mut samples, -45.0);
        assert_eq!(
            tones(&samples),
            [
                FaxTone::Calling { confidence: 0.7 },
                FaxTone::Calling { confidence: 1.0 }
            ]
        );
        let mut samples = vec![0; 8 * 4_000];
        Tone::new(2_100.0, -15.0, 8_000).fill(&mut samples[8_000..]);
        assert_eq!(tones(&samples), [FaxTone::Answering]);
    }

    #[test]
    fn a_short_or_endless_tone_of_1100_hz_is_no_fax() {
        for length in [200, 1_500] {
            let mut samples = vec![0; 8 * 4_000];
            Tone::new(1_100.0, -15.0, 8_000).fill(&mut samples[8_000..8_000 + length * 8]);
            assert_eq!(tones(&samples), []);
        }
    }
}
