//! The RTP header (RFC 3550 §5.1), read and written in place.

/// Octets of a header without contributing sources and extension.
pub(crate) const HEADER_LENGTH: usize = 12;

/// What the engine needs of a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpPacket {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Where the payload begins, at least [`HEADER_LENGTH`].
    pub(crate) payload_start: usize,
    /// Where the payload ends, before any padding.
    pub(crate) payload_end: usize,
}

impl RtpPacket {
    /// Reads and checks a header; `None` when the datagram is no RTP version 2 packet, when its lengths
    /// contradict each other, or when it is RTCP sent to the wrong port (RFC 5761 §4).
    pub(crate) fn parse(datagram: &[u8]) -> Option<RtpPacket> {
        let header = datagram.first_chunk::<HEADER_LENGTH>()?;
        if header[0] >> 6 != 2 || is_rtcp(header[1]) {
            return None;
        }
        let payload_start = payload_start(datagram)?;
        let mut payload_end = datagram.len();
        if header[0] & 0x20 != 0 {
            let padding = usize::from(*datagram.last()?);
            if padding == 0 {
                return None;
            }
            payload_end = payload_end.checked_sub(padding)?;
        }
        if payload_start > payload_end {
            return None;
        }
        Some(RtpPacket {
            marker: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7F,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload_start,
            payload_end,
        })
    }

    /// Octets of payload.
    pub(crate) fn payload_length(&self) -> usize {
        self.payload_end - self.payload_start
    }

    /// The payload in the datagram that was parsed; nothing in a shorter one.
    pub(crate) fn payload<'a>(&self, datagram: &'a [u8]) -> &'a [u8] {
        datagram
            .get(self.payload_start..self.payload_end)
            .unwrap_or_default()
    }

    /// The same to be changed in place.
    pub(crate) fn payload_mut<'a>(&self, datagram: &'a mut [u8]) -> &'a mut [u8] {
        datagram
            .get_mut(self.payload_start..self.payload_end)
            .unwrap_or_default()
    }

    /// The payload behind a header of ours, which is written in the place before it. Contributing sources and extensions
    /// stay out: they belong to the other leg.
    pub(crate) fn readdressed<'a>(
        &self,
        datagram: &'a mut [u8],
        header: &RtpHeader,
    ) -> Option<&'a [u8]> {
        let start = self.payload_start.checked_sub(HEADER_LENGTH)?;
        let packet = datagram.get_mut(start..self.payload_end)?;
        *packet.first_chunk_mut()? = header.encode();
        Some(packet)
    }
}

/// Whether the second octet of a packet makes it RTCP (RFC 5761 §4).
pub(crate) fn is_rtcp(kind: u8) -> bool {
    (192..=223).contains(&kind)
}

/// Where the payload of a packet begins, by its header alone; `None` when it is no RTP version 2 packet.
pub(crate) fn payload_start(packet: &[u8]) -> Option<usize> {
    let header = packet.first_chunk::<HEADER_LENGTH>()?;
    if header[0] >> 6 != 2 {
        return None;
    }
    let mut start = HEADER_LENGTH + 4 * usize::from(header[0] & 0x0F);
    if header[0] & 0x10 != 0 {
        let [_, _, high, low] = packet.get(start..)?.first_chunk::<4>()?;
        start += 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
    }
    (start <= packet.len()).then_some(start)
}

/// Sequence number and synchronisation source of a packet.
pub(crate) fn sequence_and_ssrc(packet: &[u8]) -> Option<(u16, u32)> {
    let header = packet.first_chunk::<HEADER_LENGTH>()?;
    let &[_, _, q0, q1, _, _, _, _, s0, s1, s2, s3] = header;
    Some((
        u16::from_be_bytes([q0, q1]),
        u32::from_be_bytes([s0, s1, s2, s3]),
    ))
}

/// Fields of a packet to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RtpHeader {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl RtpHeader {
    /// The twelve octets: version 2, no padding, no extension, no contributing sources.
    pub(crate) fn encode(&self) -> [u8; HEADER_LENGTH] {
        let mut octets = [0u8; HEADER_LENGTH];
        octets[0] = 0x80;
        octets[1] = u8::from(self.marker) << 7 | (self.payload_type & 0x7F);
        octets[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        octets[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        octets[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> RtpHeader {
        RtpHeader {
            marker: true,
            payload_type: 8,
            sequence: 65_535,
            timestamp: 7,
            ssrc: 0xDEAD_BEEF,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut datagram = header().encode().to_vec();
        datagram.extend_from_slice(&[0xD5; 160]);
        let packet = RtpPacket::parse(&datagram).unwrap();
        assert!(packet.marker);
        assert_eq!(
            (packet.payload_type, packet.sequence, packet.timestamp),
            (8, 65_535, 7)
        );
        assert_eq!(
            (packet.ssrc, packet.payload_start, packet.payload_length()),
            (0xDEAD_BEEF, 12, 160)
        );
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_cut_off() {
        let mut datagram = header().encode().to_vec();
        datagram[0] = 0x80 | 0x20 | 0x10 | 2;
        datagram.extend_from_slice(&[1; 8]); // two contributing sources
        datagram.extend_from_slice(&[0xBE, 0xDE, 0, 1, 9, 9, 9, 9]); // one word of extension
        datagram.extend_from_slice(&[0x55; 20]);
        datagram.extend_from_slice(&[0, 0, 3]);
        let packet = RtpPacket::parse(&datagram).unwrap();
        assert_eq!(packet.payload(&datagram), &[0x55; 20]);
        let sent = packet.readdressed(&mut datagram, &header()).unwrap();
        assert_eq!(sent, [&header().encode()[..], &[0x55; 20]].concat());
        // Of a shorter datagram nothing is taken.
        assert_eq!(packet.payload(&[0; 30]), &[] as &[u8]);
        assert_eq!(packet.readdressed(&mut [0; 30], &header()), None);
    }

    #[test]
    fn datagrams_that_are_no_rtp_are_refused() {
        let valid = header().encode();
        let with = |index: usize, value: u8| {
            let mut datagram = valid.to_vec();
            datagram[index] = value;
            datagram
        };
        for (what, datagram) in [
            ("empty", vec![]),
            ("short", valid[..11].to_vec()),
            ("version 1", with(0, 0x40)),
            ("version 3", with(0, 0xC0)),
            ("contributing sources missing", with(0, 0x8F)),
            ("extension missing", with(0, 0x90)),
            (
                "padding of zero",
                with(0, 0xA0).into_iter().chain([0]).collect(),
            ),
            (
                "padding longer than the packet",
                with(0, 0xA0).into_iter().chain([200]).collect(),
            ),
            ("sender report", with(1, 200)),
        ] {
            assert_eq!(RtpPacket::parse(&datagram), None, "{what}");
        }
    }

    #[test]
    fn every_prefix_and_first_octet_is_survived() {
        let mut datagram = [0u8; 64];
        for first in 0..=255u8 {
            datagram[0] = first;
            for length in 0..datagram.len() {
                datagram[length.saturating_sub(1)] = first;
                if let Some(packet) = RtpPacket::parse(&datagram[..length]) {
                    assert!(packet.payload_start <= packet.payload_end);
                    assert!(packet.payload_end <= length);
                }
            }
        }
    }
}
