//! The media engine: RTP streams and lines, bridges between them, prompts, digits and statistics.
//!
//! [`Engine::start`] runs plain OS threads. Each waits by io_uring, or epoll ([`Multiplexing`]), for the sockets of its streams,
//! a 20 ms timer and a bounded command queue, and owns everything it touches: on the path of a packet there is
//! no lock, no allocation and no other thread. Handles ([`Stream`], [`Line`], [`PlayHandle`]) post
//! commands and return at once; [`StreamEvent`]s come back over a bounded channel. Dropping a handle
//! closes what it stands for.
//!
//! - [`Engine::open_stream`] takes a pair of ports; [`Stream::set_remote`] says where the far end is.
//! - [`Engine::bridge`] connects two channels; [`Channel::echo`] connects one to itself.
//! - [`Engine::room`] opens a [`Room`]: a conference, or a supervisor who listens, whispers or barges in.
//! - [`Channel::play`] plays [`Sound`]s, mostly [`Prompt`]s out of the [`PromptLibrary`].
//! - [`Recorder::begin`] records a channel into a file.
//! - [`LineAudio`] is what a line driver implements to take part.
//! - [`Remote::protection`] says whether packets are encrypted ([`SrtpKeys`]).
//!
//! A packet's way (`worker` -> `relay` -> `stream`): taken off its socket (`reactor`) -> decrypted (`secure`), header checked (`rtp`), source
//! believed or not (`latch`), counted (`reception`), digits read (`digits`) -> route of the channel ->
//! the other stream gives it its own header (`transmission`) in place, converts the companding law by
//! table or decodes and encodes it (`transcoder`) if the codecs differ, and encrypts it; `reactor` sends what was gathered in a
//! round together. A frame's way
//! (`tick`): play list, line or the `playout` of a stream (jitter, losses, clocks) -> stream, line or `room`, where
//! the frames of all members are mixed. Channels of a bridge or room live on one thread; a channel moves to the
//! others' when needed
//! (`command`, `control`).

mod browser;
mod channel;
mod codec;
mod command;
mod conference;
mod control;
mod detection;
mod digits;
mod engine;
mod error;
mod far;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handle;
mod hush;
mod keypad;
mod latch;
mod line;
mod mailbox;
mod membership;
mod parameters;
mod player;
mod playout;
mod ports;
mod prefetch;
mod prompts;
mod quality;
mod reactor;
mod reception;
mod recording;
mod relay;
mod report;
mod room;
mod rtcp;
mod rtp;
mod secure;
mod sending;
mod socket;
mod stream;
mod tick;
mod token;
mod transcoder;
mod transmission;
mod udptl;
mod worker;

pub use codec::{Codec, Format, OpusPreferences, SampleRate};
pub use conference::Room;
pub use detection::{Detected, Detection};
pub use engine::{Engine, EngineConfig};
pub use error::MediaError;
pub use handle::{Channel, Line, PlayHandle, Stream};
pub use line::LineAudio;
pub use parameters::{
    HandshakeFault, IceParameters, Payloads, Protection, Remote, StreamEvent, StreamParameters,
    StreamStatistics,
};
pub use player::{PlayEnd, Repeat, Sound};
pub use prompts::{Encoding, Prompt, PromptLibrary, is_sound};
pub use quality::mean_opinion_score;
pub use reactor::Multiplexing;
pub use recording::{
    Finished, Message, Recorder, RecorderConfig, Recording, RecordingEnd, RecordingFailure,
    Recovered, free_space, keep_message, recover, waveform,
};
pub use room::{Part, RoomEvent};
pub use secure::{MasterKey, SrtpKeys, Suite};
