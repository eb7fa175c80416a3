//! What is not recorded as it came is decoded, and brought to the form of the file.

use ramal_dsp::{RateDoubler, RateHalver};

use super::form::Form;
use super::timeline::RATE;
use crate::codec::{Decoder, LONGEST_PACKET};
use crate::{Codec, SampleRate};

/// One side's decoder, for one codec.
pub(super) struct Decoding {
    decoder: Decoder,
    halver: RateHalver,
    doubler: RateDoubler,
    decoded: [i16; LONGEST_PACKET],
    turned: [i16; 2 * LONGEST_PACKET],
}

impl Decoding {
    /// A decoding of `codec`; `None` when it is only carried.
    pub(super) fn new(codec: Codec) -> Option<Box<Self>> {
        Some(Box::new(Decoding {
            decoder: Decoder::new(codec)?,
            halver: RateHalver::new(),
            doubler: RateDoubler::new(),
            decoded: [0; LONGEST_PACKET],
            turned: [0; 2 * LONGEST_PACKET],
        }))
    }

    pub(super) fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// Appends the packet as samples of `form`.
    pub(super) fn convert(&mut self, payload: &[u8], form: Form, octets: &mut Vec<u8>) {
        let count = self.decoder.decode(payload, &mut self.decoded);
        let decoded = self.decoded.get(..count).unwrap_or_default();
        let samples = match (self.decoder.rate(), form.rate()) {
            (SampleRate::Wide, SampleRate::Narrow) => {
                let turned = &mut self.turned[..count / 2];
                self.halver.process(decoded, turned);
                turned
            }
            (SampleRate::Narrow, SampleRate::Wide) => {
                let turned = &mut self.turned[..count * 2];
                self.doubler.process(decoded, turned);
                turned
            }
            _ => decoded,
        };
        form.append(samples, octets);
    }

    /// A timestamp of the codec in places of the timeline. Where the codec's wraps this jumps, and the timeline begins anew.
    pub(super) fn timestamp(&self, timestamp: u32) -> u32 {
        let clock = u64::from(self.codec().clock_rate());
        (u64::from(timestamp) * RATE / clock) as u32
    }
}
