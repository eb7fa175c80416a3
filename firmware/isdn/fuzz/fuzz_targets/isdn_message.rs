//! Messages: see `message`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ramal_isdn_fuzz::message::run(input));
