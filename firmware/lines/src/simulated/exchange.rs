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
//! | `0106` | like `0105`, but the call back is collect: it ends when the called party hangs up for a moment |
//! | `0107` | answers with a voice, without polarity reversal |
//! | `02nn` | calls the line of `FXO nn` |
//! | others | special information tone (ITU-T E.180 §10), then busy tone |

use std::time::{Duration, Instant};

use ramal_analog::{
    Alerting, AlertingStep, CallerIdSignalling, HardwareCommand, HookDecoder, HookSignal,
    HookTiming, LineProfile, Polarity,
};
use ramal_dsp::{
    CadenceGenerator, CadencedTone, CallerIdTiming, CountryTones, DtmfDetector, FRAME_SAMPLES,
    Noise, SAMPLE_RATE, Tone, ToneStep,
};

use super::wire::{BLOCK_MS, Feed, LOOK, LOOKS, Loop};
use crate::{
    CallerId,
    analogue::{BLOCK, CallerIdSender},
};

const FIRST_KEY_MS: u32 = 15_000;
const NEXT_KEY_MS: u32 = 3_000;
const ALERTING_MS: u32 = 1_000;
const NO_ANSWER_MS: u32 = 60_000;
/// Special information tone, three times or so.
const NOT_IN_SERVICE_MS: u32 = 6_000;
const SHORT_CALL_MS: u32 = 3_000;
/// How long the loop current is cut when the far end has hung up.
const CUT_MS: u32 = 600;
/// The loop open for longer is no flash.
const LONGEST_FLASH: Duration = Duration::from_millis(400);
/// After hanging up was noticed: 2 s after it was done.
const CALL_BACK_AFTER_MS: u32 = 1_500;
const CALL_BACK_RINGS_MS: u32 = 30_000;
/// A called party that has hung up may take the call again for so long.
const CALLED_RELEASE_MS: u32 = 10_000;
/// Far from the rhythm and the frequency of any busy tone.
const CONFIRMATION: CadencedTone = CadencedTone {
    steps: &[
        ToneStep {
            frequencies: &[700.0],
            milliseconds: 200,
        },
        ToneStep {
            frequencies: &[],
            milliseconds: 1_800,
        },
    ],
    repeat_from: Some(0),
    level: -13.0,
};

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
    CallsBack { collect: bool },
    Voice,
}

enum State {
    Idle,
    DialTone,
    Collecting(String),
    Alerting(Option<Service>),
    Connected(Service),
    Cut,
    Busy,
    NotInService,
    WaitingToCallBack,
    CallingBack(Alerting),
    /// The called party talks to the caller who has called back.
    CalledBack,
    /// The called party has hung up; the caller has not.
    Released,
    /// Calls another line of the exchange.
    CallsLine(usize),
    /// Is called by it.
    RungByLine(usize, Alerting),
    TalksToLine(usize),
}

/// What a line has to do with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Idle,
    Busy,
    Calls(usize),
    RungBy(usize),
    TalksTo(usize),
}

/// A subscriber line of the exchange.
pub(super) struct ExchangeLine {
    tones: &'static CountryTones,
    profile: &'static LineProfile,
    caller_id: Option<CallerIdSignalling>,
    state: State,
    /// Milliseconds in this state.
    lasted: u32,
    now: Instant,
    hook: HookDecoder,
    closed: bool,
    /// What is fed.
    feed: Feed,
    keys: DtmfDetector,
    tone: Option<CadenceGenerator>,
    sender: Option<CallerIdSender>,
    milliwatt: Tone,
    voice: Noise,
    /// Call back when the subscriber has hung up, and whether he is to pay.
    call_back: Option<bool>,
    collect: bool,
    /// What the other line says.
    other: [i16; FRAME_SAMPLES],
}

impl ExchangeLine {
    pub fn new(
        tones: &'static CountryTones,
        profile: &'static LineProfile,
        caller_id: Option<CallerIdSignalling>,
    ) -> Self {
        ExchangeLine {
            tones,
            profile,
            caller_id,
            state: State::Idle,
            lasted: 0,
            now: Instant::now(),
            hook: HookDecoder::new(HookTiming {
                flash: Some(Duration::from_millis(80)..=LONGEST_FLASH),
                ..HookTiming::default()
            }),
            closed: false,
            feed: Feed::idle(),
            keys: DtmfDetector::default(),
            tone: None,
            sender: None,
            milliwatt: Tone::new(1004.0, -10.0, SAMPLE_RATE),
            voice: Noise::new(1),
            call_back: None,
            collect: false,
            other: [0; FRAME_SAMPLES],
        }
    }

    pub fn party(&self) -> Party {
        match self.state {
            State::Idle => Party::Idle,
            State::CallsLine(line) => Party::Calls(line),
            State::RungByLine(line, _) => Party::RungBy(line),
            State::TalksToLine(line) => Party::TalksTo(line),
            _ => Party::Busy,
        }
    }

    /// Another line calls this one.
    pub fn rung_by(&mut self, line: usize) {
        let place = self.caller_id.map(|signalling| signalling.place);
        let alerting = Alerting::new(self.profile.ringing, place);
        self.enter(State::RungByLine(line, alerting), None);
    }

    /// The line that is called has answered.
    pub fn answered(&mut self) {
        if let State::CallsLine(line) = self.state {
            self.feed.reversed = true;
            self.enter(State::TalksToLine(line), None);
        }
    }

    /// What the other line says in the next 20 ms.
    pub fn hears(&mut self, other: &[i16; FRAME_SAMPLES]) {
        self.other = *other;
    }

    /// The caller has given up.
    pub fn ringing_given_up(&mut self) {
        self.stop_alerting();
        self.enter(State::Idle, None);
    }

    /// The other end has hung up.
    pub fn left(&mut self) {
        self.feed.reversed = false;
        self.feed.battery = false;
        self.enter(State::Cut, None);
    }

    fn stop_alerting(&mut self) {
        if let State::CallingBack(alerting) | State::RungByLine(_, alerting) = &mut self.state {
            let commands = alerting.stop();
            self.sender = None;
            commands.into_iter().flatten().for_each(|c| self.put(c));
        }
    }

    fn enter(&mut self, state: State, tone: Option<CadencedTone>) {
        self.state = state;
        self.lasted = 0;
        self.tone = tone.map(CadenceGenerator::new);
    }

    /// The next 20 ms.
    pub fn block(&mut self, subscriber: &Loop) -> Feed {
        for (look, closed) in (0..LOOKS as u32).zip(subscriber.closed) {
            if closed != std::mem::replace(&mut self.closed, closed) {
                self.hook.loop_changed(closed, self.now + LOOK * look);
            }
        }
        self.now += BLOCK;
        self.hook.advance(self.now);
        let mut key = None;
        while let Some(signal) = self.hook.next_signal() {
            match signal {
                HookSignal::OffHook => self.off_hook(),
                HookSignal::OnHook => self.on_hook(),
                HookSignal::PulseDigit(digit) => key = Some(digit),
                HookSignal::Flash => {}
            }
        }
        if self.hook.is_off_hook() {
            key = self.keys.feed(&subscriber.audio).or(key);
        }
        self.keys_and_timers(key);
        self.alert();
        self.sound(subscriber);
        self.lasted = self.lasted.saturating_add(BLOCK_MS);
        self.feed.clone()
    }

    fn off_hook(&mut self) {
        match &mut self.state {
            State::CallingBack(_) => {
                self.stop_alerting();
                self.enter(State::CalledBack, None);
            }
            State::RungByLine(line, _) => {
                let line = *line;
                self.stop_alerting();
                self.enter(State::TalksToLine(line), None);
            }
            State::Released => self.enter(State::CalledBack, None),
            State::Idle | State::WaitingToCallBack => {
                self.keys = DtmfDetector::default();
                self.enter(State::DialTone, Some(self.tones.dial));
            }
            _ => {}
        }
    }

    fn on_hook(&mut self) {
        self.feed.reversed = false;
        self.feed.battery = true;
        if matches!(self.state, State::CalledBack) && !self.collect {
            return self.enter(State::Released, None);
        }
        let next = match self.call_back.take() {
            Some(collect) => {
                self.collect = collect;
                State::WaitingToCallBack
            }
            None => State::Idle,
        };
        self.enter(next, None);
    }

    fn keys_and_timers(&mut self, key: Option<char>) {
        match &mut self.state {
            State::DialTone => match key {
                Some(key) => self.enter(State::Collecting(key.to_string()), None),
                None if self.lasted >= FIRST_KEY_MS => self.busy(),
                None => {}
            },
            State::Collecting(number) => {
                if let Some(key) = key {
                    number.push(key);
                    self.lasted = 0;
                }
                let short = number.starts_with("010") || number.starts_with("02");
                let complete = number.len() == 4 && short || number.len() > 15;
                if complete || self.lasted >= NEXT_KEY_MS {
                    let number = std::mem::take(number);
                    self.route(&number);
                }
            }
            State::Alerting(Some(service)) if self.lasted >= ALERTING_MS => {
                let service = *service;
                self.feed.reversed = service != Service::Voice;
                let mut tone = None;
                if let Service::CallsBack { collect } = service {
                    self.call_back = Some(collect);
                    tone = Some(CONFIRMATION);
                } else if service == Service::HangsUp {
                    tone = Some(CONFIRMATION);
                }
                self.enter(State::Connected(service), tone);
            }
            State::Alerting(None) if self.lasted >= NO_ANSWER_MS => self.busy(),
            State::Connected(Service::HangsUp) if self.lasted >= SHORT_CALL_MS => {
                self.feed.reversed = false;
                self.feed.battery = false;
                self.enter(State::Cut, None);
            }
            State::Cut if self.lasted >= CUT_MS => {
                self.feed.battery = true;
                self.busy();
            }
            State::NotInService if self.lasted >= NOT_IN_SERVICE_MS => self.busy(),
            State::WaitingToCallBack if self.lasted >= CALL_BACK_AFTER_MS => {
                let place = self.caller_id.map(|signalling| signalling.place);
                let alerting = Alerting::new(self.profile.ringing, place);
                self.enter(State::CallingBack(alerting), None);
            }
            State::CallingBack(_) if self.lasted >= CALL_BACK_RINGS_MS => self.ringing_given_up(),
            State::Released if self.lasted >= CALLED_RELEASE_MS => self.enter(State::Idle, None),
            _ => {}
        }
    }

    pub fn busy(&mut self) {
        self.enter(State::Busy, Some(self.tones.busy));
    }

    fn route(&mut self, number: &str) {
        let service = match number {
            "0100" => Some(Service::Echo),
            "0101" => return self.busy(),
            "0102" => None,
            "0103" => Some(Service::Milliwatt),
            "0104" => Some(Service::HangsUp),
            "0105" => Some(Service::CallsBack { collect: false }),
            "0106" => Some(Service::CallsBack { collect: true }),
            "0107" => Some(Service::Voice),
            _ if number.len() == 4
                && let Some(line) = number.strip_prefix("02")
                && let Ok(line) = line.parse::<usize>()
                && line > 0 =>
            {
                return self.enter(State::CallsLine(line - 1), Some(self.tones.ringback));
            }
            _ => {
                let tone = self.tones.special_information;
                return self.enter(State::NotInService, Some(tone));
            }
        };
        self.enter(State::Alerting(service), Some(self.tones.ringback));
    }

    /// Rings the subscriber and tells him who calls.
    fn alert(&mut self) {
        let mut commands = [None; 8];
        let mut count = 0;
        if let State::CallingBack(alerting) | State::RungByLine(_, alerting) = &mut self.state {
            while let Some(step) = alerting.advance(self.now) {
                match (step, self.caller_id) {
                    (AlertingStep::Hardware(command), _) => {
                        if let Some(place) = commands.get_mut(count) {
                            *place = Some(command);
                            count += 1;
                        }
                    }
                    (AlertingStep::SendAlertingTone, _) => {
                        self.sender = Some(CallerIdSender::alerting_tone(100));
                    }
                    (AlertingStep::SendCallerId, Some(signalling)) => {
                        self.sender = Some(CallerIdSender::caller(
                            signalling.sound,
                            &call_back_caller(),
                            None,
                            CallerIdTiming::ON_HOOK,
                        ));
                    }
                    (AlertingStep::SendCallerId, None) => {}
                }
            }
        }
        commands.into_iter().flatten().for_each(|c| self.put(c));
    }

    fn put(&mut self, command: HardwareCommand) {
        match command {
            HardwareCommand::Ring(on) => self.feed.ringing = on,
            HardwareCommand::Polarity(polarity) => {
                self.feed.reversed = polarity == Polarity::Reversed;
            }
            _ => {}
        }
    }

    /// What the line sounds like in this state.
    fn sound(&mut self, subscriber: &Loop) {
        let audio = &mut self.feed.audio;
        audio.fill(0);
        if let Some(sender) = &mut self.sender
            && sender.add(audio)
        {
            self.sender = None;
            if let State::CallingBack(alerting) | State::RungByLine(_, alerting) = &mut self.state {
                alerting.sound_sent(self.now);
            }
        }
        if let Some(tone) = &mut self.tone {
            tone.add(audio);
        }
        match self.state {
            State::Connected(Service::Echo) | State::CalledBack => *audio = subscriber.audio,
            State::TalksToLine(_) => {
                *audio = std::mem::replace(&mut self.other, [0; FRAME_SAMPLES])
            }
            State::Connected(Service::Milliwatt) => self.milliwatt.add(audio),
            // Syllables of 120 ms with pauses of 80 ms.
            State::Connected(Service::Voice) if self.lasted % 200 < 120 => {
                self.voice.add(audio, -20.0);
            }
            _ => {}
        }
    }
}
