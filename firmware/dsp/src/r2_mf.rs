//! Multifrequency register signals of signalling system R2 (ITU-T Q.441, Q.454, Q.455).
//!
//! Each signal is two of six frequencies, compelled: it sounds until the other side answers it, so a
//! receiver must tell both when a signal is there and when it is gone. Operate and release together
//! take at most 80 ms (Q.457); this one needs about 25 ms for each.

use std::sync::LazyLock;

use crate::bank::{BankTables, HOP, Look, ToneBank, decibels};
use crate::{SAMPLE_RATE, Tone};

/// Direction of a register signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum R2Direction {
    /// From the calling side: 1,380 to 1,980 Hz.
    Forward,
    /// From the called side: 1,140 to 540 Hz.
    Backward,
}

const FORWARD: [f64; 6] = [1_380.0, 1_500.0, 1_620.0, 1_740.0, 1_860.0, 1_980.0];
const BACKWARD: [f64; 6] = [1_140.0, 1_020.0, 900.0, 780.0, 660.0, 540.0];
/// Q.441 table 5: the number of a signal is x of its lower-numbered frequency (0-4, its place) and y of
/// its higher-numbered one together.
const Y: [u8; 6] = [0, 1, 2, 4, 7, 11];

static FORWARD_TABLES: LazyLock<BankTables<6>> = LazyLock::new(|| BankTables::new(FORWARD));
static BACKWARD_TABLES: LazyLock<BankTables<6>> = LazyLock::new(|| BankTables::new(BACKWARD));

/// Level of each frequency sent, dBm0 (Q.454 §4.2: -11.5 ± 1).
pub const R2_LEVEL: f64 = -11.5;
/// Weakest frequency taken: Q.455 §4.5.1 asks for -35 dBm at the point of the receiver and
/// silence below -42 dBm.
const WEAKEST: f32 = -38.5;
/// Most that one frequency may be above the other, dB: 5 between neighbours and 7 between others
/// must work (Q.455 §4.5.2), 20 must not.
const DIFFERENCE: f32 = 10.0;
/// Largest distance from the right frequency, Hz: ±10 must work (Q.455 §4.5.1 a).
const DISTANCE: f32 = 18.0;
/// Part of everything heard that both frequencies are.
const PURITY: f32 = 0.8;
/// Looks in a row that make a signal, and that end it.
const NEEDED: u32 = 2;
const RELEASE: u32 = 2;

impl R2Direction {
    fn frequencies(self) -> [f64; 6] {
        match self {
            R2Direction::Forward => FORWARD,
            R2Direction::Backward => BACKWARD,
        }
    }
}

/// Indices of the two frequencies of signal 1-15.
fn pair_of(signal: u8) -> Option<[usize; 2]> {
    (1..6).find_map(|high| {
        let low = (0..high).find(|&low| number([low, high]) == signal)?;
        Some([low, high])
    })
}

/// Number of the signal of two frequencies, in either order.
fn number([a, b]: [usize; 2]) -> u8 {
    a.min(b) as u8 + Y[a.max(b)]
}

/// The two tones of register signal 1-15 in a direction, at [`R2_LEVEL`]; `None` for another number.
#[must_use]
pub fn r2_tones(direction: R2Direction, signal: u8) -> Option<[Tone; 2]> {
    let frequencies = direction.frequencies();
    let tones = pair_of(signal)?;
    Some(tones.map(|index| Tone::new(frequencies[index], R2_LEVEL, SAMPLE_RATE)))
}

/// What an R2 receiver found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum R2Event {
    /// A signal is there.
    On {
        /// Its number, 1-15.
        signal: u8,
        /// Level of both frequencies together, dBm0.
        level: f32,
    },
    /// It is gone.
    Off {
        /// Its number, 1-15.
        signal: u8,
        /// How long it was there, in milliseconds (within 10).
        duration_ms: u32,
    },
}

/// Receives the register signals of one direction in blocks of any size.
#[derive(Clone, Debug)]
pub struct R2Detector {
    bank: ToneBank<6>,
    candidate: Option<(u8, u32)>,
    active: Option<Active>,
}

#[derive(Clone, Copy, Debug)]
struct Active {
    signal: u8,
    looks: u32,
    missed: u32,
}

impl R2Detector {
    /// A receiver of signals that come in `direction`.
    #[must_use]
    pub fn new(direction: R2Direction) -> Self {
        let tables: &'static BankTables<6> = match direction {
            R2Direction::Forward => &FORWARD_TABLES,
            R2Direction::Backward => &BACKWARD_TABLES,
        };
        R2Detector {
            bank: ToneBank::new(tables),
            candidate: None,
            active: None,
        }
    }

    /// The signal that is there now.
    #[must_use]
    pub fn current(&self) -> Option<u8> {
        self.active.map(|active| active.signal)
    }

    /// Takes in the next samples and tells every event in order.
    pub fn process(&mut self, block: &[i16], mut on_event: impl FnMut(R2Event)) {
        let mut rest = block;
        while !rest.is_empty() {
            let (look, left) = self.bank.feed(rest);
            rest = left;
            if let Some(look) = look {
                self.judge(&look, &mut on_event);
            }
        }
    }

    fn judge(&mut self, look: &Look<6>, on_event: &mut impl FnMut(R2Event)) {
        let heard = self.signal(look);
        self.candidate = heard.map(|(signal, _)| match self.candidate {
            Some((same, looks)) if same == signal => (signal, looks + 1),
            _ => (signal, 1),
        });
        let signal = heard.map(|(signal, _)| signal);
        if let Some(active) = &mut self.active {
            active.looks += 1;
            active.missed = if signal == Some(active.signal) {
                0
            } else {
                active.missed + 1
            };
            if active.missed >= RELEASE {
                on_event(R2Event::Off {
                    signal: active.signal,
                    // Looks reach about half a window over either end.
                    duration_ms: (active.looks - active.missed + 1) * (HOP as u32 / 8),
                });
                self.active = None;
            }
        }
        let ready = self.candidate.filter(|&(_, looks)| looks >= NEEDED);
        if let (None, Some((signal, looks)), Some((_, power))) = (self.active, ready, heard) {
            self.active = Some(Active {
                signal,
                looks,
                missed: 0,
            });
            on_event(R2Event::On {
                signal,
                level: decibels(power),
            });
        }
    }

    /// The signal of one look and its power.
    fn signal(&self, look: &Look<6>) -> Option<(u8, f32)> {
        let weakest = 10f32.powf(WEAKEST / 10.0);
        if look.total < weakest {
            return None;
        }
        let power = |index: usize| self.bank.power(look, index);
        let first = (0..6).max_by(|&a, &b| power(a).total_cmp(&power(b)))?;
        let second = (0..6)
            .filter(|&index| index != first)
            .max_by(|&a, &b| power(a).total_cmp(&power(b)))?;
        let tone = |index: usize| {
            let (offset, power) = self.bank.tone(look, index);
            (offset.abs() <= DISTANCE && power >= weakest).then_some(power)
        };
        let (strong, weak) = (tone(first)?, tone(second)?);
        let fits = decibels(strong / weak) <= DIFFERENCE && strong + weak >= look.total * PURITY;
        fits.then_some((number([first, second]), strong + weak))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Law, Noise};

    fn sound(
        direction: R2Direction,
        signal: u8,
        shift: [f64; 2],
        levels: [f64; 2],
        milliseconds: usize,
    ) -> Vec<i16> {
        let mut block = vec![0; milliseconds * 8];
        let frequencies = direction.frequencies();
        for (index, tone) in pair_of(signal).unwrap().into_iter().enumerate() {
            Tone::new(frequencies[tone] + shift[index], levels[index], SAMPLE_RATE).add(&mut block);
        }
        block
    }

    fn events(direction: R2Direction, samples: &[i16]) -> Vec<R2Event> {
        let mut detector = R2Detector::new(direction);
        let mut events = Vec::new();
        for block in samples.chunks(8) {
            detector.process(block, |event| events.push(event));
        }
        events
    }

    fn signals(direction: R2Direction, samples: &[i16]) -> Vec<u8> {
        let events = events(direction, samples).into_iter();
        events
            .filter_map(|event| match event {
                R2Event::On { signal, .. } => Some(signal),
                R2Event::Off { .. } => None,
            })
            .collect()
    }

    const BOTH: [R2Direction; 2] = [R2Direction::Forward, R2Direction::Backward];

    #[test]
    fn the_fifteen_signals_are_those_of_q_441_table_5() {
        assert_eq!(pair_of(1), Some([0, 1]));
        assert_eq!(pair_of(3), Some([1, 2]));
        assert_eq!(pair_of(10), Some([3, 4]));
        assert_eq!(pair_of(15), Some([4, 5]));
        assert_eq!((pair_of(0), pair_of(16)), (None, None));
        assert!(r2_tones(R2Direction::Forward, 16).is_none());
        for direction in BOTH {
            for signal in 1..=15 {
                let mut samples = vec![0; 400];
                let mut block = [0; 800];
                for mut tone in r2_tones(direction, signal).unwrap() {
                    tone.add(&mut block);
                }
                samples.extend(block);
                samples.extend([0; 400]);
                let events = events(direction, &samples);
                let [
                    R2Event::On { signal: on, level },
                    R2Event::Off {
                        signal: off,
                        duration_ms,
                    },
                ] = events[..]
                else {
                    panic!("{signal}: {events:?}");
                };
                assert_eq!((on, off), (signal, signal));
                assert!((level + 8.5).abs() < 0.5, "{level}");
                assert!(duration_ms.abs_diff(100) <= 10, "{duration_ms}");
            }
        }
    }

    #[test]
    fn operation_and_release_together_take_less_than_80_ms() {
        for direction in BOTH {
            let mut samples = sound(direction, 7, [0.0; 2], [-11.5; 2], 100);
            samples.extend([0; 800]);
            let mut detector = R2Detector::new(direction);
            let (mut on, mut off) = (0, 0);
            for (index, sample) in samples.iter().enumerate() {
                detector.process(&[*sample], |event| match event {
                    R2Event::On { .. } => on = index / 8,
                    R2Event::Off { .. } => off = index / 8 - 100,
                });
            }
            assert!(on > 0 && on + off < 60, "{on} + {off}");
        }
    }

    #[test]
    fn the_limits_of_q_455_are_kept() {
        for direction in BOTH {
            for signal in 1..=15 {
                let pair = pair_of(signal).unwrap();
                let difference = if pair[1] - pair[0] == 1 { 5.0 } else { 7.0 };
                for shift in [[10.0, 10.0], [-10.0, 10.0], [10.0, -10.0], [-10.0, -10.0]] {
                    for level in [-5.0, -28.0] {
                        for levels in [[level - difference, level], [level, level - difference]] {
                            let samples = sound(direction, signal, shift, levels, 60);
                            assert_eq!(
                                signals(direction, &samples),
                                [signal],
                                "{direction:?} {signal} {shift:?} {levels:?}"
                            );
                        }
                    }
                }
                let silent = [[-46.0, -46.0], [-10.0, -30.0], [-10.0, -90.0]];
                for levels in silent {
                    let samples = sound(direction, signal, [0.0; 2], levels, 200);
                    assert_eq!(signals(direction, &samples), [0u8; 0], "{levels:?}");
                }
                let brief = sound(direction, signal, [0.0; 2], [-11.5; 2], 7);
                let samples = [vec![0; 400], brief, vec![0; 400]].concat();
                assert_eq!(signals(direction, &samples), [0u8; 0]);
            }
        }
    }

    #[test]
    fn the_other_direction_dial_tone_and_noise_are_no_signals() {
        for (from, to) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
            for signal in 1..=15 {
                let samples = sound(from, signal, [0.0; 2], [-8.0; 2], 100);
                assert_eq!(signals(to, &samples), [0u8; 0], "{from:?} {signal}");
            }
            let mut dial = [0; 8_000];
            Tone::new(425.0, -8.0, SAMPLE_RATE).fill(&mut dial);
            assert_eq!(signals(to, &dial), [0u8; 0]);
            let mut noise = vec![0; 80_000];
            Noise::new(3).add(&mut noise, -15.0);
            assert_eq!(signals(to, &noise), [0u8; 0]);
        }
    }

    #[test]
    fn signals_are_heard_through_a_law_in_noise_and_against_their_own_echo() {
        for direction in BOTH {
            let other = BOTH[usize::from(direction == BOTH[0])];
            for signal in 1..=15 {
                let mut samples = sound(direction, signal, [2.0, -2.0], [-25.0; 2], 80);
                let echo = sound(other, 1, [0.0; 2], [-40.0; 2], 80);
                for (sample, echo) in samples.iter_mut().zip(echo) {
                    *sample += echo;
                }
                Noise::new(u32::from(signal)).add(&mut samples, -45.0);
                let mut octets = vec![0; samples.len()];
                Law::A.encode(&samples, &mut octets);
                Law::A.decode(&octets, &mut samples);
                assert_eq!(signals(direction, &samples), [signal]);
            }
        }
    }
}
