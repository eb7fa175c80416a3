//! Fuzz targets of the ISDN crate. Each module has `run`, which takes any bytes and panics when a promise is broken.
//!
//! `tools/check/fuzz` runs them under libFuzzer; the tests of this crate run them over the corpora and mutations of them,
//! without a fuzzer. `corpus/<target>` holds seeds and, once found and mended, what broke them.

pub mod interface;
pub mod message;
