//! RFC 4733 telephone-event payloads.

use crate::FRAME_SAMPLES;

/// One telephone-event payload (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Event code: 0-15 are the DTMF digits (RFC 4733 §3.2), 16 is hook flash.
    pub event: u8,
    /// The E bit: the event is over and `duration` is its whole length.
    pub end: bool,
    /// Power below 0 dBm0 in dB, 0-63.
    pub volume: u8,
    /// Time since the event began, in RTP timestamp units (1/8,000 s).
    pub duration: u16,
}

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

impl TelephoneEvent {
    /// Octets of one encoded event.
    pub const LENGTH: usize = 4;

    /// Reads the first event of an RTP payload; `None` when it is shorter than four octets.
    ///
    /// The reserved bit is ignored, as RFC 4733 §2.3.3 asks of receivers.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[event, flags, high, low, ..] = payload else {
            return None;
        };
        Some(TelephoneEvent {
            event,
            end: flags & 0x80 != 0,
            volume: flags & 0x3F,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload; volumes above 63 are written as 63.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let [high, low] = self.duration.to_be_bytes();
        [
            self.event,
            u8::from(self.end) << 7 | self.volume.min(63),
            high,
            low,
        ]
    }

    /// The key of a DTMF event: `0`-`9`, `*`, `#`, `A`-`D`; `None` for every other event.
    #[must_use]
    pub fn digit(&self) -> Option<char> {
        DIGITS
            .get(usize::from(self.event))
            .map(|&digit| char::from(digit))
    }

    /// The event code of a key, letters in either case; `None` when it is no DTMF key.
    #[must_use]
    pub fn code_of(digit: char) -> Option<u8> {
        let digit = u8::try_from(digit).ok()?.to_ascii_uppercase();
        DIGITS
            .iter()
            .position(|&known| known == digit)
            .and_then(|code| u8::try_from(code).ok())
    }

    /// The duration in milliseconds at 8,000 timestamp units a second.
    #[must_use]
    pub fn duration_ms(&self) -> u32 {
        u32::from(self.duration) / 8
    }
}

/// One packet of a key press; all packets of a press carry the RTP timestamp of its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPacket {
    /// The payload.
    pub event: TelephoneEvent,
    /// Whether the RTP marker bit is set (only on the first packet, RFC 4733 §2.2).
    pub marker: bool,
    /// When to send it, in milliseconds after the first packet; the two repeated end packets follow
    /// the first at once (RFC 4733 §2.5.1.4).
    pub at_ms: u32,
}

/// The packets of one press of `digit` lasting `duration_ms` (rounded up to 20 ms, at most 8,160 ms):
/// an update every 20 ms, then the end sent three times. `None` when `digit` is no DTMF key.
#[must_use]
pub fn digit_packets(digit: char, duration_ms: u32) -> Option<impl Iterator<Item = EventPacket>> {
    const VOLUME: u8 = 10;
    let event = TelephoneEvent::code_of(digit)?;
    let frames = duration_ms.div_ceil(20).clamp(1, 408);
    Some((1..=frames + 2).map(move |packet| {
        let frame = packet.min(frames);
        let duration = u16::try_from(frame as usize * FRAME_SAMPLES).unwrap_or(u16::MAX);
        EventPacket {
            event: TelephoneEvent {
                event,
                end: frame == frames,
                volume: VOLUME,
                duration,
            },
            marker: packet == 1,
            at_ms: (frame - 1) * 20,
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_4733_reads_back() {
        // RFC 4733 §2.5.2.4: event 9, end, volume 7, duration 1,600.
        let payload = [9, 0x87, 0x06, 0x40];
        let event = TelephoneEvent::parse(&payload).unwrap();
        assert_eq!(
            event,
            TelephoneEvent {
                event: 9,
                end: true,
                volume: 7,
                duration: 1_600
            }
        );
        assert_eq!((event.digit(), event.duration_ms()), (Some('9'), 200));
        assert_eq!(event.encode(), payload);
    }

    #[test]
    fn every_key_has_its_code_and_nothing_else_has() {
        for (code, digit) in "0123456789*#ABCD".chars().enumerate() {
            assert_eq!(TelephoneEvent::code_of(digit).map(usize::from), Some(code));
        }
        assert_eq!(TelephoneEvent::code_of('d'), Some(15));
        assert_eq!(TelephoneEvent::code_of('x'), None);
        assert_eq!(TelephoneEvent::code_of('é'), None);
        let flash = TelephoneEvent {
            event: 16,
            end: true,
            volume: 0,
            duration: 0,
        };
        assert_eq!(flash.digit(), None);
    }

    #[test]
    fn short_payloads_are_refused() {
        for length in 0..4 {
            assert_eq!(TelephoneEvent::parse(&[1, 2, 3, 4][..length]), None);
        }
    }

    #[test]
    fn a_press_has_one_marker_growing_durations_and_three_ends() {
        let packets: Vec<EventPacket> = digit_packets('5', 100).unwrap().collect();
        assert_eq!(packets.len(), 7);
        assert_eq!(packets.iter().filter(|packet| packet.marker).count(), 1);
        let durations: Vec<u16> = packets.iter().map(|packet| packet.event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        assert_eq!(packets.iter().filter(|packet| packet.event.end).count(), 3);
        assert_eq!(packets.last().unwrap().at_ms, 80);
        assert!(digit_packets('?', 100).is_none());
    }
}
