//! Encrypted media: SRTP and SRTCP (RFC 3711, RFC 7714).
//!
//! [`SrtpKeys`] come from the session description (SDES, RFC 4568) or, with browsers, from a DTLS handshake
//! ([`handshake`]) over a way that the browser has found by itself ([`stun`], ICE-lite). Out of them are made an
//! [`Inbound`], which opens what the far end sends, and an [`Outbound`], which seals what goes to it. Both own all they
//! need from the beginning: a packet is opened where it lies, and sealed into a buffer of the stream's own.
//!
//! What cannot be proven to come from the far end, or has come before, is told apart in [`Refusal`], counted and dropped.

mod derivation;
pub(crate) mod handshake;
mod inbound;
mod index;
mod keys;
pub(crate) mod link;
mod outbound;
mod security;
mod session;
pub(crate) mod stun;
mod transform;
#[cfg(test)]
mod vectors;

pub(crate) use inbound::Refusal;
pub use keys::{MasterKey, SrtpKeys, Suite};
pub(crate) use security::Security;
