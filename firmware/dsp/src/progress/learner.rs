//! The tone that a line gives when the far end has hung up, found in calls that somebody else has ended.

use super::{LearnedCadence, ProgressDetector};
use crate::level_dbm0;

/// Parts of sound and pause that have to follow each other: ten repetitions. Nobody listens to a tone for longer.
const LEAST: u32 = 20;
/// Shorter and longer parts than these are not learned (ITU-T E.180 §§5, 6: 100-660 ms, half of it for congestion),
/// milliseconds: a private exchange may ring in whole seconds, and a call that rings must not be taken for one that is over.
const PARTS_MS: std::ops::RangeInclusive<u32> = 60..=700;
/// Sound after the tone's next beginning was due is another sound; louder than this, dBm0.
const SILENCE: f64 = -45.0;

impl LearnedCadence {
    /// Whether both are one tone, measured twice: within 15 Hz, and 30 ms or an eighth.
    #[must_use]
    pub fn is_like(&self, other: &LearnedCadence) -> bool {
        let near = |a: u32, b: u32| a.abs_diff(b) <= (a / 8).max(30);
        let mut pairs = self.frequencies.iter().zip(other.frequencies);
        near(self.on_ms, other.on_ms)
            && near(self.off_ms, other.off_ms)
            && pairs.all(|(a, b)| (a - b).abs() <= 15.0)
    }
}

/// Keeps what a call ended with. A tone counts when it was heard ten times without anything else between, and nothing came
/// after it until the call was ended here. Music and voices do not repeat one pure sound to within a few hertz and
/// milliseconds for so long.
#[derive(Clone, Copy, Debug, Default)]
pub struct HangUpToneLearner {
    run: Option<Run>,
    /// Pieces of the detector that were seen.
    seen: u32,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    cadence: LearnedCadence,
    pieces: u32,
    /// Samples since the last piece ended.
    since: u32,
}

impl HangUpToneLearner {
    /// Takes in what the detector has just taken in.
    pub fn listen(&mut self, detector: &ProgressDetector, block: &[i16]) {
        let pieces = detector.pieces_heard();
        if let Some(run) = &mut self.run {
            run.since = run.since.saturating_add(block.len() as u32);
            let due = (run.cadence.on_ms.max(run.cadence.off_ms) + 100) * 8;
            if run.since > due && level_dbm0(block) > SILENCE {
                self.run = None;
            }
        }
        if pieces == std::mem::replace(&mut self.seen, pieces) {
            return;
        }
        let heard = detector.repeating().filter(|heard| {
            !detector.knows()
                && PARTS_MS.contains(&heard.on_ms)
                && PARTS_MS.contains(&heard.off_ms)
                && heard.frequencies[0] >= 200.0
        });
        self.run = match (heard, self.run) {
            (Some(heard), Some(run)) if run.cadence.is_like(&heard) => Some(Run {
                cadence: heard,
                pieces: run.pieces + 1,
                since: 0,
            }),
            (Some(cadence), _) => Some(Run {
                cadence,
                pieces: 6,
                since: 0,
            }),
            // The tone is over: a pause that is as long as it is makes no piece before its end.
            (None, run) => run.filter(|run| run.pieces >= LEAST && detector.is_quiet()),
        };
    }

    /// The call is over; the tone that it ended with. Begins anew.
    pub fn end(&mut self) -> Option<LearnedCadence> {
        let run = std::mem::take(self).run?;
        (run.pieces >= LEAST).then_some(run.cadence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CadenceGenerator, CadencedTone, CountryTones, Noise, Tone, ToneStep};

    const PRIVATE: CadencedTone = CadencedTone {
        steps: &[
            ToneStep {
                frequencies: &[480.0],
                milliseconds: 340,
            },
            ToneStep {
                frequencies: &[],
                milliseconds: 410,
            },
        ],
        repeat_from: Some(0),
        level: -18.0,
    };

    /// What a call that sounded like this has taught, on a line of Brazil.
    fn taught(samples: &[i16]) -> Option<LearnedCadence> {
        let brazil = CountryTones::of("BR").unwrap();
        let mut detector = ProgressDetector::new(brazil, None);
        let mut learner = HangUpToneLearner::default();
        for block in samples.chunks(160) {
            detector.process(block, |_| {});
            learner.listen(&detector, block);
        }
        learner.end()
    }

    fn voice(seconds: usize) -> Vec<i16> {
        let mut samples = vec![0; seconds * 8_000];
        let mut noise = Noise::new(9);
        for (part, block) in samples.chunks_mut(1_300).enumerate() {
            noise.add(block, if part % 3 == 0 { -45.0 } else { -20.0 });
        }
        samples
    }

    fn tone(cadence: CadencedTone, seconds: usize) -> Vec<i16> {
        let mut samples = vec![0; seconds * 8_000];
        CadenceGenerator::new(cadence).fill(&mut samples);
        Noise::new(2).add(&mut samples, -60.0);
        samples
    }

    #[test]
    fn the_tone_at_the_end_is_kept_whatever_was_said_before() {
        let learned = taught(&[voice(20), tone(PRIVATE, 9)].concat()).unwrap();
        assert!((learned.frequencies[0] - 480.0).abs() < 5.0);
        assert!(learned.on_ms.abs_diff(340) <= 15 && learned.off_ms.abs_diff(410) <= 15);
        // The exchange gives it up before we do.
        let quiet = vec![0; 8_000 * 30];
        let again = taught(&[voice(5), tone(PRIVATE, 20), quiet].concat()).unwrap();
        assert!(again.is_like(&learned));
    }

    #[test]
    fn too_short_a_tone_or_one_with_something_after_it_is_nothing() {
        assert_eq!(taught(&[voice(5), tone(PRIVATE, 5)].concat()), None);
        assert_eq!(
            taught(&[voice(5), tone(PRIVATE, 20), voice(1)].concat()),
            None
        );
        let brazil = CountryTones::of("BR").unwrap();
        assert_eq!(taught(&tone(brazil.ringback, 60)), None);
        let seconds = CadencedTone {
            steps: &[
                ToneStep {
                    frequencies: &[440.0],
                    milliseconds: 1_000,
                },
                ToneStep {
                    frequencies: &[],
                    milliseconds: 1_000,
                },
            ],
            ..PRIVATE
        };
        assert_eq!(taught(&tone(seconds, 60)), None);
        // Busy tone is known without it.
        assert_eq!(taught(&tone(brazil.busy, 20)), None);
    }

    #[test]
    fn voices_melodies_and_a_metronome_of_many_sounds_teach_nothing() {
        assert_eq!(taught(&voice(60)), None);
        // A melody of four notes in an even rhythm, over and over: each piece has another frequency.
        let mut melody = vec![0i16; 8_000 * 60];
        for (part, block) in melody.chunks_mut(2_400).enumerate() {
            if part % 2 == 0 {
                let note = [392.0, 440.0, 494.0, 523.0][part / 2 % 4];
                Tone::new(note, -15.0, 8_000).fill(block);
            }
        }
        assert_eq!(taught(&melody), None);
        // One note of several overtones in an even rhythm.
        let mut chord = vec![0i16; 8_000 * 60];
        for block in chord.chunks_mut(4_800) {
            let (sound, _) = block.split_at_mut(2_400.min(block.len()));
            for note in [262.0, 330.0, 392.0, 523.0] {
                Tone::new(note, -20.0, 8_000).add(sound);
            }
        }
        assert_eq!(taught(&chord), None);
    }
}
