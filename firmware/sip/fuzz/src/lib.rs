//! Fuzz targets of the SIP crate. Each module has `run`, which takes any bytes and panics when a promise is broken.
//!
//! `tools/check/fuzz` runs them under libFuzzer; the tests of this crate run them over the corpora, the torture messages
//! and mutations of both, without a fuzzer. `corpus/<target>` holds seeds and, once found and mended, what broke them.

pub mod differential;
pub mod endpoint;
pub mod framing;
pub mod header;
pub mod message;
pub mod sdp;
