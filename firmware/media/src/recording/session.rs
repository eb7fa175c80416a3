//! One recording being written.

use std::io;

use ramal_dsp::{Law, alaw_to_ulaw, ulaw_to_alaw};
use thiserror::Error;
use tokio::sync::oneshot;

use super::decoding::Decoding;
use super::disk::Disk;
use super::form::Form;
use super::interleave::Interleave;
use super::ring::{Consumer, Entry, Side};
use super::tap::codec_of;
use super::timeline::{RATE, Timeline};
use super::wav::{self, HEADER};

/// Places of the timeline held back so that late packets find their place: 200 ms.
pub(super) const HOLD_BACK: i64 = 1_600;
/// Places written at a time at most, and kept when a slow disk kept the writer away: 2 s.
const PIECE: i64 = 16_000;

/// Why a recording ended before it should have, or never began.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RecordingFailure {
    /// No room is left on the disk, the reserve for everything else not counted.
    #[error("the disk is full")]
    DiskFull,
    /// The disk refuses; the system's words.
    #[error("the disk fails: {0}")]
    Disk(String),
    /// The codec is only carried from one end to the other.
    #[error("nothing can be recorded of {0}")]
    Codec(&'static str),
    /// The file has the size that a WAV file can have: 74 hours of G.711.
    #[error("the recording has its greatest length")]
    TooLong,
    /// The recorder is gone.
    #[error("the recorder has stopped")]
    Stopped,
}

impl From<io::Error> for RecordingFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Disk(error.to_string()),
        }
    }
}

/// What became of a recording. What it says is on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Length in milliseconds; 0 when there is no file to keep.
    pub duration_ms: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Packets of the call that are missing because the disk was too slow.
    pub lost_packets: u64,
    /// Why it ended by itself, or never began.
    pub failure: Option<RecordingFailure>,
}

/// Stretches of the call that are left out, in microseconds since the recorder began.
#[derive(Debug, Default)]
struct Pauses(Vec<(u64, Option<u64>)>);

impl Pauses {
    /// Microseconds left out before `at`, and how many pauses began before it; `None` when it lies in one.
    fn before(&self, at: u64) -> Option<(u64, usize)> {
        let mut left_out = 0;
        let mut begun = 0;
        for &(from, to) in &self.0 {
            if at < from {
                break;
            }
            begun += 1;
            match to {
                Some(to) if at >= to => left_out += to - from,
                _ => return None,
            }
        }
        Some((left_out, begun))
    }
}

struct Place {
    timeline: Timeline,
    decoding: Option<Box<Decoding>>,
    pauses: usize,
}

/// One recording being written.
pub(super) struct Session<F> {
    form: Form,
    file: F,
    /// Microseconds since the recorder began.
    began: u64,
    pauses: Pauses,
    /// The channels it was on, the present one last; all but that have something left to be read, or are gone.
    rings: Vec<(u32, Consumer)>,
    /// Rings so far.
    tapped: u32,
    places: [Place; 2],
    interleave: Interleave,
    /// Octets of samples in the file.
    written: u64,
    /// Of those what is known to be on the disk.
    durable: u64,
    /// What the header says; never more than that.
    claimed: u64,
    /// What the header on the disk says.
    confirmed: u64,
    /// `written` and `claimed` when the sync began that is being waited for.
    syncing: (u64, u64),
    lost: u64,
    /// When it is to end.
    ends: Option<u64>,
    /// It was told so in this round: its rings may hold more that belongs to it.
    just_ended: bool,
    /// The disk takes nothing any more, not even a header.
    broken: bool,
    report: Option<oneshot::Sender<Finished>>,
    failure: Option<RecordingFailure>,
    payload: Vec<u8>,
    /// The last packet that had to be decoded.
    converted: Vec<u8>,
    out: Vec<u8>,
}

impl<F> Session<F> {
    /// A recording into an empty file.
    pub(super) fn begin(
        form: Form,
        file: F,
        began: u64,
        report: oneshot::Sender<Finished>,
        disk: &mut impl Disk<File = F>,
    ) -> Self {
        let failure = disk.write_at(&file, &wav::header(form, 0), 0).err();
        let place = || Place {
            timeline: Timeline::default(),
            decoding: None,
            pauses: 0,
        };
        Session {
            form,
            file,
            began,
            pauses: Pauses::default(),
            rings: Vec::new(),
            tapped: 0,
            places: [place(), place()],
            interleave: Interleave::new(form),
            written: 0,
            durable: 0,
            claimed: 0,
            confirmed: 0,
            syncing: (0, 0),
            lost: 0,
            ends: None,
            just_ended: false,
            broken: false,
            report: Some(report),
            failure: failure.map(RecordingFailure::from),
            payload: Vec::new(),
            converted: Vec::new(),
            out: Vec::new(),
        }
    }

    pub(super) fn tap(&mut self, ring: Consumer) {
        self.rings.push((self.tapped, ring));
        self.tapped += 1;
    }

    pub(super) fn pause(&mut self, at: u64) {
        if self.pauses.0.last().is_none_or(|(_, to)| to.is_some()) {
            self.pauses.0.push((at, None));
        }
    }

    pub(super) fn resume(&mut self, at: u64) {
        if let Some((from, to @ None)) = self.pauses.0.last_mut() {
            *to = Some(at.max(*from));
        }
    }

    pub(super) fn end(&mut self, at: u64) {
        self.ends.get_or_insert(at);
        self.just_ended = true;
    }

    /// It goes no further.
    pub(super) fn fail(&mut self, failure: RecordingFailure) {
        self.failure.get_or_insert(failure);
    }

    /// Whether it is to end.
    pub(super) fn is_ending(&self) -> bool {
        self.ends.is_some() || self.failure.is_some()
    }

    /// A round begins: how far each ring has been written now, and whether nothing more will be.
    pub(super) fn marks(&mut self) -> Vec<(u64, bool)> {
        self.just_ended = false;
        // Closed is asked first: what was written before it closed is then seen.
        self.rings
            .iter()
            .map(|(_, ring)| (ring.is_closed(), ring))
            .map(|(closed, ring)| (ring.written(), closed))
            .collect()
    }

    /// Places everything in the rings up to `marks`, taken before the commands of the call were.
    pub(super) fn drain(&mut self, marks: &[(u64, bool)], disk: &mut impl Disk<File = F>) {
        let mut payload = std::mem::take(&mut self.payload);
        let mut gone = 0;
        for (index, &(mark, closed)) in marks.iter().enumerate() {
            while let Some((number, ring)) = self.rings.get_mut(index) {
                let number = *number;
                let Some(entry) = ring.pop(mark, &mut payload) else {
                    self.lost += ring.take_lost();
                    gone += usize::from(closed);
                    break;
                };
                self.place(number, &entry, &mut payload, disk);
            }
        }
        self.payload = payload;
        if gone > 0 {
            let mut marks = marks.iter();
            // Those added since have no mark and stay.
            self.rings
                .retain(|_| !marks.next().is_some_and(|(_, closed)| *closed));
        }
    }

    fn place(
        &mut self,
        tap: u32,
        entry: &Entry,
        payload: &mut [u8],
        disk: &mut impl Disk<File = F>,
    ) {
        if self.failure.is_some() || self.ends.is_some_and(|ends| entry.at >= ends) {
            return;
        }
        let Some((left_out, pauses)) = self.pauses.before(entry.at) else {
            return;
        };
        let Some(arrived) = entry.at.checked_sub(self.began + left_out).map(places) else {
            return;
        };
        let Some(codec) = codec_of(entry.format) else {
            return;
        };
        let place = match entry.side {
            Side::Received => &mut self.places[0],
            Side::Sent => &mut self.places[1],
        };
        let mut timestamp = entry.timestamp;
        let mut converted = None;
        match (codec.law(), self.form) {
            (Some(Law::A), Form::Companded(Law::Mu)) => alaw_to_ulaw(payload),
            (Some(Law::Mu), Form::Companded(Law::A)) => ulaw_to_alaw(payload),
            (Some(_), Form::Companded(_)) => {}
            (None, _) | (_, Form::Linear(_)) => {
                if place.decoding.as_ref().map(|decoding| decoding.codec()) != Some(codec) {
                    place.decoding = Decoding::new(codec);
                }
                let Some(decoding) = &mut place.decoding else {
                    return;
                };
                timestamp = decoding.timestamp(timestamp);
                let mut octets = std::mem::take(&mut self.converted);
                octets.clear();
                decoding.convert(payload, self.form, &mut octets);
                converted = Some(octets);
            }
        }
        if place.pauses != pauses {
            place.pauses = pauses;
            place.timeline.forget();
        }
        // Another codec has another clock.
        let epoch = u64::from(entry.format) << 56 | u64::from(tap) << 32 | u64::from(entry.epoch);
        let scale = self.form.scale();
        let position = place.timeline.place(epoch, timestamp, arrived) * scale;
        if position - self.interleave.start() > PIECE * scale {
            self.write_until(position - HOLD_BACK * scale, disk);
        }
        self.interleave.put(
            entry.side,
            position,
            converted.as_deref().unwrap_or(payload),
        );
        if let Some(octets) = converted {
            self.converted = octets;
        }
    }

    /// Writes what no late packet can change any more.
    pub(super) fn write(&mut self, now: u64, disk: &mut impl Disk<File = F>) {
        if self.just_ended {
            return;
        }
        let end = match self.ends {
            Some(ends) => self.position(ends),
            None => self.position(now) - HOLD_BACK * self.form.scale(),
        };
        self.write_until(end, disk);
    }

    /// The sample that belongs to a time.
    fn position(&self, at: u64) -> i64 {
        let left_out: u64 = self
            .pauses
            .0
            .iter()
            .map(|&(from, to)| to.unwrap_or(at).min(at).saturating_sub(from))
            .sum();
        places(at.saturating_sub(self.began + left_out)) * self.form.scale()
    }

    fn write_until(&mut self, end: i64, disk: &mut impl Disk<File = F>) {
        while self.failure.is_none() && self.interleave.start() < end {
            self.out.clear();
            let piece = end.min(self.interleave.start() + PIECE * self.form.scale());
            self.interleave.take(piece, &mut self.out);
            if self.written + self.out.len() as u64 > wav::LARGEST {
                self.failure = Some(RecordingFailure::TooLong);
                return;
            }
            match disk.write_at(&self.file, &self.out, HEADER + self.written) {
                Ok(()) => self.written += self.out.len() as u64,
                Err(error) => self.failure = Some(error.into()),
            }
        }
    }

    /// Whether there is something that a sync would bring to the disk.
    pub(super) fn is_dirty(&self) -> bool {
        self.durable < self.written || self.confirmed < self.durable
    }

    /// A sync of everything written so far begins.
    pub(super) fn sync_begins(&mut self) {
        self.syncing = (self.written, self.claimed);
    }

    /// That sync is done: now the header may say it.
    pub(super) fn sync_done(&mut self, disk: &mut impl Disk<File = F>) {
        (self.durable, self.confirmed) = self.syncing;
        if self.claimed < self.durable {
            match disk.write_at(&self.file, &wav::header(self.form, self.durable), 0) {
                Ok(()) => self.claimed = self.durable,
                Err(error) => self.sync_failed(error.into()),
            }
        }
    }

    /// The disk fails altogether.
    pub(super) fn sync_failed(&mut self, failure: RecordingFailure) {
        self.fail(failure);
        self.broken = true;
    }

    /// Whether it is over and on the disk, its header included, or as much of it as the disk takes.
    pub(super) fn is_done(&self) -> bool {
        let ended = self.failure.is_some() || (self.ends.is_some() && !self.just_ended);
        self.broken || (ended && self.is_all_written() && !self.is_dirty())
    }

    fn is_all_written(&self) -> bool {
        let short = |ends| self.interleave.start() < self.position(ends);
        self.failure.is_some() || !self.ends.is_some_and(short)
    }

    /// Tells what became of it.
    pub(super) fn finish(&mut self) {
        let Some(report) = self.report.take() else {
            return;
        };
        let octets = self.durable;
        let bytes = if octets == 0 { 0 } else { HEADER + octets };
        // Whoever asked may be gone.
        let _ = report.send(Finished {
            duration_ms: octets * 1_000 / self.form.octets_per_second(),
            bytes,
            lost_packets: self.lost + self.interleave.late,
            failure: self.failure.clone(),
        });
    }

    /// Packets lost since the last time it was asked.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

/// Places of the timeline.
fn places(microseconds: u64) -> i64 {
    // A day of microseconds times eight thousand is far below 2^63.
    (microseconds.saturating_mul(RATE) / 1_000_000) as i64
}
