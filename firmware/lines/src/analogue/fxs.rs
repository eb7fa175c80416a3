//! An FXS line with its sound.

use std::{collections::VecDeque, time::Instant};

use ramal_analog::{
    FxsCommand, FxsEvent, FxsLine, FxsOutput, HardwareCommand, HardwareEvent, OffHookSound,
};
use ramal_dsp::{
    CadenceGenerator, CadencedTone, CallerIdTiming, CountryTones, DtmfDetector, FRAME_SAMPLES,
    ToneStep,
};
use ramal_model::FxsSettings;

use super::{
    CallerIdSender, HardwareFeatures, call_waiting::CallWaiting, signalling, two_wire::TwoWire,
};
use crate::{Command, Event, LineFault, LineTone, Ringing, port::DriverPort};

/// Length of the alerting tone before a message to a telephone on-hook, ms (EN 300 659-1 §6.1.1: 100 and 10).
const ALERTING_MS: u32 = 100;

/// Receiver off-hook tone (GR-506 §17.2.7): four frequencies that no speech has together, as loud as the line carries.
const HOWLER: CadencedTone = CadencedTone {
    steps: &[
        ToneStep {
            frequencies: &[1_400.0, 2_060.0, 2_450.0, 2_600.0],
            milliseconds: 100,
        },
        ToneStep {
            frequencies: &[],
            milliseconds: 100,
        },
    ],
    repeat_from: Some(0),
    level: -6.0,
};

/// What a lifted telephone hears.
enum Listening {
    /// The call.
    Call,
    Tone(Box<CadenceGenerator>),
    Nothing,
}

pub(super) struct FxsProcessor {
    features: HardwareFeatures,
    settings: FxsSettings,
    tones: &'static CountryTones,
    line: FxsLine,
    sound: TwoWire,
    keys: DtmfDetector,
    listening: Listening,
    /// For whom it rings.
    ringing: Ringing,
    sender: Option<CallerIdSender>,
    /// What is sent is the lamp's, so the ringing does not wait for it.
    sends_lamp: bool,
    call_waiting: Option<CallWaiting>,
    messages: bool,
    /// What the telephone said last.
    heard: [i16; FRAME_SAMPLES],
}

fn sound(features: HardwareFeatures, settings: &FxsSettings) -> TwoWire {
    TwoWire::new(
        settings.receive_gain,
        settings.transmit_gain,
        settings.echo_cancellation && !features.echo_canceller,
        features.buffered,
    )
}

impl FxsProcessor {
    pub fn new(features: HardwareFeatures, settings: &FxsSettings) -> Self {
        FxsProcessor {
            features,
            tones: signalling::tones(settings.country),
            line: FxsLine::new(signalling::fxs(settings)),
            sound: sound(features, settings),
            settings: settings.clone(),
            keys: DtmfDetector::default(),
            listening: Listening::Call,
            ringing: Ringing::default(),
            sender: None,
            sends_lamp: false,
            call_waiting: None,
            messages: false,
            heard: [0; FRAME_SAMPLES],
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
        } else {
            self.line
                .is_left_off_hook()
                .then_some(LineFault::LeftOffHook)
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
            self.command(command, now);
        }
        self.line.advance(now);
        self.carry_out(end, commands);
        self.heard = *received;
        let mut heard = *received;
        if self.line.is_off_hook() {
            self.sound.receive(&mut heard);
            self.heard = heard;
            if self.call_waiting.as_ref().is_some_and(CallWaiting::mutes) {
                heard.fill(0);
            } else if let Some(key) = self.keys.feed(&heard) {
                end.report(Event::Digit(key));
            }
        } else {
            heard.fill(0);
        }
        end.audio.put(&heard);
    }

    /// What the telephone is sent: `transmit` is what the call says.
    pub fn say(&mut self, now: Instant, transmit: &mut [i16; FRAME_SAMPLES]) {
        if self.line.is_off_hook() {
            match &mut self.listening {
                Listening::Call => {}
                Listening::Tone(tone) => tone.fill(transmit),
                Listening::Nothing => transmit.fill(0),
            }
            if let Some(waiting) = &mut self.call_waiting {
                waiting.block(&self.heard, transmit);
            }
            return self.sound.transmit(transmit);
        }
        transmit.fill(0);
        if let Some(sender) = &mut self.sender
            && sender.add(transmit)
        {
            self.sender = None;
            if !self.sends_lamp {
                self.line.sound_sent(now);
            }
        }
    }

    fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::ConfigureFxs(settings) => self.configure(&settings, now),
            Command::Ring(ringing) => {
                let cadence = signalling::ringing(&self.settings, ringing.cadence);
                self.ringing = ringing;
                self.sender = None;
                let ring = FxsCommand::Ring {
                    cadence,
                    caller_id: true,
                };
                self.line.command(ring, now);
            }
            Command::StopRinging => self.line.command(FxsCommand::StopRinging, now),
            Command::Tone(tone) => {
                self.line.command(FxsCommand::Renew, now);
                self.listening = tone.map_or(Listening::Call, |tone| self.tone(tone));
            }
            Command::Answered => self.line.command(FxsCommand::Answered, now),
            Command::HangUp => {
                self.call_waiting = None;
                self.line.command(FxsCommand::HangUp, now);
            }
            Command::CallWaiting(caller) => {
                let sound = signalling::caller_id(&self.settings).map(|told| told.sound);
                self.call_waiting = caller
                    .filter(|_| self.settings.call_waiting && self.line.is_off_hook())
                    .map(|caller| CallWaiting::new(self.tones, sound, caller));
            }
            Command::MessageWaiting(waiting) if waiting != self.messages => {
                self.messages = waiting;
                self.tell_lamp(now);
            }
            _ => {}
        }
    }

    fn configure(&mut self, settings: &FxsSettings, now: Instant) {
        self.line.set_signalling(signalling::fxs(settings));
        let line = std::mem::replace(&mut self.line, FxsLine::new(signalling::fxs(settings)));
        let listening = std::mem::replace(&mut self.listening, Listening::Call);
        let messages = self.messages;
        *self = FxsProcessor {
            line,
            listening,
            messages,
            ringing: std::mem::take(&mut self.ringing),
            ..FxsProcessor::new(self.features, settings)
        };
        if messages {
            self.tell_lamp(now);
        }
    }

    fn tell_lamp(&mut self, now: Instant) {
        if self.settings.message_lamp {
            self.line.command(FxsCommand::TellMessageWaiting, now);
        }
    }

    fn tone(&self, tone: LineTone) -> Listening {
        let stutters = self.messages && self.settings.stutter_tone;
        let tone = match tone {
            LineTone::Dial if stutters => self.tones.stutter_dial,
            tone => signalling::tone(self.tones, tone),
        };
        Listening::Tone(Box::new(CadenceGenerator::new(tone)))
    }

    fn carry_out(&mut self, end: &DriverPort, commands: &mut VecDeque<HardwareCommand>) {
        while let Some(output) = self.line.next_output() {
            match output {
                FxsOutput::Hardware(command) => commands.push_back(command),
                FxsOutput::SendAlertingTone => {
                    self.send(Some(CallerIdSender::alerting_tone(ALERTING_MS)), false);
                }
                FxsOutput::SendCallerId => {
                    let caller = signalling::caller_id(&self.settings).map(|signalling| {
                        CallerIdSender::caller(
                            signalling.sound,
                            &self.ringing.caller,
                            self.ringing.date,
                            CallerIdTiming::ON_HOOK,
                        )
                    });
                    self.send(caller, false);
                }
                FxsOutput::SendMessageWaiting => {
                    let lamp = signalling::caller_id(&self.settings).and_then(|signalling| {
                        CallerIdSender::message_waiting(signalling.sound, self.messages)
                    });
                    self.send(lamp, true);
                }
                FxsOutput::StopSending => self.sender = None,
                FxsOutput::Sound(sound) => {
                    self.listening = match sound {
                        OffHookSound::Busy => self.tone(LineTone::Busy),
                        OffHookSound::Howler => {
                            Listening::Tone(Box::new(CadenceGenerator::new(HOWLER)))
                        }
                        OffHookSound::Silence => Listening::Nothing,
                    };
                }
                FxsOutput::Event(event) => self.report(event, end),
            }
        }
    }

    fn send(&mut self, sender: Option<CallerIdSender>, lamp: bool) {
        self.sender = sender;
        self.sends_lamp = lamp;
    }

    fn report(&mut self, event: FxsEvent, end: &DriverPort) {
        end.report(match event {
            FxsEvent::OffHook => {
                self.keys = DtmfDetector::default();
                self.sound.restart();
                Event::OffHook
            }
            FxsEvent::OnHook => {
                self.listening = Listening::Call;
                self.call_waiting = None;
                Event::OnHook
            }
            FxsEvent::Flash => Event::Flash,
            FxsEvent::PulseDigit(digit) => Event::Digit(digit),
            FxsEvent::LeftOffHook(true) => Event::LineFault(LineFault::LeftOffHook),
            FxsEvent::Hardware(true) => Event::LineFault(LineFault::Hardware),
            FxsEvent::LeftOffHook(false) | FxsEvent::Hardware(false) => Event::LineRestored,
        });
    }
}
