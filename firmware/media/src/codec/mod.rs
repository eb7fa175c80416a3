//! Codecs: what they are called, how their RTP clocks run, and the formats that are only carried.

#[cfg(test)]
#[path = "tests.rs"]
mod coder_tests;
mod decoder;
mod encoder;
mod format;
mod opus;

use ramal_dsp::Law;

pub(crate) use decoder::{Decoder, LONGEST_PACKET, samples_in};
pub(crate) use encoder::{Encoder, LONGEST_FRAME};
pub use format::Format;
pub use opus::OpusPreferences;

/// Linear samples a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleRate {
    /// 8,000: telephony.
    Narrow,
    /// 16,000: G.722, and what Opus is decoded to here.
    Wide,
}

impl SampleRate {
    /// Samples in one second.
    #[must_use]
    pub const fn hertz(self) -> u32 {
        match self {
            SampleRate::Narrow => 8_000,
            SampleRate::Wide => 16_000,
        }
    }

    /// Samples in 20 ms.
    #[must_use]
    pub const fn frame(self) -> usize {
        self.hertz() as usize / 50
    }
}

/// What audio is sent as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 A-law, static payload type 8 (RFC 3551 §6).
    Pcma,
    /// G.711 mu-law, static payload type 0.
    Pcmu,
    /// G.722 at 64 kbit/s, static payload type 9. Its RTP clock runs at 8,000 although its samples are
    /// 16,000 a second (RFC 3551 §4.5.2).
    G722,
    /// Opus (RFC 6716, RFC 7587): always 48,000 and two channels in SDP; mono is sent.
    Opus,
    /// Linear 16-bit samples, mono, most significant octet first (RFC 3551 §4.5.11).
    L16(SampleRate),
    /// A format both ends of a bridge agreed on, carried without being understood.
    Passthrough(Format),
}

impl Codec {
    /// Every codec that is encoded and decoded here.
    pub const DECODED: [Codec; 6] = [
        Codec::Pcma,
        Codec::Pcmu,
        Codec::G722,
        Codec::Opus,
        Codec::L16(SampleRate::Narrow),
        Codec::L16(SampleRate::Wide),
    ];

    /// Encoding name in SDP (RFC 3551 §6).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
            Codec::L16(_) => "L16",
            Codec::Passthrough(format) => format.name(),
        }
    }

    /// RTP timestamp units a second.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self {
            Codec::Pcma | Codec::Pcmu | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
            Codec::L16(rate) => rate.hertz(),
            Codec::Passthrough(format) => format.clock_rate(),
        }
    }

    /// Channels as SDP says it; 1 is mono.
    #[must_use]
    pub fn channels(self) -> u8 {
        match self {
            Codec::Opus => 2,
            Codec::Passthrough(format) => format.channels(),
            Codec::Pcma | Codec::Pcmu | Codec::G722 | Codec::L16(_) => 1,
        }
    }

    /// Rate of the samples that are worth giving to its encoder and that its decoder gives; `None` for what is
    /// only carried. Of Opus the band that telephony has a use for is decoded, up to 8 kHz.
    #[must_use]
    pub const fn sample_rate(self) -> Option<SampleRate> {
        match self {
            Codec::Pcma | Codec::Pcmu => Some(SampleRate::Narrow),
            Codec::G722 | Codec::Opus => Some(SampleRate::Wide),
            Codec::L16(rate) => Some(rate),
            Codec::Passthrough(_) => None,
        }
    }

    /// Static payload type of RFC 3551 table 4; `None` where one has to be agreed on.
    #[must_use]
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcma => Some(8),
            Codec::Pcmu => Some(0),
            Codec::G722 => Some(9),
            Codec::Opus | Codec::L16(_) | Codec::Passthrough(_) => None,
        }
    }

    /// Payload type it is offered under: the static one, or a dynamic one that is the same in every
    /// offer made here (RFC 3551 §3: 96-127).
    #[must_use]
    pub fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
            Codec::G722 => 9,
            // What browsers use.
            Codec::Opus => 111,
            Codec::L16(SampleRate::Narrow) => 118,
            Codec::L16(SampleRate::Wide) => 119,
            Codec::Passthrough(format) => format.payload_type(),
        }
    }

    /// Companding law of G.711; `None` for all others.
    #[must_use]
    pub const fn law(self) -> Option<Law> {
        match self {
            Codec::Pcma => Some(Law::A),
            Codec::Pcmu => Some(Law::Mu),
            Codec::G722 | Codec::Opus | Codec::L16(_) | Codec::Passthrough(_) => None,
        }
    }

    /// Whether packets of one are packets of the other, or become them octet by octet.
    #[must_use]
    pub const fn is_relayed_to(self, other: Codec) -> bool {
        match (self, other) {
            (Codec::Pcma | Codec::Pcmu, Codec::Pcma | Codec::Pcmu)
            | (Codec::G722, Codec::G722)
            | (Codec::Opus, Codec::Opus) => true,
            (Codec::L16(a), Codec::L16(b)) => a.hertz() == b.hertz(),
            (Codec::Passthrough(a), Codec::Passthrough(b)) => a.is(b),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_types_of_what_is_offered_differ() {
        let mut numbers = Codec::DECODED.map(Codec::payload_type);
        numbers.sort_unstable();
        assert!(numbers.windows(2).all(|pair| pair[0] != pair[1]));
        for codec in Codec::DECODED {
            let number = codec.payload_type();
            assert_eq!(codec.static_payload_type().unwrap_or(number), number);
            assert!(codec.is_relayed_to(codec));
        }
    }

    #[test]
    fn only_the_laws_become_each_other() {
        for a in Codec::DECODED {
            for b in Codec::DECODED {
                let laws = a.law().is_some() && b.law().is_some();
                assert_eq!(a.is_relayed_to(b), a == b || laws, "{a:?} {b:?}");
            }
        }
    }
}
