//! A telephone on an FXS port: answers after the second ring and talks a tone until the other end has hung up.

use std::collections::VecDeque;

use ramal_dsp::{SAMPLE_RATE, Tone, dtmf_tones};
use tokio::sync::mpsc;

use super::wire::{BLOCK_MS, Feed, Loop};
use crate::{BusyDetector, CallerId, TonePlan};

/// Somebody takes the telephone this long into the second ring.
const ANSWERS_AFTER_MS: u32 = 600;
/// Somebody puts it down this long after the call is over.
const PUTS_DOWN_AFTER_MS: u32 = 1_000;
/// Silence of the bell after which the next ring is a new call's first.
const NEW_CALL_MS: u32 = 6_000;
const KEY_MS: u32 = 100;
const FLASH_MS: u32 = 200;

/// What somebody does with a telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Lifts it.
    Lift,
    /// Presses keys, one after the other.
    Press(String),
    /// Presses the recall key.
    Recall,
    /// Puts it down.
    PutDown,
}

#[derive(Debug)]
pub(super) struct Telephone {
    hands: mpsc::Receiver<Hand>,
    off_hook: bool,
    rings: u32,
    /// Milliseconds since the bell began to sound, or fell silent.
    bell_ms: u32,
    bell: bool,
    /// Milliseconds since the call was over.
    over_ms: Option<u32>,
    flash_ms: u32,
    voice: Tone,
    /// Keys to press: tones or silence, and milliseconds.
    keys: VecDeque<(Option<[Tone; 2]>, u32)>,
    busy: BusyDetector,
    /// Who was told to call last.
    pub caller: Option<CallerId>,
}

impl Telephone {
    pub fn new(plan: &TonePlan, hands: mpsc::Receiver<Hand>) -> Self {
        Telephone {
            hands,
            off_hook: false,
            rings: 0,
            bell_ms: 0,
            bell: false,
            over_ms: None,
            flash_ms: 0,
            voice: Tone::new(440.0, -10.0, SAMPLE_RATE),
            keys: VecDeque::new(),
            busy: BusyDetector::new(plan),
            caller: None,
        }
    }

    /// The next 20 ms.
    pub fn block(&mut self, feed: &Feed) -> Loop {
        while let Ok(hand) = self.hands.try_recv() {
            self.hand(hand);
        }
        if let Some(caller) = &feed.caller_id {
            self.caller = Some(caller.clone());
        }
        if !self.off_hook {
            self.listen_to_bell(feed.ringing);
        }
        if !self.off_hook {
            return Loop::open();
        }
        if !feed.battery || self.busy.feed(&feed.audio) {
            self.over_ms.get_or_insert(0);
        }
        if let Some(over) = &mut self.over_ms {
            *over += BLOCK_MS;
            if *over >= PUTS_DOWN_AFTER_MS {
                self.put_down();
                return Loop::open();
            }
        }
        if self.flash_ms > 0 {
            self.flash_ms = self.flash_ms.saturating_sub(BLOCK_MS);
            return Loop::open();
        }
        self.speak()
    }

    fn hand(&mut self, hand: Hand) {
        match hand {
            Hand::Lift => self.lift(),
            Hand::PutDown => self.put_down(),
            Hand::Recall => self.flash_ms = FLASH_MS,
            Hand::Press(keys) => {
                for tones in keys
                    .chars()
                    .filter_map(|key| dtmf_tones(key, -9.0))
                    .take(64)
                {
                    self.keys.push_back((Some(tones), KEY_MS));
                    self.keys.push_back((None, KEY_MS));
                }
            }
        }
    }

    fn lift(&mut self) {
        self.off_hook = true;
        self.rings = 0;
        self.over_ms = None;
        self.keys.clear();
        self.busy.reset();
    }

    fn put_down(&mut self) {
        self.off_hook = false;
        self.rings = 0;
        self.bell = false;
        self.bell_ms = 0;
    }

    fn listen_to_bell(&mut self, rings: bool) {
        if rings != self.bell {
            if rings && self.bell_ms >= NEW_CALL_MS {
                self.rings = 0;
            }
            self.rings += u32::from(rings);
            self.bell = rings;
            self.bell_ms = 0;
        }
        self.bell_ms = self.bell_ms.saturating_add(BLOCK_MS);
        if self.bell && self.rings >= 2 && self.bell_ms >= ANSWERS_AFTER_MS {
            self.lift();
        }
    }

    fn speak(&mut self) -> Loop {
        let mut said = Loop {
            off_hook: true,
            ..Loop::open()
        };
        let Some((tones, left)) = self.keys.front_mut() else {
            self.voice.add(&mut said.audio);
            return said;
        };
        for tone in tones.iter_mut().flatten() {
            tone.add(&mut said.audio);
        }
        *left = left.saturating_sub(BLOCK_MS);
        if *left == 0 {
            self.keys.pop_front();
        }
        said
    }
}
