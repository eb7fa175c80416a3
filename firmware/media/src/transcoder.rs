//! From packets of one codec to packets of another, packet by packet: no clock and no buffer but for
//! what is left over when the lengths of both do not match.

use ramal_dsp::{RateDoubler, RateHalver};

use crate::codec::{Decoder, Encoder, LONGEST_FRAME, LONGEST_PACKET};
use crate::rtp::RtpPacket;
use crate::transmission::Source;
use crate::{Codec, SampleRate};

/// A timestamp this far from the expected one, in seconds, begins a new timeline.
const JUMP: u32 = 10;
/// Samples that may wait: less than a frame, and then a whole packet at twice the rate.
const WAITING: usize = SampleRate::Wide.frame() + 2 * LONGEST_PACKET;

/// One direction between two codecs.
pub(crate) struct Transcoder {
    from: Codec,
    decoder: Decoder,
    doubler: RateDoubler,
    halver: RateHalver,
    decoded: [i16; LONGEST_PACKET],
    /// Samples at the encoder's rate that wait for a whole frame.
    waiting: [i16; WAITING],
    filled: usize,
    source: Option<Source>,
    /// Sequence number and timestamp the next packet has when nothing is lost.
    next_sequence: u16,
    next_timestamp: u32,
}

/// An encoded frame and its place after the frame before it.
pub(crate) struct TranscodedFrame<'a> {
    pub(crate) octets: &'a [u8],
    /// Timestamp units of the sender's clock between the beginnings of the frame before and this one.
    pub(crate) units: u32,
    /// Frames that would have been between.
    pub(crate) lost: u16,
    pub(crate) marker: bool,
}

impl Transcoder {
    /// A transcoder of packets of `from`; `None` when they are only carried. Allocates.
    pub(crate) fn new(from: Codec) -> Option<Self> {
        Some(Transcoder {
            from,
            decoder: Decoder::new(from)?,
            doubler: RateDoubler::new(),
            halver: RateHalver::new(),
            decoded: [0; LONGEST_PACKET],
            waiting: [0; WAITING],
            filled: 0,
            source: None,
            next_sequence: 0,
            next_timestamp: 0,
        })
    }

    /// Codec it was made for.
    pub(crate) fn from(&self) -> Codec {
        self.from
    }

    /// Decodes a packet and gives every whole frame there is then. Packets that come after a later one
    /// are dropped, as the sound has gone on without them.
    pub(crate) fn process(
        &mut self,
        packet: &RtpPacket,
        payload: &[u8],
        (codec, source): (Codec, Source),
        encoder: &mut Encoder,
        mut emit: impl FnMut(TranscodedFrame<'_>),
    ) {
        let clock = encoder.codec().clock_rate();
        let frame_units = clock / 50;
        let clock_in = codec.clock_rate();
        let (mut units, mut lost) = (frame_units, 0);
        if self.source != Some(source) {
            self.source = Some(source);
            self.filled = 0;
            self.decoder.restart();
        } else {
            let missing = packet.sequence.wrapping_sub(self.next_sequence);
            if missing.cast_signed() < 0 {
                return;
            }
            let gap = packet.timestamp.wrapping_sub(self.next_timestamp);
            if gap != 0 {
                // What waits is not continued.
                let waited = self.filled as u32 * clock / encoder.rate().hertz();
                self.filled = 0;
                if gap < JUMP * clock_in {
                    let gap = (u64::from(gap) * u64::from(clock) / u64::from(clock_in)) as u32;
                    units += waited + gap;
                    if missing > 0 {
                        lost = ((waited + gap) / frame_units).min(1_000) as u16;
                    }
                }
            }
        }
        if !self.decoder.turn_to(codec) {
            return;
        }
        let count = self.decoder.decode(payload, &mut self.decoded);
        let rate = self.decoder.rate();
        let units_in = count as u64 * u64::from(clock_in) / u64::from(rate.hertz());
        self.next_sequence = packet.sequence.wrapping_add(1);
        self.next_timestamp = packet.timestamp.wrapping_add(units_in as u32);
        self.fill(count, rate, encoder.rate());

        let frame = encoder.rate().frame();
        let mut octets = [0u8; LONGEST_FRAME];
        let mut start = 0;
        let mut marker = packet.marker;
        while let Some(samples) = self.waiting[..self.filled].get(start..start + frame) {
            let length = encoder.encode(samples, encoder.rate(), &mut octets);
            emit(TranscodedFrame {
                octets: &octets[..length],
                units,
                lost,
                marker,
            });
            (units, lost, marker) = (frame_units, 0, false);
            start += frame;
        }
        self.waiting.copy_within(start..self.filled, 0);
        self.filled -= start;
    }

    /// A packet of the source went another way: it is not missing here.
    pub(crate) fn skip(&mut self, sequence: u16) {
        if self.next_sequence == sequence {
            self.next_sequence = sequence.wrapping_add(1);
        }
    }

    /// Appends the decoded samples at the encoder's rate.
    fn fill(&mut self, count: usize, from: SampleRate, to: SampleRate) {
        let decoded = &self.decoded[..count];
        let room = &mut self.waiting[self.filled..];
        let added = match (from, to) {
            (SampleRate::Narrow, SampleRate::Wide) => {
                self.doubler.process(decoded, room);
                2 * count
            }
            (SampleRate::Wide, SampleRate::Narrow) => {
                self.halver.process(decoded, room);
                count / 2
            }
            _ => {
                room[..count].copy_from_slice(decoded);
                count
            }
        };
        self.filled += added;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Source = Source::Transcoded {
        channel: 1,
        epoch: 0,
    };

    fn packet(sequence: u16, timestamp: u32) -> RtpPacket {
        RtpPacket {
            marker: false,
            payload_type: 8,
            sequence,
            timestamp,
            ssrc: 1,
            payload_start: 12,
            payload_end: 12,
        }
    }

    /// Units and losses of what comes out for packets of `samples` A-law octets each.
    fn frames(to: Codec, samples: usize, packets: &[(u16, u32)]) -> Vec<(u32, u16)> {
        let mut transcoder = Transcoder::new(Codec::Pcma).unwrap();
        let mut encoder = Encoder::new(to, SampleRate::Narrow).unwrap();
        let mut heard = Vec::new();
        for &(sequence, timestamp) in packets {
            transcoder.process(
                &packet(sequence, timestamp),
                &vec![0xD5; samples],
                (Codec::Pcma, SOURCE),
                &mut encoder,
                |frame| {
                    assert!(!frame.octets.is_empty());
                    heard.push((frame.units, frame.lost));
                },
            );
        }
        heard
    }

    #[test]
    fn timestamps_go_from_one_clock_to_the_other() {
        let packets = [(1, 0), (2, 160), (3, 320)];
        assert_eq!(frames(Codec::Opus, 160, &packets), [(960, 0); 3]);
        assert_eq!(frames(Codec::G722, 160, &packets), [(160, 0); 3]);
    }

    #[test]
    fn other_packet_lengths_become_frames_of_20_ms() {
        let long = [(1, 0), (2, 480)];
        assert_eq!(frames(Codec::G722, 480, &long), [(160, 0); 6]);
        let thirty = [(1, 0), (2, 240), (3, 480), (4, 720)];
        assert_eq!(frames(Codec::G722, 240, &thirty), [(160, 0); 6]);
        let ten = [(1, 0), (2, 80), (3, 160), (4, 240)];
        assert_eq!(frames(Codec::Opus, 80, &ten), [(960, 0); 2]);
    }

    #[test]
    fn losses_and_pauses_leave_their_time_and_late_packets_are_dropped() {
        // Packet 2 is lost, 3 comes, 2 comes late; then a pause without loss.
        let packets = [(1, 0), (3, 320), (2, 160), (4, 480), (5, 8_640)];
        let expected = [(160, 0), (320, 1), (160, 0), (160 + 8_000, 0)];
        assert_eq!(frames(Codec::G722, 160, &packets), expected);
    }

    #[test]
    fn a_new_timeline_goes_on_where_the_old_one_ended() {
        let packets = [(1, 0), (2, 3_000_000_000), (3, 3_000_000_160)];
        assert_eq!(frames(Codec::Pcmu, 160, &packets), [(160, 0); 3]);
    }
}
