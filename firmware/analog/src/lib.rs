//! Signalling of analogue lines, FXO and FXS, without I/O.
//!
//! [`FxoLine`] is the telephone's end of a line to an exchange, [`FxsLine`] the exchange's end of a line to a telephone.
//! Each takes what the hardware noticed ([`HardwareEvent`]), what was heard on the line ([`Heard`]) and what the gateway
//! wants, always with the time of it, and gives outputs to be fetched: [`HardwareCommand`]s, sounds to be sent, and what
//! has happened. Neither knows samples: whoever joins them with sound makes and recognises tones. Neither reads a clock:
//! times are [`std::time::Instant`]s given by the caller, and `advance` lets time go by.
//!
//! - [`HookDecoder`] makes hook, flash and pulse digits of a loop; [`RingPlayer`] and [`RingCadence`] ring.
//! - [`Dialler`] sends a [`DialString`] by tones or pulses, with waits.
//! - [`LineProfile`] is what a country's exchanges and telephones expect; [`CallerIdSignalling`] how the caller is told.
//! - [`LineTest`] finds out by itself what a line to an exchange has.
//! - [`DigitMap`] says when a dialled number is complete; [`LeftOffHook`] what a telephone hears that is not put down.
//!
//! Data flows `HardwareEvent, Heard, command -> FxoLine/FxsLine -> HardwareCommand, sound, event`.

mod alerting;
mod caller_id;
mod dial_string;
mod dialler;
mod digit_map;
mod fxo;
mod fxs;
mod hardware;
mod hook;
mod left_off_hook;
mod line_test;
mod profile;
mod ring_detector;
mod ringing;
mod supervision;

pub use alerting::{Alerting, AlertingStep};
pub use caller_id::{CallerIdPlace, CallerIdSignalling, CallerIdSound};
pub use dial_string::{DialStep, DialString};
pub use dialler::{Dialler, DiallerOutput, Dialling, PulseTiming};
pub use digit_map::{Dialled, DigitMap, DigitMapError};
pub use fxo::{DialToneUse, DoubleAnswer, FxoCommand, FxoEvent, FxoLine, FxoOutput, FxoSignalling};
pub use fxs::{FxsCommand, FxsEvent, FxsLine, FxsOutput, FxsSignalling};
pub use hardware::{HardwareCommand, HardwareEvent, HookSignal, Polarity};
pub use hook::{HookDecoder, HookTiming};
pub use left_off_hook::{LeftOffHook, OffHookSound};
pub use line_test::{
    FarEndTest, LineFinding, LineSound, LineTest, LineTestFault, LineTestOutput, LineTestPlan,
    LineTestStep,
};
pub use profile::LineProfile;
pub use ring_detector::{RingChange, RingDetector};
pub use ringing::{RingCadence, RingPlayer};
pub use supervision::{AnswerSign, Heard, Supervision, SupervisionEvent, SupervisionSettings};
