//! What the fuzzer runs; a test runs the same over the corpus and mutations of it.

pub mod channel;
