//! Line cards of mainline Linux: codecs whose sound is an ALSA PCM with one time slot for each line (peb2466, idt821034),
//! and whose hook, ring and battery are lines of a GPIO chip.
//!
//! Two threads work for one card. The first exchanges sound, paced by the PCM, and runs a [`LineProcessor`] for each line
//! ([`CodecCard::block`]). The second reads and sets pins every 5 ms ([`Poller::poll`]): such chips have no interrupt, and
//! the bus behind them sleeps, which sound cannot wait for. Bounded queues lie between the two. Pins are
//! [`embedded_hal::digital`]'s, the sound is a [`Pcm`], so that the same code runs on any board and in tests: on a machine
//! [`AlsaPcm`] and the pins of a [`SharedChip`], as the board's description says ([`LineCard`]).
//!
//! Data flows `pins -> Poller -> events -> CodecCard -> LineProcessor -> commands -> Poller -> pins` and
//! `Pcm -> CodecCard -> LineProcessor -> Pcm`.

mod board;
mod card;
mod driver;
mod gpio;
mod pcm;
mod pins;

use std::time::{Duration, Instant};

use ramal_analog::{HardwareCommand, HardwareEvent};

pub use board::{BoardError, CardLaw, CardLine, LineCard};
pub use card::{CodecCard, Pcm, PcmError};
pub use driver::CodecLines;
pub use gpio::{GpioError, GpioInput, GpioOutput, Pin, SharedChip};
pub use pcm::AlsaPcm;
pub use pins::{FxoPins, FxsPins, LinePins, Poller};

/// From one look at the pins to the next.
pub const POLL: Duration = Duration::from_millis(5);
/// Events and commands that may wait: a second of a card whose every line pulses.
const QUEUE: usize = 256;

/// A change at the pins of a line.
#[derive(Clone, Copy, Debug)]
struct Noticed {
    /// Which line of the card, from 0.
    line: usize,
    event: HardwareEvent,
    at: Instant,
}

/// What the pins of a line are to do.
#[derive(Clone, Copy, Debug)]
struct Order {
    line: usize,
    command: HardwareCommand,
}
