//! A test of a line to an exchange, with the sound that it sends and hears.

use std::time::{Duration, Instant};

use ramal_analog::{
    AnswerSign, DialToneUse, Dialling, FxoCommand, FxoSignalling, LineSound, LineTest,
    SupervisionSettings,
};
use ramal_dsp::{ECHO_METER_LEVEL, EchoMeter, FRAME_SAMPLES, ToneMeter, level_dbm0};

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
