//! The tests of packets once more, of an engine that does without io_uring.

#![allow(
    clippy::duplicate_mod,
    reason = "each file of tests brings the far end it speaks to"
)]

#[path = "fax.rs"]
mod fax;
#[path = "keys.rs"]
mod keys;
#[path = "lines.rs"]
mod lines;
#[path = "playback.rs"]
mod playback;
#[path = "ports.rs"]
mod ports;
#[path = "relay.rs"]
mod relay;
#[path = "sources.rs"]
mod sources;
#[path = "threads.rs"]
mod threads;
