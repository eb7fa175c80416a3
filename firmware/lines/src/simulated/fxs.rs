//! An FXS port: the exchange's end of a line to a telephone.

use ramal_dsp::{DtmfDetector, FRAME_SAMPLES};

use super::wire::{BLOCK_MS, Feed, Loop};
use crate::{CallerId, Command, Event, LineTone, TonePlan, TonePlayer};

/// A loop opened for 80 to 800 ms is a recall; for longer the telephone was put down.
const SHORTEST_FLASH_MS: u32 = 80;
const LONGEST_FLASH_MS: u32 = 800;
/// How long the loop current is cut to tell the telephone that the call is over.
const CUT_MS: u32 = 600;
/// From the end of the first ring to the caller ID.
const CALLER_ID_AFTER_MS: u32 = 500;

#[derive(Debug)]
pub(super) struct FxsPort {
    plan: TonePlan,
    /// Who calls and for how many milliseconds it has been ringing.
    ringing: Option<(CallerId, u32)>,
    off_hook: bool,
    /// Milliseconds for which the loop has been open while the telephone counts as lifted.
    open_ms: u32,
    cut_ms: u32,
    tone: Option<TonePlayer>,
    keys: DtmfDetector,
}

impl FxsPort {
    pub fn new(plan: &TonePlan) -> Self {
        FxsPort {
            plan: *plan,
            ringing: None,
            off_hook: false,
            open_ms: 0,
            cut_ms: 0,
            tone: None,
            keys: DtmfDetector::default(),
        }
    }

    pub fn is_off_hook(&self) -> bool {
        self.off_hook
    }

    pub fn is_ringing(&self) -> bool {
        self.ringing.is_some()
    }

    pub fn command(&mut self, command: Command) {
        match command {
            Command::Ring(caller) if !self.off_hook => self.ringing = Some((caller, 0)),
            Command::StopRinging => self.ringing = None,
            Command::Tone(tone) => {
                self.tone = tone.map(|tone| {
                    TonePlayer::new(match tone {
                        LineTone::Dial => self.plan.dial,
                        LineTone::Ringback => self.plan.ringback,
                        LineTone::Busy => self.plan.busy,
                        LineTone::Congestion => self.plan.congestion,
                    })
                });
            }
            Command::HangUp => {
                self.ringing = None;
                if self.off_hook {
                    self.cut_ms = CUT_MS;
                    self.tone = Some(TonePlayer::new(self.plan.busy));
                }
            }
            Command::Ring(_) => {}
            Command::Seize | Command::Dial(_) | Command::Answer | Command::Flash => {}
        }
    }

    /// The next 20 ms: `transmit` is what the gateway says.
    pub fn block(
        &mut self,
        telephone: &Loop,
        transmit: &[i16; FRAME_SAMPLES],
        mut report: impl FnMut(Event),
    ) -> Feed {
        self.hook(telephone.off_hook, &mut report);
        if self.off_hook
            && let Some(key) = self.keys.feed(&telephone.audio)
        {
            report(Event::Digit(key));
        }
        let mut feed = Feed::idle();
        if let Some((caller, lasted)) = &mut self.ringing {
            feed.ringing = self.plan.ringing.sounds_at(u64::from(*lasted));
            let told_at =
                self.plan.ringing.rhythm.first().copied().unwrap_or(0) + CALLER_ID_AFTER_MS;
            if (told_at..told_at + BLOCK_MS).contains(lasted) {
                feed.caller_id = Some(caller.clone());
            }
            *lasted = lasted.saturating_add(BLOCK_MS);
        }
        if self.cut_ms > 0 {
            self.cut_ms = self.cut_ms.saturating_sub(BLOCK_MS);
            feed.battery = false;
        } else if self.off_hook {
            match &mut self.tone {
                Some(tone) => tone.add(&mut feed.audio),
                None => feed.audio = *transmit,
            }
        }
        feed
    }

    fn hook(&mut self, closed: bool, report: &mut impl FnMut(Event)) {
        match (self.off_hook, closed) {
            (false, true) => {
                self.off_hook = true;
                self.open_ms = 0;
                self.ringing = None;
                self.keys = DtmfDetector::default();
                report(Event::OffHook);
            }
            (true, false) => {
                self.open_ms += BLOCK_MS;
                if self.open_ms > LONGEST_FLASH_MS {
                    self.off_hook = false;
                    self.tone = None;
                    self.cut_ms = 0;
                    report(Event::OnHook);
                }
            }
            (true, true) => {
                if self.open_ms >= SHORTEST_FLASH_MS {
                    report(Event::Flash);
                }
                self.open_ms = 0;
            }
            (false, false) => {}
        }
    }
}
