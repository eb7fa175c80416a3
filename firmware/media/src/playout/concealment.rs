//! What is heard instead of a lost packet: the last pitch periods once more, fading (after ITU-T G.711
//! Appendix I).

use super::stretch::{best_lag, fade};
use crate::SampleRate;

/// Samples remembered: 40 ms at 16 kHz.
const HISTORY: usize = 640;
/// Pitch periods looked for: 2.5 to 15 ms.
const LEAST_MS: usize = 5;
const MOST_MS: usize = 30;
/// What is made up keeps its level for 10 ms and is gone after 60 (the Appendix: 20% every 10 ms).
const LOUD_MS: usize = 10;
const GONE_MS: usize = 60;
/// Over how long it goes over into what comes next, milliseconds.
const REJOIN_MS: usize = 4;

/// The last samples played.
pub(super) struct Concealment {
    rate: SampleRate,
    history: [i16; HISTORY],
    /// Pitch period being repeated and the place in it.
    period: usize,
    at: usize,
    /// Samples made up in this row.
    done: usize,
    /// The last period, kept while it is repeated.
    repeated: [i16; HISTORY],
}

impl Concealment {
    pub(super) fn new(rate: SampleRate) -> Self {
        Concealment {
            rate,
            history: [0; HISTORY],
            period: 1,
            at: 0,
            done: 0,
            repeated: [0; HISTORY],
        }
    }

    fn samples(&self, milliseconds: usize) -> usize {
        milliseconds * self.rate.hertz() as usize / 1_000
    }

    /// Remembers what was played.
    pub(super) fn remember(&mut self, frame: &[i16]) {
        let kept = frame.len().min(HISTORY);
        self.history.copy_within(kept.., 0);
        self.history[HISTORY - kept..].copy_from_slice(&frame[frame.len() - kept..]);
    }

    /// Writes what could follow what was played and then `ready`; `done` samples of it were made up
    /// already.
    pub(super) fn go_on(&mut self, ready: &[i16], place: &mut [i16], done: usize) {
        if done == 0 {
            self.find_period(ready);
        }
        self.done = done;
        for sample in place {
            *sample = self.next_sample();
        }
    }

    fn next_sample(&mut self) -> i16 {
        let sample = f32::from(self.repeated[self.at]);
        self.at = (self.at + 1) % self.period;
        let (loud, gone) = (self.samples(LOUD_MS), self.samples(GONE_MS));
        let left = gone.saturating_sub(self.done.max(loud)) as f32 / (gone - loud) as f32;
        self.done += 1;
        (sample * left) as i16
    }

    /// Goes from what would have been made up over into what came.
    pub(super) fn rejoin(&mut self, place: &mut [i16]) {
        let length = self.samples(REJOIN_MS).min(place.len());
        for (position, sample) in place.iter_mut().take(length).enumerate() {
            let made_up = self.next_sample();
            *sample = fade(made_up, *sample, position, length);
        }
    }

    /// Finds the pitch at the end of what was played and will be.
    fn find_period(&mut self, ready: &[i16]) {
        let mut recent = [0i16; HISTORY];
        let fresh = ready.len().min(HISTORY);
        recent[..HISTORY - fresh].copy_from_slice(&self.history[fresh..]);
        recent[HISTORY - fresh..].copy_from_slice(&ready[ready.len() - fresh..]);
        // Backwards, so that the end is what others are compared to.
        recent.reverse();
        let half_ms = |halves: usize| halves * self.rate.hertz() as usize / 2_000;
        let (least, most) = (half_ms(LEAST_MS), half_ms(MOST_MS));
        let window = self.samples(20);
        self.period = best_lag(&recent, least, most, window).map_or(most, |(lag, _)| lag);
        for (place, sample) in self.repeated[..self.period].iter_mut().enumerate() {
            *sample = recent[self.period - 1 - place];
        }
        self.at = 0;
    }
}
