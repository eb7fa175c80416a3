//! Linear samples to octets of a packet, 20 ms at a time.

use opus_rs::{Application, OpusEncoder};
use ramal_dsp::{G722Encoder, Law, RateDoubler, RateHalver};

use super::{Codec, SampleRate};

/// Octets of the longest frame: L16 at 16 kHz; Opus stays below at the rates used here.
pub(crate) const LONGEST_FRAME: usize = 640;
/// Samples of a frame at the highest rate.
const WIDEST: usize = SampleRate::Wide.frame();
/// Bits a second of Opus for the telephone band and for twice of it. Voices do with a third of it; several tones at once
/// are within half a decibel from here on, and a packet is still shorter than one of G.711. Time it costs none.
const OPUS_BITRATES: [i32; 2] = [48_000, 96_000];
/// How hard Opus tries, 0-10: beyond this the time grows faster than the sound gets better. `examples/core_cost.rs`
/// measures it.
const OPUS_COMPLEXITY: i32 = 3;

/// An encoder with its state and what brings samples to its rate.
pub(crate) struct Encoder {
    codec: Codec,
    rate: SampleRate,
    state: State,
    doubler: RateDoubler,
    halver: RateHalver,
}

enum State {
    Law(Law),
    L16,
    G722(Box<G722Encoder>),
    Opus(Box<OpusEncoder>),
}

impl Encoder {
    /// An encoder for `codec`; `None` when it is only carried. `band` is that of the samples it will be
    /// given: of the narrow band Opus encodes no more than there is. Allocates.
    pub(crate) fn new(codec: Codec, band: SampleRate) -> Option<Self> {
        let rate = match codec {
            Codec::Opus => band,
            other => other.sample_rate()?,
        };
        let state = match codec {
            Codec::Pcma => State::Law(Law::A),
            Codec::Pcmu => State::Law(Law::Mu),
            Codec::L16(_) => State::L16,
            Codec::G722 => State::G722(Box::default()),
            Codec::Opus => {
                let hertz = rate.hertz().cast_signed();
                let mut encoder = OpusEncoder::new(hertz, 1, Application::Voip).ok()?;
                let [narrow, wide] = OPUS_BITRATES;
                encoder.bitrate_bps = match rate {
                    SampleRate::Narrow => narrow,
                    SampleRate::Wide => wide,
                };
                encoder.complexity = OPUS_COMPLEXITY;
                State::Opus(Box::new(encoder))
            }
            Codec::Passthrough(_) => return None,
        };
        Some(Encoder {
            codec,
            rate,
            state,
            doubler: RateDoubler::new(),
            halver: RateHalver::new(),
        })
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Rate of the samples it takes without conversion.
    pub(crate) fn rate(&self) -> SampleRate {
        self.rate
    }

    /// Encodes 20 ms at `rate`; gives how many octets there are, 0 when the encoder failed.
    pub(crate) fn encode(
        &mut self,
        samples: &[i16],
        rate: SampleRate,
        octets: &mut [u8; LONGEST_FRAME],
    ) -> usize {
        let mut converted = [0i16; WIDEST];
        let samples = match (rate, self.rate) {
            (SampleRate::Narrow, SampleRate::Wide) => {
                self.doubler.process(samples, &mut converted);
                converted.get(..2 * samples.len()).unwrap_or_default()
            }
            (SampleRate::Wide, SampleRate::Narrow) => {
                self.halver.process(samples, &mut converted);
                converted.get(..samples.len() / 2).unwrap_or_default()
            }
            _ => samples,
        };
        match &mut self.state {
            State::Law(law) => {
                law.encode(samples, octets);
                samples.len().min(LONGEST_FRAME)
            }
            State::L16 => {
                let (pairs, _) = octets.as_chunks_mut::<2>();
                for (pair, sample) in pairs.iter_mut().zip(samples) {
                    *pair = sample.to_be_bytes();
                }
                (2 * samples.len()).min(LONGEST_FRAME)
            }
            State::G722(encoder) => {
                encoder.encode(samples, octets);
                (samples.len() / 2).min(LONGEST_FRAME)
            }
            State::Opus(encoder) => encoder
                .encode_i16(samples, samples.len(), octets)
                .unwrap_or(0)
                .min(LONGEST_FRAME),
        }
    }
}
