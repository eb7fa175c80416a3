//! What Q.931 says about errors, timers and oddities, one rule after the other.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at the first surprise"
)]

mod bench;
mod errors;
mod timers;
