//! What sits on a recorded channel and copies its packets.

use std::time::Instant;

use super::ring::{Consumer, Entry, Producer, Side, ring};
use crate::Codec;

/// Number of a codec in the ring; `None` for what cannot be recorded.
pub(super) fn number_of(codec: Codec) -> Option<u8> {
    let number = Codec::DECODED.iter().position(|decoded| *decoded == codec);
    number.and_then(|number| u8::try_from(number).ok())
}

/// The codec of a number in the ring.
pub(super) fn codec_of(number: u8) -> Option<Codec> {
    Codec::DECODED.get(usize::from(number)).copied()
}

/// A tap on a channel: lives with it on its media thread.
pub(crate) struct Tap {
    /// Tells this tap from the next one on the same channel.
    pub(crate) number: u64,
    producer: Producer,
    /// The recorder's beginning of time.
    origin: Instant,
}

impl Tap {
    pub(super) fn new(number: u64, origin: Instant) -> (Box<Tap>, Consumer) {
        let (producer, consumer) = ring();
        let tap = Tap {
            number,
            producer,
            origin,
        };
        (Box::new(tap), consumer)
    }

    /// Takes audio of the far end, as it came. `epoch` counts the far end's sources.
    pub(crate) fn received(
        &mut self,
        codec: Codec,
        epoch: u32,
        timestamp: u32,
        payload: &[u8],
        now: Instant,
    ) {
        self.push(Side::Received, codec, epoch, timestamp, payload, now);
    }

    /// Takes audio that the far end is sent, as it goes.
    pub(crate) fn sent(&mut self, codec: Codec, timestamp: u32, payload: &[u8], now: Instant) {
        // Our own timestamps go on over all changes of what is heard.
        self.push(Side::Sent, codec, 0, timestamp, payload, now);
    }

    fn push(
        &mut self,
        side: Side,
        codec: Codec,
        epoch: u32,
        timestamp: u32,
        payload: &[u8],
        now: Instant,
    ) {
        let Some(format) = number_of(codec) else {
            return;
        };
        let since = now.saturating_duration_since(self.origin);
        let entry = Entry {
            side,
            format,
            epoch,
            timestamp,
            at: since.as_micros() as u64,
        };
        self.producer.push(&entry, payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_survive_the_ring() {
        for codec in Codec::DECODED {
            assert_eq!(number_of(codec).and_then(codec_of), Some(codec));
        }
        assert_eq!(codec_of(200), None);
    }
}
