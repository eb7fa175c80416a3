//! Formats that are carried from one far end to the other without being understood: G.729 and whatever
//! else both agree on.

use std::sync::{Mutex, PoisonError};

/// Different formats known at most; they come from outside, so their number must have an end.
const LIMIT: usize = 512;
/// Characters of a name and of parameters at most.
const LONGEST: usize = 256;

/// A format by number: equal formats have equal numbers, so that a packet's way compares no text.
///
/// The texts are kept for the life of the process; there are [`LIMIT`] of them at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    number: u16,
    clock_rate: u32,
}

/// What SDP says of a format.
#[derive(Clone, Copy, Debug)]
struct Description {
    name: &'static str,
    clock_rate: u32,
    channels: u8,
    parameters: Option<&'static str>,
    payload_type: u8,
}

/// Every format met so far. Only call control takes the lock.
static KNOWN: Mutex<Vec<Description>> = Mutex::new(Vec::new());

impl Format {
    /// The format with this encoding name (in any case), clock rate, channels and format parameters
    /// (`a=fmtp`); `payload_type` is what it is offered under to others.
    ///
    /// `None` when a text is too long, the clock rate is 0 or above a million, or too many different
    /// formats were met; the format then cannot be carried.
    #[must_use]
    pub fn new(
        name: &str,
        clock_rate: u32,
        channels: u8,
        parameters: Option<&str>,
        payload_type: u8,
    ) -> Option<Format> {
        let too_long = name.len() > LONGEST || parameters.is_some_and(|text| text.len() > LONGEST);
        if too_long || name.is_empty() || !(1..=1_000_000).contains(&clock_rate) {
            return None;
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |format: &Description| {
            format.name.eq_ignore_ascii_case(name)
                && format.clock_rate == clock_rate
                && format.channels == channels
                && format.parameters == parameters
        };
        let number = match known.iter().position(same) {
            Some(number) => number,
            None if known.len() >= LIMIT => return None,
            None => {
                let keep = |text: &str| -> &'static str { String::from(text).leak() };
                known.push(Description {
                    name: keep(name),
                    clock_rate,
                    channels,
                    parameters: parameters.map(keep),
                    payload_type: payload_type & 0x7F,
                });
                known.len() - 1
            }
        };
        let number = u16::try_from(number).ok()?;
        Some(Format { number, clock_rate })
    }

    fn description(self) -> Option<Description> {
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(usize::from(self.number)).copied()
    }

    /// Encoding name as it was first written.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.description().map_or("", |format| format.name)
    }

    /// RTP timestamp units a second.
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        self.clock_rate
    }

    /// Channels; 1 is mono.
    #[must_use]
    pub fn channels(self) -> u8 {
        self.description().map_or(1, |format| format.channels)
    }

    /// Format parameters (`a=fmtp`).
    #[must_use]
    pub fn parameters(self) -> Option<&'static str> {
        self.description()?.parameters
    }

    /// Payload type it is offered under.
    #[must_use]
    pub fn payload_type(self) -> u8 {
        self.description().map_or(0, |format| format.payload_type)
    }

    pub(crate) const fn is(self, other: Format) -> bool {
        self.number == other.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_formats_are_one_and_others_are_not() {
        let g729 = Format::new("G729", 8_000, 1, Some("annexb=no"), 18).unwrap();
        assert_eq!(
            Format::new("g729", 8_000, 1, Some("annexb=no"), 96),
            Some(g729)
        );
        assert_ne!(Format::new("G729", 8_000, 1, None, 18), Some(g729));
        assert_ne!(
            Format::new("G729", 16_000, 1, Some("annexb=no"), 18),
            Some(g729)
        );
        assert_eq!((g729.name(), g729.clock_rate()), ("G729", 8_000));
        assert_eq!(g729.parameters(), Some("annexb=no"));
        assert_eq!((g729.channels(), g729.payload_type()), (1, 18));
    }

    #[test]
    fn impossible_formats_are_refused() {
        assert_eq!(Format::new("", 8_000, 1, None, 96), None);
        assert_eq!(Format::new("X", 0, 1, None, 96), None);
        assert_eq!(Format::new("X", 2_000_000, 1, None, 96), None);
        assert_eq!(Format::new(&"X".repeat(1_000), 8_000, 1, None, 96), None);
    }
}
