//! Play lists: what a channel hears instead of its bridge while they last.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::prompts::Readiness;
use crate::{Codec, Prompt};

/// Ticks that a play list waits for prompts that are being encoded, in all: 1 s.
const PATIENCE: u32 = 50;

/// One element of a play list.
#[derive(Clone, Debug)]
pub enum Sound {
    /// A recording.
    Prompt(Arc<Prompt>),
    /// Nothing, for a while.
    Silence {
        /// How long, in milliseconds, rounded up to 20 ms.
        ms: u32,
    },
}

impl From<Arc<Prompt>> for Sound {
    fn from(prompt: Arc<Prompt>) -> Self {
        Sound::Prompt(prompt)
    }
}

/// How often a play list is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once.
    Once,
    /// This many times; 0 is silent and ends at once.
    Times(u32),
    /// Until stopped.
    Forever,
}

/// How a play list ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayEnd {
    /// Everything was played.
    Completed,
    /// It was stopped, replaced by another play list, or the channel was closed.
    Interrupted,
}

/// 20 ms of a play list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Encoded with the codec asked for.
    Encoded(&'a [u8]),
    /// A-law, to be encoded by the one who asked: the sound has no frames of its codec.
    Alaw(&'a [u8]),
    /// Nothing is heard.
    Silence,
}

/// A play list at a position.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) number: u64,
    sounds: Box<[Sound]>,
    /// Rounds still to be played; `None` is without end.
    rounds: Option<u32>,
    index: usize,
    frame: usize,
    /// Ticks to wait at most for prompts that are being encoded; 0 for what keeps its own time.
    patience: u32,
    done: oneshot::Sender<PlayEnd>,
}

impl Player {
    pub(crate) fn new(
        number: u64,
        sounds: Vec<Sound>,
        repeat: Repeat,
        done: oneshot::Sender<PlayEnd>,
    ) -> Self {
        let silent = sounds.iter().all(|sound| frames(sound) == 0);
        let rounds = match repeat {
            _ if silent => Some(0),
            Repeat::Once => Some(1),
            Repeat::Times(rounds) => Some(rounds),
            Repeat::Forever => None,
        };
        Player {
            number,
            sounds: sounds.into(),
            rounds,
            index: 0,
            frame: 0,
            patience: PATIENCE,
            done,
        }
    }

    /// Begins `frames` after the beginning instead, as if the list had been played round and round before.
    pub(crate) fn from(mut self, frames_before: u64) -> Self {
        self.patience = 0;
        let length: u64 = self.sounds.iter().map(|sound| frames(sound) as u64).sum();
        let mut rest = frames_before.checked_rem(length).unwrap_or(0) as usize;
        while let Some(sound) = self.sounds.get(self.index)
            && rest >= frames(sound)
        {
            rest -= frames(sound);
            self.index += 1;
        }
        self.frame = rest;
        self
    }

    /// The next 20 ms; `None` when the list is over.
    pub(crate) fn next_frame(&mut self, codec: Codec) -> Option<Frame<'_>> {
        if self.rounds == Some(0) {
            return None;
        }
        // At least one sound has a frame, so this ends.
        while self.frame >= self.sounds.get(self.index).map_or(0, frames) {
            self.frame = 0;
            self.index += 1;
            if self.index >= self.sounds.len() {
                self.index = 0;
                if let Some(rounds) = &mut self.rounds {
                    *rounds -= 1;
                    if *rounds == 0 {
                        return None;
                    }
                }
            }
        }
        let frame = self.frame;
        Some(match self.sounds.get(self.index)? {
            Sound::Prompt(prompt) => match prompt.frame(codec, frame) {
                Some(octets) => {
                    self.frame += 1;
                    match octets {
                        // The encoder failed.
                        [] => Frame::Silence,
                        octets => Frame::Encoded(octets),
                    }
                }
                None if prompt.prepare(codec) == Readiness::Soon => {
                    if self.patience > 0 {
                        self.patience -= 1;
                    } else {
                        self.frame += 1;
                    }
                    Frame::Silence
                }
                None => {
                    self.frame += 1;
                    prompt
                        .frame(Codec::Pcma, frame)
                        .map_or(Frame::Silence, Frame::Alaw)
                }
            },
            Sound::Silence { .. } => {
                self.frame += 1;
                Frame::Silence
            }
        })
    }

    /// Tells the one who waits how it ended.
    pub(crate) fn finish(self, end: PlayEnd) {
        // Nobody may be waiting.
        let _ = self.done.send(end);
    }
}

fn frames(sound: &Sound) -> usize {
    match sound {
        Sound::Prompt(prompt) => prompt.frames(),
        Sound::Silence { ms } => ms.div_ceil(20) as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ramal_dsp::{FRAME_SAMPLES, Law};

    fn heard(sounds: Vec<Sound>, repeat: Repeat, limit: usize) -> Vec<u8> {
        let (done, _) = oneshot::channel();
        let mut player = Player::new(1, sounds, repeat, done);
        let octet = |frame: Frame| match frame {
            Frame::Encoded(octets) => octets[0],
            Frame::Alaw(_) => panic!("prompts have A-law frames"),
            Frame::Silence => Law::A.silence(),
        };
        std::iter::from_fn(|| player.next_frame(Codec::Pcma).map(octet))
            .take(limit)
            .collect()
    }

    fn prompt(level: i16, frames: usize) -> (Sound, u8) {
        let prompt = Prompt::new("test", &vec![level; frames * FRAME_SAMPLES]);
        let octet = prompt.frame(Codec::Pcma, 0).map_or(0, |frame| frame[0]);
        (Sound::Prompt(Arc::new(prompt)), octet)
    }

    #[test]
    fn sounds_follow_each_other_without_a_gap_and_repeat() {
        let ((one, a), (two, b)) = (prompt(1_000, 2), prompt(-3_000, 1));
        let quiet = Law::A.silence();
        let list = vec![one, Sound::Silence { ms: 21 }, two];
        let round = [a, a, quiet, quiet, b];
        assert_eq!(heard(list.clone(), Repeat::Once, 100), round);
        assert_eq!(heard(list.clone(), Repeat::Times(3), 100), round.repeat(3));
        assert_eq!(heard(list.clone(), Repeat::Times(0), 100), []);
        assert_eq!(heard(list, Repeat::Forever, 1_000).len(), 1_000);
    }

    #[test]
    fn a_list_may_begin_anywhere_in_its_rounds() {
        let ((one, a), (two, b)) = (prompt(1_000, 3), prompt(-3_000, 2));
        let round = [a, a, a, b, b];
        for start in [0u64, 1, 3, 4, 5, 8, 5_000_003] {
            let (done, _) = oneshot::channel();
            let list = vec![one.clone(), two.clone()];
            let mut player = Player::new(1, list, Repeat::Forever, done).from(start);
            for tick in start..start + 12 {
                let Some(Frame::Encoded(octets)) = player.next_frame(Codec::Pcma) else {
                    panic!("no frame at {tick}");
                };
                assert_eq!(octets[0], round[(tick % 5) as usize], "{tick} from {start}");
            }
        }
        let (done, _) = oneshot::channel();
        let mut empty = Player::new(1, vec![], Repeat::Forever, done).from(7);
        assert_eq!(empty.next_frame(Codec::Pcma), None);
    }

    #[test]
    fn lists_without_sound_end_at_once() {
        let (empty, _) = prompt(0, 0);
        assert_eq!(heard(vec![], Repeat::Forever, 10), []);
        assert_eq!(heard(vec![empty.clone(), empty], Repeat::Forever, 10), []);
    }
}
