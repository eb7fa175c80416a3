//! Sends a dial string step by step.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{DialStep, DialString};

/// Steps that may wait; keys pressed during a call come one by one.
const MOST_STEPS: usize = 256;

/// Lengths of pulse dialling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PulseTiming {
    /// Loop open.
    pub open: Duration,
    /// Loop closed between two openings.
    pub closed: Duration,
    /// Between two digits.
    pub pause: Duration,
}

impl PulseTiming {
    /// 10 pulses a second, 60 ms open and 40 closed: within what exchanges take everywhere, and in steps of a block.
    pub const TEN_A_SECOND: PulseTiming = PulseTiming {
        open: Duration::from_millis(60),
        closed: Duration::from_millis(40),
        pause: Duration::from_millis(800),
    };
}

/// How keys are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialling {
    /// As DTMF.
    Tones,
    /// As openings of the loop; `*`, `#` and letters still go as DTMF.
    Pulses(PulseTiming),
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiallerOutput {
    /// Send this key's tones; [`Dialler::key_sent`] follows.
    SendKey(char),
    /// Close the loop or open it.
    Loop(bool),
    /// No dial tone came; dialling goes on all the same.
    NoDialTone,
    /// Everything was sent.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Nothing,
    /// A step is over.
    Done,
    Pausing(Instant),
    SendingKey(Instant),
    /// The loop is open until then, and so many pulses follow.
    Open(Instant, u32),
    /// Closed between two pulses.
    Closed(Instant, u32),
    /// Open for a flash.
    Flashing(Instant),
    WaitingForDialTone(Instant),
}

/// A key whose end nobody tells is over after this.
const MOST_KEY: Duration = Duration::from_secs(2);
/// After a flash, until the exchange listens.
const AFTER_FLASH: Duration = Duration::from_millis(500);

/// Dials; used by one call at a time.
#[derive(Clone, Debug)]
pub struct Dialler {
    dialling: Dialling,
    pulses: PulseTiming,
    flash: Duration,
    dial_tone_within: Duration,
    steps: VecDeque<DialStep>,
    doing: Doing,
}

impl Dialler {
    /// A dialler that has nothing to do. A flash opens the loop for `flash`; a wait for dial tone ends after
    /// `dial_tone_within` at the latest.
    #[must_use]
    pub fn new(dialling: Dialling, flash: Duration, dial_tone_within: Duration) -> Self {
        Dialler {
            dialling,
            pulses: match dialling {
                Dialling::Pulses(timing) => timing,
                Dialling::Tones => PulseTiming::TEN_A_SECOND,
            },
            flash,
            dial_tone_within,
            steps: VecDeque::new(),
            doing: Doing::Nothing,
        }
    }

    /// Dials this after what is left of the strings before.
    pub fn add(&mut self, string: &DialString) {
        let room = MOST_STEPS.saturating_sub(self.steps.len());
        self.steps.extend(string.steps().iter().take(room));
    }

    /// One more step.
    pub fn add_step(&mut self, step: DialStep) {
        if self.steps.len() < MOST_STEPS {
            self.steps.push_back(step);
        }
    }

    /// Forgets everything; the loop is the caller's again.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.doing = Doing::Nothing;
    }

    /// Whether something is still to be sent.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.doing != Doing::Nothing || !self.steps.is_empty()
    }

    /// Whether it has opened the loop at the moment.
    #[must_use]
    pub fn has_opened(&self) -> bool {
        matches!(self.doing, Doing::Open(..) | Doing::Flashing(_))
    }

    /// Whether it waits for dial tone in the middle of a string.
    #[must_use]
    pub fn waits_for_dial_tone(&self) -> bool {
        matches!(self.doing, Doing::WaitingForDialTone(_))
    }

    /// The key and the pause after it have been sent.
    pub fn key_sent(&mut self) {
        if matches!(self.doing, Doing::SendingKey(_)) {
            self.doing = Doing::Done;
        }
    }

    /// Dial tone is heard.
    pub fn dial_tone(&mut self) {
        if matches!(self.doing, Doing::WaitingForDialTone(_)) {
            self.doing = Doing::Done;
        }
    }

    /// Lets time go by; to be called until there is nothing more to do.
    pub fn advance(&mut self, now: Instant) -> Option<DiallerOutput> {
        match self.doing {
            Doing::Nothing if self.steps.is_empty() => None,
            Doing::Nothing | Doing::Done => self.next_step(now),
            Doing::Pausing(until) | Doing::SendingKey(until) if now >= until => self.next_step(now),
            Doing::WaitingForDialTone(until) if now >= until => {
                self.doing = Doing::Pausing(now);
                Some(DiallerOutput::NoDialTone)
            }
            Doing::Open(until, left) if now >= until => {
                self.doing = if left == 0 {
                    Doing::Pausing(now + self.pulses.pause)
                } else {
                    Doing::Closed(now + self.pulses.closed, left)
                };
                Some(DiallerOutput::Loop(true))
            }
            Doing::Closed(until, left) if now >= until => {
                self.doing = Doing::Open(now + self.pulses.open, left - 1);
                Some(DiallerOutput::Loop(false))
            }
            Doing::Flashing(until) if now >= until => {
                self.doing = Doing::Pausing(now + AFTER_FLASH);
                Some(DiallerOutput::Loop(true))
            }
            _ => None,
        }
    }

    fn next_step(&mut self, now: Instant) -> Option<DiallerOutput> {
        loop {
            let Some(step) = self.steps.pop_front() else {
                self.doing = Doing::Nothing;
                return Some(DiallerOutput::Finished);
            };
            match step {
                DialStep::Key(key) => return Some(self.key(key, now)),
                DialStep::Pause(pause) => {
                    self.doing = Doing::Pausing(now + pause);
                    return None;
                }
                DialStep::WaitDialTone => {
                    self.doing = Doing::WaitingForDialTone(now + self.dial_tone_within);
                    return None;
                }
                DialStep::Flash => {
                    self.doing = Doing::Flashing(now + self.flash);
                    return Some(DiallerOutput::Loop(false));
                }
                DialStep::Tones => self.dialling = Dialling::Tones,
                DialStep::Pulses => self.dialling = Dialling::Pulses(self.pulses),
            }
        }
    }

    fn key(&mut self, key: char, now: Instant) -> DiallerOutput {
        match (self.dialling, key.to_digit(10)) {
            (Dialling::Pulses(timing), Some(digit)) => {
                let pulses = if digit == 0 { 10 } else { digit };
                self.doing = Doing::Open(now + timing.open, pulses - 1);
                DiallerOutput::Loop(false)
            }
            _ => {
                self.doing = Doing::SendingKey(now + MOST_KEY);
                DiallerOutput::SendKey(key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs with their time in milliseconds; a key takes 160 ms, dial tone comes at `dial_tone`.
    fn dialled(string: &str, dialling: Dialling, dial_tone: u64) -> Vec<(u64, DiallerOutput)> {
        let start = Instant::now();
        let flash = Duration::from_millis(300);
        let mut dialler = Dialler::new(dialling, flash, Duration::from_secs(5));
        dialler.add(&string.parse().unwrap());
        let (mut outputs, mut sent_at) = (Vec::new(), None);
        for at in (0..20_000).step_by(20) {
            if sent_at == Some(at) {
                dialler.key_sent();
            }
            if at == dial_tone {
                dialler.dial_tone();
            }
            while let Some(output) = dialler.advance(start + Duration::from_millis(at)) {
                if let DiallerOutput::SendKey(_) = output {
                    sent_at = Some(at + 160);
                }
                outputs.push((at, output));
            }
        }
        assert!(!dialler.is_busy());
        outputs
    }

    #[test]
    fn keys_follow_each_other_with_their_waits() {
        use DiallerOutput::{Finished, Loop, NoDialTone, SendKey};
        assert_eq!(
            dialled("1,2!", Dialling::Tones, 99_999),
            [
                (0, SendKey('1')),
                (2_160, SendKey('2')),
                (2_320, Loop(false)),
                (2_620, Loop(true)),
                (3_120, Finished)
            ]
        );
        assert_eq!(
            dialled("W7", Dialling::Tones, 1_000),
            [(1_000, SendKey('7')), (1_160, Finished)]
        );
        assert_eq!(
            dialled("W7", Dialling::Tones, 99_999),
            [
                (5_000, NoDialTone),
                (5_000, SendKey('7')),
                (5_160, Finished)
            ]
        );
    }

    #[test]
    fn pulses_are_openings_of_the_loop() {
        let outputs = dialled("20T3", Dialling::Pulses(PulseTiming::TEN_A_SECOND), 99_999);
        let opened: Vec<u64> = outputs
            .iter()
            .filter(|(_, output)| *output == DiallerOutput::Loop(false))
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(opened.len(), 12);
        assert_eq!(opened[..3], [0, 100, 960]);
        let closed = outputs
            .iter()
            .find(|(_, output)| *output == DiallerOutput::Loop(true));
        assert_eq!(closed, Some(&(60, DiallerOutput::Loop(true))));
        assert!(
            outputs
                .iter()
                .any(|(_, output)| *output == DiallerOutput::SendKey('3'))
        );
    }
}
