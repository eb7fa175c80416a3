//! ISDN primary rate signalling for the gateway, without I/O: the data link of the D channel (Q.921) and call control
//! (Q.931, EuroISDN as in ETS 300 102), for both sides. No sockets, clocks, threads or files are used in here.
//!
//! # The interface
//! [`Interface`] is one D channel with the B channels it controls, made from [`Settings`]. Its user owns the line and the
//! clock:
//! - it hands in frames with [`Interface::receive`], alarms with [`Interface::layer1`], and calls
//!   [`Interface::timeout`] when [`Interface::next_timeout`] has come;
//! - it makes calls with [`Interface::setup`] and steers them with [`Interface::command`];
//! - after each of these it empties [`Interface::poll`]: frames to [`Transmit`](Output::Transmit) and [`Event`]s.
//!
//! The link comes up by itself whenever layer 1 is there. Each call has a [`CallId`] and ends with exactly one
//! [`Event::Released`]; then its channel is free and its name means nothing.
//!
//! # How data flows
//! A frame goes through the data link (Q.921 §5.5 to §5.8: sequence, acknowledgement, recovery), becomes a [`Message`]
//! with a note of every [fault](Faults), finds its call by call reference (Q.931 §5.8.3), and changes the call's
//! [state](CallState), which gives messages and events. Messages go back through the data link, which keeps them until the
//! peer has them. Outgoing calls take a B channel from the [`Selection`] policy; collisions, restarts and blocked channels
//! are settled where the channels are.
//!
//! # Around it
//! - [`Cause`] and [`sip_status`], [`cause_of_sip_status`]: why calls end, here and in SIP (RFC 3398).
//! - [`Message`], [`Elements`]: reading and printing of what goes over the D channel, for traces and tests.
//! - [`Trace`]: the last frames in words.
//! - [`LinkCounters`], [`CallCounters`]: what has happened so far.

mod call;
mod cause;
mod channels;
mod command;
mod event;
mod ie;
mod interface;
mod link;
mod message;
mod restart;
mod settings;
mod sip_cause;
mod trace;

pub use call::{CallState, StateNumber};
pub use cause::Cause;
pub use channels::{ChannelSet, ChannelStatus, Direction, Selection};
pub use command::{Command, CommandError, NoSuchChannel, OutgoingCall, SetupError};
pub use event::{CallId, ConnectedParty, Event, Fault, IncomingCall, Output};
pub use ie::{
    BearerCapability, CallingName, CauseElement, ChannelIdentification, ChannelNumbers,
    InvalidDigits, Law, Location, MAX_DIGITS, NumberingPlan, PartyNumber, Presentation,
    ProgressDescription, ProgressIndicator, RedirectionReason, RestartIndicator, Screening,
    TransferCapability, TypeOfNumber,
};
pub use interface::{CallCounters, Interface};
pub use link::{LinkCounters, LinkError, LinkState};
pub use message::{CallReference, Elements, Faults, Message, MessageType, Origin, ParseError};
pub use settings::{ChannelChoice, LinkSettings, NameService, Role, Settings, Timers};
pub use sip_cause::{cause_of_sip_status, sip_status};
pub use trace::{FrameKind, MAX_TRACED_LINK_FRAMES, MAX_TRACED_MESSAGES, Trace, TraceStep};
