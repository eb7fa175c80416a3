//! Tells other systems and people what happens at the gateway: webhooks, mail and text messages.
//!
//! What is to be told lies in the store's outbox ([`ramal_model::Delivery`]), most of it written in the transaction of what it
//! tells of. [`Courier`] takes what is due from there, tries it, and writes down what came of it: one delivery to a target at a
//! time, so that one that hangs holds up nobody else; with growing pauses after failures; given up after two days. Nothing in a call's path waits for it,
//! and what is written survives a restart.
//!
//! Way of an event: store or [`live`] -> outbox -> [`Courier`] -> [`webhook`], [`mail`] or [`text_message`] -> outcome -> outbox.

mod courier;
mod http;
mod live;
mod mail;
mod outcome;
mod text_message;
mod webhook;

pub use courier::{Courier, CourierConfig, CourierError};
