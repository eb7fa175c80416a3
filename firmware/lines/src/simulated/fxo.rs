//! An FXO port: the telephone's end of a line to the exchange.

use std::collections::VecDeque;

use ramal_dsp::{DtmfDetector, FRAME_SAMPLES, Tone, dtmf_tones};

use super::wire::{BLOCK_MS, Feed, Loop};
use crate::{BusyDetector, Command, Event, LineFault, TonePlan};

/// Level of each tone of a dialled key, dBm0.
const KEY_LEVEL: f64 = -9.0;
const KEY_MS: u32 = 100;
const PAUSE_MS: u32 = 1_000;
/// Before the first key, so that the exchange is listening.
const BEFORE_DIALLING_MS: u32 = 200;
const FLASH_MS: u32 = 300;
/// Silence of the bell after which the caller has given up; longer than the rest of any cadence.
const RING_OVER_MS: u32 = 6_000;
/// A cut of the loop current this long means that the far end has hung up.
const CUT_MS: u32 = 200;
/// Without battery for this long the line is dead.
const DEAD_MS: u32 = 2_000;

#[derive(Debug)]
pub(super) struct FxoPort {
    off_hook: bool,
    /// The gateway made this call, so that a reversal means answer.
    outgoing: bool,
    answered: bool,
    /// The far end's hang-up was reported.
    far_end_gone: bool,
    reversed: bool,
    /// Milliseconds since the bell last sounded; none when it does not ring.
    ringing: Option<u32>,
    no_battery_ms: u32,
    fault: bool,
    flash_ms: u32,
    dialler: Dialler,
    busy: BusyDetector,
    keys: DtmfDetector,
}

impl FxoPort {
    pub fn new(plan: &TonePlan) -> Self {
        FxoPort {
            off_hook: false,
            outgoing: false,
            answered: false,
            far_end_gone: false,
            reversed: false,
            ringing: None,
            no_battery_ms: 0,
            fault: false,
            flash_ms: 0,
            dialler: Dialler::default(),
            busy: BusyDetector::new(plan),
            keys: DtmfDetector::default(),
        }
    }

    pub fn is_off_hook(&self) -> bool {
        self.off_hook
    }

    pub fn is_ringing(&self) -> bool {
        self.ringing.is_some()
    }

    pub fn fault(&self) -> Option<LineFault> {
        self.fault.then_some(LineFault::NoBattery)
    }

    pub fn command(&mut self, command: Command) {
        match command {
            Command::Seize | Command::Answer => {
                self.off_hook = true;
                self.outgoing = command == Command::Seize;
                self.answered = false;
                self.far_end_gone = false;
                self.ringing = None;
                self.busy.reset();
                self.keys = DtmfDetector::default();
                self.dialler = Dialler::default();
            }
            Command::Dial(keys) if self.off_hook => self.dialler.add(&keys),
            Command::HangUp => self.off_hook = false,
            Command::Flash if self.off_hook => self.flash_ms = FLASH_MS,
            Command::Dial(_) | Command::Flash => {}
            Command::Ring(_) | Command::StopRinging | Command::Tone(_) => {}
        }
    }

    /// The next 20 ms: `transmit` is what the gateway says.
    pub fn block(
        &mut self,
        feed: &Feed,
        transmit: &[i16; FRAME_SAMPLES],
        mut report: impl FnMut(Event),
    ) -> Loop {
        self.bell(feed, &mut report);
        self.battery(feed, &mut report);
        self.polarity(feed, &mut report);
        if !self.off_hook {
            return Loop::open();
        }
        let dialling = self.dialler.is_busy();
        if !dialling {
            if let Some(key) = self.keys.feed(&feed.audio) {
                report(Event::Digit(key));
            }
            if self.busy.feed(&feed.audio) {
                report(Event::BusyTone);
            }
        }
        if self.flash_ms > 0 {
            self.flash_ms = self.flash_ms.saturating_sub(BLOCK_MS);
            return Loop::open();
        }
        let mut audio = *transmit;
        if dialling && self.dialler.put(&mut audio) {
            self.busy.reset();
            report(Event::DialFinished);
        }
        Loop {
            off_hook: true,
            audio,
        }
    }

    fn bell(&mut self, feed: &Feed, report: &mut impl FnMut(Event)) {
        if self.off_hook {
            return;
        }
        match (&mut self.ringing, feed.ringing) {
            (None, true) => {
                self.ringing = Some(0);
                report(Event::RingStarted);
            }
            (Some(silence), true) => *silence = 0,
            (Some(silence), false) => {
                *silence += BLOCK_MS;
                if *silence >= RING_OVER_MS {
                    self.ringing = None;
                    report(Event::RingStopped);
                }
            }
            (None, false) => {}
        }
        if let Some(caller) = &feed.caller_id {
            report(Event::CallerId(caller.clone()));
        }
    }

    fn battery(&mut self, feed: &Feed, report: &mut impl FnMut(Event)) {
        if feed.battery {
            self.no_battery_ms = 0;
            if std::mem::take(&mut self.fault) {
                report(Event::LineRestored);
            }
            return;
        }
        self.no_battery_ms = self.no_battery_ms.saturating_add(BLOCK_MS);
        if self.off_hook && self.no_battery_ms >= CUT_MS {
            self.far_end_hung_up(report);
        }
        if self.no_battery_ms >= DEAD_MS && !self.fault {
            self.fault = true;
            report(Event::LineFault(LineFault::NoBattery));
        }
    }

    fn polarity(&mut self, feed: &Feed, report: &mut impl FnMut(Event)) {
        if feed.reversed == self.reversed {
            return;
        }
        self.reversed = feed.reversed;
        if !self.off_hook {
            return;
        }
        report(Event::PolarityReversed);
        if self.outgoing && self.reversed && !self.answered {
            self.answered = true;
            report(Event::Answered);
        } else if self.answered && !self.reversed {
            self.far_end_hung_up(report);
        }
    }

    fn far_end_hung_up(&mut self, report: &mut impl FnMut(Event)) {
        if !std::mem::replace(&mut self.far_end_gone, true) {
            report(Event::FarEndHungUp);
        }
    }
}

/// Sends keys one after the other.
#[derive(Debug, Default)]
struct Dialler {
    /// What is left: a key's tones, or none for a silence; and its milliseconds.
    steps: VecDeque<(Option<[Tone; 2]>, u32)>,
}

impl Dialler {
    /// More keys than any number has are not dialled.
    const MOST_STEPS: usize = 256;

    fn add(&mut self, keys: &str) {
        if self.steps.is_empty() {
            self.steps.push_back((None, BEFORE_DIALLING_MS));
        }
        for key in keys.chars() {
            if self.steps.len() >= Self::MOST_STEPS {
                break;
            }
            if key == ',' {
                self.steps.push_back((None, PAUSE_MS));
            } else if let Some(tones) = dtmf_tones(key, KEY_LEVEL) {
                self.steps.push_back((Some(tones), KEY_MS));
                self.steps.push_back((None, KEY_MS));
            }
        }
    }

    fn is_busy(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Puts the next 20 ms in place of what was to be sent; true when that was the last.
    fn put(&mut self, audio: &mut [i16; FRAME_SAMPLES]) -> bool {
        audio.fill(0);
        let Some((tones, left)) = self.steps.front_mut() else {
            return false;
        };
        for tone in tones.iter_mut().flatten() {
            tone.add(audio);
        }
        *left = left.saturating_sub(BLOCK_MS);
        if *left == 0 {
            self.steps.pop_front();
        }
        self.steps.is_empty()
    }
}
