//! The exchange at the other end of an FXO port: one subscriber line and the numbers it knows.
//!
//! | Number | What happens |
//! |---|---|
//! | `0100` | answers after a second with polarity reversal and sends back what it hears |
//! | `0101` | busy tone |
//! | `0102` | rings without answer; busy tone after a minute |
//! | `0103` | answers and sends 1004 Hz at -10 dBm0 |
//! | `0104` | answers and hangs up after 3 s |
//! | `0105` | answers with a confirmation tone; 2 s after the caller has hung up it calls back, with caller ID |
//! | others | special information tone (ITU-T E.180 §10), then busy tone |

use ramal_dsp::{DtmfDetector, FRAME_SAMPLES, SAMPLE_RATE, Tone};

use super::wire::{BLOCK_MS, Feed, Loop};
use crate::{Cadence, CallerId, TonePlan, TonePlayer};

const FIRST_KEY_MS: u32 = 15_000;
const NEXT_KEY_MS: u32 = 3_000;
const ALERTING_MS: u32 = 1_000;
const NO_ANSWER_MS: u32 = 60_000;
const SHORT_CALL_MS: u32 = 3_000;
/// How long the loop current is cut when the far end has hung up.
const CUT_MS: u32 = 600;
const CALL_BACK_AFTER_MS: u32 = 2_000;
const CALL_BACK_RINGS_MS: u32 = 30_000;

/// Who calls back after a call to `0105`.
pub(super) fn call_back_caller() -> CallerId {
    CallerId {
        number: "1155550105".into(),
        name: "Central".into(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Echo,
    Milliwatt,
    HangsUp,
    CallsBack,
}

#[derive(Debug)]
enum State {
    Idle,
    DialTone(TonePlayer),
    Collecting(String),
    Alerting(TonePlayer, Option<Service>),
    Connected(Service),
    Cut,
    Tone(TonePlayer),
    NotInService,
    WaitingToCallBack,
    CallingBack,
}

/// A subscriber line of the exchange.
#[derive(Debug)]
pub(super) struct ExchangeLine {
    plan: TonePlan,
    state: State,
    /// Milliseconds in this state.
    lasted: u32,
    /// What the loop looked like in the last block.
    off_hook: bool,
    reversed: bool,
    keys: DtmfDetector,
    milliwatt: Tone,
    information: [Tone; 3],
    confirmation: TonePlayer,
    /// Call back when the subscriber has hung up.
    call_back: bool,
}

impl ExchangeLine {
    pub fn new(plan: TonePlan) -> Self {
        // Far from the rhythm and the frequency of any busy tone.
        let confirmation = Cadence {
            frequencies: &[700.0],
            rhythm: &[200, 1800],
        };
        ExchangeLine {
            plan,
            state: State::Idle,
            lasted: 0,
            off_hook: false,
            reversed: false,
            keys: DtmfDetector::default(),
            milliwatt: Tone::new(1004.0, -10.0, SAMPLE_RATE),
            information: [950.0, 1400.0, 1800.0].map(|hz| Tone::new(hz, -15.0, SAMPLE_RATE)),
            confirmation: TonePlayer::new(confirmation),
            call_back: false,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.lasted = 0;
    }

    /// The next 20 ms.
    pub fn block(&mut self, subscriber: &Loop) -> Feed {
        self.hook(subscriber.off_hook);
        let key = if subscriber.off_hook {
            self.keys.feed(&subscriber.audio)
        } else {
            None
        };
        self.keys_and_timers(key);
        let mut feed = Feed {
            reversed: self.reversed,
            ..Feed::idle()
        };
        self.put(subscriber, &mut feed);
        self.lasted = self.lasted.saturating_add(BLOCK_MS);
        feed
    }

    /// The subscriber lifts or puts down.
    fn hook(&mut self, off_hook: bool) {
        if off_hook == self.off_hook {
            return;
        }
        self.off_hook = off_hook;
        match (&self.state, off_hook) {
            (State::CallingBack, true) => self.enter(State::Connected(Service::Echo)),
            (State::Idle | State::WaitingToCallBack, true) => {
                self.keys = DtmfDetector::default();
                self.enter(State::DialTone(TonePlayer::new(self.plan.dial)));
            }
            (_, false) => {
                self.reversed = false;
                let next = if std::mem::take(&mut self.call_back) {
                    State::WaitingToCallBack
                } else {
                    State::Idle
                };
                self.enter(next);
            }
            (_, true) => {}
        }
    }

    fn keys_and_timers(&mut self, key: Option<char>) {
        match &mut self.state {
            State::DialTone(_) => match key {
                Some(key) => self.enter(State::Collecting(key.to_string())),
                None if self.lasted >= FIRST_KEY_MS => self.busy(),
                None => {}
            },
            State::Collecting(number) => {
                if let Some(key) = key {
                    number.push(key);
                    self.lasted = 0;
                }
                let complete = number.len() == 4 && number.starts_with("010") || number.len() > 15;
                if complete || self.lasted >= NEXT_KEY_MS {
                    let number = std::mem::take(number);
                    self.route(&number);
                }
            }
            State::Alerting(_, Some(service)) if self.lasted >= ALERTING_MS => {
                let service = *service;
                self.reversed = true;
                self.call_back = service == Service::CallsBack;
                self.enter(State::Connected(service));
            }
            State::Alerting(_, None) if self.lasted >= NO_ANSWER_MS => self.busy(),
            State::Connected(Service::HangsUp) if self.lasted >= SHORT_CALL_MS => {
                self.reversed = false;
                self.enter(State::Cut);
            }
            State::Cut if self.lasted >= CUT_MS => self.busy(),
            State::NotInService if self.lasted >= 3 * 2_000 => self.busy(),
            State::WaitingToCallBack if self.lasted >= CALL_BACK_AFTER_MS => {
                self.enter(State::CallingBack)
            }
            State::CallingBack if self.lasted >= CALL_BACK_RINGS_MS => self.enter(State::Idle),
            _ => {}
        }
    }

    fn busy(&mut self) {
        self.enter(State::Tone(TonePlayer::new(self.plan.busy)));
    }

    fn route(&mut self, number: &str) {
        let ringback = TonePlayer::new(self.plan.ringback);
        let state = match number {
            "0100" => State::Alerting(ringback, Some(Service::Echo)),
            "0101" => State::Tone(TonePlayer::new(self.plan.busy)),
            "0102" => State::Alerting(ringback, None),
            "0103" => State::Alerting(ringback, Some(Service::Milliwatt)),
            "0104" => State::Alerting(ringback, Some(Service::HangsUp)),
            "0105" => State::Alerting(ringback, Some(Service::CallsBack)),
            _ => State::NotInService,
        };
        self.enter(state);
    }

    /// What the line sounds and looks like in this state.
    fn put(&mut self, subscriber: &Loop, feed: &mut Feed) {
        let lasted = self.lasted;
        match &mut self.state {
            State::Idle | State::Collecting(_) | State::WaitingToCallBack => {}
            State::DialTone(player) | State::Alerting(player, _) | State::Tone(player) => {
                player.add(&mut feed.audio)
            }
            State::Connected(Service::Echo) => feed.audio = subscriber.audio,
            State::Connected(Service::Milliwatt) => self.milliwatt.add(&mut feed.audio),
            State::Connected(Service::HangsUp | Service::CallsBack) => {
                self.confirmation.add(&mut feed.audio)
            }
            State::Cut => feed.battery = false,
            State::NotInService => information_tone(&mut self.information, lasted, &mut feed.audio),
            State::CallingBack => {
                feed.ringing = self.plan.ringing.sounds_at(lasted.into());
                let first_ring = self.plan.ringing.rhythm.first().copied().unwrap_or(0);
                if (first_ring + 500..first_ring + 500 + BLOCK_MS).contains(&lasted) {
                    feed.caller_id = Some(call_back_caller());
                }
            }
        }
    }
}

/// Three rising tones of 330 ms and a second of silence, in a period of 2 s.
fn information_tone(tones: &mut [Tone; 3], lasted: u32, audio: &mut [i16; FRAME_SAMPLES]) {
    let index = (lasted % 2_000) / 330;
    if let Some(tone) = tones.get_mut(index as usize) {
        tone.add(audio);
    }
}
