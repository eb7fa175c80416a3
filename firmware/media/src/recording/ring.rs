//! A bounded queue of packets from one media thread to the writer.
//!
//! One side writes and one reads, without locks: words are plain stores, made visible by the release of the head. A full
//! ring refuses and counts; the media thread never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Words of eight octets: 64 kB, three and a half seconds of both sides of G.711.
const WORDS: usize = 8_192;
const MASK: u64 = WORDS as u64 - 1;
/// Words before the payload.
const HEADER: usize = 3;
/// Longest payload taken, in octets.
pub(super) const LONGEST: usize = 1_500;

/// Which side of the call a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// From the far end: the left channel.
    Received,
    /// To the far end: the right channel.
    Sent,
}

/// What the ring keeps of a packet besides its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) side: Side,
    /// Number of the codec, see `tap`.
    pub(super) format: u8,
    /// Counts the sources of this side.
    pub(super) epoch: u32,
    /// RTP timestamp of the first sample.
    pub(super) timestamp: u32,
    /// When it came or went, in microseconds since the recorder began.
    pub(super) at: u64,
}

struct Shared {
    words: Box<[AtomicU64]>,
    /// Words written since the beginning.
    head: AtomicU64,
    /// Words read since the beginning.
    tail: AtomicU64,
    lost: AtomicU64,
    closed: AtomicBool,
}

/// The writing end.
pub(super) struct Producer {
    shared: Arc<Shared>,
}

/// The reading end.
pub(super) struct Consumer {
    shared: Arc<Shared>,
}

/// An empty ring.
pub(super) fn ring() -> (Producer, Consumer) {
    let shared = Arc::new(Shared {
        words: (0..WORDS).map(|_| AtomicU64::new(0)).collect(),
        head: AtomicU64::new(0),
        tail: AtomicU64::new(0),
        lost: AtomicU64::new(0),
        closed: AtomicBool::new(false),
    });
    let consumer = Consumer {
        shared: Arc::clone(&shared),
    };
    (Producer { shared }, consumer)
}

impl Shared {
    fn word(&self, place: u64) -> &AtomicU64 {
        // The mask keeps it within.
        &self.words[(place & MASK) as usize]
    }
}

impl Producer {
    /// Puts a packet in; one that does not fit is counted and left out.
    pub(super) fn push(&mut self, entry: &Entry, payload: &[u8]) {
        let shared = &*self.shared;
        let head = shared.head.load(Ordering::Relaxed);
        let free = WORDS as u64 - (head - shared.tail.load(Ordering::Acquire));
        let needed = (HEADER + payload.len().div_ceil(8)) as u64;
        if payload.len() > LONGEST || needed > free {
            shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let side = match entry.side {
            Side::Received => 0,
            Side::Sent => 1,
        };
        let first = payload.len() as u64
            | side << 16
            | u64::from(entry.format) << 24
            | u64::from(entry.epoch) << 32;
        let mut place = head;
        for word in [first, u64::from(entry.timestamp), entry.at] {
            shared.word(place).store(word, Ordering::Relaxed);
            place += 1;
        }
        let (chunks, rest) = payload.as_chunks::<8>();
        for chunk in chunks {
            shared
                .word(place)
                .store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
            place += 1;
        }
        if !rest.is_empty() {
            let mut last = [0u8; 8];
            last[..rest.len()].copy_from_slice(rest);
            shared
                .word(place)
                .store(u64::from_le_bytes(last), Ordering::Relaxed);
            place += 1;
        }
        shared.head.store(place, Ordering::Release);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

impl Consumer {
    /// How far it has been written; packets up to here are taken by [`Self::pop`].
    pub(super) fn written(&self) -> u64 {
        self.shared.head.load(Ordering::Acquire)
    }

    /// The next packet before `until`, its payload in `payload`.
    pub(super) fn pop(&mut self, until: u64, payload: &mut Vec<u8>) -> Option<Entry> {
        let shared = &*self.shared;
        let tail = shared.tail.load(Ordering::Relaxed);
        if tail >= until {
            return None;
        }
        let read = |place: u64| shared.word(place).load(Ordering::Relaxed);
        let (first, timestamp, at) = (read(tail), read(tail + 1), read(tail + 2));
        let length = (first & 0xFFFF) as usize;
        let words = length.div_ceil(8);
        payload.clear();
        for place in 0..words {
            payload.extend_from_slice(&read(tail + (HEADER + place) as u64).to_le_bytes());
        }
        payload.truncate(length);
        shared
            .tail
            .store(tail + (HEADER + words) as u64, Ordering::Release);
        let side = if first >> 16 & 1 == 0 {
            Side::Received
        } else {
            Side::Sent
        };
        Some(Entry {
            side,
            format: (first >> 24) as u8,
            epoch: (first >> 32) as u32,
            timestamp: timestamp as u32,
            at,
        })
    }

    /// Whether nothing will be written any more. Ask before [`Self::written`].
    pub(super) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Packets that did not fit, since the last time it was asked.
    pub(super) fn take_lost(&self) -> u64 {
        self.shared.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u32) -> Entry {
        Entry {
            side: if number.is_multiple_of(2) {
                Side::Received
            } else {
                Side::Sent
            },
            format: number as u8,
            epoch: u32::MAX - number,
            timestamp: number.wrapping_mul(160),
            at: u64::from(number) << 33,
        }
    }

    fn payload(number: u32) -> Vec<u8> {
        let length = (number as usize * 37) % (LONGEST + 1);
        (0..length)
            .map(|place| (place as u32 ^ number) as u8)
            .collect()
    }

    #[test]
    fn packets_come_out_as_they_went_in_from_another_thread() {
        let (mut producer, mut consumer) = ring();
        let writing = std::thread::spawn(move || {
            for number in 0..5_000u32 {
                loop {
                    let shared = &producer.shared;
                    let used =
                        shared.head.load(Ordering::Relaxed) - shared.tail.load(Ordering::Acquire);
                    if used + 200 < WORDS as u64 {
                        break;
                    }
                    std::thread::yield_now();
                }
                producer.push(&entry(number), &payload(number));
            }
        });
        let mut octets = Vec::new();
        let mut number = 0;
        while number < 5_000 {
            let until = consumer.written();
            while let Some(read) = consumer.pop(until, &mut octets) {
                assert_eq!((read, &octets), (entry(number), &payload(number)));
                number += 1;
            }
        }
        writing.join().unwrap();
        assert!(consumer.is_closed());
        assert_eq!(consumer.take_lost(), 0);
    }

    #[test]
    fn a_full_ring_refuses_counts_and_goes_on() {
        let (mut producer, mut consumer) = ring();
        for number in 0..1_000 {
            producer.push(&entry(number), &[number as u8; 160]);
        }
        let mut octets = Vec::new();
        let until = consumer.written();
        let taken = std::iter::from_fn(|| consumer.pop(until, &mut octets)).count();
        assert_eq!(taken, WORDS / 23);
        assert_eq!(consumer.take_lost(), (1_000 - taken) as u64);
        producer.push(&entry(7), &[0; LONGEST + 1]);
        assert_eq!(consumer.take_lost(), 1);
        producer.push(&entry(8), &[1, 2, 3]);
        assert_eq!(
            consumer.pop(consumer.written(), &mut octets),
            Some(entry(8))
        );
        assert_eq!(octets, [1, 2, 3]);
    }
}
