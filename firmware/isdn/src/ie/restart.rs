//! Restart indicator (Q.931 §4.5.25).

use super::Malformed;

/// What is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestartIndicator {
    /// The channels that Channel identification names.
    IndicatedChannels,
    /// The interface with all its channels.
    SingleInterface,
    /// All interfaces this D channel controls.
    AllInterfaces,
}

impl RestartIndicator {
    pub(crate) fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        match octets.first().map(|octet| octet & 7) {
            Some(0) => Ok(Self::IndicatedChannels),
            Some(6) => Ok(Self::SingleInterface),
            Some(7) => Ok(Self::AllInterfaces),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        vec![match self {
            Self::IndicatedChannels => 0x80,
            Self::SingleInterface => 0x86,
            Self::AllInterfaces => 0x87,
        }]
    }
}
