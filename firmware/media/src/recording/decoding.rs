//! What is not companded already is decoded and companded for the file.

use ramal_dsp::{Law, RateHalver};

use crate::codec::{Decoder, LONGEST_PACKET};
use crate::recording::timeline::RATE;
use crate::{Codec, SampleRate};

/// One side's decoder, for one codec.
pub(super) struct Decoding {
    decoder: Decoder,
    halver: RateHalver,
    decoded: [i16; LONGEST_PACKET],
    narrow: [i16; LONGEST_PACKET],
    octets: [u8; LONGEST_PACKET],
}

impl Decoding {
    /// A decoding of `codec`; `None` when it is only carried.
    pub(super) fn new(codec: Codec) -> Option<Box<Self>> {
        Some(Box::new(Decoding {
            decoder: Decoder::new(codec)?,
            halver: RateHalver::new(),
            decoded: [0; LONGEST_PACKET],
            narrow: [0; LONGEST_PACKET],
            octets: [0; LONGEST_PACKET],
        }))
    }

    pub(super) fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// The packet as octets of `law`, 8,000 a second.
    pub(super) fn compand(&mut self, payload: &[u8], law: Law) -> &[u8] {
        let count = self.decoder.decode(payload, &mut self.decoded);
        let samples = match self.decoder.rate() {
            SampleRate::Narrow => &self.decoded[..count],
            SampleRate::Wide => {
                let half = count / 2;
                self.halver
                    .process(&self.decoded[..half * 2], &mut self.narrow[..half]);
                &self.narrow[..half]
            }
        };
        let octets = &mut self.octets[..samples.len()];
        law.encode(samples, octets);
        octets
    }

    /// A timestamp of the codec in samples of the file. Where the codec's wraps this jumps, and the timeline begins anew.
    pub(super) fn timestamp(&self, timestamp: u32) -> u32 {
        let clock = u64::from(self.codec().clock_rate());
        (u64::from(timestamp) * RATE / clock) as u32
    }
}
