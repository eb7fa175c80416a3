//! Linear samples to octets of a packet, 20 ms at a time.

use ramal_dsp::{G722Encoder, Law, RateDoubler, RateHalver};

use super::opus::{OpusCoder, OpusPreferences};
use super::{Codec, SampleRate};

/// Octets of the longest frame: L16 at 16 kHz; Opus stays below at the rates used here.
pub(crate) const LONGEST_FRAME: usize = 640;
/// Samples of a frame at the highest rate.
const WIDEST: usize = SampleRate::Wide.frame();
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
    Opus(Box<OpusCoder>),
}

impl Encoder {
    /// An encoder for `codec`; `None` when it is only carried. `band` is that of the samples it will be
    /// given: of the narrow band Opus encodes no more than there is. Allocates.
    pub(crate) fn new(codec: Codec, band: SampleRate) -> Option<Self> {
        Self::for_far_end(codec, band, OpusPreferences::default())
    }

    /// The same for a far end that asks for something.
    pub(crate) fn for_far_end(
        codec: Codec,
        band: SampleRate,
        preferences: OpusPreferences,
    ) -> Option<Self> {
        let rate = match codec {
            Codec::Opus => preferences.rate(band),
            other => other.sample_rate()?,
        };
        let state = match codec {
            Codec::Pcma => State::Law(Law::A),
            Codec::Pcmu => State::Law(Law::Mu),
            Codec::L16(_) => State::L16,
            Codec::G722 => State::G722(Box::default()),
            Codec::Opus => State::Opus(Box::new(OpusCoder::new(rate, preferences)?)),
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

    /// Whether it does for sound of this band and a far end that asks for this. A wide encoder takes narrow sound, too.
    pub(crate) fn fits(&self, band: SampleRate, preferences: OpusPreferences) -> bool {
        match &self.state {
            State::Opus(coder) => {
                coder.preferences() == preferences && self.rate >= preferences.rate(band)
            }
            _ => true,
        }
    }

    /// The far end has lost so many packets of a hundred lately.
    pub(crate) fn expect_loss(&mut self, percent: u8) {
        if let State::Opus(coder) = &mut self.state {
            coder.expect_loss(percent);
        }
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
            State::Opus(coder) => coder.encode(samples, octets).min(LONGEST_FRAME),
        }
    }
}
