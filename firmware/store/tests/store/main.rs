//! The store from outside, one file per promise.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod access;
mod analogue_ports;
mod calls;
mod configuration;
mod durability;
mod e1_trunks;
mod recovery;
mod support;
mod transfer;
mod trunks;
