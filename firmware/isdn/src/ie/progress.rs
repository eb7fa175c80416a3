//! Progress indicator (Q.931 §4.5.23).

use super::cause::Location;
use super::{Malformed, group};

/// What has happened on the way of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgressDescription {
    /// 1: the call is not end-to-end ISDN; more may come in-band.
    NotEndToEndIsdn,
    /// 2: the destination is not ISDN.
    DestinationNotIsdn,
    /// 3: the origin is not ISDN.
    OriginNotIsdn,
    /// 4: the call is back in the ISDN.
    ReturnedToIsdn,
    /// 5: interworking has changed the service.
    ServiceChanged,
    /// 8: in-band information or an appropriate pattern is now available.
    InBand,
    /// Any other value.
    Other(u8),
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProgressIndicator {
    /// Where it comes from.
    pub location: Location,
    /// What has happened.
    pub description: ProgressDescription,
}

impl ProgressIndicator {
    /// Whether the caller should listen to the channel (descriptions 1, 2 and 8; Q.931 §5.1.6, §5.4).
    pub fn is_in_band(&self) -> bool {
        matches!(
            self.description,
            ProgressDescription::NotEndToEndIsdn
                | ProgressDescription::DestinationNotIsdn
                | ProgressDescription::InBand
        )
    }

    pub(crate) fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let (three, rest) = group(octets)?;
        if three[0] & 0x60 != 0 {
            return Err(Malformed);
        }
        let four = rest.first().ok_or(Malformed)?;
        Ok(Self {
            location: Location::from_bits(three[0]),
            description: match four & 0x7F {
                1 => ProgressDescription::NotEndToEndIsdn,
                2 => ProgressDescription::DestinationNotIsdn,
                3 => ProgressDescription::OriginNotIsdn,
                4 => ProgressDescription::ReturnedToIsdn,
                5 => ProgressDescription::ServiceChanged,
                8 => ProgressDescription::InBand,
                other => ProgressDescription::Other(other),
            },
        })
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        let description = match self.description {
            ProgressDescription::NotEndToEndIsdn => 1,
            ProgressDescription::DestinationNotIsdn => 2,
            ProgressDescription::OriginNotIsdn => 3,
            ProgressDescription::ReturnedToIsdn => 4,
            ProgressDescription::ServiceChanged => 5,
            ProgressDescription::InBand => 8,
            ProgressDescription::Other(other) => other & 0x7F,
        };
        vec![0x80 | self.location.bits(), 0x80 | description]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_band_information_is_read_and_printed() {
        let element = ProgressIndicator {
            location: Location::PrivateLocal,
            description: ProgressDescription::InBand,
        };
        assert_eq!(element.encode(), [0x81, 0x88]);
        assert_eq!(ProgressIndicator::decode(&[0x81, 0x88]), Ok(element));
        assert!(element.is_in_band());
        assert_eq!(ProgressIndicator::decode(&[0x81]), Err(Malformed));
    }
}
