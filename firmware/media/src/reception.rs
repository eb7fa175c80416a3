//! Bookkeeping of one received RTP source (RFC 3550 §A.1, §A.3, §A.8).

use std::time::{Duration, Instant};

use crate::relay::Pace;
use crate::rtp::RtpPacket;

/// Largest forward jump in sequence numbers taken for loss (RFC 3550 §A.1).
const MAX_DROPOUT: u16 = 3_000;
/// How many sequence numbers back a packet is taken for late and checked for being a duplicate.
const WINDOW: u16 = 64;

/// A packet that comes at most a 500th of a second before or after it was due, by the one before it, comes steadily.
const STEADY: u32 = 500;

/// What a packet means for the stream it came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Next or later in sequence.
    InOrder,
    /// Late but not seen before.
    OutOfOrder,
    /// The first packet of a source: another SSRC or a restarted sequence.
    NewSource,
    /// Seen before; drop it.
    Duplicate,
    /// Far outside the sequence; drop it unless the next one follows it.
    Stray,
}

/// Loss, order and jitter of what a stream receives.
#[derive(Clone, Debug)]
pub(crate) struct Reception {
    ssrc: u32,
    started: bool,
    base_sequence: u16,
    highest: u16,
    cycles: u32,
    /// Bit n: `highest - n` was received.
    seen: u64,
    bad_sequence: Option<u16>,
    received_of_source: u64,
    expected_prior: u64,
    received_prior: u64,
    origin: Instant,
    transit: Option<u32>,
    pace: Pace,
    /// Jitter in timestamp units, scaled by 16 as in RFC 3550 §A.8.
    jitter: u32,
    lost_before: u64,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) out_of_order: u64,
    pub(crate) duplicates: u64,
}

/// Figures of a report block (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportFigures {
    pub(crate) ssrc: u32,
    pub(crate) fraction_lost: u8,
    pub(crate) cumulative_lost: i32,
    pub(crate) extended_highest: u32,
    pub(crate) jitter: u32,
}

impl Reception {
    pub(crate) fn new(now: Instant) -> Self {
        Reception {
            ssrc: 0,
            started: false,
            base_sequence: 0,
            highest: 0,
            cycles: 0,
            seen: 0,
            bad_sequence: None,
            received_of_source: 0,
            expected_prior: 0,
            received_prior: 0,
            origin: now,
            transit: None,
            pace: Pace::Irregular,
            jitter: 0,
            lost_before: 0,
            packets: 0,
            octets: 0,
            out_of_order: 0,
            duplicates: 0,
        }
    }

    /// Takes note of a packet that passed all other checks.
    ///
    /// `timed` says whether its timestamp is that of its samples: the packets of one RFC 4733 event
    /// repeat the timestamp of its beginning and say nothing about jitter.
    pub(crate) fn record(
        &mut self,
        packet: &RtpPacket,
        now: Instant,
        clock_rate: u32,
        timed: bool,
    ) -> Arrival {
        let arrival = self.place(packet);
        self.pace = Pace::Irregular;
        match arrival {
            Arrival::Duplicate => {
                self.duplicates += 1;
                return arrival;
            }
            Arrival::Stray => return arrival,
            Arrival::OutOfOrder => self.out_of_order += 1,
            Arrival::InOrder | Arrival::NewSource => {}
        }
        self.packets += 1;
        self.received_of_source += 1;
        self.octets += packet.payload_length() as u64;
        if timed {
            self.time(packet.timestamp, now, clock_rate);
        }
        arrival
    }

    /// How the last packet came.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Whether this is the SSRC of the source being received.
    pub(crate) fn is_from(&self, ssrc: u32) -> bool {
        self.started && self.ssrc == ssrc
    }

    fn place(&mut self, packet: &RtpPacket) -> Arrival {
        let sequence = packet.sequence;
        if !self.started || packet.ssrc != self.ssrc {
            self.restart(packet);
            return Arrival::NewSource;
        }
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead == 0 {
            return Arrival::Duplicate;
        }
        if ahead < MAX_DROPOUT {
            if sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.highest = sequence;
            self.bad_sequence = None;
            return Arrival::InOrder;
        }
        let behind = self.highest.wrapping_sub(sequence);
        if behind < WINDOW {
            if self.seen & (1 << behind) != 0 {
                return Arrival::Duplicate;
            }
            self.seen |= 1 << behind;
            return Arrival::OutOfOrder;
        }
        if self.bad_sequence == Some(sequence) {
            // Two in a row: the far end restarted without a new SSRC.
            self.restart(packet);
            return Arrival::NewSource;
        }
        self.bad_sequence = Some(sequence.wrapping_add(1));
        Arrival::Stray
    }

    fn restart(&mut self, packet: &RtpPacket) {
        self.lost_before += self.lost_of_source();
        self.ssrc = packet.ssrc;
        self.started = true;
        self.base_sequence = packet.sequence;
        self.highest = packet.sequence;
        self.cycles = 0;
        self.seen = 1;
        self.bad_sequence = None;
        self.received_of_source = 0;
        self.expected_prior = 0;
        self.received_prior = 0;
        self.transit = None;
    }

    fn time(&mut self, timestamp: u32, now: Instant, clock_rate: u32) {
        let arrival = in_clock_units(now.saturating_duration_since(self.origin), clock_rate);
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(before).cast_signed().unsigned_abs();
            if difference <= clock_rate / STEADY {
                self.pace = Pace::Steady;
            }
            // A step over ten seconds is a new timestamp base, not jitter.
            if difference < clock_rate.saturating_mul(10) {
                self.jitter = self.jitter.wrapping_add(difference) - ((self.jitter + 8) >> 4);
            }
        }
    }

    fn extended_highest(&self) -> u32 {
        self.cycles.wrapping_add(u32::from(self.highest))
    }

    fn expected_of_source(&self) -> u64 {
        if !self.started {
            return 0;
        }
        u64::from(
            self.extended_highest()
                .wrapping_sub(u32::from(self.base_sequence)),
        ) + 1
    }

    fn lost_of_source(&self) -> u64 {
        self.expected_of_source()
            .saturating_sub(self.received_of_source)
    }

    /// Packets lost since the stream was opened, over all its sources.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_before + self.lost_of_source()
    }

    /// Interarrival jitter in milliseconds.
    pub(crate) fn jitter_ms(&self, clock_rate: u32) -> f64 {
        f64::from(self.jitter >> 4) * 1_000.0 / f64::from(clock_rate)
    }

    /// The figures for the next report block; calling it begins a new reporting interval.
    pub(crate) fn report(&mut self) -> Option<ReportFigures> {
        if !self.started {
            return None;
        }
        let expected = self.expected_of_source();
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = self.received_of_source.saturating_sub(self.received_prior);
        self.expected_prior = expected;
        self.received_prior = self.received_of_source;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction = (lost_interval << 8)
            .checked_div(expected_interval)
            .unwrap_or(0)
            .min(255);
        let cumulative = expected.cast_signed() - self.received_of_source.cast_signed();
        Some(ReportFigures {
            ssrc: self.ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: cumulative.clamp(-0x80_0000, 0x7F_FFFF) as i32,
            extended_highest: self.extended_highest(),
            jitter: self.jitter >> 4,
        })
    }
}

/// A duration in RTP timestamp units, wrapping as timestamps do.
pub(crate) fn in_clock_units(duration: Duration, clock_rate: u32) -> u32 {
    (duration.as_micros() as u64 * u64::from(clock_rate) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> RtpPacket {
        RtpPacket {
            marker: false,
            payload_type: 8,
            sequence,
            timestamp,
            ssrc,
            payload_start: 12,
            payload_end: 172,
        }
    }

    /// Feeds packets 20 ms apart with the given sequence numbers.
    fn feed(reception: &mut Reception, start: Instant, sequences: &[u16]) -> Vec<Arrival> {
        sequences
            .iter()
            .map(|&sequence| {
                let position = u32::from(sequence);
                let at = start + Duration::from_millis(20) * position;
                reception.record(&packet(1, sequence, position * 160), at, 8_000, true)
            })
            .collect()
    }

    #[test]
    fn loss_order_and_duplicates_are_told_apart() {
        let start = Instant::now();
        let mut reception = Reception::new(start);
        let arrivals = feed(&mut reception, start, &[10, 11, 13, 12, 13, 15, 15, 11]);
        assert_eq!(
            arrivals,
            [
                Arrival::NewSource,
                Arrival::InOrder,
                Arrival::InOrder,
                Arrival::OutOfOrder,
                Arrival::Duplicate,
                Arrival::InOrder,
                Arrival::Duplicate,
                Arrival::Duplicate,
            ]
        );
        assert_eq!((reception.packets, reception.lost()), (5, 1));
        assert_eq!((reception.out_of_order, reception.duplicates), (1, 3));
    }

    #[test]
    fn only_packets_that_come_when_they_are_due_are_steady() {
        let start = Instant::now();
        let mut reception = Reception::new(start);
        let mut pace = |sequence: u16, at_ms: u64, timed: bool| {
            let packet = packet(1, sequence, u32::from(sequence) * 160);
            let at = start + Duration::from_millis(at_ms);
            reception.record(&packet, at, 8_000, timed);
            reception.pace()
        };
        assert_eq!(pace(0, 0, true), Pace::Irregular, "the first");
        assert_eq!(pace(1, 20, true), Pace::Steady);
        assert_eq!(pace(2, 42, true), Pace::Steady);
        assert_eq!(pace(2, 42, true), Pace::Irregular, "a duplicate");
        assert_eq!(pace(3, 70, true), Pace::Irregular, "late");
        assert_eq!(pace(4, 80, true), Pace::Irregular, "early");
        assert_eq!(pace(5, 100, true), Pace::Steady);
        assert_eq!(pace(6, 120, false), Pace::Irregular, "an event");
    }

    #[test]
    fn the_sequence_number_wraps_without_loss() {
        let start = Instant::now();
        let mut reception = Reception::new(start);
        for sequence in (65_000..=65_535).chain(0..500u16) {
            reception.record(&packet(1, sequence, 0), start, 8_000, false);
        }
        assert_eq!((reception.lost(), reception.packets), (0, 1_036));
        assert_eq!(reception.report().unwrap().extended_highest, 65_536 + 499);
    }

    #[test]
    fn a_report_tells_the_loss_of_its_own_interval() {
        let start = Instant::now();
        let mut reception = Reception::new(start);
        feed(&mut reception, start, &[0, 1, 2, 3]);
        assert_eq!(reception.report().unwrap().fraction_lost, 0);
        feed(&mut reception, start, &[5, 7]);
        let report = reception.report().unwrap();
        assert_eq!((report.fraction_lost, report.cumulative_lost), (128, 2));
        assert_eq!(reception.report().unwrap().fraction_lost, 0);
    }

    #[test]
    fn even_spacing_has_no_jitter_and_uneven_spacing_converges_to_its_size() {
        let start = Instant::now();
        let mut reception = Reception::new(start);
        for sequence in 0..500u16 {
            // Every second packet is 10 ms late: consecutive transit times differ by 80 units.
            let late = Duration::from_millis(u64::from(sequence % 2) * 10);
            let at = start + Duration::from_millis(20) * u32::from(sequence) + late;
            let timestamp = u32::from(sequence) * 160;
            reception.record(&packet(1, sequence, timestamp), at, 8_000, true);
        }
        assert!(
            (reception.jitter_ms(8_000) - 10.0).abs() < 0.5,
            "{}",
            reception.jitter_ms(8_000)
        );
        let mut even = Reception::new(start);
        feed(&mut even, start, &(0..500).collect::<Vec<u16>>());
        assert_eq!(even.jitter_ms(8_000), 0.0);
    }

    #[test]
    fn a_new_ssrc_keeps_the_loss_of_the_old_one() {
        let start = Instant::now();
        let mut reception = Reception::new(start);
        feed(&mut reception, start, &[1, 3]);
        let arrival = reception.record(&packet(2, 900, 0), start, 8_000, true);
        assert_eq!(arrival, Arrival::NewSource);
        reception.record(&packet(2, 902, 0), start, 8_000, true);
        assert_eq!(reception.lost(), 2);
    }

    #[test]
    fn a_stray_number_is_dropped_and_two_in_a_row_restart_the_source() {
        let start = Instant::now();
        let mut reception = Reception::new(start);
        feed(&mut reception, start, &[1, 2]);
        assert_eq!(feed(&mut reception, start, &[40_000]), [Arrival::Stray]);
        assert_eq!(feed(&mut reception, start, &[3]), [Arrival::InOrder]);
        let restart = feed(&mut reception, start, &[50_000, 50_001, 50_002]);
        assert_eq!(
            restart,
            [Arrival::Stray, Arrival::NewSource, Arrival::InOrder]
        );
        assert_eq!(reception.lost(), 0);
    }
}
