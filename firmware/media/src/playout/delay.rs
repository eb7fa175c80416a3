//! How far behind the arrivals the playing has to stay.
//!
//! For each packet the difference between its arrival and its time is kept. The largest of them but for
//! the worst in fifty says how late packets come; what is played must lie behind that, and not
//! by more than a frame and some. Clocks of different speed show in the same figures: all differences
//! rise or fall, and the playing follows.

use std::time::{Duration, Instant};

use crate::SampleRate;

/// Arrivals that are looked at: five seconds of 20 ms.
const ARRIVALS: usize = 256;
/// One in this many may come too late.
const OUTLIERS: usize = 50;
/// Arrivals between two looks.
const LOOK: usize = 8;
/// Packets come at least this long before they are needed, microseconds.
const LEAST: i64 = 4_000;
/// They wait no longer than this; more than a frame above the least and the first, as playing goes by frames. With what
/// a line adds it stays below the 30 ms that sound may take through the gateway.
const MOST: i64 = 27_000;
/// With so much to spare the playing catches up on every frame, otherwise on every fifth.
const PLENTY: i64 = 80_000;
/// Longest delay that is built up.
const LONGEST: i64 = 400_000;
/// Room given to the first packet, when nothing is known yet.
const FIRST: i64 = 2_000;
const FRAME: i64 = 20_000;
/// Frames between two changes.
const PAUSE: u8 = 5;

/// What the playing should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// Play faster: there is more delay than needed.
    Shorten,
    /// Play slower: packets come too late.
    Lengthen,
}

/// Arrivals and pulls of one source.
pub(super) struct Delay {
    rate: SampleRate,
    origin: Instant,
    /// Arrival minus time of the last packets, microseconds.
    differences: [i64; ARRIVALS],
    sorted: [i64; ARRIVALS],
    count: usize,
    at: usize,
    /// How late packets come: the difference few exceed.
    lateness: Option<i64>,
    /// Time of the newest packet, samples.
    newest: i64,
    /// When the last pull should have been, microseconds: pulls are late at times, never early.
    beat: i64,
    /// What the next pull will play, samples.
    position: Option<i64>,
    since_change: u8,
}

impl Delay {
    pub(super) fn new(rate: SampleRate, beat: Instant) -> Self {
        Delay {
            rate,
            origin: beat,
            differences: [0; ARRIVALS],
            sorted: [0; ARRIVALS],
            count: 0,
            at: 0,
            lateness: None,
            newest: 0,
            beat: 0,
            position: None,
            since_change: 0,
        }
    }

    pub(super) fn restart(&mut self) {
        self.count = 0;
        self.at = 0;
        self.lateness = None;
        self.position = None;
    }

    fn microseconds(&self, now: Instant) -> i64 {
        now.saturating_duration_since(self.origin).as_micros() as i64
    }

    fn length(&self, samples: i64) -> i64 {
        samples * 1_000_000 / i64::from(self.rate.hertz())
    }

    /// Takes note of a packet.
    pub(super) fn arrived(&mut self, time: i64, now: Instant) {
        let difference = self.microseconds(now) - self.length(time);
        self.differences[self.at] = difference;
        self.at = (self.at + 1) % ARRIVALS;
        self.count = (self.count + 1).min(ARRIVALS);
        self.newest = time;
        if self.count <= LOOK || self.at.is_multiple_of(LOOK) || Some(difference) < self.lateness {
            self.look();
        }
    }

    fn look(&mut self) {
        let sorted = &mut self.sorted[..self.count];
        sorted.copy_from_slice(&self.differences[..self.count]);
        let place = self.count - 1 - self.count / OUTLIERS;
        self.lateness = Some(*sorted.select_nth_unstable(place).1);
    }

    /// Takes note of a pull, and of the time of the first sample it plays.
    pub(super) fn pulled(&mut self, position: Option<i64>, now: Instant) {
        let now = self.microseconds(now);
        let due = self.beat + FRAME;
        let late = now - due;
        self.beat = match late {
            // A beat that is always late is only slower.
            0..=100_000 => due + late / 64,
            _ => now,
        };
        let frame = self.rate.frame() as i64;
        self.position = position.map(|position| position + frame);
        self.since_change = self.since_change.saturating_add(1);
    }

    /// How long packets that come as late as they do wait before they are needed, microseconds.
    fn spare(&self) -> Option<i64> {
        let (lateness, position) = (self.lateness?, self.position?);
        let next_pull = self.beat + FRAME;
        // A packet is needed at the pull that plays its first sample.
        let frame = self.rate.frame() as i64;
        let into_frame = (self.newest - position).rem_euclid(frame);
        Some(next_pull - self.length(position + into_frame) - lateness)
    }

    /// What to do about the delay now.
    pub(super) fn wanted(&self) -> Change {
        let Some(spare) = self.spare() else {
            return Change::None;
        };
        match spare {
            ..LEAST if self.milliseconds() < (LONGEST / 1_000) as u32 => Change::Lengthen,
            PLENTY.. => Change::Shorten,
            MOST.. if self.since_change >= PAUSE => Change::Shorten,
            _ => Change::None,
        }
    }

    /// The delay was changed.
    pub(super) fn changed(&mut self) {
        self.since_change = 0;
    }

    /// Frames to wait before a packet that just came, when nothing else is being played.
    pub(super) fn frames_before(&self, time: i64) -> usize {
        let Some(lateness) = self.lateness else {
            return 0;
        };
        let room = if self.count < ARRIVALS / 8 { FIRST } else { 0 };
        let needed = self.length(time) + lateness + room + LEAST;
        let next_pull = self.beat + FRAME;
        let frames = (needed - next_pull).max(0) as u64;
        (frames.div_ceil(FRAME as u64) as usize).min((LONGEST / FRAME) as usize)
    }

    /// Delay between arrival without jitter and playing.
    pub(super) fn milliseconds(&self) -> u32 {
        let differences = &self.differences[..self.count];
        let (Some(earliest), Some(position)) = (differences.iter().min(), self.position) else {
            return 0;
        };
        let delay = self.beat + FRAME - self.length(position) - earliest;
        Duration::from_micros(delay.max(0).cast_unsigned()).as_millis() as u32
    }
}
