//! Lines that end in the gateway: analogue ports to an exchange (FXO) and to telephones (FXS).
//!
//! A [`Driver`] stands for a kind of line hardware. It gives out each of its [`Port`]s once; whoever holds a port sends
//! [`Command`]s, awaits [`Event`]s, and moves sound through its [`PortAudio`]. The driver's own thread does the rest, so a
//! port never blocks anybody: commands and events are bounded queues, sound is a lock-free ring in each direction.
//!
//! - [`analogue`]: signalling, tones and echo of an analogue line, the same for every kind of hardware: a driver gives its
//!   [`analogue::LineProcessor`]s what the hardware notices and hears, and does what they say.
//! - [`alsa_gpio`]: line cards whose sound is an ALSA PCM and whose hooks are GPIO pins.
//! - [`simulated`]: an exchange and telephones in software, with real tones, cadences and keys in the sound.
//! - [`LineTestReport`]: what the automatic test of a line has found, and the settings that follow.
//! - [`dahdi`]: what the kernel's DAHDI drivers say about cards and spans.
//!
//! Sound flows `media -> PortAudio -> ring -> LineProcessor -> driver thread -> line` and back, 20 ms at a time, in the
//! law of the line.

pub mod alsa_gpio;
pub mod analogue;
mod audio;
pub mod dahdi;
mod line_test;
mod messages;
mod port;
mod real_time;
mod signals;
pub mod simulated;
mod trunk;

pub use audio::PortAudio;
pub use line_test::{
    DialToneReport, EchoReport, HangUpSource, HangUpToneReport, LineTestNews, LineTestReport,
    LineTestRequest, LineTrouble, TestStep, TroubleReport,
};
pub use messages::{MessageCall, MessageKind, MessageStep};
pub use port::{
    CallerId, Command, Driver, Event, LineError, LineFault, LineTone, Port, PortId, PortKind,
    PortNames, PortRemote, PortStatus, Ringing,
};
pub use signals::{SignalKind, SignalStep};
pub use trunk::{
    Redirected, TimeslotState, TimeslotStatus, Trunk, TrunkCallId, TrunkCaller, TrunkClock,
    TrunkCommand, TrunkError, TrunkEvent, TrunkFault, TrunkHandle, TrunkState, TrunkStatus,
};
