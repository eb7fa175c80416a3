//! The client over real connections: with a server that does everything wrong, and with gooseBit.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod faults;
mod gateway;
mod goosebit;
mod server;
