//! A SIP telephone without a handset: registers, calls, answers, holds, sends and checks digits and tones.
//!
//! It is the phone that the black-box tests call with, so it shares no protocol code with the gateway: messages are
//! parsed and printed by `rsip`, G.711 comes from `audio-codec-algorithms`, everything else is its own.
//!
//! It also transfers calls by REFER, takes them by Replaces, subscribes to states, and sends and shows text messages.
//!
//! Data flow: [`Phone`] owns one socket (UDP, or a TCP connection to the gateway). Its reader hands responses to the
//! transaction that waits for them, requests of a known Call-ID to that call, and a new INVITE to
//! [`Phone::next_call`]. A [`Call`] is driven by a task of its own; what happens to it comes out as [`CallEvent`]s.
//! Each call has an [`Audio`] with an RTP socket, a 20 ms sender (tone, silence or RFC 4733 digits) and a receiver that
//! keeps samples, digits and loss figures.

mod answer;
mod audio;
mod call;
mod call_task;
mod dialog;
mod digest;
mod invite;
mod message;
mod messaging;
mod meter;
mod phone;
mod sdp;
mod subscription;
mod transaction;
mod transfer;
mod transport;

pub use audio::{Audio, AudioReport, Source};
pub use call::{Call, CallEvent, EndReason};
pub use messaging::TextMessage;
pub use meter::{level_dbm0, strongest};
pub use phone::{Phone, PhoneConfig, Registered};
pub use sdp::Law;
pub use subscription::{Notification, Subscription};
pub use transfer::DialogName;
pub use transport::Protocol;

/// What can go wrong with the phone itself; a refused call is an [`EndReason`], not an error.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// Socket trouble.
    #[error("socket: {0}")]
    Io(#[from] std::io::Error),
    /// The peer sent something that can't be used.
    #[error("the gateway sent an unusable {what}: {reason}")]
    Message {
        /// Which message or header.
        what: &'static str,
        /// Why it can't be used.
        reason: String,
    },
    /// No answer within the transaction time-out (RFC 3261 timer B or F, 32 s).
    #[error("no answer to {0} within 32 s")]
    Timeout(String),
    /// A request was answered with a final error.
    #[error("{method} was refused: {status} {reason}")]
    Refused {
        /// Method of the refused request.
        method: String,
        /// SIP status code.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
    /// The call ended before what was waited for.
    #[error("the call ended: {0:?}")]
    Ended(EndReason),
    /// What was waited for did not happen in the time given.
    #[error("{0} did not happen in time")]
    Late(&'static str),
}
