//! Lines that end in the gateway: analogue ports to an exchange (FXO) and to telephones (FXS).
//!
//! A [`Driver`] stands for a kind of line hardware. It gives out each of its [`Port`]s once; whoever holds a port sends
//! [`Command`]s, awaits [`Event`]s, and moves sound through its [`PortAudio`]. The driver's own thread does the rest, so a
//! port never blocks anybody: commands and events are bounded queues, sound is a lock-free ring in each direction.
//!
//! - [`simulated`]: an exchange and telephones in software, with real tones, cadences and keys in the sound.
//! - [`dahdi`]: what the kernel's DAHDI drivers say about cards and spans.
//!
//! Sound flows `media -> PortAudio -> ring -> driver thread -> line` and back, 20 ms at a time, A-law.
//!
//! - [`Cadence`] and [`TonePlan`] are the tones of a country; [`BusyDetector`] hears when the far end has hung up.

mod audio;
mod busy;
pub mod dahdi;
mod port;
pub mod simulated;
mod tones;

pub use audio::PortAudio;
pub use busy::BusyDetector;
pub use port::{
    CallerId, Command, Driver, Event, LineError, LineFault, LineTone, Port, PortId, PortKind,
    PortStatus,
};
pub use tones::{Cadence, TonePlan, TonePlayer};
