//! A whole interface: see `interface`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ramal_isdn_fuzz::interface::run(input));
