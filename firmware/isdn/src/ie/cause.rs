//! Cause (Q.931 §4.5.12, Q.850 §2.2).

use super::{Malformed, group};
use crate::Cause;

/// Where a cause comes from (Q.850 §2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// The user.
    User,
    /// Private network serving the local user.
    PrivateLocal,
    /// Public network serving the local user.
    PublicLocal,
    /// Transit network.
    Transit,
    /// Public network serving the remote user.
    PublicRemote,
    /// Private network serving the remote user.
    PrivateRemote,
    /// Any other value of bits 4 to 1.
    Other(u8),
}

impl Location {
    pub(super) fn from_bits(octet: u8) -> Self {
        match octet & 0x0F {
            0 => Self::User,
            1 => Self::PrivateLocal,
            2 => Self::PublicLocal,
            3 => Self::Transit,
            4 => Self::PublicRemote,
            5 => Self::PrivateRemote,
            other => Self::Other(other),
        }
    }

    pub(super) fn bits(self) -> u8 {
        match self {
            Self::User => 0,
            Self::PrivateLocal => 1,
            Self::PublicLocal => 2,
            Self::Transit => 3,
            Self::PublicRemote => 4,
            Self::PrivateRemote => 5,
            Self::Other(other) => other & 0x0F,
        }
    }
}

/// A cause with its location and diagnostics.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CauseElement {
    /// Where it comes from.
    pub location: Location,
    /// The cause.
    pub cause: Cause,
    /// Diagnostics as they are (octets 5 and on).
    pub diagnostics: Vec<u8>,
}

impl CauseElement {
    pub(crate) fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let (three, rest) = group(octets)?;
        if three.len() > 2 {
            return Err(Malformed);
        }
        let (value, diagnostics) = rest.split_first().ok_or(Malformed)?;
        Ok(Self {
            location: Location::from_bits(three[0]),
            cause: Cause::new(value & 0x7F).ok_or(Malformed)?,
            diagnostics: diagnostics.to_vec(),
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut octets = vec![0x80 | self.location.bits(), 0x80 | self.cause.value()];
        octets.extend_from_slice(&self.diagnostics);
        // The whole element may take 32 octets (§4.5.12).
        octets.truncate(30);
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_read_with_and_without_octet_3a() {
        let busy = CauseElement {
            location: Location::PublicRemote,
            cause: Cause::USER_BUSY,
            diagnostics: vec![],
        };
        assert_eq!(busy.encode(), [0x84, 0x91]);
        assert_eq!(CauseElement::decode(&[0x84, 0x91]), Ok(busy.clone()));
        assert_eq!(CauseElement::decode(&[0x04, 0x80, 0x91]), Ok(busy));
        assert_eq!(CauseElement::decode(&[0x84]), Err(Malformed));
        assert_eq!(CauseElement::decode(&[0x84, 0x80]), Err(Malformed));
    }
}
