//! Call references (Q.931 §4.3).

use super::ParseError;

/// Who has chosen a call reference, and so begun the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// This side.
    Ours,
    /// The peer.
    Theirs,
}

/// Names a call on the interface; both sides may use the same value for different calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallReference {
    /// Who has chosen it.
    pub origin: Origin,
    value: u16,
}

impl CallReference {
    /// Largest value of the two octets a primary rate interface uses.
    pub(crate) const MAX: u16 = 0x7FFF;

    /// A reference; only the lower 15 bits of the value count. 0 is the global one (§4.3, restarts).
    pub fn new(origin: Origin, value: u16) -> Self {
        Self {
            origin,
            value: value & Self::MAX,
        }
    }

    /// The value, 0 to 32767.
    pub fn value(self) -> u16 {
        self.value
    }

    /// Whether it is the global call reference.
    pub fn is_global(self) -> bool {
        self.value == 0
    }

    /// Reads a reference from a message of the peer.
    pub(super) fn read(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let (&length, rest) = octets.split_first().ok_or(ParseError::TooShort)?;
        if length & 0xF0 != 0 {
            return Err(ParseError::Reference);
        }
        let (flag, value, rest) = match (length, rest) {
            (0, _) => return Err(ParseError::NoReference),
            (1, [one, rest @ ..]) => (one & 0x80, u16::from(one & 0x7F), rest),
            (2, [high, low, rest @ ..]) => {
                (high & 0x80, u16::from_be_bytes([high & 0x7F, *low]), rest)
            }
            (1 | 2, _) => return Err(ParseError::TooShort),
            _ => return Err(ParseError::Reference),
        };
        // The flag is 1 in messages to the side that has chosen the reference.
        let origin = if flag != 0 {
            Origin::Ours
        } else {
            Origin::Theirs
        };
        Ok((Self { origin, value }, rest))
    }

    pub(super) fn write(self, octets: &mut Vec<u8>) {
        let flag = match self.origin {
            Origin::Ours => 0,
            Origin::Theirs => 0x8000,
        };
        octets.push(2);
        octets.extend((flag | self.value).to_be_bytes());
    }
}
