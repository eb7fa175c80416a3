//! See the module of this name in `ramal_media::fuzzing`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ramal_media::fuzzing::srtp::run(input));
