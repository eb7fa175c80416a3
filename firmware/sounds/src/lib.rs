//! Sound that comes from people: uploads of any common format, and texts to be spoken, made into what the gateway plays.
//!
//! An upload's way: the bytes lie in a file -> [`SoundFormat::of`] says what they are, by content and never by name ->
//! `decode` gives mono blocks -> `resample` brings them to 16,000 samples a second (8,000 where the source has no more)
//! -> `level` measures the loudness in a first pass and sets it in a second one, peaks limited -> `wave` writes
//! 16-bit PCM. [`convert`] does all of it with a few hundred kilobytes of memory whatever the length.
//!
//! [`Studio`] is what the service uses: a folder of sounds, one worker thread, and each conversion in a process of its own
//! with limits on time and memory, so that neither a broken file nor a fault of a decoder reaches a call. Texts are spoken
//! by `espeak-ng` ([`Voice`]), never linked, and go the same way.

mod convert;
mod decode;
mod error;
mod format;
mod level;
mod process;
mod resample;
mod speak;
mod studio;
mod wave;

pub use convert::{Converted, LOUDNESS_DBM0, MAX_OCTETS, MAX_SECONDS, convert};
pub use error::SoundError;
pub use format::SoundFormat;
pub use process::{CONVERT, run_conversion};
pub use speak::Voice;
pub use studio::{Studio, StudioConfig, Taken, Upload};
