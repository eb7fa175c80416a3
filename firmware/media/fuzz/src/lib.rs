//! Fuzz targets of the media engine: what a browser's port, a protected stream and a plain one receive.
//!
//! What they run is in `ramal_media::fuzzing`. `tools/check/fuzz` runs them under libFuzzer; the tests of this crate run
//! them over the corpora and mutations of these, without a fuzzer. `corpus/<target>` holds seeds and, once found and
//! mended, what broke them.
