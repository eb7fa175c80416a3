//! Channel identification (Q.931 §4.5.13), in the form for primary rate interfaces.

use super::{Malformed, group};
use crate::channels::ChannelSet;

/// Which channels an element names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelNumbers {
    /// A call without channel.
    None,
    /// Whichever the peer wants.
    Any,
    /// These. Numbers above 31 are left out; a set without members names a channel that does not exist.
    Named(ChannelSet),
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelIdentification {
    /// Which channels.
    pub channels: ChannelNumbers,
    /// Whether no other channel will do.
    pub exclusive: bool,
}

impl ChannelIdentification {
    /// One channel.
    pub fn one(channel: u8, exclusive: bool) -> Self {
        Self {
            channels: ChannelNumbers::Named(ChannelSet::from_iter([channel])),
            exclusive,
        }
    }

    /// The channel, when exactly one is named.
    pub fn single(&self) -> Option<u8> {
        match self.channels {
            ChannelNumbers::Named(set) if set.len() == 1 => set.iter().next(),
            _ => None,
        }
    }

    pub(crate) fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let (&three, mut rest) = octets.split_first().ok_or(Malformed)?;
        // The form of basic rate interfaces, and the D channel itself, mean nothing here.
        if three & 0x20 == 0 || three & 0x04 != 0 {
            return Err(Malformed);
        }
        let exclusive = three & 0x08 != 0;
        if three & 0x40 != 0 {
            // An explicit interface identifier: there is one interface per D channel.
            (_, rest) = group(rest)?;
        }
        let channels = match three & 0x03 {
            0 => ChannelNumbers::None,
            1 => ChannelNumbers::Named(Self::numbers(rest)?),
            3 => ChannelNumbers::Any,
            _ => return Err(Malformed),
        };
        Ok(Self {
            channels,
            exclusive,
        })
    }

    fn numbers(octets: &[u8]) -> Result<ChannelSet, Malformed> {
        let (&coding, rest) = octets.split_first().ok_or(Malformed)?;
        // ITU coding, B channel units (octet 3.2).
        if coding & 0x60 != 0 || coding & 0x0F != 3 || rest.is_empty() {
            return Err(Malformed);
        }
        if coding & 0x10 == 0 {
            return Ok(rest.iter().map(|number| number & 0x7F).collect());
        }
        // A slot map, most significant octet first; bit 1 of the last octet is time slot 0 of E1 (figure 4-18).
        let [a, b, c, d] = *rest.first_chunk().ok_or(Malformed)?;
        let map = u32::from_be_bytes([a, b, c, d]);
        Ok((0..32).filter(|slot| map & (1 << slot) != 0).collect())
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        let mut three = 0xA0;
        if self.exclusive {
            three |= 0x08;
        }
        match self.channels {
            ChannelNumbers::None => vec![three],
            ChannelNumbers::Any => vec![three | 0x03],
            ChannelNumbers::Named(set) => {
                let mut octets = vec![three | 0x01, 0x83];
                if set.is_empty() {
                    // What does not exist is answered as what does not exist.
                    octets.push(0x80);
                }
                let mut numbers = set.iter().peekable();
                while let Some(number) = numbers.next() {
                    let last = if numbers.peek().is_none() { 0x80 } else { 0 };
                    octets.push(last | number);
                }
                octets
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_any_and_none_are_read_and_printed() {
        for (element, octets) in [
            (
                ChannelIdentification::one(17, true),
                &[0xA9, 0x83, 0x91][..],
            ),
            (ChannelIdentification::one(1, false), &[0xA1, 0x83, 0x81]),
            (
                ChannelIdentification {
                    channels: ChannelNumbers::Any,
                    exclusive: false,
                },
                &[0xA3],
            ),
            (
                ChannelIdentification {
                    channels: ChannelNumbers::Named([3, 4].into_iter().collect()),
                    exclusive: true,
                },
                &[0xA9, 0x83, 0x03, 0x84],
            ),
        ] {
            assert_eq!(element.encode(), octets);
            assert_eq!(ChannelIdentification::decode(octets), Ok(element));
        }
    }

    #[test]
    fn interface_identifiers_and_slot_maps_are_understood() {
        let explicit = ChannelIdentification::decode(&[0xE9, 0x80, 0x83, 0x85]);
        assert_eq!(explicit, Ok(ChannelIdentification::one(5, true)));
        let map = ChannelIdentification::decode(&[0xA9, 0x93, 0x00, 0x02, 0x00, 0x02]);
        let channels = ChannelNumbers::Named([1, 17].into_iter().collect());
        assert_eq!(map.map(|element| element.channels), Ok(channels));
        // Basic rate, the D channel, a number that is missing.
        for octets in [&[0x89][..], &[0xAC], &[0xA9, 0x83], &[0xA9], &[]] {
            assert_eq!(ChannelIdentification::decode(octets), Err(Malformed));
        }
    }
}
