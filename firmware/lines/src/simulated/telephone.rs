//! A telephone on an FXS port: answers after the second ring and talks a tone until the other end has hung up.

use std::collections::VecDeque;

use ramal_dsp::{
    CountryTones, DtmfGenerator, DtmfTiming, FRAME_SAMPLES, Goertzel, ProgressDetector,
    ProgressTone, SAMPLE_RATE, Tone, dtmf_tones, level_dbm0,
};
use ramal_model::CallerIdReception;
use tokio::sync::mpsc;

use super::wire::{BLOCK_MS, Feed, LOOKS, Loop};
use crate::{
    CallerId,
    analogue::{CallerIdListener, Told},
};

/// Somebody takes the telephone this long into the second ring.
const ANSWERS_AFTER_MS: u32 = 600;
/// Somebody puts it down this long after the call is over.
const PUTS_DOWN_AFTER_MS: u32 = 1_000;
/// Silence of the bell after which the next ring is a new call's first.
const NEW_CALL_MS: u32 = 6_000;
const FLASH_MS: u32 = 200;
/// A dial's pulses: open and closed, and between two digits, in looks of 5 ms.
const PULSE_OPEN: u32 = 12;
const PULSE_CLOSED: u32 = 8;
const DIGIT_PAUSE: u32 = 60;
/// Blocks of the alerting tone that make a telephone acknowledge it (GR-30 §2.5: 75-85 ms).
const ALERTED_BLOCKS: u32 = 3;
/// Blocks for which it listens to a message after its acknowledgement.
const LISTENS_BLOCKS: u32 = 100;
/// How long somebody who has lifted it waits for a dial tone before the first key.
const AWAITS_TONE_MS: u32 = 3_000;
/// What counts as a tone.
const TONE_DBM0: f64 = -40.0;

/// What somebody does with a telephone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hand {
    /// Lifts it.
    Lift,
    /// Lifts it and lets it lie, whatever it says.
    Leave,
    /// Presses keys, one after the other.
    Press(String),
    /// Turns a dial, digit after digit.
    Turn(String),
    /// Presses the recall key.
    Recall,
    /// Puts it down.
    PutDown,
}

/// What a telephone shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Display {
    /// Who called last, or waits.
    pub caller: Option<CallerId>,
    /// Whether its lamp for messages is on.
    pub messages: bool,
}

pub(super) struct Telephone {
    hands: mpsc::Receiver<Hand>,
    off_hook: bool,
    /// Nobody puts it down.
    left: bool,
    rings: u32,
    /// Milliseconds since the bell began to sound, or fell silent.
    bell_ms: u32,
    bell: bool,
    /// Milliseconds since the call was over.
    over_ms: Option<u32>,
    /// Milliseconds for which the first key still waits for a dial tone.
    awaits_tone_ms: u32,
    flash_ms: u32,
    voice: Tone,
    keys: DtmfGenerator<std::vec::IntoIter<char>>,
    /// States of the loop and their looks, while a dial turns.
    dial: VecDeque<(bool, u32)>,
    busy: ProgressDetector,
    caller_id: CallerIdListener,
    alerting: [Goertzel; 2],
    alerted_blocks: u32,
    listens_blocks: u32,
    pub display: Display,
}

fn keys(keys: &str) -> DtmfGenerator<std::vec::IntoIter<char>> {
    let keys: Vec<char> = keys.chars().take(64).collect();
    DtmfGenerator::new(keys.into_iter(), DtmfTiming::default())
}

impl Telephone {
    pub fn new(tones: &CountryTones, hands: mpsc::Receiver<Hand>) -> Self {
        Telephone {
            hands,
            off_hook: false,
            left: false,
            rings: 0,
            bell_ms: 0,
            bell: false,
            over_ms: None,
            awaits_tone_ms: 0,
            flash_ms: 0,
            voice: Tone::new(440.0, -10.0, SAMPLE_RATE),
            keys: keys(""),
            dial: VecDeque::new(),
            busy: ProgressDetector::new(tones, None),
            caller_id: CallerIdListener::new(CallerIdReception::Auto),
            alerting: [2_130.0, 2_750.0].map(|hz| Goertzel::new(hz, SAMPLE_RATE)),
            alerted_blocks: 0,
            listens_blocks: 0,
            display: Display::default(),
        }
    }

    /// The next 20 ms.
    pub fn block(&mut self, feed: &Feed) -> Loop {
        while let Ok(hand) = self.hands.try_recv() {
            self.hand(hand);
        }
        if !self.off_hook || self.listens_blocks > 0 {
            self.read(&feed.audio);
        }
        if !self.off_hook {
            self.listen_to_bell(feed.ringing);
        }
        if !self.off_hook {
            return Loop::open();
        }
        self.await_tone(&feed.audio);
        self.listen_to_alerting(&feed.audio);
        let mut over = !feed.battery;
        self.busy.process(&feed.audio, |event| {
            over |= matches!(event.tone, ProgressTone::Busy | ProgressTone::Congestion);
        });
        if over && !self.left {
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
        let mut said = Loop::closed([0; FRAME_SAMPLES]);
        self.turn_dial(&mut said);
        self.speak(&mut said.audio);
        said
    }

    fn hand(&mut self, hand: Hand) {
        match hand {
            Hand::Lift => self.lift(),
            Hand::Leave => {
                self.lift();
                self.left = true;
            }
            Hand::PutDown => self.put_down(),
            Hand::Recall => self.flash_ms = FLASH_MS,
            Hand::Press(pressed) => {
                let pressed: String = pressed
                    .chars()
                    .filter(|&key| dtmf_tones(key, 0.0).is_some())
                    .collect();
                self.keys = keys(&pressed);
            }
            Hand::Turn(digits) => {
                for digit in digits.chars().filter_map(|digit| digit.to_digit(10)) {
                    for _ in 0..if digit == 0 { 10 } else { digit } {
                        self.dial.push_back((false, PULSE_OPEN));
                        self.dial.push_back((true, PULSE_CLOSED));
                    }
                    self.dial.push_back((true, DIGIT_PAUSE));
                }
            }
        }
    }

    fn lift(&mut self) {
        self.off_hook = true;
        self.left = false;
        // Whoever is called hears a person, not a tone.
        self.awaits_tone_ms = if self.rings == 0 { AWAITS_TONE_MS } else { 0 };
        self.rings = 0;
        self.over_ms = None;
        self.keys = keys("");
        self.dial.clear();
        self.busy.reset();
    }

    fn put_down(&mut self) {
        self.off_hook = false;
        self.rings = 0;
        self.bell = false;
        self.bell_ms = 0;
        self.listens_blocks = 0;
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

    /// Reads caller ID and the lamp's messages.
    fn read(&mut self, audio: &[i16; FRAME_SAMPLES]) {
        self.listens_blocks = self.listens_blocks.saturating_sub(1);
        match self.caller_id.process(audio) {
            Some(Told::Caller(caller)) => {
                self.display.caller = Some(caller);
                self.listens_blocks = 0;
            }
            Some(Told::MessageWaiting(waiting)) => self.display.messages = waiting,
            None => {}
        }
    }

    fn await_tone(&mut self, audio: &[i16; FRAME_SAMPLES]) {
        self.awaits_tone_ms = match level_dbm0(audio) > TONE_DBM0 {
            true => 0,
            false => self.awaits_tone_ms.saturating_sub(BLOCK_MS),
        };
    }

    /// Acknowledges the alerting tone of a waiting call.
    fn listen_to_alerting(&mut self, audio: &[i16; FRAME_SAMPLES]) {
        let level = level_dbm0(audio);
        let alerts = level > -40.0
            && self.alerting.iter_mut().all(|meter| {
                meter.reset();
                meter.feed(audio);
                meter.level_dbm0() > level - 5.0
            });
        if alerts {
            self.alerted_blocks += 1;
        } else if std::mem::take(&mut self.alerted_blocks) >= ALERTED_BLOCKS {
            self.keys = keys("D");
            self.listens_blocks = LISTENS_BLOCKS;
        }
    }

    fn turn_dial(&mut self, said: &mut Loop) {
        if self.awaits_tone_ms > 0 {
            return;
        }
        for look in 0..LOOKS {
            let Some((closed, left)) = self.dial.front_mut() else {
                return;
            };
            said.closed[look] = *closed;
            *left -= 1;
            if *left == 0 {
                self.dial.pop_front();
            }
        }
    }

    fn speak(&mut self, audio: &mut [i16; FRAME_SAMPLES]) {
        if !self.keys.is_over() {
            if self.awaits_tone_ms == 0 {
                self.keys.add(audio);
            }
        } else if self.listens_blocks == 0 && self.dial.is_empty() {
            self.voice.add(audio);
        }
    }
}
