//! Bearer capability (Q.931 §4.5.5).

use super::{Malformed, group};

/// What a call carries (octet 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferCapability {
    /// Speech; the network may compress it or cancel echoes.
    Speech,
    /// 64 kbit/s as they are.
    UnrestrictedDigital,
    /// 3.1 kHz audio: also for modems and fax.
    Audio3k1,
    /// Any other value of bits 5 to 1.
    Other(u8),
}

/// How samples are coded (octet 5, user information layer 1 protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Law {
    /// G.711 A-law.
    A,
    /// G.711 mu-law.
    Mu,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BearerCapability {
    /// What the call carries.
    pub capability: TransferCapability,
    /// Law of speech and 3.1 kHz audio, when told.
    pub law: Option<Law>,
    /// Circuit mode at 64 kbit/s; nothing else fits a B channel of this gateway.
    pub circuit_64k: bool,
}

impl BearerCapability {
    /// Speech in A-law.
    pub const SPEECH: Self = Self {
        capability: TransferCapability::Speech,
        law: Some(Law::A),
        circuit_64k: true,
    };
    /// 3.1 kHz audio in A-law.
    pub const AUDIO_3K1: Self = Self {
        capability: TransferCapability::Audio3k1,
        law: Some(Law::A),
        circuit_64k: true,
    };
    /// Unrestricted digital information at 64 kbit/s.
    pub const DIGITAL_64K: Self = Self {
        capability: TransferCapability::UnrestrictedDigital,
        law: None,
        circuit_64k: true,
    };

    /// Whether the gateway can carry it; else a call is refused with cause 65.
    pub fn is_supported(self) -> bool {
        self.circuit_64k && !matches!(self.capability, TransferCapability::Other(_))
    }

    pub(crate) fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let (three, rest) = group(octets)?;
        let first = three[0];
        if first & 0x60 != 0 {
            return Err(Malformed);
        }
        let capability = match first & 0x1F {
            0x00 => TransferCapability::Speech,
            0x08 => TransferCapability::UnrestrictedDigital,
            0x10 => TransferCapability::Audio3k1,
            other => TransferCapability::Other(other),
        };
        let (four, rest) = group(rest)?;
        let circuit_64k = four[0] & 0x7F == 0x10;
        let law = rest.first().and_then(|five| match five & 0x7F {
            0x22 => Some(Law::Mu),
            0x23 => Some(Law::A),
            _ => None,
        });
        Ok(Self {
            capability,
            law,
            circuit_64k,
        })
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        let capability = match self.capability {
            TransferCapability::Speech => 0x00,
            TransferCapability::UnrestrictedDigital => 0x08,
            TransferCapability::Audio3k1 => 0x10,
            TransferCapability::Other(other) => other & 0x1F,
        };
        let mut octets = vec![0x80 | capability, 0x90];
        octets.extend(self.law.map(|law| match law {
            Law::Mu => 0xA2,
            Law::A => 0xA3,
        }));
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ones_are_read_and_printed() {
        for (bearer, octets) in [
            (BearerCapability::SPEECH, &[0x80, 0x90, 0xA3][..]),
            (BearerCapability::AUDIO_3K1, &[0x90, 0x90, 0xA3]),
            (BearerCapability::DIGITAL_64K, &[0x88, 0x90]),
        ] {
            assert_eq!(bearer.encode(), octets);
            assert_eq!(BearerCapability::decode(octets), Ok(bearer));
            assert!(bearer.is_supported());
        }
    }

    #[test]
    fn packet_mode_and_two_channels_are_not_supported() {
        for octets in [&[0x88, 0xC0, 0xC6, 0xE6][..], &[0x88, 0x91], &[0x98, 0x90]] {
            assert!(BearerCapability::decode(octets).is_ok_and(|bearer| !bearer.is_supported()));
        }
        assert_eq!(BearerCapability::decode(&[0x80]), Err(Malformed));
        assert_eq!(BearerCapability::decode(&[]), Err(Malformed));
    }
}
