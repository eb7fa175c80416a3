//! RTCP (RFC 3550 §6): reports sent every five seconds, reports of the far end read.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::reception::ReportFigures;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const CNAME: u8 = 1;
/// Seconds from 1900 to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// Room for the largest packet composed here.
pub(crate) const ROOM: usize = 128;
/// Length of the canonical names used (RFC 7022 short-term persistent names: 96 random bits would be
/// 16 characters of base 64; these are 16 hexadecimal ones).
pub(crate) const CNAME_LENGTH: usize = 16;

/// What the far end said about itself and about our stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FarReport {
    /// Middle 32 bits of the NTP timestamp of its sender report.
    pub(crate) sender_report: Option<u32>,
    /// Its report block about our SSRC.
    pub(crate) block: Option<ReportBlock>,
}

/// A report block about our stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    /// Of 256, since the report before.
    pub(crate) fraction_lost: u8,
    pub(crate) cumulative_lost: i32,
    pub(crate) jitter: u32,
    pub(crate) last_sender_report: u32,
    pub(crate) delay_since: u32,
}

fn word(octets: &[u8], offset: usize) -> Option<u32> {
    octets
        .get(offset..)?
        .first_chunk::<4>()
        .map(|word| u32::from_be_bytes(*word))
}

/// Reads a compound packet; `None` when it fails the validity checks of RFC 3550 §A.2.
pub(crate) fn parse(datagram: &[u8], own_ssrc: u32) -> Option<FarReport> {
    if !matches!(datagram.get(1), Some(&(SENDER_REPORT | RECEIVER_REPORT))) {
        return None;
    }
    let mut report = FarReport::default();
    let mut rest = datagram;
    while !rest.is_empty() {
        let &[first, kind, high, low] = rest.first_chunk::<4>()?;
        if first >> 6 != 2 {
            return None;
        }
        let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        let packet = rest.get(..length)?;
        rest = rest.get(length..)?;
        let blocks_at = match kind {
            SENDER_REPORT => {
                report.sender_report = Some(word(packet, 8)? << 16 | word(packet, 12)? >> 16);
                28
            }
            RECEIVER_REPORT => 8,
            _ => continue,
        };
        for index in 0..usize::from(first & 0x1F) {
            let at = blocks_at + 24 * index;
            let block = packet.get(at..at + 24)?;
            if word(block, 0)? == own_ssrc {
                report.block = Some(ReportBlock {
                    fraction_lost: *block.get(4)?,
                    // 24 bits, two's complement
                    cumulative_lost: (word(block, 4)? << 8).cast_signed() >> 8,
                    jitter: word(block, 12)?,
                    last_sender_report: word(block, 16)?,
                    delay_since: word(block, 20)?,
                });
            }
        }
    }
    Some(report)
}

/// What a report of ours says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnReport<'a> {
    pub(crate) ssrc: u32,
    pub(crate) cname: &'a [u8; CNAME_LENGTH],
    /// Set when packets were sent lately: a sender report instead of a receiver report.
    pub(crate) sender: Option<SenderFigures>,
    pub(crate) reception: Option<(ReportFigures, LastReport)>,
    /// Ends the stream (BYE).
    pub(crate) goodbye: bool,
}

/// Figures of a sender report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SenderFigures {
    pub(crate) ntp: u64,
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

/// The far end's last sender report, as a report block refers to it; zero when there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LastReport {
    pub(crate) ntp_middle: u32,
    /// Since it came, in 1/65,536 s.
    pub(crate) delay: u32,
}

/// Writes a compound packet (report, CNAME, BYE where asked) and answers its length.
pub(crate) fn compose(report: &OwnReport<'_>, buffer: &mut [u8; ROOM]) -> usize {
    let mut writer = Writer { buffer, length: 0 };
    let blocks = u8::from(report.reception.is_some());
    let start = match report.sender {
        Some(sender) => {
            let start = writer.begin(SENDER_REPORT, blocks);
            writer.word(report.ssrc);
            writer.word((sender.ntp >> 32) as u32);
            writer.word(sender.ntp as u32);
            writer.word(sender.timestamp);
            writer.word(sender.packets);
            writer.word(sender.octets);
            start
        }
        None => {
            let start = writer.begin(RECEIVER_REPORT, blocks);
            writer.word(report.ssrc);
            start
        }
    };
    if let Some((figures, last)) = report.reception {
        writer.word(figures.ssrc);
        let lost = figures.cumulative_lost.cast_unsigned() & 0x00FF_FFFF;
        writer.word(u32::from(figures.fraction_lost) << 24 | lost);
        writer.word(figures.extended_highest);
        writer.word(figures.jitter);
        writer.word(last.ntp_middle);
        writer.word(last.delay);
    }
    writer.finish(start);
    let start = writer.begin(SOURCE_DESCRIPTION, 1);
    writer.word(report.ssrc);
    writer.octets(&[CNAME, CNAME_LENGTH as u8]);
    writer.octets(report.cname);
    // The list of items ends with a zero octet and is padded to whole words.
    writer.octets(&[0; 2]);
    writer.finish(start);
    if report.goodbye {
        let start = writer.begin(GOODBYE, 1);
        writer.word(report.ssrc);
        writer.finish(start);
    }
    writer.length
}

struct Writer<'a> {
    buffer: &'a mut [u8; ROOM],
    length: usize,
}

impl Writer<'_> {
    fn octets(&mut self, octets: &[u8]) {
        if let Some(room) = self.buffer.get_mut(self.length..self.length + octets.len()) {
            room.copy_from_slice(octets);
            self.length += octets.len();
        }
    }

    fn word(&mut self, word: u32) {
        self.octets(&word.to_be_bytes());
    }

    fn begin(&mut self, kind: u8, count: u8) -> usize {
        let start = self.length;
        self.octets(&[0x80 | count, kind, 0, 0]);
        start
    }

    fn finish(&mut self, start: usize) {
        let words = ((self.length - start) / 4 - 1) as u16;
        if let Some(room) = self.buffer.get_mut(start + 2..start + 4) {
            room.copy_from_slice(&words.to_be_bytes());
        }
    }
}

/// The wall clock as an NTP timestamp: seconds since 1900 in 32.32 bits.
pub(crate) fn ntp_now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = since.as_secs().wrapping_add(NTP_EPOCH);
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    (seconds << 32) | fraction
}

/// Round trip time in milliseconds of a block that arrived at `ntp` (RFC 3550 §6.4.1); `None` when the
/// far end had no report of ours or its figures are impossible.
pub(crate) fn round_trip_ms(block: &ReportBlock, ntp: u64) -> Option<f64> {
    if block.last_sender_report == 0 {
        return None;
    }
    let arrival = (ntp >> 16) as u32;
    let units = arrival
        .wrapping_sub(block.last_sender_report)
        .wrapping_sub(block.delay_since);
    // More than half the range is a negative time: the clock was set, or the far end is wrong.
    (units < 0x8000_0000).then(|| f64::from(units) * 1_000.0 / 65_536.0)
}

/// Time since `at` in units of 1/65,536 s, for a report block.
pub(crate) fn delay_since(at: Instant, now: Instant) -> u32 {
    let micros = now.saturating_duration_since(at).as_micros() as u64;
    (micros * 65_536 / 1_000_000).min(u64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8; CNAME_LENGTH] = b"0123456789abcdef";

    fn figures() -> ReportFigures {
        ReportFigures {
            ssrc: 42,
            fraction_lost: 12,
            cumulative_lost: -3,
            extended_highest: 70_000,
            jitter: 33,
        }
    }

    #[test]
    fn a_sender_report_is_read_back_by_the_far_end() {
        let report = OwnReport {
            ssrc: 7,
            cname: NAME,
            sender: Some(SenderFigures {
                ntp: 0x1111_2222_3333_4444,
                timestamp: 9,
                packets: 10,
                octets: 1_600,
            }),
            reception: Some((
                figures(),
                LastReport {
                    ntp_middle: 0xAAAA_BBBB,
                    delay: 65_536,
                },
            )),
            goodbye: true,
        };
        let mut buffer = [0u8; ROOM];
        let length = compose(&report, &mut buffer);
        assert_eq!(length % 4, 0);
        let read = parse(&buffer[..length], 42).unwrap();
        assert_eq!(read.sender_report, Some(0x2222_3333));
        let block = read.block.unwrap();
        assert_eq!((block.cumulative_lost, block.jitter), (-3, 33));
        assert_eq!(
            (block.last_sender_report, block.delay_since),
            (0xAAAA_BBBB, 65_536)
        );
        assert_eq!(parse(&buffer[..length], 43).unwrap().block, None);
    }

    #[test]
    fn an_empty_receiver_report_is_valid() {
        let report = OwnReport {
            ssrc: 7,
            cname: NAME,
            sender: None,
            reception: None,
            goodbye: false,
        };
        let mut buffer = [0u8; ROOM];
        let length = compose(&report, &mut buffer);
        assert_eq!(length, 8 + 28);
        assert_eq!(parse(&buffer[..length], 7), Some(FarReport::default()));
    }

    #[test]
    fn every_cut_and_every_wrong_octet_is_survived() {
        let report = OwnReport {
            ssrc: 7,
            cname: NAME,
            sender: None,
            reception: Some((figures(), LastReport::default())),
            goodbye: true,
        };
        let mut buffer = [0u8; ROOM];
        let length = compose(&report, &mut buffer);
        for cut in 0..length {
            let whole = [32, 60].contains(&cut);
            assert_eq!(parse(&buffer[..cut], 7).is_some(), whole, "cut at {cut}");
        }
        for index in 0..length {
            for value in [0u8, 0x3F, 0x7F, 0xFF] {
                let mut wrong = buffer;
                wrong[index] = value;
                let _ = parse(&wrong[..length], 7);
            }
        }
        buffer[0] = 0x41;
        assert_eq!(parse(&buffer[..length], 7), None);
    }

    #[test]
    fn the_example_round_trip_of_rfc_3550() {
        // RFC 3550 §6.4.1 figure 2: A = 0xb710:8000, LSR = 0xb705:2000, DLSR = 0x0005:4000 -> 6.125 s
        let block = ReportBlock {
            fraction_lost: 0,
            cumulative_lost: 0,
            jitter: 0,
            last_sender_report: 0xb705_2000,
            delay_since: 0x0005_4000,
        };
        assert_eq!(round_trip_ms(&block, 0xb710_8000_u64 << 16), Some(6_125.0));
        let never = ReportBlock {
            last_sender_report: 0,
            ..block
        };
        assert_eq!(round_trip_ms(&never, 0), None);
        assert_eq!(round_trip_ms(&block, 0xb705_0000_u64 << 16), None);
    }
}
