//! Voice activity: sound that stands out of the line's own noise.

use crate::ZERO_DBM0_RMS;

/// Samples of one look (10 ms).
const LOOK: usize = 80;
const LOOK_MS: u32 = 10;
/// Quietest sound that counts, dBm0.
const QUIETEST: f32 = -45.0;
/// Sound is at least this much above the noise, dB.
const ABOVE: f32 = 9.0;
/// Rise of the noise's estimate a look, dB; it falls at once, half of the way.
const RISE: f32 = 0.03;
/// Rise when the level hardly changes from look to look, as only noise does, dB.
const STEADY_RISE: f32 = 0.3;
/// Mean change of the level from look to look that is steady, dB.
const STEADY: f32 = 2.0;
/// Loudest that noise is taken to be, dBm0.
const LOUDEST_NOISE: f32 = -30.0;
/// Sound lasts on this long, ms: words have gaps.
const HANGOVER_MS: u32 = 160;
/// Sound shorter than this is a click, ms.
const CLICK_MS: u32 = 30;

/// Tells sound from silence in blocks of any size.
#[derive(Clone, Debug)]
pub struct VoiceActivity {
    energy: f32,
    filled: usize,
    noise: f32,
    /// Level of the last look and mean change from look to look, dB.
    level: f32,
    change: f32,
    /// Milliseconds above, and since last above, the threshold.
    above_ms: u32,
    below_ms: u32,
    active: bool,
    /// Milliseconds in this state.
    lasted_ms: u32,
}

impl Default for VoiceActivity {
    fn default() -> Self {
        Self::new()
    }
}

/// A change between sound and silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityEvent {
    /// Sound began, after this much silence.
    Began {
        /// Milliseconds of silence before.
        silence_ms: u32,
    },
    /// Sound ended 160 ms ago.
    Ended {
        /// Milliseconds of sound.
        sound_ms: u32,
    },
}

impl VoiceActivity {
    /// Silence so far.
    #[must_use]
    pub fn new() -> Self {
        VoiceActivity {
            energy: 0.0,
            filled: 0,
            noise: -65.0,
            level: -65.0,
            change: 10.0,
            above_ms: 0,
            below_ms: 0,
            active: false,
            lasted_ms: 0,
        }
    }

    /// Whether there is sound.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Milliseconds since it became so.
    #[must_use]
    pub fn lasted_ms(&self) -> u32 {
        self.lasted_ms
    }

    /// Level of the line's own noise as far as known, dBm0.
    #[must_use]
    pub fn noise_level(&self) -> f32 {
        self.noise
    }

    /// Takes in the next samples and tells every change.
    pub fn process(&mut self, block: &[i16], mut on_event: impl FnMut(ActivityEvent)) {
        for &sample in block {
            let sample = f32::from(sample) / ZERO_DBM0_RMS as f32;
            self.energy += sample * sample;
            self.filled += 1;
            if self.filled == LOOK {
                let level = 10.0 * (self.energy / LOOK as f32).max(1e-10).log10();
                (self.energy, self.filled) = (0.0, 0);
                if let Some(event) = self.look(level) {
                    on_event(event);
                }
            }
        }
    }

    fn look(&mut self, level: f32) -> Option<ActivityEvent> {
        self.change = self.change * 0.9 + (level - self.level).abs() * 0.1;
        self.level = level;
        self.noise = if level < self.noise {
            (self.noise + level) / 2.0
        } else if self.change < STEADY {
            self.noise + STEADY_RISE
        } else {
            self.noise + RISE
        }
        .clamp(-70.0, LOUDEST_NOISE);
        let above = level > QUIETEST.max(self.noise + ABOVE);
        self.lasted_ms = self.lasted_ms.saturating_add(LOOK_MS);
        if above {
            self.above_ms = self.above_ms.saturating_add(LOOK_MS);
            self.below_ms = 0;
        } else {
            self.below_ms = self.below_ms.saturating_add(LOOK_MS);
            if !self.active {
                self.above_ms = 0;
            }
        }
        if !self.active && self.above_ms >= CLICK_MS {
            let silence_ms = self.lasted_ms - self.above_ms;
            (self.active, self.lasted_ms) = (true, self.above_ms);
            return Some(ActivityEvent::Began { silence_ms });
        }
        if self.active && self.below_ms >= HANGOVER_MS {
            let sound_ms = self.lasted_ms - self.below_ms;
            (self.active, self.lasted_ms, self.above_ms) = (false, self.below_ms, 0);
            return Some(ActivityEvent::Ended { sound_ms });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Noise, Tone};

    #[test]
    fn sound_and_silence_have_their_lengths_in_quiet_and_in_noise() {
        for noise in [-90.0, -50.0, -38.0] {
            let mut samples = vec![0; 8 * 3_000];
            Tone::new(300.0, -20.0, 8_000).fill(&mut samples[8 * 1_000..8 * 1_500]);
            Noise::new(4).add(&mut samples, noise);
            let mut activity = VoiceActivity::new();
            let mut events = Vec::new();
            for block in samples.chunks(123) {
                activity.process(block, |event| events.push(event));
            }
            let ended = events.iter().rev().find_map(|event| match event {
                ActivityEvent::Ended { sound_ms } => Some(*sound_ms),
                ActivityEvent::Began { .. } => None,
            });
            assert!(
                ended.is_some_and(|ms| ms.abs_diff(500) <= 20),
                "{noise}: {events:?}"
            );
            assert!(!activity.is_active() && activity.lasted_ms() > 1_300);
        }
    }

    #[test]
    fn clicks_and_gaps_between_words_change_nothing() {
        let mut samples = vec![0; 8 * 2_000];
        samples[8_000..8_080].fill(9_000);
        let mut activity = VoiceActivity::new();
        activity.process(&samples, |event| panic!("{event:?}"));
        let mut words = vec![0; 8 * 2_000];
        for word in words.chunks_mut(8 * 200) {
            Tone::new(300.0, -20.0, 8_000).fill(&mut word[..8 * 100]);
        }
        let mut began = 0;
        activity.process(&words, |event| {
            began += u32::from(matches!(event, ActivityEvent::Began { .. }));
        });
        assert_eq!(began, 1);
    }
}
