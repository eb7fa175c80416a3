//! Decoding, block by block and mixed to mono.

use std::fs::File;
use std::path::Path;

use opus_decoder::OpusDecoder;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_OPUS, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_MULAW, CODEC_ID_PCM_S16LE,
};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::default::codecs::{FlacDecoder, MpaDecoder, PcmDecoder, VorbisDecoder};
use symphonia::default::formats::{FlacReader, MpaReader, OggReader, WavReader};

use crate::{MAX_SECONDS, SoundError, SoundFormat};

/// Rates that are believed.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// Packets in a row that may be broken before the file is given up.
const BROKEN_IN_A_ROW: u32 = 50;
/// The longest Opus packet, 120 ms at 48,000 samples a second (RFC 6716 §3.2.5).
const OPUS_PACKET: usize = 5_760;

enum Coder {
    Symphonia(Box<dyn AudioDecoder>),
    Opus {
        decoder: Box<OpusDecoder>,
        /// Factor of the header's output gain (RFC 7845 §5.1).
        gain: f32,
        /// Samples at the beginning that are not to be heard.
        skip: usize,
    },
}

/// Some samples of a file.
pub(crate) struct Block<'a> {
    /// Mono, of full scale 1; never empty.
    pub(crate) mono: &'a [f32],
    /// Samples a second, the same for the whole file.
    pub(crate) rate: u32,
}

impl Block<'_> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.mono.len()
    }
}

/// A file being decoded.
pub(crate) struct Decoder {
    format: SoundFormat,
    reader: Box<dyn FormatReader>,
    coder: Coder,
    track: u32,
    rate: Option<u32>,
    /// 8,000 Hz, mono and already of 16 bits or companded: taken as it is (F157).
    telephone: bool,
    interleaved: Vec<f32>,
    mono: Vec<f32>,
    broken: u32,
}

impl Decoder {
    /// Opens a file of a format that was told before.
    pub(crate) fn open(path: &Path, format: SoundFormat) -> Result<Self, SoundError> {
        let file = File::open(path).map_err(|error| SoundError::file("open", path, &error))?;
        let damaged = |error: Error| damaged(format, &error);
        let source = MediaSourceStream::new(Box::new(file), Default::default());
        let options = FormatOptions::default();
        let reader: Box<dyn FormatReader> = match format {
            SoundFormat::Wav => Box::new(WavReader::try_new(source, options).map_err(damaged)?),
            SoundFormat::Mp3 => Box::new(mp3(source, options).map_err(damaged)?),
            SoundFormat::Ogg => Box::new(OggReader::try_new(source, options).map_err(damaged)?),
            SoundFormat::Flac => Box::new(FlacReader::try_new(source, options).map_err(damaged)?),
        };
        let reason = |reason: &str| SoundError::Damaged {
            format: format.name().to_owned(),
            reason: reason.to_owned(),
        };
        let track = reader
            .default_track(TrackType::Audio)
            .ok_or_else(|| reason("it has no sound track"))?;
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or_else(|| reason("its coding is not known"))?;
        let rate = parameters.sample_rate;
        if rate.is_some_and(|rate| !RATES.contains(&rate)) {
            return Err(reason("its sample rate is not 4,000 to 384,000"));
        }
        let announced = track.num_frames.zip(rate);
        if announced.is_some_and(|(frames, rate)| frames > u64::from(rate) * u64::from(MAX_SECONDS))
        {
            // Refused before anything is decoded.
            return Err(SoundError::TooLong { limit: MAX_SECONDS });
        }
        let channels = parameters
            .channels
            .as_ref()
            .map(|channels| channels.count());
        let plain = [CODEC_ID_PCM_S16LE, CODEC_ID_PCM_ALAW, CODEC_ID_PCM_MULAW];
        let telephone = format == SoundFormat::Wav
            && rate == Some(8_000)
            && channels == Some(1)
            && plain.contains(&parameters.codec);
        let options = AudioDecoderOptions::default();
        let coder = match format {
            SoundFormat::Ogg if parameters.codec == CODEC_ID_OPUS => {
                opus(parameters.extra_data.as_deref().unwrap_or_default())
                    .ok_or_else(|| reason("its Opus header makes no sense"))?
            }
            SoundFormat::Ogg => Coder::Symphonia(Box::new(
                VorbisDecoder::try_new(parameters, &options).map_err(damaged)?,
            )),
            SoundFormat::Wav => Coder::Symphonia(Box::new(
                PcmDecoder::try_new(parameters, &options).map_err(damaged)?,
            )),
            SoundFormat::Mp3 => Coder::Symphonia(Box::new(
                MpaDecoder::try_new(parameters, &options).map_err(damaged)?,
            )),
            SoundFormat::Flac => Coder::Symphonia(Box::new(
                FlacDecoder::try_new(parameters, &options).map_err(damaged)?,
            )),
        };
        Ok(Self {
            format,
            track: track.id,
            reader,
            coder,
            rate,
            telephone,
            interleaved: Vec::new(),
            mono: Vec::new(),
            broken: 0,
        })
    }

    /// Samples a second as the file says it at the beginning.
    pub(crate) fn rate(&self) -> Option<u32> {
        self.rate
    }

    /// Whether it needs no conversion for a telephone line.
    pub(crate) fn is_telephone(&self) -> bool {
        self.telephone
    }

    /// The next samples; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Block<'_>>, SoundError> {
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(None),
                // Files that are cut short play as far as they go.
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Ok(None);
                }
                Err(Error::ResetRequired) => return Ok(None),
                Err(error) => return Err(damaged(self.format, &error)),
            };
            if packet.track_id != self.track {
                continue;
            }
            self.mono.clear();
            let decoded = match &mut self.coder {
                Coder::Symphonia(decoder) => match decoder.decode(&packet) {
                    Ok(buffer) => {
                        let rate = buffer.spec().rate();
                        if self.rate.is_some_and(|known| known != rate) || !RATES.contains(&rate) {
                            return Err(SoundError::Damaged {
                                format: self.format.name().to_owned(),
                                reason: "its sample rate changes on the way".to_owned(),
                            });
                        }
                        self.rate = Some(rate);
                        mix(&buffer, &mut self.interleaved, &mut self.mono);
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
                Coder::Opus {
                    decoder,
                    gain,
                    skip,
                } => {
                    self.interleaved.resize(OPUS_PACKET, 0.0);
                    match decoder.decode_float(&packet.data, &mut self.interleaved, false) {
                        Ok(count) => {
                            let unheard = (*skip).min(count);
                            *skip -= unheard;
                            let heard = self.interleaved.get(unheard..count).unwrap_or_default();
                            let gain = *gain;
                            self.mono.extend(heard.iter().map(|sample| sample * gain));
                            Ok(())
                        }
                        Err(_) => Err(Error::DecodeError("a packet cannot be decoded")),
                    }
                }
            };
            match decoded {
                Ok(()) => self.broken = 0,
                Err(error) => {
                    self.broken += 1;
                    if self.broken > BROKEN_IN_A_ROW {
                        return Err(damaged(self.format, &error));
                    }
                }
            }
            if let Some(rate) = self.rate
                && !self.mono.is_empty()
            {
                return Ok(Some(Block {
                    mono: &self.mono,
                    rate,
                }));
            }
        }
    }
}

/// Finds the first frame behind tags at the beginning.
fn mp3(
    mut source: MediaSourceStream<'static>,
    options: FormatOptions,
) -> symphonia::core::errors::Result<MpaReader<'static>> {
    use std::io::{Read, Seek, SeekFrom};
    // ID3v2: length of the tag in four octets of seven bits (id3v2.4.0 §3.1). There may be more than one.
    let mut at = 0u64;
    loop {
        let mut head = [0u8; 10];
        source.seek(SeekFrom::Start(at))?;
        if source.read_exact(&mut head).is_err() || !head.starts_with(b"ID3") {
            break;
        }
        let footer = if head[5] & 0x10 != 0 { 10 } else { 0 };
        let length = head[6..]
            .iter()
            .fold(0u64, |length, octet| length << 7 | u64::from(octet & 0x7F));
        at += 10 + length + footer;
    }
    source.seek(SeekFrom::Start(at))?;
    MpaReader::try_new(source, options)
}

/// The decoder of an Ogg Opus stream, from its identification header (RFC 7845 §5.1).
fn opus(head: &[u8]) -> Option<Coder> {
    let field = |at: usize| Some(u16::from_le_bytes([*head.get(at)?, *head.get(at + 1)?]));
    // Mapping family 0 is one stream of one or two channels; others are surround sound.
    if head.get(18).copied() != Some(0) {
        return None;
    }
    let gain = f32::from(field(16)?.cast_signed()) / 256.0;
    Some(Coder::Opus {
        decoder: Box::new(OpusDecoder::new(48_000, 1).ok()?),
        gain: 10f32.powf(gain / 20.0),
        skip: usize::from(field(10)?),
    })
}

/// Mixes all channels to one, each with the same share.
fn mix(buffer: &GenericAudioBufferRef<'_>, interleaved: &mut Vec<f32>, mono: &mut Vec<f32>) {
    let channels = buffer.num_planes().max(1);
    interleaved.resize(buffer.samples_interleaved(), 0.0);
    buffer.copy_to_slice_interleaved(&mut interleaved[..]);
    let clean = |sample: f32| {
        if sample.is_finite() {
            sample.clamp(-16.0, 16.0)
        } else {
            0.0
        }
    };
    if channels == 1 {
        mono.extend(interleaved.iter().map(|sample| clean(*sample)));
    } else {
        let share = 1.0 / channels as f32;
        mono.extend(
            interleaved
                .chunks_exact(channels)
                .map(|frame| frame.iter().map(|sample| clean(*sample)).sum::<f32>() * share),
        );
    }
}

fn damaged(format: SoundFormat, error: &Error) -> SoundError {
    let reason = match error {
        Error::DecodeError(reason) | Error::Unsupported(reason) => (*reason).to_owned(),
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "it is cut short".to_owned()
        }
        other => other.to_string(),
    };
    SoundError::Damaged {
        format: format.name().to_owned(),
        reason,
    }
}
