//! Signalling system R2 on digital lines, without I/O: ITU-T Q.400 to Q.490 with the variants of
//! countries (MFC-R2, the channel-associated signalling of E1 lines in Latin America and Asia).
//!
//! A [`Channel`] is one timeslot: line signalling (bits A and B of timeslot 16, Q.421-Q.424) and register
//! signalling (compelled multifrequency signals in the channel itself, Q.440-Q.480), for calls in both
//! directions. It knows neither sockets nor clock nor sound. Its user hands in
//! - the other side's bits ([`Channel::line_bits`]) and the line's alarms ([`Channel::alarm`]),
//! - the beginning and the end of each register signal that a detector hears ([`Channel::signal`]),
//! - the time ([`Channel::timeout`] at [`Channel::next_timeout`]),
//! - what call control wants ([`Channel::command`] with a [`Command`]),
//!
//! and carries out what [`Channel::poll`] gives until it gives nothing: [`Output::SetBits`],
//! [`Output::Transmit`] (a generator), [`Output::Listen`] (which detector) and [`Output::Event`] (call control).
//!
//! Data flows bits and signals -> `Channel` (`Outgoing` with its forward register or `Incoming` with its
//! backward register) -> outputs. A call begins with [`Command::Call`] or [`Event::Seized`] and ends with
//! one [`Event::Ended`]; the channel is free when its [`LineState`] is [`LineState::Idle`] again, which
//! the other side decides. [`Trace`] keeps what was exchanged in readable form
//! until the next call begins.
//!
//! What the signals mean in a country is a [`Variant`], one of [`VARIANTS`]; how an operator's line is run
//! are [`Settings`], with [`PRESETS`] for known operators. [`Cause`] maps to and from Q.850.
//!
//! Collect calls are refused by their category ([`Category::Collect`] of [`IncomingCall`], refused with
//! [`Cause::CollectRefused`]) where exchanges tell it, or by answering twice
//! ([`Command::AnswerTwice`], [`Settings::double_answer`]).

mod cause;
mod channel;
mod event;
mod line;
mod settings;
mod signal;
mod trace;
mod variant;

pub use cause::Cause;
pub use channel::Channel;
pub use event::{
    Charge, Command, CommandError, Event, IncomingCall, OutgoingCall, Output, Party, ProtocolError,
};
pub use line::LineState;
pub use settings::{Settings, Timers};
pub use signal::{Category, Digits, DigitsError, Direction, MAX_DIGITS, MfSignal};
pub use trace::{MAX_TRACE, StepKind, Trace, TraceStep};
pub use variant::{NumberEnds, PRESETS, Preset, Request, VARIANTS, Variant, Verdict};
