//! Digest authentication (RFC 7616, RFC 8760; RFC 2617 and RFC 2069 for old phones).
//!
//! A server keeps one [`Challenger`]: [`challenge`](Challenger::challenge) makes the values of WWW-Authenticate or
//! Proxy-Authenticate, [`verify`](Challenger::verify) checks what comes back. A client answers with [`Answer`].

mod algorithm;
mod client;
#[cfg(test)]
mod conversation_tests;
mod nonce;
mod replay;
mod server;
#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, Ha1};
pub use client::{Answer, Secret, choose};
pub use server::{Challenger, DigestFault, NONCE_VALIDITY, Proof};
