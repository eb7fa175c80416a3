//! What line hardware notices and what it can be told.

use std::time::Duration;

/// Which way round the battery is. What is normal depends on how the wires are joined, so only changes mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Polarity {
    /// As hardware calls normal.
    #[default]
    Normal,
    /// The other way round.
    Reversed,
}

/// What a telephone does with its hook, as cards tell it that time the loop themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookSignal {
    /// Lifted.
    OffHook,
    /// Put down.
    OnHook,
    /// The recall key, or a short press of the hook.
    Flash,
    /// A digit dialled by a dial: `0`-`9`.
    PulseDigit(char),
}

/// What line hardware notices. Hardware tells changes; before the first one a line has battery, normal polarity, no
/// ringing, and the telephone is on-hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardwareEvent {
    /// FXO: the ringing voltage has come (true) or gone. Bursts, not calls: cadence is not the hardware's business.
    Ringing(bool),
    /// FXO: there is battery on the line or there is none.
    Battery(bool),
    /// FXO: the battery is this way round.
    Polarity(Polarity),
    /// FXO, with the loop closed: current flows or has stopped.
    LoopCurrent(bool),
    /// FXS: the loop is closed (true) or open, as it is: bouncing, flashing, pulsing.
    Loop(bool),
    /// FXS: in place of [`HardwareEvent::Loop`], from hardware that times the loop itself.
    Hook(HookSignal),
    /// The card is in alarm or gone (true), or well again.
    Alarm(bool),
}

/// What line hardware is told. Each holds until the opposite is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardwareCommand {
    /// FXO: close the loop (true) or open it. Flash and pulses are made of these.
    Loop(bool),
    /// FXS: ringing voltage on or off. The cadence is made of these.
    Ring(bool),
    /// FXS: feed this way round.
    Polarity(Polarity),
    /// FXS: feed the line (true), or cut the feed, which tells the telephone's end that the call is over.
    Battery(bool),
    /// FXS: pass on sound to the telephone while it is on-hook, for so long at least.
    OnHookTransmission(Duration),
}
