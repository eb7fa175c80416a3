//! Sequence numbers and timestamps of what a stream sends, continuous whatever its source.
//!
//! A stream has one SSRC for its whole life. Relayed packets keep the spacing of their source, shifted
//! by an offset; when the source changes (another bridge, a prompt, a restarted sender) the offsets are
//! taken anew so that the sequence goes on by one and the timestamp by the time that passed.

use std::time::Instant;

use crate::reception::in_clock_units;

/// What packets come from. Another value means another source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Relayed from the channel with this number; the epoch counts its SSRC changes and restarts.
    Relay { channel: u64, epoch: u32 },
    /// The same, encoded anew.
    Transcoded { channel: u64, epoch: u32 },
    /// Made here: a prompt or a line, paced by the tick.
    Local { channel: u64 },
}

/// Place of one packet in the outgoing stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// First packet of a source: the far end should realign its playout (marker bit).
    pub(crate) first: bool,
}

/// The outgoing side of an RTP stream.
#[derive(Clone, Debug)]
pub(crate) struct Transmission {
    pub(crate) ssrc: u32,
    source: Option<Source>,
    sequence_offset: u16,
    timestamp_offset: u32,
    /// Packets since the source changed, saturating; late ones from before the change are dropped.
    since_change: u8,
    first_sequence: u16,
    last_sequence: u16,
    last_timestamp: u32,
    last_sent: Option<Instant>,
    /// The event sent last: its timestamp where it came from and here.
    event: Option<(u32, u32)>,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) failures: u64,
}

impl Transmission {
    /// A stream with random identifiers, as RFC 3550 §5.1 asks.
    pub(crate) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Transmission {
            ssrc,
            source: None,
            sequence_offset: 0,
            timestamp_offset: 0,
            since_change: 0,
            first_sequence: 0,
            last_sequence: sequence,
            last_timestamp: timestamp,
            last_sent: None,
            event: None,
            packets: 0,
            octets: 0,
            failures: 0,
        }
    }

    /// Place of a relayed packet; `None` when it is older than the first one of its source.
    pub(crate) fn relay(
        &mut self,
        source: Source,
        sequence: u16,
        timestamp: u32,
        now: Instant,
        clock_rate: u32,
    ) -> Option<Slot> {
        let first = self.source != Some(source);
        if first {
            let continued = self.continued(now, clock_rate);
            self.source = Some(source);
            self.since_change = 0;
            self.first_sequence = sequence;
            self.sequence_offset = self.last_sequence.wrapping_add(1).wrapping_sub(sequence);
            self.timestamp_offset = continued.wrapping_sub(timestamp);
        } else if self.since_change < u8::MAX {
            self.since_change += 1;
            if sequence.wrapping_sub(self.first_sequence).cast_signed() < 0 {
                return None;
            }
        }
        let slot = Slot {
            sequence: sequence.wrapping_add(self.sequence_offset),
            timestamp: timestamp.wrapping_add(self.timestamp_offset),
            first,
        };
        if first || slot.sequence.wrapping_sub(self.last_sequence).cast_signed() > 0 {
            self.last_sequence = slot.sequence;
            self.last_timestamp = slot.timestamp;
            self.last_sent = Some(now);
        }
        Some(slot)
    }

    /// A packet of the relayed source is not passed on: closes the gap in the sequence it would leave.
    pub(crate) fn skip(&mut self, source: Source) {
        if self.source == Some(source) {
            self.sequence_offset = self.sequence_offset.wrapping_sub(1);
        }
    }

    /// Place of a frame encoded here, which begins `units` after the frame before it began; between
    /// them `lost` frames are missing.
    pub(crate) fn generate(
        &mut self,
        source: Source,
        units: u32,
        lost: u16,
        now: Instant,
        clock_rate: u32,
    ) -> Slot {
        let first = self.source != Some(source);
        let timestamp = if first {
            self.source = Some(source);
            self.continued(now, clock_rate)
        } else {
            self.last_timestamp.wrapping_add(units)
        };
        let lost = if first { 0 } else { lost };
        let sequence = self.last_sequence.wrapping_add(1).wrapping_add(lost);
        (self.last_sequence, self.last_timestamp) = (sequence, timestamp);
        self.last_sent = Some(now);
        Slot {
            sequence,
            timestamp,
            first,
        }
    }

    /// Place of a packet of a telephone event between frames encoded here. All packets of an event have
    /// the timestamp of its beginning (RFC 4733 §2.2), told by `began`, the sender's own.
    pub(crate) fn event(&mut self, began: u32, now: Instant, clock_rate: u32) -> Slot {
        let timestamp = match self.event {
            Some((known, timestamp)) if known == began => timestamp,
            _ => self.continued(now, clock_rate),
        };
        self.event = Some((began, timestamp));
        self.last_sequence = self.last_sequence.wrapping_add(1);
        Slot {
            sequence: self.last_sequence,
            timestamp,
            first: false,
        }
    }

    /// Counts a packet handed to the system.
    pub(crate) fn count(&mut self, octets: usize, sent: bool) {
        if sent {
            self.packets += 1;
            self.octets += octets as u64;
        } else {
            self.failures += 1;
        }
    }

    /// A packet that was counted as sent was not.
    pub(crate) fn retract(&mut self, octets: usize) {
        self.packets = self.packets.saturating_sub(1);
        self.octets = self.octets.saturating_sub(octets as u64);
        self.failures += 1;
    }

    /// The current source ended or was interrupted; the next packet belongs to a new one.
    pub(crate) fn interrupt(&mut self) {
        self.source = None;
    }

    /// The timestamp that belongs to `now`, at least one 20 ms frame after the last packet's.
    pub(crate) fn continued(&self, now: Instant, clock_rate: u32) -> u32 {
        let Some(last) = self.last_sent else {
            return self.last_timestamp;
        };
        let elapsed = in_clock_units(now.saturating_duration_since(last), clock_rate);
        self.last_timestamp
            .wrapping_add(elapsed.max(clock_rate / 50))
    }

    /// Timestamp for a sender report at `now` (RFC 3550 §6.4.1); `None` when nothing was sent yet.
    pub(crate) fn timestamp_at(&self, now: Instant, clock_rate: u32) -> Option<u32> {
        let elapsed = now.saturating_duration_since(self.last_sent?);
        Some(
            self.last_timestamp
                .wrapping_add(in_clock_units(elapsed, clock_rate)),
        )
    }

    /// When the last packet was sent.
    pub(crate) fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const A: Source = Source::Relay {
        channel: 1,
        epoch: 0,
    };
    const B: Source = Source::Relay {
        channel: 2,
        epoch: 0,
    };
    const PROMPT: Source = Source::Local { channel: 3 };
    const FRAME: Duration = Duration::from_millis(20);

    #[test]
    fn a_relayed_source_keeps_its_spacing_with_loss_and_reordering() {
        let now = Instant::now();
        let mut transmission = Transmission::new(7, 65_530, 0);
        let slots: Vec<(u16, u32)> = [10u16, 11, 14, 13, 15]
            .iter()
            .map(|&sequence| {
                let timestamp = u32::from(sequence) * 160;
                let slot = transmission
                    .relay(A, sequence, timestamp, now, 8_000)
                    .unwrap();
                (slot.sequence, slot.timestamp)
            })
            .collect();
        assert_eq!(
            slots,
            [
                (65_531, 0),
                (65_532, 160),
                (65_535, 640),
                (65_534, 480),
                (0, 800)
            ]
        );
    }

    #[test]
    fn changing_sources_goes_on_by_one_and_by_the_time_that_passed() {
        let start = Instant::now();
        let mut transmission = Transmission::new(7, 100, 1_000);
        assert!(
            transmission
                .relay(A, 50_000, 9, start, 8_000)
                .unwrap()
                .first
        );
        let prompt = transmission.generate(PROMPT, 160, 0, start + FRAME, 8_000);
        assert_eq!(
            prompt,
            Slot {
                sequence: 102,
                timestamp: 1_160,
                first: true
            }
        );
        let next = transmission.generate(PROMPT, 160, 0, start + FRAME * 2, 8_000);
        assert_eq!(
            next,
            Slot {
                sequence: 103,
                timestamp: 1_320,
                first: false
            }
        );
        let later = transmission
            .relay(B, 7, 7, start + FRAME * 52, 8_000)
            .unwrap();
        assert_eq!(
            later,
            Slot {
                sequence: 104,
                timestamp: 1_320 + 8_000,
                first: true
            }
        );
    }

    #[test]
    fn a_quick_change_still_moves_the_timestamp_by_a_frame() {
        let now = Instant::now();
        let mut transmission = Transmission::new(7, 0, 0);
        transmission.relay(A, 1, 0, now, 8_000);
        assert_eq!(
            transmission.relay(B, 1, 0, now, 8_000).unwrap().timestamp,
            160
        );
    }

    #[test]
    fn late_packets_from_before_a_change_are_dropped() {
        let now = Instant::now();
        let mut transmission = Transmission::new(7, 0, 0);
        transmission.relay(A, 1, 0, now, 8_000);
        transmission.relay(B, 500, 0, now, 8_000);
        assert_eq!(transmission.relay(B, 499, 0, now, 8_000), None);
        assert!(transmission.relay(B, 501, 160, now, 8_000).is_some());
    }

    #[test]
    fn a_long_relay_is_never_taken_for_late() {
        let now = Instant::now();
        let mut transmission = Transmission::new(7, 0, 0);
        for sequence in 0..200_000u32 {
            assert!(
                transmission
                    .relay(A, sequence as u16, sequence * 160, now, 8_000)
                    .is_some()
            );
        }
    }

    #[test]
    fn a_packet_that_is_not_passed_on_leaves_no_gap() {
        let now = Instant::now();
        let mut transmission = Transmission::new(7, 0, 0);
        transmission.relay(A, 1, 0, now, 8_000);
        transmission.skip(A);
        assert_eq!(
            transmission.relay(A, 3, 320, now, 8_000).unwrap().sequence,
            2
        );
    }

    #[test]
    fn a_report_carries_the_timestamp_of_its_own_moment() {
        let now = Instant::now();
        let mut transmission = Transmission::new(7, 0, 500);
        assert_eq!(transmission.timestamp_at(now, 8_000), None);
        transmission.relay(A, 1, 0, now, 8_000);
        let at = transmission.timestamp_at(now + Duration::from_secs(1), 8_000);
        assert_eq!(at, Some(8_500));
    }
}
