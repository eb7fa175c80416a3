//! What a port of any kind of line hardware can do and tell.

use std::fmt;

use ramal_analog::FarEndTest;
use ramal_dsp::Law;
use ramal_model::{FxoSettings, FxsSettings, LearnedTone};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::LineTestNews;
use crate::audio::{DriverAudio, PortAudio, pair};

/// Commands that may wait for a driver.
const COMMANDS: usize = 16;
/// Events that may wait for whoever holds the port.
const EVENTS: usize = 64;

/// Identifies a port within its driver, from 1.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct PortId(pub u16);

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Numbers and names for ports, in the order in which the machine's drivers are started: no two are alike.
#[derive(Clone, Debug, Default)]
pub struct PortNames {
    ports: u16,
    fxo: u16,
    fxs: u16,
}

impl PortNames {
    /// The next port's number and name.
    pub fn next(&mut self, kind: PortKind) -> (PortId, String) {
        self.ports = self.ports.saturating_add(1);
        let (count, word) = match kind {
            PortKind::Fxo => (&mut self.fxo, "FXO"),
            PortKind::Fxs => (&mut self.fxs, "FXS"),
        };
        *count = count.saturating_add(1);
        (PortId(self.ports), format!("{word} {count}"))
    }
}

/// Which end of an analogue line a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortKind {
    /// Foreign exchange office: the telephone's end; a line from an exchange is plugged in.
    Fxo,
    /// Foreign exchange station: the exchange's end; a telephone is plugged in.
    Fxs,
}

/// Who calls, as told on the line (FSK or DTMF between the first two rings).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallerId {
    /// Number, blank when withheld.
    pub number: String,
    /// Name, blank when not told.
    pub name: String,
}

/// How a telephone is to be rung.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ringing {
    /// Who calls.
    pub caller: CallerId,
    /// Month, day, hour and minute for the telephone's display.
    pub date: Option<[u8; 4]>,
    /// Distinctive cadence 1 to 5 in place of the port's own.
    pub cadence: Option<u8>,
}

impl From<CallerId> for Ringing {
    fn from(caller: CallerId) -> Self {
        Ringing {
            caller,
            ..Ringing::default()
        }
    }
}

/// A tone the gateway gives to a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineTone {
    /// Dial now; it stutters while messages wait.
    Dial,
    /// Dial now, a second call beside one that is held.
    Recall,
    /// The called party is being alerted.
    Ringback,
    /// The called party is busy; also: the other end has hung up.
    Busy,
    /// The call cannot be made.
    Congestion,
    /// A service was set as asked.
    Confirmation,
}

/// What a port is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// FXO: these settings from the next call on.
    ConfigureFxo(Box<FxoSettings>),
    /// FXS: these settings from the next call on.
    ConfigureFxs(Box<FxsSettings>),
    /// FXO: closes the loop to make a call; dial tone should follow.
    Seize,
    /// FXO: dials these keys and waits, written as [`ramal_analog::DialString`]. [`Event::DialFinished`] follows.
    Dial(String),
    /// FXO: closes the loop to take the call that rings.
    Answer,
    /// FXO: opens the loop. FXS: opens it for a moment, which tells the telephone that the call is over, and gives busy
    /// tone until it is on-hook.
    HangUp,
    /// FXO: opens the loop for the exchange's recall time.
    Flash,
    /// FXS: rings the telephone and tells it who calls.
    Ring(Ringing),
    /// FXS: stops ringing.
    StopRinging,
    /// Gives a tone instead of the call's sound, or the call's sound again.
    Tone(Option<LineTone>),
    /// FXS: the party that the telephone has called has answered.
    Answered,
    /// FXS: another call waits, from this caller; none: it waits no more. The tone sounds over the call again and again,
    /// and a telephone that can is told who it is.
    CallWaiting(Option<CallerId>),
    /// FXS: messages wait, or none do: for the telephone's lamp and for its dial tone.
    MessageWaiting(bool),
    /// FXO, on-hook: tests the line. [`Event::Test`] tells how it goes; [`Command::HangUp`] stops it.
    Test {
        /// A key after which the exchange waits for more in silence.
        quiet_key: char,
        /// How the end of a call is to be heard.
        far_end: FarEndTest,
    },
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineFault {
    /// FXO: no battery; nothing is plugged in, or the line is dead.
    NoBattery,
    /// FXO: the line rings for ever.
    RingsForEver,
    /// FXS: the telephone was not put down after a call.
    LeftOffHook,
    /// The card is in alarm or gone.
    Hardware,
}

/// What happens on a port.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// FXO: the exchange rings.
    RingStarted,
    /// FXO: the exchange has stopped ringing before anybody answered.
    RingStopped,
    /// FXO: who is calling; comes after the first ring, if at all.
    CallerId(CallerId),
    /// FXS: the telephone was lifted; ends ringing.
    OffHook,
    /// FXS: the telephone was put down.
    OnHook,
    /// FXS: the recall key.
    Flash,
    /// FXO: the exchange has reversed the battery.
    PolarityReversed,
    /// FXO: the called party has answered, by what the port's settings say.
    Answered,
    /// FXO: the exchange has cut the loop current: the far end has hung up.
    FarEndHungUp,
    /// FXO: busy or congestion tone is heard: the far end is busy or has hung up.
    BusyTone,
    /// FXO: nothing has been heard for so long that nobody can be there.
    Silence,
    /// FXO: dial tone came (true), or did not come in time. Where it is required, nothing is dialled then.
    DialTone(bool),
    /// FXO: all keys were sent.
    DialFinished,
    /// FXO: the exchange says that messages wait, or that none do.
    MessageWaiting(bool),
    /// A key was heard, or a dial's digit.
    Digit(char),
    /// The line cannot be used.
    LineFault(LineFault),
    /// The line can be used again.
    LineRestored,
    /// FXO: how a test goes.
    Test(LineTestNews),
    /// FXO, on-hook again: the call ended with a tone that is none of the country's nor the learned one.
    UnknownTone(LearnedTone),
}

/// Why a port did not take a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The driver has ended or the card is gone.
    #[error("port {0} has no driver any more; restart the gateway or check the card")]
    Gone(PortId),
    /// The driver does not keep up with its commands.
    #[error("port {0} does not take commands at the moment; try again")]
    Overloaded(PortId),
    /// The driver's thread could not be started.
    #[error("cannot start the driver of the lines: {0}")]
    Start(String),
}

/// One line, held by whoever handles its calls.
#[derive(Debug)]
pub struct Port {
    id: PortId,
    kind: PortKind,
    name: String,
    number: String,
    commands: mpsc::Sender<Command>,
    events: mpsc::Receiver<Event>,
    audio: PortAudio,
}

impl Port {
    /// Which port it is.
    pub fn id(&self) -> PortId {
        self.id
    }

    /// Which end of a line it is.
    pub fn kind(&self) -> PortKind {
        self.kind
    }

    /// Its name, such as `FXO 1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number the line is known by, blank when unknown.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// Tells the port to do something.
    ///
    /// # Errors
    /// [`LineError::Gone`] or [`LineError::Overloaded`]; the command is not carried out then.
    pub fn command(&self, command: Command) -> Result<(), LineError> {
        send(&self.commands, self.id, command)
    }

    /// A way to tell the port something for those who do not hold it.
    #[must_use]
    pub fn remote(&self) -> PortRemote {
        PortRemote {
            id: self.id,
            commands: self.commands.downgrade(),
        }
    }

    /// The events, in the order they happened. The queue ends when the driver does.
    pub fn events(&mut self) -> &mut mpsc::Receiver<Event> {
        &mut self.events
    }

    /// The sound of the line. One user at a time: the one of the call that is on the line now.
    pub fn audio(&self) -> PortAudio {
        self.audio.clone()
    }
}

fn send(commands: &mpsc::Sender<Command>, id: PortId, command: Command) -> Result<(), LineError> {
    commands.try_send(command).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => LineError::Overloaded(id),
        mpsc::error::TrySendError::Closed(_) => LineError::Gone(id),
    })
}

/// Commands for a [`Port`] that somebody else holds.
#[derive(Clone, Debug)]
pub struct PortRemote {
    id: PortId,
    commands: mpsc::WeakSender<Command>,
}

impl PortRemote {
    /// Tells the port to do something.
    ///
    /// # Errors
    /// [`LineError::Gone`] or [`LineError::Overloaded`]; the command is not carried out then.
    pub fn command(&self, command: Command) -> Result<(), LineError> {
        let commands = self.commands.upgrade().ok_or(LineError::Gone(self.id))?;
        send(&commands, self.id, command)
    }
}

/// The driver's end of a port.
pub(crate) struct DriverPort {
    pub id: PortId,
    pub commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    pub audio: DriverAudio,
}

impl DriverPort {
    /// Reports an event. One that nobody fetches is lost, as it is with hardware.
    pub fn report(&self, event: Event) {
        if let Err(error) = self.events.try_send(event) {
            tracing::debug!(port = %self.id, %error, "an event of a line was lost");
        }
    }
}

/// Both ends of a new port whose sound has this law.
pub(crate) fn port(
    id: PortId,
    kind: PortKind,
    name: String,
    number: String,
    law: Law,
) -> (Port, DriverPort) {
    let (commands, queue) = mpsc::channel(COMMANDS);
    let (reporter, events) = mpsc::channel(EVENTS);
    let (audio, driver_audio) = pair(law);
    let driver = DriverPort {
        id,
        commands: queue,
        events: reporter,
        audio: driver_audio,
    };
    (
        Port {
            id,
            kind,
            name,
            number,
            commands,
            events,
            audio,
        },
        driver,
    )
}

/// A port as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PortStatus {
    /// Which port it is.
    pub id: PortId,
    /// Which end of a line it is.
    pub kind: PortKind,
    /// Its name, such as `FXO 1`.
    pub name: String,
    /// The number the line is known by, blank when unknown.
    pub number: String,
    /// Whether the loop is closed: a call is on the line.
    pub off_hook: bool,
    /// Whether it rings.
    pub ringing: bool,
    /// What is wrong with it.
    pub fault: Option<LineFault>,
}

/// A kind of line hardware.
pub trait Driver: Send + Sync {
    /// What it drives, in a few words.
    fn name(&self) -> &'static str;

    /// The ports that nobody holds yet. Each is given out once.
    fn take_ports(&mut self) -> Vec<Port>;

    /// All ports as they are now.
    fn status(&self) -> Vec<PortStatus>;
}
