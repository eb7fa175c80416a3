//! An FXO line with its sound.

mod testing;

use std::{collections::VecDeque, time::Instant};

use ramal_analog::{
    FxoCommand, FxoEvent, FxoLine, FxoOutput, HardwareCommand, HardwareEvent, Heard, LineTestFault,
    SupervisionEvent,
};
use ramal_dsp::{
    AnswerVoiceDetector, CadenceGenerator, CountryTones, DialToneDetector, DtmfDetector,
    DtmfGenerator, DtmfTiming, FRAME_SAMPLES, HangUpToneLearner, ProgressDetector, ProgressTone,
    level_dbm0,
};
use ramal_model::FxoSettings;

use self::testing::Testing;
use super::{CallerIdListener, HardwareFeatures, Told, signalling, two_wire::TwoWire};
use crate::{CallerId, Command, Event, LineFault, port::DriverPort};

/// Quieter than this is silence, dBm0.
const SILENCE: f64 = -45.0;
/// Blocks for which a caller told before the first ring is kept: 10 s.
const TOLD_BEFORE_RING: u32 = 500;

/// Keys as exchanges and their voice menus take them after any line: longer and louder than they must be.
const KEYS: DtmfTiming = DtmfTiming {
    tone_ms: 100,
    pause_ms: 80,
    level: -9.0,
    twist: 2.0,
};

pub(super) struct FxoProcessor {
    features: HardwareFeatures,
    line: FxoLine,
    sound: TwoWire,
    progress: ProgressDetector,
    dial_tone: DialToneDetector,
    voice: AnswerVoiceDetector,
    keys: DtmfDetector,
    caller_id: CallerIdListener,
    /// Who calls, told before the first ring, and for how many blocks that is remembered.
    early_caller: Option<(CallerId, u32)>,
    /// This call's caller was told: both receivers may understand one message.
    caller_told: bool,
    key: Option<DtmfGenerator<std::iter::Once<char>>>,
    /// Sent in place of the call.
    tone: Option<Box<CadenceGenerator>>,
    tones: &'static CountryTones,
    settings: FxoSettings,
    learner: HangUpToneLearner,
    /// A test that has the line.
    testing: Option<Box<Testing>>,
    /// What it says in these 20 ms.
    test_says: Option<[i16; FRAME_SAMPLES]>,
}

fn sound(features: HardwareFeatures, settings: &FxoSettings) -> TwoWire {
    TwoWire::new(
        settings.receive_gain,
        settings.transmit_gain,
        settings.echo_cancellation && !features.echo_canceller,
        features.buffered,
    )
}

impl FxoProcessor {
    pub fn new(features: HardwareFeatures, settings: &FxoSettings) -> Self {
        let tones = signalling::tones(settings.country);
        FxoProcessor {
            features,
            line: FxoLine::new(signalling::fxo(settings)),
            sound: sound(features, settings),
            progress: ProgressDetector::new(tones, signalling::learned(settings))
                .with_repetitions(settings.busy_repetitions.into()),
            dial_tone: DialToneDetector::new(tones),
            voice: AnswerVoiceDetector::new(tones),
            keys: DtmfDetector::default(),
            caller_id: CallerIdListener::new(settings.caller_id),
            early_caller: None,
            caller_told: false,
            key: None,
            tone: None,
            tones,
            settings: settings.clone(),
            learner: HangUpToneLearner::default(),
            testing: None,
            test_says: None,
        }
    }

    pub fn is_off_hook(&self) -> bool {
        self.line.is_off_hook()
    }

    pub fn is_ringing(&self) -> bool {
        self.line.is_ringing()
    }

    pub fn fault(&self) -> Option<LineFault> {
        if self.line.is_in_alarm() {
            Some(LineFault::Hardware)
        } else if !self.line.has_battery() {
            Some(LineFault::NoBattery)
        } else {
            self.line
                .rings_for_ever()
                .then_some(LineFault::RingsForEver)
        }
    }

    pub fn wants_echo_canceller(&self) -> bool {
        self.settings.echo_cancellation
    }

    pub fn set_echo_by_hardware(&mut self, does: bool) {
        if self.features.echo_canceller != does {
            self.features.echo_canceller = does;
            self.sound = sound(self.features, &self.settings);
        }
    }

    pub fn hardware(&mut self, event: HardwareEvent, at: Instant) {
        if let Some(testing) = &mut self.testing
            && let HardwareEvent::LoopCurrent(flows) | HardwareEvent::Battery(flows) = event
            && self.line.is_off_hook()
        {
            testing.test.current(flows, at);
        }
        self.line.hardware(event, at);
    }

    pub fn hear(
        &mut self,
        now: Instant,
        received: &[i16; FRAME_SAMPLES],
        end: &mut DriverPort,
        commands: &mut VecDeque<HardwareCommand>,
    ) {
        while let Ok(command) = end.commands.try_recv() {
            self.command(command, now, end);
        }
        if self.testing.is_some() {
            let mut says = [0; FRAME_SAMPLES];
            self.test(now, received, &mut says, end, commands);
            self.test_says = Some(says);
            return;
        }
        self.line.advance(now);
        self.carry_out(end, commands);
        let mut heard = *received;
        if self.line.is_off_hook() {
            self.sound.receive(&mut heard);
            self.listen(&heard, now, end);
        } else {
            self.listen_on_hook(&heard, end);
            heard.fill(0);
        }
        self.carry_out(end, commands);
        end.audio.put(&heard);
    }

    /// What the exchange is sent: `transmit` is what the call says.
    pub fn say(
        &mut self,
        transmit: &mut [i16; FRAME_SAMPLES],
        end: &DriverPort,
        commands: &mut VecDeque<HardwareCommand>,
    ) {
        if let Some(says) = self.test_says.take() {
            *transmit = says;
        } else if self.line.is_off_hook() {
            self.send(transmit);
            self.carry_out(end, commands);
        } else {
            transmit.fill(0);
        }
    }

    fn command(&mut self, command: Command, now: Instant, end: &DriverPort) {
        let command = match command {
            Command::ConfigureFxo(settings) if self.testing.is_some() => {
                // They hold from the next call on, which is after the test.
                self.settings = *settings;
                return;
            }
            Command::ConfigureFxo(settings) => return self.configure(&settings),
            Command::Test { quiet_key, far_end } => return self.begin_test(quiet_key, far_end),
            command => {
                if let Some(testing) = &mut self.testing {
                    if command == Command::HangUp {
                        testing.test.stop(LineTestFault::Stopped);
                    }
                    return;
                }
                command
            }
        };
        let command = match command {
            Command::Tone(tone) => {
                let tone =
                    tone.map(|tone| CadenceGenerator::new(signalling::tone(self.tones, tone)));
                self.tone = tone.filter(|_| self.line.is_off_hook()).map(Box::new);
                return;
            }
            Command::Seize => FxoCommand::Seize,
            Command::Answer => FxoCommand::Answer,
            Command::HangUp => FxoCommand::HangUp,
            Command::Flash => FxoCommand::Flash,
            Command::Dial(keys) => {
                let Ok(string) = keys.parse();
                FxoCommand::Dial(string)
            }
            _ => return,
        };
        let was_off_hook = self.line.is_off_hook();
        self.line.command(command, now);
        if self.line.is_off_hook() != was_off_hook {
            if let Some(tone) = self.learner.end().filter(|_| was_off_hook) {
                end.report(Event::UnknownTone(signalling::learned_tone(&tone)));
            }
            self.begin();
        }
    }

    fn configure(&mut self, settings: &FxoSettings) {
        self.line.set_signalling(signalling::fxo(settings));
        let line = std::mem::replace(&mut self.line, FxoLine::new(signalling::fxo(settings)));
        let key = self.key.take();
        *self = FxoProcessor {
            line,
            key,
            ..FxoProcessor::new(self.features, settings)
        };
    }

    /// Another call, or none any more: nothing heard before counts.
    fn begin(&mut self) {
        self.progress.reset();
        self.dial_tone.reset();
        self.voice.reset();
        self.keys = DtmfDetector::default();
        self.sound.restart();
        self.key = None;
        self.tone = None;
        self.early_caller = None;
        self.caller_told = false;
    }

    fn listen(&mut self, heard: &[i16; FRAME_SAMPLES], now: Instant, end: &DriverPort) {
        let line = &mut self.line;
        if line.is_dialling() {
            return;
        }
        if let Some(key) = self.keys.feed(heard) {
            end.report(Event::Digit(key));
        }
        if level_dbm0(heard) > SILENCE {
            line.heard(Heard::Sound, now);
        }
        if line.expects_dial_tone() {
            if self.dial_tone.process(heard) {
                line.heard(Heard::DialTone, now);
            }
        } else if self.voice.process(heard) {
            line.heard(Heard::Voice, now);
        }
        self.progress.process(heard, |event| match event.tone {
            ProgressTone::Busy | ProgressTone::Congestion | ProgressTone::Learned => {
                line.heard(Heard::HangUpTone, now);
            }
            ProgressTone::Dial => line.heard(Heard::DialTone, now),
            ProgressTone::Ringback | ProgressTone::Unknown(_) => {}
        });
        self.learner.listen(&self.progress, heard);
    }

    fn listen_on_hook(&mut self, heard: &[i16; FRAME_SAMPLES], end: &DriverPort) {
        if let Some((_, left)) = &mut self.early_caller {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.early_caller = None;
            }
        }
        match self.caller_id.process(heard) {
            Some(Told::MessageWaiting(waiting)) => end.report(Event::MessageWaiting(waiting)),
            Some(Told::Caller(_)) if self.caller_told => {}
            Some(Told::Caller(caller)) if self.line.is_ringing() => {
                self.caller_told = true;
                end.report(Event::CallerId(caller));
            }
            Some(Told::Caller(caller)) => self.early_caller = Some((caller, TOLD_BEFORE_RING)),
            None => {}
        }
    }

    fn send(&mut self, transmit: &mut [i16; FRAME_SAMPLES]) {
        if let Some(key) = &mut self.key {
            transmit.fill(0);
            key.add(transmit);
            if key.is_over() {
                self.key = None;
                self.line.key_sent();
            }
        } else if let Some(tone) = &mut self.tone {
            tone.fill(transmit);
        }
        self.sound.transmit(transmit);
    }

    fn carry_out(&mut self, end: &DriverPort, commands: &mut VecDeque<HardwareCommand>) {
        while let Some(output) = self.line.next_output() {
            match output {
                FxoOutput::Hardware(command) => commands.push_back(command),
                FxoOutput::SendKey(key) => {
                    let key = std::iter::once(key);
                    self.key = Some(DtmfGenerator::new(key, KEYS));
                }
                FxoOutput::Event(event) => self.report(event, end),
            }
        }
    }

    fn report(&mut self, event: FxoEvent, end: &DriverPort) {
        end.report(match event {
            FxoEvent::RingStarted => {
                end.report(Event::RingStarted);
                self.caller_told = self.early_caller.is_some();
                match self.early_caller.take() {
                    Some((caller, _)) => Event::CallerId(caller),
                    None => return,
                }
            }
            FxoEvent::RingStopped => {
                self.caller_told = false;
                Event::RingStopped
            }
            FxoEvent::Call(event) => match event {
                SupervisionEvent::PolarityReversed => Event::PolarityReversed,
                SupervisionEvent::Answered => Event::Answered,
                SupervisionEvent::FarEndHungUp => Event::FarEndHungUp,
                SupervisionEvent::HangUpTone => Event::BusyTone,
                SupervisionEvent::Silence => Event::Silence,
            },
            FxoEvent::DialTone(heard) => Event::DialTone(heard),
            FxoEvent::DialFinished => {
                self.progress.reset();
                self.voice.reset();
                Event::DialFinished
            }
            FxoEvent::NoBattery(true) => Event::LineFault(LineFault::NoBattery),
            FxoEvent::RingsForEver(true) => Event::LineFault(LineFault::RingsForEver),
            FxoEvent::Hardware(true) => Event::LineFault(LineFault::Hardware),
            FxoEvent::NoBattery(false)
            | FxoEvent::RingsForEver(false)
            | FxoEvent::Hardware(false) => Event::LineRestored,
        });
    }
}
