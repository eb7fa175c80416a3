//! A test of a line to an exchange, with the sound that it sends and hears.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ramal_analog::{
    AnswerSign, DialToneUse, Dialling, FarEndTest, FxoCommand, FxoEvent, FxoOutput, FxoSignalling,
    HardwareCommand, LineSound, LineTest, LineTestFault, LineTestOutput, LineTestPlan,
    SupervisionSettings,
};
use ramal_dsp::{DtmfGenerator, ECHO_METER_LEVEL, EchoMeter, FRAME_SAMPLES, ToneMeter, level_dbm0};

use super::{FxoProcessor, KEYS, signalling};
use crate::{Event, LineFault, LineTestNews, port::DriverPort};

/// The shortest interruption of the current that is told.
const INTERRUPTION: Duration = Duration::from_millis(60);

pub(super) struct Testing {
    pub test: LineTest,
    meter: ToneMeter,
    echo: Option<EchoMeter>,
    /// What was sent in the last block: its echo is in what comes now.
    sent: [i16; FRAME_SAMPLES],
}

impl Testing {
    pub fn new(test: LineTest) -> Self {
        Testing {
            test,
            meter: ToneMeter::new(),
            echo: None,
            sent: [0; FRAME_SAMPLES],
        }
    }

    /// The signalling of a line under test: everything is told, nothing is waited for.
    pub fn signalling(dialling: Dialling) -> FxoSignalling {
        FxoSignalling {
            supervision: SupervisionSettings {
                answer: AnswerSign::Polarity,
                polarity_hang_up: true,
                loop_interruption: Some(INTERRUPTION),
                hang_up_tone: false,
                silence: None,
            },
            dialling,
            dial_tone: DialToneUse::Ignore,
            double_answer: None,
            ..FxoSignalling::default()
        }
    }

    /// Takes in 20 ms of the line, which sends keys at the moment or does not.
    pub fn listen(&mut self, received: &[i16; FRAME_SAMPLES], dialling: bool, now: Instant) {
        let cadence = self.meter.process(received);
        if !dialling {
            let sound = LineSound {
                level: level_dbm0(received) as f32,
                steady: self
                    .meter
                    .steady()
                    .map(|tone| (tone.frequencies, tone.level, tone.milliseconds)),
                cadence: cadence.map(|heard| {
                    let cadence = heard.cadence;
                    (
                        cadence.frequencies,
                        cadence.on_ms,
                        cadence.off_ms,
                        heard.level,
                    )
                }),
            };
            self.test.heard(sound, now);
        }
        if let Some(meter) = &mut self.echo
            && let Some(echo) = meter.process(&self.sent, received)
        {
            self.echo = None;
            let sent = ECHO_METER_LEVEL as f32;
            self.test.echo(echo.loss, echo.delay, echo.rest, sent, now);
        }
    }

    pub fn measure_echo(&mut self) {
        self.echo = Some(EchoMeter::new());
        self.sent.fill(0);
    }

    /// What was heard before has nothing to do with what comes after this.
    pub fn commanded(&mut self, command: &FxoCommand) {
        if !matches!(command, FxoCommand::Dial(_) | FxoCommand::Flash) {
            self.meter = ToneMeter::new();
            self.echo = None;
        }
    }

    /// What the line is sent, unless it is a key.
    pub fn send(&mut self, transmit: &mut [i16; FRAME_SAMPLES]) {
        match &mut self.echo {
            Some(meter) => meter.fill(transmit),
            None => transmit.fill(0),
        }
    }

    pub fn sent(&mut self, transmit: &[i16; FRAME_SAMPLES]) {
        self.sent = *transmit;
    }
}

impl FxoProcessor {
    pub(super) fn begin_test(&mut self, quiet_key: char, far_end: FarEndTest) {
        let dialling = signalling::fxo(&self.settings).dialling;
        let mut test = LineTest::new(LineTestPlan {
            quiet_key,
            dialling,
            far_end,
        });
        if self.testing.is_some() || self.line.is_off_hook() {
            return;
        }
        match self.fault() {
            Some(LineFault::Hardware) => test.stop(LineTestFault::Hardware),
            Some(LineFault::NoBattery) => test.stop(LineTestFault::NoBattery),
            _ if self.line.is_ringing() => test.stop(LineTestFault::Rings),
            _ => {}
        }
        self.line.set_signalling(Testing::signalling(dialling));
        self.begin();
        self.testing = Some(Box::new(Testing::new(test)));
    }

    /// 20 ms of a test: the port itself hears nothing of it.
    pub(super) fn test(
        &mut self,
        now: Instant,
        received: &[i16; FRAME_SAMPLES],
        transmit: &mut [i16; FRAME_SAMPLES],
        end: &mut DriverPort,
        commands: &mut VecDeque<HardwareCommand>,
    ) {
        let Some(mut testing) = self.testing.take() else {
            return;
        };
        end.audio.put(&[0; FRAME_SAMPLES]);
        self.line.advance(now);
        self.obey_tested_line(&mut testing, now, end, commands);
        if self.line.is_off_hook() {
            testing.listen(received, self.line.is_dialling(), now);
        } else {
            self.listen_on_hook(received, end);
        }
        testing.test.advance(now);
        let mut over = false;
        while let Some(output) = testing.test.next_output() {
            match output {
                LineTestOutput::Line(command) => {
                    testing.commanded(&command);
                    self.line.command(command, now);
                }
                LineTestOutput::Dialling(dialling) => {
                    self.line.set_signalling(Testing::signalling(dialling));
                }
                LineTestOutput::MeasureEcho => testing.measure_echo(),
                LineTestOutput::Step(step) => end.report(Event::Test(LineTestNews::Step(step))),
                LineTestOutput::Found(found) => {
                    end.report(Event::Test(LineTestNews::Found(found)));
                }
                LineTestOutput::Trouble(fault) => {
                    end.report(Event::Test(LineTestNews::Trouble(fault)));
                }
                LineTestOutput::Finished => over = true,
            }
        }
        self.obey_tested_line(&mut testing, now, end, commands);
        testing.send(transmit);
        if let Some(key) = &mut self.key {
            transmit.fill(0);
            key.add(transmit);
            if key.is_over() {
                self.key = None;
                self.line.key_sent();
            }
        }
        if !self.line.is_off_hook() {
            transmit.fill(0);
        }
        testing.sent(transmit);
        if over {
            let settings = self.settings.clone();
            self.configure(&settings);
            end.report(Event::Test(LineTestNews::Finished));
        } else {
            self.testing = Some(testing);
        }
    }

    /// Does what the line wants, and tells the test what happens on it. Faults are everybody's.
    fn obey_tested_line(
        &mut self,
        testing: &mut Testing,
        now: Instant,
        end: &DriverPort,
        commands: &mut VecDeque<HardwareCommand>,
    ) {
        while let Some(output) = self.line.next_output() {
            match output {
                FxoOutput::Hardware(command) => commands.push_back(command),
                FxoOutput::SendKey(key) => {
                    self.key = Some(DtmfGenerator::new(std::iter::once(key), KEYS));
                }
                FxoOutput::Event(event) => {
                    testing.test.event(event, now);
                    if !matches!(
                        event,
                        FxoEvent::Call(_) | FxoEvent::DialTone(_) | FxoEvent::DialFinished
                    ) {
                        self.report(event, end);
                    }
                }
            }
        }
    }
}
