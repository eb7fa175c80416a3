//! Packets waiting to be decoded.

use crate::Codec;

/// Octets of the longest packet kept in one piece.
pub(super) const LONGEST: usize = 1_280;
/// Packets kept at most: a second of 20 ms.
const PLACES: usize = 50;

/// What a packet holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    /// Sound of this many samples.
    Audio { codec: Codec, samples: usize },
    /// From here on silence with noise of this level, dBm0.
    Noise { level: f64 },
}

/// A packet.
pub(super) struct Packet {
    /// Time of its first sample.
    pub(super) time: i64,
    pub(super) content: Content,
    length: usize,
    octets: [u8; LONGEST],
}

impl Packet {
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    fn end(&self) -> i64 {
        match self.content {
            Content::Audio { samples, .. } => self.time + samples as i64,
            Content::Noise { .. } => self.time + 1,
        }
    }
}

/// The packets of one source, at most [`PLACES`].
pub(super) struct Packets {
    places: Box<[Packet]>,
    /// Bit n: place n is taken.
    taken: u64,
}

impl Packets {
    pub(super) fn new() -> Self {
        let places = (0..PLACES)
            .map(|_| Packet {
                time: 0,
                content: Content::Noise { level: 0.0 },
                length: 0,
                octets: [0; LONGEST],
            })
            .collect();
        Packets { places, taken: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.taken = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    fn present(&self) -> impl Iterator<Item = (usize, &Packet)> {
        let taken = self.taken;
        self.places
            .iter()
            .enumerate()
            .filter(move |(place, _)| taken & 1 << place != 0)
    }

    /// Keeps a packet; when all places are taken, instead of the oldest.
    pub(super) fn put(&mut self, time: i64, content: Content, octets: &[u8]) {
        let mut place = self.taken.trailing_ones() as usize;
        if place >= self.places.len() {
            let oldest = self.present().min_by_key(|(_, packet)| packet.time);
            place = oldest.map_or(0, |(place, _)| place);
        }
        let packet = &mut self.places[place];
        let length = octets.len().min(LONGEST);
        packet.octets[..length].copy_from_slice(&octets[..length]);
        (packet.time, packet.content, packet.length) = (time, content, length);
        self.taken |= 1 << place;
    }

    /// Takes out the packet that has the sample at `time`, and drops those before it.
    pub(super) fn take(&mut self, time: i64) -> Option<&Packet> {
        let mut found = None;
        for (place, packet) in self.places.iter().enumerate() {
            if self.taken & 1 << place == 0 || packet.time > time {
                continue;
            }
            // Noise lasts until sound comes; a later one of two that overlap is the better.
            let lasts = packet.end() > time || matches!(packet.content, Content::Noise { .. });
            self.taken &= !(1 << place);
            let later = found.is_none_or(|best: usize| self.places[best].time < packet.time);
            if lasts && later {
                found = Some(place);
            }
        }
        found.map(|place| &self.places[place])
    }

    /// Time of the first packet after `time`.
    pub(super) fn first_after(&self, time: i64) -> Option<i64> {
        self.present()
            .map(|(_, packet)| packet.time)
            .filter(|&start| start > time)
            .min()
    }

    /// Octets of the sound that begins exactly at `time`.
    pub(super) fn at(&self, time: i64) -> Option<&[u8]> {
        self.present()
            .find(|(_, packet)| packet.time == time && packet.length > 0)
            .map(|(_, packet)| packet.octets())
    }
}
