//! From packets that come when they come to 20 ms of sound whenever they are asked for.
//!
//! [`Playout::put`] takes packets in any order, [`Playout::pull`] gives the next frame; both are told the
//! time and nothing else of the world. Between them:
//!
//! - `packets` keeps what has not been decoded yet, by the time of its first sample;
//! - `delay` learns from arrivals how far behind the playing has to stay, whether because of jitter
//!   or because the far end's clock runs at another speed than ours;
//! - `stretch` makes what is played a few milliseconds longer or shorter, a whole number of pitch
//!   periods at a time, to get there;
//! - `concealment` goes on with the pitch where a packet is missing, and fades;
//! - silence of the far end is filled with comfort noise, at the level it told (RFC 3389) or at that of
//!   its own background.
//!
//! Times are counted in samples of the decoder since the first packet.

mod concealment;
mod delay;
mod packets;
mod stretch;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use ramal_dsp::{Noise, level_dbm0};

use crate::codec::{Decoder, LONGEST_PACKET};
use crate::{Codec, SampleRate};
use concealment::Concealment;
use delay::{Change, Delay};
use packets::{Content, Packets};

/// Samples that may wait decoded: a packet, what is left of another, and room to stretch.
const ROOM: usize = 2 * LONGEST_PACKET;
/// A packet this far from what is being played begins a new timeline, in seconds.
const JUMP: i64 = 1;
/// Sound that is not continued for this long becomes silence.
const FADED: Duration = Duration::from_millis(60);
/// Loudest comfort noise, dBm0: more is no background.
const LOUDEST_NOISE: f64 = -40.0;
/// Background that nobody has heard yet, dBm0; below the smallest step of G.711.
const SILENT: f64 = -100.0;
/// 0 dBov in dBm0, for G.711 and for all others here (RFC 3389 §3 speaks of the overload point).
const OVERLOAD: f64 = 6.15;
/// Rise of the estimate of the background a frame, dB; it falls at once.
const RISE: f64 = 0.05;

/// Jitter buffer and decoder of one source.
pub(crate) struct Playout {
    decoder: Decoder,
    packets: Packets,
    delay: Delay,
    concealment: Concealment,
    noise: Noise,
    /// Decoded and not yet played.
    ready: [i16; ROOM],
    filled: usize,
    /// Time of the first sample not yet decoded; `None` before the first packet.
    next: Option<i64>,
    /// Timestamp and time of the newest packet, for those that follow.
    reference: Option<(u32, i64)>,
    quiet: Option<Quiet>,
    /// Background of the far end, dBm0.
    background: f64,
    decoded: [i16; LONGEST_PACKET],
    /// Samples concealed in a row.
    concealed: usize,
    /// Whether something was concealed since the last frame.
    making_up: bool,
    /// Packets that came too late to be played.
    pub(crate) late: u64,
    /// Frames in which something was made up.
    pub(crate) made_up: u64,
}

/// Level of the noise, dBm0, that the first octet of a comfort noise packet stands for (RFC 3389 §3.1).
pub(crate) fn noise_level(octet: u8) -> f64 {
    (OVERLOAD - f64::from(octet & 0x7F)).min(LOUDEST_NOISE)
}

/// The far end says nothing.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// Level of the noise instead, dBm0.
    level: f64,
}

impl Playout {
    /// A playout of packets of `codec`; `None` when they are only carried. `beat` is when the last frame
    /// would have been pulled. Allocates.
    pub(crate) fn new(codec: Codec, beat: Instant) -> Option<Box<Self>> {
        let decoder = Decoder::new(codec)?;
        let rate = decoder.rate();
        Some(Box::new(Playout {
            packets: Packets::new(),
            delay: Delay::new(rate, beat),
            concealment: Concealment::new(rate),
            noise: Noise::new(0x52),
            ready: [0; ROOM],
            filled: 0,
            next: None,
            reference: None,
            quiet: Some(Quiet { level: SILENT }),
            background: SILENT,
            decoded: [0; LONGEST_PACKET],
            concealed: 0,
            making_up: false,
            late: 0,
            made_up: 0,
            decoder,
        }))
    }

    /// Codec it was made for, or the other companding law if that came last.
    pub(crate) fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// Rate of the frames it gives.
    pub(crate) fn rate(&self) -> SampleRate {
        self.decoder.rate()
    }

    /// Begins anew with the next packet: it is from another source.
    pub(crate) fn restart(&mut self) {
        self.packets.clear();
        self.delay.restart();
        self.decoder.restart();
        self.filled = 0;
        self.next = None;
        self.reference = None;
        self.quiet = Some(Quiet {
            level: self.comfort(),
        });
    }

    /// Delay between the arrival of a packet in time and its playing, in milliseconds.
    pub(crate) fn delay_ms(&self) -> u32 {
        self.delay.milliseconds()
    }

    /// Takes an audio packet.
    pub(crate) fn put(&mut self, codec: Codec, timestamp: u32, payload: &[u8], now: Instant) {
        if !self.decoder.turn_to(codec) || payload.is_empty() {
            return;
        }
        let mut time = self.time_of(timestamp);
        let far = JUMP * i64::from(self.rate().hertz());
        if self.next.is_some_and(|next| (time - next).abs() > far) {
            self.restart();
            time = self.time_of(timestamp);
        }
        self.delay.arrived(time, now);
        let begins = self.next.is_none() || (self.quiet.is_some() && self.packets.is_empty());
        if begins {
            // Where nothing is heard the delay can be chosen freely.
            let wait = self.delay.frames_before(time) * self.rate().frame();
            self.next = Some(time - wait as i64);
            self.filled = 0;
        }
        let next = self.next.unwrap_or(time);
        let mut at = time;
        for part in payload.chunks(packets::LONGEST) {
            let samples = crate::codec::samples_in(codec, part);
            if samples == 0 {
                return;
            }
            if at + samples as i64 <= next {
                self.late += 1;
            } else {
                self.packets
                    .put(at, Content::Audio { codec, samples }, part);
            }
            at += samples as i64;
        }
    }

    /// Takes a comfort noise packet: silence of this level begins (RFC 3389 §3).
    pub(crate) fn put_noise(&mut self, timestamp: u32, payload: &[u8]) {
        let Some(&level) = payload.first() else {
            return;
        };
        let time = self.time_of(timestamp);
        let level = noise_level(level);
        self.packets.put(time, Content::Noise { level }, &[]);
    }

    /// Time of a timestamp, which may wrap.
    fn time_of(&mut self, timestamp: u32) -> i64 {
        let Some((known, time)) = self.reference else {
            self.reference = Some((timestamp, 0));
            return 0;
        };
        let ahead = i64::from(timestamp.wrapping_sub(known).cast_signed());
        let clock = i64::from(self.codec().clock_rate());
        let time = time + ahead * i64::from(self.rate().hertz()) / clock;
        if ahead > 0 {
            self.reference = Some((timestamp, time));
        }
        time
    }

    /// Gives the next 20 ms, as many samples as [`Self::rate`] has in a frame.
    pub(crate) fn pull(&mut self, now: Instant, frame: &mut [i16]) {
        let Some(next) = self.next else {
            self.delay.pulled(None, now);
            self.silence(frame);
            return;
        };
        self.delay.pulled(Some(next - self.filled as i64), now);
        let mut needed = frame.len();
        let change = self.delay.wanted();
        if change != Change::None {
            needed += stretch::most(self.rate());
        }
        while self.filled < frame.len() {
            self.fill();
        }
        while self.filled < needed && self.fill_from_packet() {}
        if self.filled >= needed || change == Change::Lengthen {
            self.change(change);
        }

        frame.copy_from_slice(&self.ready[..frame.len()]);
        self.drop_ready(frame.len());
        if self.quiet.is_none() && self.concealed == 0 {
            let level = level_dbm0(frame);
            self.background = level.min(self.background + RISE);
        }
        self.made_up += u64::from(std::mem::take(&mut self.making_up));
        self.concealment.remember(frame);
    }

    /// Makes what is played longer or shorter, if its sound allows.
    fn change(&mut self, change: Change) {
        let quiet = self.quiet.is_some();
        let (before, rate) = (self.filled, self.rate());
        self.filled = match change {
            Change::None => return,
            _ if self.concealed > 0 && !quiet => return,
            Change::Shorten => stretch::shorten(&mut self.ready, before, rate),
            Change::Lengthen => stretch::lengthen(&mut self.ready, before, rate),
        };
        if self.filled != before {
            self.delay.changed();
        }
    }

    fn drop_ready(&mut self, count: usize) {
        self.ready.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    /// Decodes the packet that is next, if it is there.
    fn fill_from_packet(&mut self) -> bool {
        let Some(next) = self.next else { return false };
        let Some(packet) = self.packets.take(next) else {
            return false;
        };
        let (time, content) = (packet.time, packet.content);
        let codec = match content {
            Content::Noise { level } => {
                self.quiet = Some(Quiet { level });
                return false;
            }
            Content::Audio { codec, .. } => codec,
        };
        if !self.decoder.turn_to(codec) {
            return false;
        }
        let count = self.decoder.decode(packet.octets(), &mut self.decoded);
        // What was made up meanwhile is not played again.
        let skipped = usize::try_from(next - time).unwrap_or(0).min(count);
        let count = (count - skipped).min(ROOM - self.filled);
        if count == 0 {
            return false;
        }
        let place = &mut self.ready[self.filled..self.filled + count];
        place.copy_from_slice(&self.decoded[skipped..skipped + count]);
        if self.concealed > 0 && self.quiet.is_none() {
            self.concealment.rejoin(place);
        }
        self.concealed = 0;
        self.quiet = None;
        self.filled += count;
        self.next = Some(next + count as i64);
        true
    }

    /// Adds something to what can be played: the next packet, or what stands for it.
    fn fill(&mut self) {
        if self.fill_from_packet() {
            return;
        }
        let Some(next) = self.next else { return };
        let frame = self.rate().frame();
        let until = self.packets.first_after(next);
        let gap = until.map_or(frame, |time| usize::try_from(time - next).unwrap_or(0));
        let count = gap.clamp(1, frame).min(ROOM - self.filled);
        let faded = FADED.as_millis() as usize * self.rate().hertz() as usize / 1_000;
        if self.quiet.is_none() && self.concealed >= faded {
            self.quiet = Some(Quiet {
                level: self.comfort(),
            });
        }
        let start = self.filled;
        self.filled += count;
        if let Some(quiet) = self.quiet {
            let place = &mut self.ready[start..start + count];
            place.fill(0);
            self.noise.add(place, quiet.level);
            self.concealed = faded;
            self.next = Some(next + count as i64);
            return;
        }
        let following = self.packets.at(next + count as i64);
        let made = match count == frame {
            true => self.decoder.conceal(count, following, &mut self.decoded),
            false => 0,
        };
        self.making_up = true;
        // What is decoded and not yet played is part of what is continued.
        let (before, place) = self.ready[..self.filled].split_at_mut(start);
        if made == count {
            place.copy_from_slice(&self.decoded[..count]);
        } else {
            self.concealment.go_on(before, place, self.concealed);
        }
        self.concealed += count;
        // Nothing has come that would be played next: if the delay is too short, time is won here.
        let holds = until.is_none() && self.delay.wanted() == Change::Lengthen;
        if holds {
            self.delay.changed();
        } else {
            self.next = Some(next + count as i64);
        }
    }

    /// Level for noise nobody told a level of.
    fn comfort(&self) -> f64 {
        self.background.min(LOUDEST_NOISE)
    }

    fn silence(&mut self, frame: &mut [i16]) {
        frame.fill(0);
    }
}
