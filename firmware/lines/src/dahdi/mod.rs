//! Cards that the kernel's DAHDI drivers drive: analogue modules and E1 spans.
//!
//! - [`spans`] says which spans there are (sysfs), [`Control`] configures them ([`configure`]), without configuration files.
//! - [`unusable_cards`] says which cards no driver works with, and why.
//! - [`ChannelDevice`] is one open channel: sound or frames, hook, signalling bits, [`ChannelEvent`]s.
//! - [`DahdiLines`] makes a [`Port`](crate::Port) of every analogue module.
//! - [`span`] runs the signalling of an E1 on a thread of its own and gives out a [`Trunk`](crate::Trunk).
//!
//! The contract with the kernel is in `include/dahdi/user.h` of DAHDI; what is copied from it is in `abi`, checked by its
//! sizes.

mod abi;
mod analogue;
mod cards;
mod channel;
mod control;
mod error;
mod event;
mod setup;
pub mod span;
mod sysfs;

pub use analogue::{AnalogueSpan, DahdiLines};
pub use cards::{UnusableCard, unusable_cards, unusable_cards_below};
pub use channel::{ChannelDevice, Hook, Received};
pub use control::{Control, SpanCounters};
pub use error::DahdiError;
pub use event::ChannelEvent;
pub use setup::{SpanSetup, SpanUse, configure};
pub use sysfs::{Channel, Span, spans, spans_below};
