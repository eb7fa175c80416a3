//! Who answered: a person or a machine, and when a machine's beep invites to speak.
//!
//! People answer with a word or two and wait; machines and mailboxes talk on. The verdict comes from the
//! length of the greeting, the number of its parts and the silence after it, each with a confidence.

use crate::activity::ActivityEvent;
use crate::{PureTone, PureToneDetector, VoiceActivity};

/// Limits of the verdict, all in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnsweringMachineLimits {
    /// Silence after the answer from which the verdict is open: nobody spoke.
    pub initial_silence_ms: u32,
    /// Greeting that is longer is a machine's.
    pub greeting_ms: u32,
    /// Silence after a greeting that makes it a person's.
    pub silence_after_ms: u32,
    /// Parts of a greeting, divided by short pauses, from which it is a machine's.
    pub parts: u32,
    /// The verdict is due at this time after the answer.
    pub total_ms: u32,
}

impl Default for AnsweringMachineLimits {
    fn default() -> Self {
        AnsweringMachineLimits {
            initial_silence_ms: 3_000,
            greeting_ms: 1_900,
            silence_after_ms: 900,
            parts: 4,
            total_ms: 6_000,
        }
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AnswerVerdict {
    /// A person.
    Human {
        /// 0.5 (a guess) to 1.
        confidence: f32,
    },
    /// A machine or a mailbox.
    Machine {
        /// 0.5 (a guess) to 1.
        confidence: f32,
    },
    /// Nobody spoke, or nothing that can be told apart.
    Unsure,
    /// The machine has beeped and waits: a message may begin now.
    Beep {
        /// The beep's frequency in Hz.
        frequency: f32,
    },
}

/// Beeps last so long, ms; shorter is a voice, longer a line's tone.
const BEEP_MS: std::ops::RangeInclusive<u32> = 120..=2_500;
/// Frequencies of beeps, Hz.
const BEEP_HZ: std::ops::RangeInclusive<f32> = 380.0..=2_600.0;
/// Silence after a beep before a message may begin, ms.
const AFTER_BEEP_MS: u32 = 260;

/// Fed with what the called party says from the answer on.
#[derive(Clone, Debug)]
pub struct AnsweringMachineDetector {
    limits: AnsweringMachineLimits,
    activity: VoiceActivity,
    pure: PureToneDetector,
    elapsed: u64,
    /// Milliseconds of sound and number of its parts so far.
    spoken_ms: u32,
    parts: u32,
    decided: bool,
    /// A beep has ended, so many samples ago.
    beep: Option<(PureTone, u32)>,
    beeped: bool,
}

impl AnsweringMachineDetector {
    /// Begins at the answer.
    #[must_use]
    pub fn new(limits: AnsweringMachineLimits) -> Self {
        AnsweringMachineDetector {
            limits,
            activity: VoiceActivity::new(),
            pure: PureToneDetector::new(),
            elapsed: 0,
            spoken_ms: 0,
            parts: 0,
            decided: false,
            beep: None,
            beeped: false,
        }
    }

    /// Takes in the next samples, at most 20 ms at once for timely verdicts; tells the verdict once
    /// and a beep once, whichever the verdict was.
    pub fn process(&mut self, block: &[i16], mut on_verdict: impl FnMut(AnswerVerdict)) {
        self.elapsed += block.len() as u64;
        let (spoken, parts) = (&mut self.spoken_ms, &mut self.parts);
        self.activity.process(block, |event| match event {
            ActivityEvent::Began { .. } => *parts += 1,
            ActivityEvent::Ended { sound_ms } => *spoken += sound_ms,
        });
        let beep = &mut self.beep;
        if let Some((_, since)) = beep {
            *since += block.len() as u32;
        }
        self.pure.process(block, |tone| {
            if BEEP_MS.contains(&tone.duration_ms) && BEEP_HZ.contains(&tone.frequency) {
                *beep = Some((tone, 0));
            }
        });
        if let Some(verdict) = self.judge() {
            self.decided = true;
            on_verdict(verdict);
        }
        let quiet = !self.activity.is_active();
        if let Some((tone, since)) = self.beep {
            if self.pure.current().is_none() && quiet && since >= AFTER_BEEP_MS * 8 {
                if !self.beeped {
                    // Only machines beep.
                    if !self.decided {
                        self.decided = true;
                        on_verdict(AnswerVerdict::Machine { confidence: 0.9 });
                    }
                    on_verdict(AnswerVerdict::Beep {
                        frequency: tone.frequency,
                    });
                }
                (self.beeped, self.beep) = (true, None);
            } else if !quiet && since >= AFTER_BEEP_MS * 8 {
                // Somebody talks on: it was a tone of a voice or music.
                self.beep = None;
            }
        }
    }

    fn judge(&self) -> Option<AnswerVerdict> {
        if self.decided {
            return None;
        }
        let limits = &self.limits;
        let elapsed_ms = u32::try_from(self.elapsed / 8).unwrap_or(u32::MAX);
        let sounding = self.activity.is_active();
        let lasted = self.activity.lasted_ms();
        let spoken = self.spoken_ms + if sounding { lasted } else { 0 };
        if spoken > limits.greeting_ms || self.parts >= limits.parts {
            // Twice the limit without a longer pause is sure.
            let over = spoken as f32 / (2 * limits.greeting_ms) as f32;
            let parts = self.parts as f32 / (2 * limits.parts) as f32;
            return Some(AnswerVerdict::Machine {
                confidence: (0.4 + 0.5 * over.max(parts)).clamp(0.5, 0.95),
            });
        }
        // A tone at the end of a short greeting may be a beep: wait for it.
        let beeping = self.beep.is_some() || self.pure.current().is_some();
        if self.parts > 0 && !sounding && lasted >= limits.silence_after_ms && !beeping {
            let length = spoken as f32 / limits.greeting_ms as f32;
            return Some(AnswerVerdict::Human {
                confidence: (1.0 - 0.5 * length).clamp(0.5, 0.95),
            });
        }
        let nobody = self.parts == 0 && elapsed_ms >= limits.initial_silence_ms;
        (nobody || elapsed_ms >= limits.total_ms).then_some(AnswerVerdict::Unsure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Noise, Tone};

    /// Sound like a voice: noise whose level swings with syllables.
    fn voice(milliseconds: usize) -> Vec<i16> {
        let mut samples = vec![0; milliseconds * 8];
        let mut noise = Noise::new(6);
        for (syllable, part) in samples.chunks_mut(1_200).enumerate() {
            noise.add(part, if syllable % 2 == 0 { -18.0 } else { -26.0 });
        }
        samples
    }

    fn silence(milliseconds: usize) -> Vec<i16> {
        let mut samples = vec![0; milliseconds * 8];
        Noise::new(2).add(&mut samples, -60.0);
        samples
    }

    fn beep(milliseconds: usize) -> Vec<i16> {
        let mut samples = vec![0; milliseconds * 8];
        Tone::new(1_000.0, -14.0, 8_000).fill(&mut samples);
        samples
    }

    fn verdicts(parts: &[Vec<i16>]) -> Vec<AnswerVerdict> {
        let mut detector = AnsweringMachineDetector::new(AnsweringMachineLimits::default());
        let mut verdicts = Vec::new();
        for block in parts.concat().chunks(160) {
            detector.process(block, |verdict| verdicts.push(verdict));
        }
        verdicts
    }

    #[test]
    fn a_short_word_and_silence_is_a_person() {
        let verdicts = verdicts(&[silence(300), voice(600), silence(2_000)]);
        assert!(
            matches!(verdicts[..], [AnswerVerdict::Human { confidence }] if confidence > 0.7),
            "{verdicts:?}"
        );
    }

    #[test]
    fn a_long_greeting_is_a_machine_and_its_beep_is_told_once() {
        for length in [150, 400, 1_000] {
            let verdicts = verdicts(&[
                silence(500),
                voice(4_000),
                silence(400),
                voice(1_500),
                silence(300),
                beep(length),
                silence(3_000),
            ]);
            let [
                AnswerVerdict::Machine { .. },
                AnswerVerdict::Beep { frequency },
            ] = verdicts[..]
            else {
                panic!("{verdicts:?}")
            };
            assert!((frequency - 1_000.0).abs() < 10.0);
        }
    }

    #[test]
    fn a_short_greeting_with_a_beep_is_a_machine() {
        let verdicts = verdicts(&[
            silence(200),
            voice(1_000),
            silence(300),
            beep(300),
            silence(2_000),
        ]);
        assert!(
            matches!(
                verdicts[..],
                [AnswerVerdict::Machine { .. }, AnswerVerdict::Beep { .. }]
            ),
            "{verdicts:?}"
        );
    }

    #[test]
    fn nobody_is_unsure() {
        assert_eq!(verdicts(&[silence(8_000)]), [AnswerVerdict::Unsure]);
    }
}
