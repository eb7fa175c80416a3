//! DTMF keys as sound (ITU-T Q.23).

use std::sync::LazyLock;

use crate::bank::BankTables;
use crate::{SAMPLE_RATE, Tone};

/// Frequencies of the low group (rows) and then of the high group (columns), Hz.
pub(crate) const FREQUENCIES: [f64; 8] = [
    697.0, 770.0, 852.0, 941.0, 1_209.0, 1_336.0, 1_477.0, 1_633.0,
];
pub(crate) const KEYS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];

pub(crate) static TABLES: LazyLock<BankTables<8>> = LazyLock::new(|| BankTables::new(FREQUENCIES));

/// The two tones of a key (`0-9`, `*`, `#`, `A-D`), each at `level` dBm0; `None` for another character.
#[must_use]
pub fn dtmf_tones(key: char, level: f64) -> Option<[Tone; 2]> {
    let key = key.to_ascii_uppercase();
    KEYS.iter().enumerate().find_map(|(row, keys)| {
        let column = keys.iter().position(|&candidate| candidate == key)?;
        Some([
            Tone::new(FREQUENCIES[row], level, SAMPLE_RATE),
            Tone::new(FREQUENCIES[4 + column], level, SAMPLE_RATE),
        ])
    })
}

/// How keys are sent one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DtmfTiming {
    /// Length of a key in milliseconds; receivers need 40 (Q.24 §4).
    pub tone_ms: u32,
    /// Pause after a key in milliseconds; receivers need 40.
    pub pause_ms: u32,
    /// Level of the low group in dBm0.
    pub level: f64,
    /// How much the high group is above the low one, dB; lines attenuate high frequencies more.
    pub twist: f64,
}

impl Default for DtmfTiming {
    /// 80 ms and 80 ms, -9 dBm0, high group 2 dB above: what exchanges everywhere take.
    fn default() -> Self {
        DtmfTiming {
            tone_ms: 80,
            pause_ms: 80,
            level: -11.0,
            twist: 2.0,
        }
    }
}

/// Plays a string of keys; `,` and `p` pause for two seconds, `w` for half a second.
#[derive(Clone, Debug)]
pub struct DtmfGenerator<K> {
    keys: K,
    timing: DtmfTiming,
    tones: Option<[Tone; 2]>,
    /// Samples of tone and of pause that are left of this key.
    tone_left: u32,
    pause_left: u32,
    over: bool,
}

const PER_MS: u32 = SAMPLE_RATE / 1_000;
const LONG_PAUSE_MS: u32 = 2_000;
const SHORT_PAUSE_MS: u32 = 500;

impl<K: Iterator<Item = char>> DtmfGenerator<K> {
    /// Plays `keys`; characters that are neither keys nor pauses are left out.
    pub fn new(keys: K, timing: DtmfTiming) -> Self {
        DtmfGenerator {
            keys,
            timing,
            tones: None,
            tone_left: 0,
            pause_left: 0,
            over: false,
        }
    }

    /// Whether all keys and the pause after the last were played.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Adds the next samples to `block`, saturating.
    pub fn add(&mut self, block: &mut [i16]) {
        for sample in block {
            if self.tone_left == 0 && self.pause_left == 0 {
                self.next_key();
            }
            if self.tone_left > 0 {
                self.tone_left -= 1;
                for tone in self.tones.iter_mut().flatten() {
                    *sample = sample.saturating_add(tone.next_sample());
                }
            } else {
                self.pause_left = self.pause_left.saturating_sub(1);
            }
        }
    }

    fn next_key(&mut self) {
        loop {
            let Some(key) = self.keys.next() else {
                self.over = true;
                return;
            };
            match key {
                ',' | 'p' => self.pause_left = LONG_PAUSE_MS * PER_MS,
                'w' => self.pause_left = SHORT_PAUSE_MS * PER_MS,
                key => {
                    let Some([low, _]) = dtmf_tones(key, self.timing.level) else {
                        continue;
                    };
                    let high = dtmf_tones(key, self.timing.level + self.timing.twist);
                    self.tones = high.map(|[_, high]| [low, high]);
                    self.tone_left = self.timing.tone_ms * PER_MS;
                    self.pause_left = self.timing.pause_ms * PER_MS;
                }
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Goertzel;

    #[test]
    fn keys_have_their_levels_twist_and_times() {
        let timing = DtmfTiming {
            tone_ms: 100,
            pause_ms: 60,
            level: -12.0,
            twist: 3.0,
        };
        let mut generator = DtmfGenerator::new("5w#".chars(), timing);
        let mut samples = vec![0; (160 + 500 + 160) * 8];
        samples
            .chunks_mut(57)
            .for_each(|block| generator.add(block));
        assert!(!generator.is_over());
        generator.add(&mut [0]);
        assert!(generator.is_over());
        let level = |frequency, from_ms: usize| {
            let mut meter = Goertzel::new(frequency, SAMPLE_RATE);
            meter.feed(&samples[from_ms * 8..(from_ms + 100) * 8]);
            meter.level_dbm0()
        };
        assert!((level(770.0, 0) + 12.0).abs() < 0.3);
        assert!((level(1_336.0, 0) + 9.0).abs() < 0.3);
        assert!((level(941.0, 660) + 12.0).abs() < 0.3);
        assert!((level(1_477.0, 660) + 9.0).abs() < 0.3);
        assert!(samples[100 * 8..660 * 8].iter().all(|&sample| sample == 0));
        assert!(dtmf_tones('x', -9.0).is_none());
    }
}
