//! One body: see the module of this name.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ramal_sip_fuzz::sdp::run(input));
