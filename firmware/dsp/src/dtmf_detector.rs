//! DTMF receiver (ITU-T Q.24).
//!
//! Every 5 ms the last 20 ms are looked at: the stronger tone of each group is measured in level and,
//! by the turn of its phase, in frequency, which is what tells 1.5 % from 3.5 % within 40 ms. Voices are
//! kept out by four demands that all must hold over [`NEEDED`] looks in a row: both frequencies right,
//! levels within the twist, levels steady, and hardly any power beside the two tones.

use crate::bank::{HOP, Look, ToneBank, decibels};
use crate::dtmf::{FREQUENCIES, KEYS, TABLES};

/// Looks in a row that make a key: a tone of 35 ms has them, one of 23 ms has not.
const NEEDED: u32 = 4;
/// Looks in a row without the key that end it: a pause of 30 ms has them, a break of 10 ms has not.
const RELEASE: u32 = 6;
/// Milliseconds from one look to the next.
const HOP_MS: u32 = HOP as u32 / 8;
/// Largest distance from the right frequency, as part of it: between Q.24's accept and reject limits.
const DISTANCE: f32 = 0.025;
/// Power of a key's tone that is another level: a new beginning when above, an end when below.
const STEADY: f32 = 2.0;
/// Decibels below the whole from which a tone is steady (`STEADY` as the end of a key).
const WEAK: f32 = 0.4;

/// What a receiver takes for a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DtmfLimits {
    /// Weakest level of a tone, dBm0; Q.24 asks for -25 and none at -55 or below.
    pub weakest: f32,
    /// Most that the high group may be above the low one, dB.
    pub twist: f32,
    /// Most that the low group may be above the high one, dB.
    pub reverse_twist: f32,
    /// Part of everything heard that the two tones must be, 0-1: lower finds keys in more noise and
    /// more keys in speech.
    pub purity: f32,
}

impl Default for DtmfLimits {
    /// -34 dBm0, 9 dB each way (the widest of Q.24 table A-1 that one receiver can serve everywhere), 0.87.
    fn default() -> Self {
        DtmfLimits {
            weakest: -34.0,
            twist: 9.0,
            reverse_twist: 9.0,
            purity: 0.87,
        }
    }
}

/// What the receiver found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DtmfEvent {
    /// A key is recognised, about 40 ms after its beginning.
    Down {
        /// The key: `0`-`9`, `*`, `#`, `A`-`D`.
        key: char,
        /// Level of the low group's tone, dBm0.
        low: f32,
        /// Level of the high group's tone, dBm0.
        high: f32,
    },
    /// The key is over.
    Up {
        /// The key.
        key: char,
        /// How long it sounded, in milliseconds (within 10).
        duration_ms: u32,
    },
}

/// Finds keys in blocks of any size at 8,000 samples a second.
#[derive(Clone, Debug)]
pub struct DtmfDetector {
    limits: DtmfLimits,
    bank: ToneBank<8>,
    /// Key of the last look, how many looks it has been steady, and its power then.
    candidate: Option<Candidate>,
    active: Option<Active>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    row: usize,
    column: usize,
    looks: u32,
    /// Powers of the two tones, in units of 0 dBm0.
    low: f32,
    high: f32,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    key: char,
    looks: u32,
    missed: u32,
}

impl Default for DtmfDetector {
    fn default() -> Self {
        Self::new(DtmfLimits::default())
    }
}

impl DtmfDetector {
    /// A receiver with these limits.
    #[must_use]
    pub fn new(limits: DtmfLimits) -> Self {
        DtmfDetector {
            limits,
            bank: ToneBank::new(&TABLES),
            candidate: None,
            active: None,
        }
    }

    /// Takes in the next samples; the key that has just been recognised (the last, should the block
    /// be long enough for more).
    pub fn feed(&mut self, block: &[i16]) -> Option<char> {
        let mut found = None;
        self.process(block, |event| {
            if let DtmfEvent::Down { key, .. } = event {
                found = Some(key);
            }
        });
        found
    }

    /// Takes in the next samples and tells every event in order.
    pub fn process(&mut self, block: &[i16], mut on_event: impl FnMut(DtmfEvent)) {
        let mut rest = block;
        while !rest.is_empty() {
            let (look, left) = self.bank.feed(rest);
            rest = left;
            if let Some(look) = look {
                self.judge(&look, &mut on_event);
            }
        }
    }

    /// Whether a key sounds now or may have begun: what is heard should not be passed on as speech.
    #[must_use]
    pub fn is_sounding(&self) -> bool {
        self.active.is_some() || self.candidate.is_some_and(|candidate| candidate.looks > 1)
    }

    fn judge(&mut self, look: &Look<8>, on_event: &mut impl FnMut(DtmfEvent)) {
        let heard = self.key(look);
        self.candidate = match (self.candidate, heard) {
            (Some(old), Some(new)) if (old.row, old.column) == (new.row, new.column) => {
                let (low, high) = (new.low / old.low, new.high / old.high);
                let rises = low.max(high) > STEADY;
                let falls = low.min(high) < WEAK;
                match (rises, falls) {
                    (_, true) => None,
                    (true, _) => Some(new),
                    _ => Some(Candidate {
                        looks: old.looks + 1,
                        low: old.low.max(new.low),
                        high: old.high.max(new.high),
                        ..old
                    }),
                }
            }
            (_, new) => new,
        };
        let steady = self.candidate.filter(|candidate| candidate.looks >= NEEDED);
        let key = steady.map(|candidate| KEYS[candidate.row][candidate.column]);
        // The same key goes on while its tones are there at all, however they swing.
        let same = self.active.as_ref().is_some_and(|active| {
            heard.is_some_and(|heard| KEYS[heard.row][heard.column] == active.key)
        });
        if let Some(active) = &mut self.active {
            active.looks += 1;
            active.missed = if same { 0 } else { active.missed + 1 };
            if active.missed >= RELEASE || key.is_some_and(|key| key != active.key) {
                on_event(DtmfEvent::Up {
                    key: active.key,
                    duration_ms: (active.looks - active.missed + 1) * HOP_MS,
                });
                self.active = None;
                if key.is_none() {
                    self.candidate = None;
                }
            }
        }
        if let (None, Some(key), Some(steady)) = (self.active, key, steady) {
            self.active = Some(Active {
                key,
                looks: steady.looks,
                missed: 0,
            });
            on_event(DtmfEvent::Down {
                key,
                low: decibels(steady.low),
                high: decibels(steady.high),
            });
        }
    }

    /// The key of one look, if it is one.
    fn key(&self, look: &Look<8>) -> Option<Candidate> {
        let weakest = 10f32.powf(self.limits.weakest / 10.0);
        if look.total < weakest {
            return None;
        }
        let strongest = |range: std::ops::Range<usize>| {
            range.max_by(|&a, &b| {
                self.bank
                    .power(look, a)
                    .total_cmp(&self.bank.power(look, b))
            })
        };
        let (row, column) = (strongest(0..4)?, strongest(4..8)?);
        // Cheap test first: most sounds are no keys.
        let rough = self.bank.power(look, row) + self.bank.power(look, column);
        if rough < look.total * self.limits.purity * 0.6 {
            return None;
        }
        let tone = |index: usize| {
            let (offset, power) = self.bank.tone(look, index);
            let right = offset.abs() <= FREQUENCIES[index] as f32 * DISTANCE;
            (right && power >= weakest).then_some(power)
        };
        let (low, high) = (tone(row)?, tone(column)?);
        let twist = decibels(high / low);
        let fits = twist <= self.limits.twist
            && -twist <= self.limits.reverse_twist
            && low + high >= look.total * self.limits.purity;
        fits.then_some(Candidate {
            row,
            column: column - 4,
            looks: 1,
            low,
            high,
        })
    }
}

/// RFC 4733 volume (0-63, dB below 0 dBm0) of a key with these tones.
#[must_use]
pub fn event_volume(low: f32, high: f32) -> u8 {
    let power = 10f32.powf(low / 10.0) + 10f32.powf(high / 10.0);
    (-decibels(power)).round().clamp(0.0, 63.0) as u8
}

#[cfg(test)]
#[path = "dtmf_detector_tests.rs"]
mod tests;
