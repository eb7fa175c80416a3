//! See the crate.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ramal_sounds_fuzz::run(input));
