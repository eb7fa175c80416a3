//! A whole channel: see the module of this name.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ramal_r2_fuzz::channel::run(input));
