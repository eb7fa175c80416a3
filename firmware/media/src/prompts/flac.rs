//! Reading of FLAC (RFC 9639): what the image keeps its prompts and music in.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::default::codecs::FlacDecoder;
use symphonia::default::formats::FlacReader;

/// How a file of this kind begins.
pub(super) const MAGIC: &[u8; 4] = b"fLaC";
/// Octets of the magic, the first block's header and that block, STREAMINFO (RFC 9639 §8.2).
pub(super) const HEAD: usize = 4 + 4 + 34;

/// What STREAMINFO says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamInfo {
    /// Samples a second.
    pub(super) rate: u32,
    /// 1 to 8.
    pub(super) channels: u8,
    /// 4 to 32.
    pub(super) bits: u8,
    /// Of one channel; 0 when it was not known.
    pub(super) samples: u64,
}

impl StreamInfo {
    /// Reads a file's first [`HEAD`] octets; `None` when they are no head of a FLAC file.
    pub(super) fn parse(head: &[u8; HEAD]) -> Option<Self> {
        // The first block is STREAMINFO, whatever follows it.
        let (true, [0 | 0x80, 0, 0, 34]) = (head.starts_with(MAGIC), head[4..8].as_array()?) else {
            return None;
        };
        // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples.
        let packed = u64::from_be_bytes(*head[18..26].as_array()?);
        Some(Self {
            rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 0x7) as u8 + 1,
            bits: (packed >> 36 & 0x1f) as u8 + 1,
            samples: packed & 0xf_ffff_ffff,
        })
    }
}

/// A file that is being decoded, from its beginning on.
pub(super) struct Reader {
    reader: FlacReader<'static>,
    decoder: FlacDecoder,
    track: u32,
    decoded: Vec<i16>,
    /// Decoded and not asked for yet.
    left: VecDeque<i16>,
}

impl Reader {
    /// Opens a file of one channel and 16 bits.
    ///
    /// # Errors
    /// It cannot be read, or not be decoded.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let source = MediaSourceStream::new(Box::new(File::open(path)?), Default::default());
        let reader = FlacReader::try_new(source, FormatOptions::default()).map_err(damaged)?;
        let track = reader.default_track(TrackType::Audio);
        let (track, parameters) = track
            .and_then(|track| Some((track.id, track.codec_params.as_ref()?.audio()?)))
            .ok_or_else(|| io::Error::other("it has no sound"))?;
        let decoder =
            FlacDecoder::try_new(parameters, &AudioDecoderOptions::default()).map_err(damaged)?;
        Ok(Self {
            reader,
            decoder,
            track,
            decoded: Vec::new(),
            left: VecDeque::new(),
        })
    }

    /// The next `count` samples, fewer at the end.
    ///
    /// # Errors
    /// It cannot be read, or not be decoded.
    pub(super) fn read(&mut self, count: usize) -> io::Result<Vec<i16>> {
        while self.left.len() < count {
            let Some(packet) = self.reader.next_packet().map_err(damaged)? else {
                break;
            };
            if packet.track_id != self.track {
                continue;
            }
            let buffer = self.decoder.decode(&packet).map_err(damaged)?;
            buffer.copy_to_vec_interleaved(&mut self.decoded);
            self.left.extend(&self.decoded);
        }
        Ok(self.left.drain(..count.min(self.left.len())).collect())
    }
}

fn damaged(error: Error) -> io::Error {
    match error {
        Error::IoError(error) => error,
        other => io::Error::other(other),
    }
}
