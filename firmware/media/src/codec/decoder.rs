//! Octets of a packet to linear samples.

use opus_rs::OpusDecoder;
use ramal_dsp::{G722Decoder, Law};

use super::{Codec, SampleRate};

/// Samples of the longest packet that is decoded: 120 ms at 16 kHz (RFC 6716 §2.1.4 for Opus).
pub(crate) const LONGEST_PACKET: usize = 1_920;

/// A decoder with its state.
pub(crate) struct Decoder {
    codec: Codec,
    rate: SampleRate,
    state: State,
}

enum State {
    Law(Law),
    L16,
    G722(Box<G722Decoder>),
    Opus(Box<Opus>),
}

struct Opus {
    decoder: OpusDecoder,
    samples: [f32; LONGEST_PACKET],
}

impl Decoder {
    /// A decoder for `codec`; `None` when it is only carried. Allocates for Opus.
    pub(crate) fn new(codec: Codec) -> Option<Self> {
        let state = match codec {
            Codec::Pcma => State::Law(Law::A),
            Codec::Pcmu => State::Law(Law::Mu),
            Codec::L16(_) => State::L16,
            Codec::G722 => State::G722(Box::default()),
            Codec::Opus => {
                let decoder = OpusDecoder::new(16_000, 1).ok()?;
                let samples = [0.0; LONGEST_PACKET];
                State::Opus(Box::new(Opus { decoder, samples }))
            }
            Codec::Passthrough(_) => return None,
        };
        let rate = codec.sample_rate()?;
        Some(Decoder { codec, rate, state })
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Rate of the samples it gives.
    pub(crate) fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Takes up another companding law; false when that would need another decoder.
    pub(crate) fn turn_to(&mut self, codec: Codec) -> bool {
        if let (State::Law(law), Some(other)) = (&mut self.state, codec.law()) {
            *law = other;
            self.codec = codec;
        }
        self.codec == codec
    }

    /// Forgets what was heard: the next packet is from another source.
    pub(crate) fn restart(&mut self) {
        if let State::G722(decoder) = &mut self.state {
            **decoder = G722Decoder::new();
        }
        // Opus adapts within a frame and has no state that a listener would notice.
    }

    /// Decodes a packet; gives how many samples there are, 0 when it is broken.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: &mut [i16; LONGEST_PACKET]) -> usize {
        match &mut self.state {
            State::Law(law) => {
                law.decode(payload, samples);
                payload.len().min(LONGEST_PACKET)
            }
            State::L16 => {
                let (pairs, _) = payload.as_chunks::<2>();
                for (sample, &pair) in samples.iter_mut().zip(pairs) {
                    *sample = i16::from_be_bytes(pair);
                }
                pairs.len().min(LONGEST_PACKET)
            }
            State::G722(decoder) => {
                decoder.decode(payload, samples);
                (payload.len() * 2).min(LONGEST_PACKET)
            }
            State::Opus(opus) => {
                // A packet of one octet or none stands for a lost one.
                if payload.len() < 2 {
                    return 0;
                }
                let decoded = opus
                    .decoder
                    .decode(payload, LONGEST_PACKET, &mut opus.samples);
                opus.take(decoded.unwrap_or(0), samples)
            }
        }
    }

    /// Makes up `wanted` lost samples (20 ms) the way the codec itself knows; 0 when it knows none.
    /// `next` is the packet after the loss, if it came: Opus repairs the loss out of it (RFC 6716 §4.4).
    pub(crate) fn conceal(
        &mut self,
        wanted: usize,
        next: Option<&[u8]>,
        samples: &mut [i16; LONGEST_PACKET],
    ) -> usize {
        let State::Opus(opus) = &mut self.state else {
            return 0;
        };
        let Some(room) = opus.samples.get_mut(..wanted) else {
            return 0;
        };
        let made = match next {
            Some(next) => opus.decoder.decode_fec(next, wanted, room),
            None => opus.decoder.decode(&[], wanted, room),
        };
        opus.take(made.unwrap_or(0).min(wanted), samples)
    }
}

impl Opus {
    fn take(&self, count: usize, samples: &mut [i16; LONGEST_PACKET]) -> usize {
        for (to, from) in samples.iter_mut().zip(&self.samples).take(count) {
            // Saturates.
            *to = (from * 32_768.0).round_ties_even() as i16;
        }
        count.min(LONGEST_PACKET)
    }
}

/// Samples a packet decodes to, without decoding it; 0 when it is broken.
pub(crate) fn samples_in(codec: Codec, payload: &[u8]) -> usize {
    match codec {
        Codec::Pcma | Codec::Pcmu => payload.len(),
        Codec::L16(_) => payload.len() / 2,
        Codec::G722 => payload.len() * 2,
        Codec::Opus => opus_samples(payload).unwrap_or(0),
        Codec::Passthrough(_) => 0,
    }
}

/// Samples at 16 kHz of an Opus packet by its first octets (RFC 6716 §3.1, §3.2).
fn opus_samples(payload: &[u8]) -> Option<usize> {
    let first = *payload.first()?;
    let frame = match first >> 3 {
        // Quarters of a millisecond are whole numbers of samples.
        configuration @ 0..=11 => [160, 320, 640, 960][usize::from(configuration % 4)],
        configuration @ 12..=15 => [160, 320][usize::from(configuration % 2)],
        configuration => [40, 80, 160, 320][usize::from(configuration % 4)],
    };
    let frames = match first & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(payload.get(1)? & 0x3F),
    };
    Some(frames * frame).filter(|&samples| samples <= LONGEST_PACKET)
}
