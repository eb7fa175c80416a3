//! The writer on a disk that loses what was not synced, in simulated time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ramal_dsp::Law;
use tokio::sync::oneshot;

use super::disk::Disk;
use super::form::Form;
use super::recover;
use super::ring::{Entry, Producer, Side, ring};
use super::session::{Finished, RecordingFailure};
use super::tap::number_of;
use super::wav::{self, HEADER};
use super::writer::{Control, Writer};
use crate::Codec;

const PAGE: usize = 4_096;
const MS: u64 = 1_000;

/// A small generator, so that every run is the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

#[derive(Clone, Default)]
struct Content {
    now: Vec<u8>,
    syncing: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Default)]
struct State {
    files: HashMap<PathBuf, Content>,
    room: u64,
    /// Whether a sync is being waited for, and whether it may end.
    syncing: bool,
    may_end: bool,
    writes: u64,
    syncs: u64,
}

#[derive(Clone, Default)]
struct Simulated(Rc<RefCell<State>>);

impl Disk for Simulated {
    type File = PathBuf;

    fn create(&mut self, path: &Path) -> io::Result<PathBuf> {
        self.0
            .borrow_mut()
            .files
            .insert(path.to_owned(), Content::default());
        Ok(path.to_owned())
    }

    fn write_at(&mut self, file: &PathBuf, octets: &[u8], at: u64) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let content = &mut state.files.get_mut(file).unwrap().now;
        let end = at as usize + octets.len();
        let grows = end.saturating_sub(content.len());
        content.resize(content.len().max(end), 0);
        content[at as usize..end].copy_from_slice(octets);
        state.room = state
            .room
            .checked_sub(grows as u64)
            .ok_or(io::ErrorKind::StorageFull)?;
        state.writes += 1;
        Ok(())
    }

    fn free(&mut self) -> io::Result<u64> {
        Ok(self.0.borrow().room)
    }

    fn begin_sync(&mut self) {
        let mut state = self.0.borrow_mut();
        assert!(!state.syncing);
        state.syncing = true;
        state.syncs += 1;
        for content in state.files.values_mut() {
            content.syncing = content.now.clone();
        }
    }

    fn synced(&mut self) -> Option<io::Result<()>> {
        let mut state = self.0.borrow_mut();
        if !(state.syncing && state.may_end) {
            return None;
        }
        state.syncing = false;
        for content in state.files.values_mut() {
            content.durable = content.syncing.clone();
        }
        Some(Ok(()))
    }
}

impl Simulated {
    /// What is found after the power was cut: of what was not synced, any pages, and any length in between.
    fn cut(&self, path: &Path, random: &mut Random) -> Vec<u8> {
        let state = self.0.borrow();
        let content = &state.files[path];
        let (old, new) = (content.durable.len() as u64, content.now.len() as u64);
        let length = (old + random.below(new - old + 1)) as usize;
        let mut found = vec![0; length];
        for (number, page) in found.chunks_mut(PAGE).enumerate() {
            let kept = random.below(2) == 0;
            let source = if kept { &content.now } else { &content.durable };
            let from = source.get(number * PAGE..).unwrap_or_default();
            let length = page.len().min(from.len());
            page[..length].copy_from_slice(&from[..length]);
        }
        found
    }
}

/// A call whose far end says 0x11 and is sent 0x22, with 20 ms packets.
struct Talk {
    producer: Producer,
    packets: u64,
}

impl Talk {
    fn until(&mut self, now: u64) {
        while self.packets * 20 * MS <= now {
            for (side, octet) in [(Side::Received, 0x11), (Side::Sent, 0x22)] {
                let entry = Entry {
                    side,
                    format: number_of(Codec::Pcma).unwrap(),
                    epoch: 0,
                    timestamp: (self.packets * 160) as u32,
                    at: self.packets * 20 * MS,
                };
                self.producer.push(&entry, &[octet; 160]);
            }
            self.packets += 1;
        }
    }
}

fn begin(disk: &Simulated) -> (Writer<Simulated>, Talk, oneshot::Receiver<Finished>) {
    let mut writer = Writer::new(disk.clone(), 1_000);
    let (report, end) = oneshot::channel();
    let (producer, consumer) = ring();
    let begin = Control::Begin {
        number: 1,
        path: "call.wav".into(),
        form: Form::Companded(Law::A),
        at: 0,
        report,
    };
    let tap = Control::Tap {
        number: 1,
        ring: consumer,
    };
    writer.round(0, [begin, tap].into_iter());
    let talk = Talk {
        producer,
        packets: 0,
    };
    (writer, talk, end)
}

fn claimed(file: &[u8]) -> usize {
    u32::from_le_bytes(file[54..58].try_into().unwrap()) as usize
}

#[test]
fn after_a_power_cut_at_any_moment_the_recording_plays_and_lacks_less_than_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("found.wav");
    for seed in 0..400 {
        let mut random = Random(seed * 7_919 + 1);
        let disk = Simulated::default();
        disk.0.borrow_mut().room = u64::MAX;
        let (mut writer, mut talk, _end) = begin(&disk);
        let cut_at = (1_500 + random.below(9_000)) * MS;
        let mut sync_ends = 0;
        let mut now = 0;
        loop {
            now += 100 * MS;
            if now > cut_at {
                break;
            }
            talk.until(now);
            let before = disk.0.borrow().syncing;
            disk.0.borrow_mut().may_end = now >= sync_ends;
            writer.round(now, std::iter::empty());
            if !before && disk.0.borrow().syncing {
                // A slow card: up to 150 ms.
                sync_ends = now + random.below(150) * MS;
            }
        }
        let found = disk.cut(Path::new("call.wav"), &mut random);
        // As it lies there: whole, and everything it claims is true.
        let length = claimed(&found);
        assert!(HEADER as usize + length <= found.len(), "seed {seed}");
        assert_eq!(
            found[..HEADER as usize],
            wav::header(Form::Companded(Law::A), length as u64)
        );
        let samples = &found[HEADER as usize..HEADER as usize + length];
        assert!(
            samples
                .as_chunks::<2>()
                .0
                .iter()
                .all(|frame| *frame == [0x11, 0x22])
        );
        // After the next start: all that reached the disk.
        std::fs::write(&path, &found).unwrap();
        let recovered = recover(&path).unwrap();
        let lacks = cut_at / MS - recovered.duration_ms;
        assert!(lacks < 1_000, "seed {seed}: {lacks} ms are missing");
        let healed = std::fs::read(&path).unwrap();
        assert_eq!(healed.len() as u64, recovered.bytes);
        assert_eq!(claimed(&healed), healed.len() - HEADER as usize);
    }
}

#[test]
fn a_recording_that_ends_is_on_the_disk_before_that_is_told() {
    let disk = Simulated::default();
    disk.0.borrow_mut().room = u64::MAX;
    disk.0.borrow_mut().may_end = true;
    let (mut writer, mut talk, mut end) = begin(&disk);
    for now in (100..=3_000).step_by(100) {
        talk.until(now * MS);
        writer.round(now * MS, std::iter::empty());
    }
    let at = 3_000 * MS;
    writer.round(at + 1, [Control::End { number: 1, at }].into_iter());
    let mut now = at;
    let finished = loop {
        now += 100 * MS;
        writer.round(now, std::iter::empty());
        if let Ok(finished) = end.try_recv() {
            break finished;
        }
        assert!(now < 5_000 * MS);
    };
    assert_eq!(finished.duration_ms, 3_000);
    assert_eq!((finished.lost_packets, finished.failure), (0, None));
    assert_eq!(writer.active(), 0);
    let durable = disk.0.borrow().files[Path::new("call.wav")].durable.clone();
    assert_eq!(durable.len() as u64, finished.bytes);
    assert_eq!(claimed(&durable), durable.len() - HEADER as usize);
    assert!(now - at <= 800 * MS, "{} ms", (now - at) / MS);
}

#[test]
fn a_pause_is_left_out_with_its_time() {
    let disk = Simulated::default();
    disk.0.borrow_mut().room = u64::MAX;
    disk.0.borrow_mut().may_end = true;
    let (mut writer, mut talk, mut end) = begin(&disk);
    for now in (20..=6_000u64).step_by(20) {
        talk.until(now * MS);
        let command = match now {
            2_000 => Some(Control::Pause {
                number: 1,
                at: 2_000 * MS,
            }),
            5_000 => Some(Control::Resume {
                number: 1,
                at: 5_000 * MS,
            }),
            _ => None,
        };
        writer.round(now * MS, command.into_iter());
    }
    let mut now = 6_000 * MS;
    writer.round(now, [Control::End { number: 1, at: now }].into_iter());
    let finished = loop {
        now += 100 * MS;
        writer.round(now, std::iter::empty());
        if let Ok(finished) = end.try_recv() {
            break finished;
        }
    };
    assert_eq!(finished.duration_ms, 3_000);
    let file = disk.0.borrow().files[Path::new("call.wav")].now.clone();
    let frames = file[HEADER as usize..].as_chunks::<2>().0;
    let silent = frames
        .iter()
        .filter(|frame| **frame != [0x11, 0x22])
        .count();
    assert!(silent <= 160, "{silent} samples");
}

#[test]
fn a_full_disk_ends_the_recording_and_keeps_what_there_is() {
    let disk = Simulated::default();
    disk.0.borrow_mut().room = 40_000;
    disk.0.borrow_mut().may_end = true;
    let (mut writer, mut talk, mut end) = begin(&disk);
    let mut now = 0;
    let finished = loop {
        now += 100 * MS;
        talk.until(now);
        writer.round(now, std::iter::empty());
        if let Ok(finished) = end.try_recv() {
            break finished;
        }
        assert!(now < 10_000 * MS);
    };
    assert_eq!(finished.failure, Some(RecordingFailure::DiskFull));
    assert!(
        (1_500..=2_600).contains(&finished.duration_ms),
        "{finished:?}"
    );
    let durable = disk.0.borrow().files[Path::new("call.wav")].durable.clone();
    assert_eq!(claimed(&durable) as u64 + HEADER, finished.bytes);
    // The next one does not even begin.
    let (report, mut end) = oneshot::channel();
    disk.0.borrow_mut().room = 500;
    let begin = Control::Begin {
        number: 2,
        path: "next.wav".into(),
        form: Form::Companded(Law::Mu),
        at: now,
        report,
    };
    writer.round(now, [begin].into_iter());
    assert_eq!(
        end.try_recv().unwrap().failure,
        Some(RecordingFailure::DiskFull)
    );
    assert!(!disk.0.borrow().files.contains_key(Path::new("next.wav")));
}

#[test]
fn a_disk_that_stalls_costs_packets_that_are_counted_and_nothing_else() {
    let disk = Simulated::default();
    disk.0.borrow_mut().room = u64::MAX;
    disk.0.borrow_mut().may_end = true;
    let (mut writer, mut talk, mut end) = begin(&disk);
    for now in (100..=2_000).step_by(100) {
        talk.until(now * MS);
        writer.round(now * MS, std::iter::empty());
    }
    // The writer hangs in a system call for twenty seconds; the ring holds three and a half.
    talk.until(22_000 * MS);
    for now in (22_000..=24_000).step_by(100) {
        talk.until(now * MS);
        writer.round(now * MS, std::iter::empty());
    }
    let mut now = 24_000 * MS;
    writer.round(now, [Control::End { number: 1, at: now }].into_iter());
    let finished = loop {
        now += 100 * MS;
        writer.round(now, std::iter::empty());
        if let Ok(finished) = end.try_recv() {
            break finished;
        }
    };
    assert_eq!(finished.duration_ms, 24_000);
    assert!(
        (1_600..=1_700).contains(&finished.lost_packets),
        "{finished:?}"
    );
    let file = disk.0.borrow().files[Path::new("call.wav")].now.clone();
    let frames = file[HEADER as usize..].as_chunks::<2>().0;
    // The end lies where it belongs.
    let tail = &frames[frames.len() - 8_000..];
    assert!(tail[..7_800].iter().all(|frame| *frame == [0x11, 0x22]));
}

#[test]
fn the_disk_is_asked_twice_a_second_however_many_calls_there_are() {
    let disk = Simulated::default();
    disk.0.borrow_mut().room = u64::MAX;
    disk.0.borrow_mut().may_end = true;
    let (mut writer, mut talk, _end) = begin(&disk);
    for now in (100..=10_000).step_by(100) {
        talk.until(now * MS);
        writer.round(now * MS, std::iter::empty());
    }
    let state = disk.0.borrow();
    assert!(state.syncs <= 21, "{} syncs in 10 s", state.syncs);
    assert!(state.writes <= 45, "{} writes in 10 s", state.writes);
}
