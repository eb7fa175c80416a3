//! Recording of calls: stereo WAV files, one side of the call per channel: G.711 as it came, everything else decoded to 16
//! bits at its own rate (`form`).
//!
//! A `Tap` sits on a channel. What the far end says (left) and what it is sent (right) is copied as it is on the wire
//! into a bounded ring of the tap's own (`ring`): no decoding, no lock, no allocation, no waiting. One thread, the
//! `writer`, empties all rings ten times a second. It gives every packet its place by RTP timestamp and by the time it
//! came (`timeline`), decodes what has to be (`decoding`), puts both sides together (`interleave`) and writes (`session`). A second thread does nothing but
//! wait for the disk (`disk`).
//!
//! Of a voice message only one side is kept (`message`).
//!
//! A file is whole at any moment: its header never claims more than is known to be on the disk. After a power cut it
//! plays, and [`recover`] makes it say all that reached the disk, which lacks less than a second.

mod decoding;
mod disk;
mod form;
mod interleave;
mod message;
#[cfg(test)]
mod power_cut_tests;
mod recorder;
mod ring;
mod session;
mod tap;
mod timeline;
mod wav;
mod writer;

pub use disk::free_space;
pub use message::{Message, keep_message};
pub use recorder::{Recorder, RecorderConfig, Recording, RecordingEnd};
pub use session::{Finished, RecordingFailure};
pub(crate) use tap::Tap;
pub use wav::{Recovered, recover, waveform};
