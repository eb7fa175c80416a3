//! Lines: channels clocked by the tick instead of by packets.

use std::time::{Duration, Instant};

use ramal_dsp::{FRAME_SAMPLES, Law};

/// The audio side of a line (DAHDI channel, simulated line): exchanges 20 ms in both directions on
/// every tick of the media thread.
pub trait LineAudio: Send {
    /// Gives the line the next 20 ms to send in `transmit` and takes what it received into `receive`,
    /// both A-law. Must not block nor allocate.
    fn exchange(&mut self, transmit: &[u8; FRAME_SAMPLES], receive: &mut [u8; FRAME_SAMPLES]);
}

/// Samples the ring holds: 256 ms.
const CAPACITY: usize = 2_048;
/// Samples held back so that packets may be late: 40 ms.
const DELAY: u32 = 320;
/// Without packets for this long the next one starts anew.
const STALE: Duration = Duration::from_millis(200);

/// Fixed jitter buffer of A-law samples, placed by RTP timestamp: reordering sorts itself out, lost
/// packets are heard as silence.
#[derive(Debug)]
pub(crate) struct JitterRing {
    samples: Box<[u8; CAPACITY]>,
    /// Timestamp of the next sample to be read; `None` before the first packet.
    read_at: Option<u32>,
    /// Timestamp of the next frame to be appended.
    write_at: u32,
    fed: Instant,
    /// Packets that came too late to be heard, in a row.
    late: u8,
}

impl JitterRing {
    pub(crate) fn new(now: Instant) -> Self {
        JitterRing {
            samples: Box::new([Law::A.silence(); CAPACITY]),
            read_at: None,
            write_at: 0,
            fed: now,
            late: 0,
        }
    }

    /// Starts anew with the next packet: the source changed.
    pub(crate) fn reset(&mut self) {
        self.samples.fill(Law::A.silence());
        self.read_at = None;
        self.late = 0;
    }

    /// Puts A-law samples whose first has this timestamp.
    pub(crate) fn put(&mut self, timestamp: u32, samples: &[u8], now: Instant) {
        let stale = now.saturating_duration_since(self.fed) > STALE;
        if stale || self.late > 5 {
            self.reset();
        }
        let mut read_at = *self.read_at.get_or_insert(timestamp.wrapping_sub(DELAY));
        let ahead = |read_at: u32| i64::from(timestamp.wrapping_sub(read_at).cast_signed());
        if ahead(read_at) + samples.len() as i64 > CAPACITY as i64 {
            // Jumped ahead, or the source's clock runs faster than the line's.
            self.reset();
            read_at = timestamp.wrapping_sub(DELAY);
            self.read_at = Some(read_at);
        }
        self.fed = now;
        if ahead(read_at) < 0 {
            self.late = self.late.saturating_add(1);
            return;
        }
        self.late = 0;
        for (offset, &sample) in samples.iter().enumerate().take(CAPACITY) {
            self.samples[(timestamp as usize).wrapping_add(offset) % CAPACITY] = sample;
        }
    }

    /// Puts a frame directly after the last one, for a source with the same clock.
    pub(crate) fn append(&mut self, frame: &[u8; FRAME_SAMPLES], now: Instant) {
        if self.read_at.is_none() {
            // Two frames of room let both lines be served in either order within a tick.
            self.write_at = 0;
        }
        self.put(self.write_at, frame, now);
        self.write_at = self.write_at.wrapping_add(FRAME_SAMPLES as u32);
    }

    /// Takes the next 20 ms.
    pub(crate) fn take(&mut self, frame: &mut [u8; FRAME_SAMPLES]) {
        let Some(read_at) = &mut self.read_at else {
            frame.fill(Law::A.silence());
            return;
        };
        for (offset, sample) in frame.iter_mut().enumerate() {
            let place = &mut self.samples[(*read_at as usize).wrapping_add(offset) % CAPACITY];
            *sample = std::mem::replace(place, Law::A.silence());
        }
        *read_at = read_at.wrapping_add(FRAME_SAMPLES as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(ring: &mut JitterRing) -> u8 {
        let mut frame = [0u8; FRAME_SAMPLES];
        ring.take(&mut frame);
        assert!(frame.iter().all(|&sample| sample == frame[0]));
        frame[0]
    }

    #[test]
    fn frames_come_out_in_order_after_the_fixed_delay() {
        let now = Instant::now();
        let mut ring = JitterRing::new(now);
        assert_eq!(take(&mut ring), Law::A.silence());
        let start = u32::MAX - 200; // the timestamp wraps on the way
        for (position, octet) in [(0u32, 1u8), (2, 3), (1, 2), (3, 4)] {
            let timestamp = start.wrapping_add(position * 160);
            ring.put(timestamp, &[octet; FRAME_SAMPLES], now);
        }
        let heard: Vec<u8> = (0..7).map(|_| take(&mut ring)).collect();
        let quiet = Law::A.silence();
        assert_eq!(heard, [quiet, quiet, 1, 2, 3, 4, quiet]);
    }

    #[test]
    fn lost_packets_are_silent_and_late_ones_are_dropped() {
        let now = Instant::now();
        let mut ring = JitterRing::new(now);
        ring.put(0, &[1; FRAME_SAMPLES], now);
        ring.put(320, &[3; FRAME_SAMPLES], now);
        let heard: Vec<u8> = (0..4).map(|_| take(&mut ring)).collect();
        ring.put(160, &[2; FRAME_SAMPLES], now);
        assert_eq!(heard[2..], [1, Law::A.silence()]);
        assert_eq!(take(&mut ring), 3);
    }

    #[test]
    fn a_jump_and_a_pause_start_anew() {
        let now = Instant::now();
        let mut ring = JitterRing::new(now);
        ring.put(0, &[1; FRAME_SAMPLES], now);
        ring.put(1_000_000, &[2; FRAME_SAMPLES], now);
        let heard: Vec<u8> = (0..3).map(|_| take(&mut ring)).collect();
        assert_eq!(heard[2], 2);
        let later = now + STALE * 2;
        ring.put(7, &[3; FRAME_SAMPLES], later);
        let heard: Vec<u8> = (0..3).map(|_| take(&mut ring)).collect();
        assert_eq!(heard[2], 3);
    }

    #[test]
    fn a_source_slower_than_the_line_is_realigned_instead_of_staying_silent() {
        let now = Instant::now();
        let mut ring = JitterRing::new(now);
        let mut silent = 0;
        for packet in 0..1_000u32 {
            ring.put(packet * 160, &[9; FRAME_SAMPLES], now);
            silent += u32::from(take(&mut ring) != 9);
            if packet % 100 == 99 {
                // The line took one frame more than the source gave.
                silent += u32::from(take(&mut ring) != 9);
            }
        }
        assert!(silent < 60, "{silent} of 1,010 frames silent");
    }
}
