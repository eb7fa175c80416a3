//! The partition the state lies on: two copies of the record, and two sectors for GRUB's note of a trial.
//!
//! GRUB reads plain sectors but writes files only, and of those only what they hold, never where it lies. So the partition
//! is a tar archive whose headers never change: `state` with both copies inside, `note-1` and `note-2`. GRUB takes no notice of
//! the two records of the last start, which lie in `state` too.
//!
//! A change is written to the older copy first, then to the other, each flushed before the next: at every moment one of
//! them is whole. Of two whole copies the one with the higher generation counts.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use thiserror::Error;

use crate::record::{self, RECORD, SECTOR};
use crate::state::{Slot, Start, State, StateError};

/// First sectors of the two copies, far apart: they share no block of a flash chip's choosing.
pub const COPIES: [u64; 2] = [8, 1024];
/// First sectors of the two records of the system that has started and not ended yet.
pub const STARTED: [u64; 2] = [16, 1040];
/// The two sectors where GRUB notes the generation whose trial it starts: the content of `note-1` and `note-2`.
pub const TRIED: [u64; 2] = [2049, 3073];
/// What lies in the archive: name, sector of its header, sectors of its content.
const MEMBERS: [(&str, u64, u64); 4] = [
    ("state", 0, 2047),
    ("note-1", 2048, 1),
    ("space", 2050, 1021),
    ("note-2", 3072, 1),
];
/// Octets the partition must have.
pub const SIZE: u64 = 2 << 20;

/// Something that keeps sectors: the partition, or a disk that loses its power in a test.
pub trait Medium {
    /// Fills `buffer` from `offset`.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes and returns when the octets are on the medium.
    ///
    /// # Errors
    /// The system's.
    fn write_at(&mut self, octets: &[u8], offset: u64) -> io::Result<()>;
}

impl Medium for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn write_at(&mut self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(octets, offset)?;
        self.sync_all()
    }
}

/// Why the state is not known or not kept.
#[derive(Debug, Error)]
pub enum AreaError {
    /// The partition cannot be read or written.
    #[error("the partition of the boot state cannot be used: {0}")]
    Io(#[from] io::Error),
    /// Neither copy is whole.
    #[error("neither copy of the boot state is whole")]
    NoCopy,
    /// What was written reads differently.
    #[error("the boot state was written and reads differently: the disk is faulty")]
    Unwritten,
    /// The change is not permitted.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The partition of the boot state.
#[derive(Debug)]
pub struct Area<M> {
    medium: M,
}

impl Area<File> {
    /// Opens the partition.
    ///
    /// # Errors
    /// There is none, or it may not be written.
    pub fn open(path: &Path) -> Result<Self, AreaError> {
        Ok(Self::new(
            OpenOptions::new().read(true).write(true).open(path)?,
        ))
    }
}

impl<M: Medium> Area<M> {
    /// The area on a medium.
    pub fn new(medium: M) -> Self {
        Self { medium }
    }

    /// The medium again.
    pub fn into_medium(self) -> M {
        self.medium
    }

    fn copy(&self, first: u64) -> Option<State> {
        let mut octets = [0; RECORD];
        self.medium
            .read_at(&mut octets, first * SECTOR as u64)
            .ok()?;
        record::decode(&octets, first)
    }

    /// The state.
    ///
    /// # Errors
    /// Neither copy is whole.
    pub fn read(&self) -> Result<State, AreaError> {
        COPIES
            .iter()
            .filter_map(|&first| self.copy(first))
            .max_by_key(|state| state.generation)
            .ok_or(AreaError::NoCopy)
    }

    /// Whether GRUB has started the trial of this generation.
    pub fn is_tried(&self, generation: u64) -> bool {
        TRIED.iter().any(|&sector| {
            let mut octets = [0; SECTOR];
            self.medium
                .read_at(&mut octets, sector * SECTOR as u64)
                .is_ok()
                && record::tried(&octets) == Some(generation)
        })
    }

    /// Whether the last start of `slot` may have ended in anything but an orderly way: a power cut, a panic, a reset.
    ///
    /// A record that is not whole tells nothing, and then it may have.
    pub fn is_unclean(&self, slot: Slot) -> bool {
        STARTED.iter().any(|&first| {
            let mut octets = [0; RECORD];
            let read = self.medium.read_at(&mut octets, first * SECTOR as u64);
            match record::decode_started(&octets, first) {
                Some(started) => read.is_err() || started == Some(slot),
                None => true,
            }
        })
    }

    /// Notes that a system starts, or (None) that the one that ran comes to an orderly end.
    ///
    /// # Errors
    /// The medium fails; the start is then unclean.
    pub fn note_start(&mut self, started: Option<Slot>) -> Result<(), AreaError> {
        for first in STARTED {
            let record = record::encode_started(started, first);
            self.medium.write_at(&record, first * SECTOR as u64)?;
        }
        Ok(())
    }

    /// Keeps a changed state under the next generation and returns it as kept.
    ///
    /// # Errors
    /// The medium fails; the state is then the one before or this one.
    pub fn write(&mut self, mut state: State) -> Result<State, AreaError> {
        let copies = COPIES.map(|first| self.copy(first).map_or(0, |state| state.generation));
        state.generation = copies[0].max(copies[1]).max(state.generation) + 1;
        let order = if copies[0] > copies[1] {
            [1, 0]
        } else {
            [0, 1]
        };
        for index in order {
            self.write_copy(&state, COPIES[index])?;
        }
        Ok(state)
    }

    /// Keeps that `running`, which the loader started for the reason `start`, is not to be started again.
    ///
    /// # Errors
    /// There is no other one that could be started, or the medium fails.
    pub fn leave(&mut self, running: Slot, start: Start, reason: &str) -> Result<State, AreaError> {
        let mut state = self.read()?;
        let tried = self.is_tried(state.generation);
        state.leave(running, start, tried, reason)?;
        self.write(state)
    }

    fn write_copy(&mut self, state: &State, first: u64) -> Result<(), AreaError> {
        self.medium
            .write_at(&record::encode(state, first), first * SECTOR as u64)?;
        if self.copy(first).as_ref() != Some(state) {
            return Err(AreaError::Unwritten);
        }
        Ok(())
    }

    /// Makes copies, notes and headers whole again that are not.
    ///
    /// # Errors
    /// The medium fails.
    pub fn repair(&mut self, state: &State) -> Result<(), AreaError> {
        for first in COPIES {
            if self.copy(first).as_ref() != Some(state) {
                self.write_copy(state, first)?;
            }
        }
        for sector in TRIED {
            let mut octets = [0; SECTOR];
            let offset = sector * SECTOR as u64;
            let whole = self.medium.read_at(&mut octets, offset).is_ok();
            if !whole || record::tried(&octets).is_none() {
                self.medium.write_at(&record::no_trial(), offset)?;
            }
        }
        for (name, sector, content) in MEMBERS {
            let (mut octets, header) = ([0; SECTOR], record::tar_header(name, content));
            let offset = sector * SECTOR as u64;
            let read = self.medium.read_at(&mut octets, offset);
            if read.is_err() || octets != header {
                self.medium.write_at(&header, offset)?;
            }
        }
        Ok(())
    }

    /// Fills an empty partition: `running` works, nothing else is known.
    ///
    /// # Errors
    /// The medium fails.
    pub fn create(&mut self, running: Slot) -> Result<State, AreaError> {
        for (name, sector, content) in MEMBERS {
            self.medium
                .write_at(&record::tar_header(name, content), sector * SECTOR as u64)?;
        }
        for sector in TRIED {
            self.medium
                .write_at(&record::no_trial(), sector * SECTOR as u64)?;
        }
        self.note_start(None)?;
        let state = State::first(running);
        for first in COPIES {
            self.write_copy(&state, first)?;
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Second;

    /// A disk whose power goes after so many octets.
    #[derive(Debug, Clone)]
    struct Dying {
        octets: Vec<u8>,
        left: usize,
        /// What the rest of the sector under the head becomes.
        torn: Option<u8>,
    }

    impl Medium for Dying {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            buffer.copy_from_slice(&self.octets[start..start + buffer.len()]);
            Ok(())
        }

        fn write_at(&mut self, octets: &[u8], offset: u64) -> io::Result<()> {
            let start = usize::try_from(offset).unwrap();
            let count = octets.len().min(self.left);
            self.octets[start..start + count].copy_from_slice(&octets[..count]);
            self.left -= count;
            if count == octets.len() {
                return Ok(());
            }
            if let Some(torn) = self.torn {
                let end = (start + count).next_multiple_of(SECTOR);
                self.octets[start + count..end].fill(torn);
            }
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn factory() -> Dying {
        let mut area = Area::new(Dying {
            octets: vec![0; usize::try_from(SIZE).unwrap()],
            left: usize::MAX,
            torn: None,
        });
        area.create(Slot::A).unwrap();
        area.into_medium()
    }

    /// All states a gateway goes through in an update, a rollback and the next update.
    fn life() -> Vec<State> {
        let mut state = State::first(Slot::A);
        let mut all = vec![];
        let mut step = |state: &State| all.push(state.clone());
        state.empty(Slot::B).unwrap();
        step(&state);
        state.activate(Slot::B);
        step(&state);
        state.fail(Slot::B, "no sound in the test call").unwrap();
        step(&state);
        state.activate(Slot::B);
        step(&state);
        state.succeed(Slot::B, Slot::B).unwrap();
        step(&state);
        state.fail(Slot::B, "block 7 is damaged").unwrap();
        step(&state);
        all
    }

    #[test]
    fn power_may_go_at_every_octet() {
        for torn in [None, Some(0), Some(0xff), Some(b'a')] {
            let mut whole = Area::new(factory());
            for change in life() {
                let before = whole.read().unwrap();
                for cut in 0..2 * RECORD {
                    let mut medium = whole.medium.clone();
                    (medium.left, medium.torn) = (cut, torn);
                    let mut area = Area::new(medium);
                    area.write(change.clone()).unwrap_err();
                    let after = area.read().unwrap();
                    let kept = State {
                        generation: before.generation + 1,
                        ..change.clone()
                    };
                    // The hash ends the record: it counts when all octets lie there that differ from those before.
                    assert!(
                        after == kept || (after == before && cut < RECORD),
                        "cut at {cut}: {after:?}"
                    );
                    // And the next start puts things right.
                    area.medium.left = usize::MAX;
                    area.repair(&after).unwrap();
                    assert!(
                        COPIES
                            .iter()
                            .all(|&copy| area.copy(copy).as_ref() == Some(&after))
                    );
                }
                whole.write(change).unwrap();
            }
        }
    }

    #[test]
    fn a_start_that_does_not_end_in_order_is_known() {
        for torn in [None, Some(0), Some(0xff)] {
            let mut off = Area::new(factory());
            assert!(!off.is_unclean(Slot::A));
            let mut on = Area::new(off.medium.clone());
            on.note_start(Some(Slot::A)).unwrap();
            assert!(on.is_unclean(Slot::A) && !on.is_unclean(Slot::B));
            for cut in 0..2 * RECORD {
                // Before the first octet that differs nothing has been started.
                let mut starting = Area::new(Dying {
                    left: cut,
                    torn,
                    ..off.medium.clone()
                });
                starting.note_start(Some(Slot::A)).unwrap_err();
                assert!(
                    starting.medium.octets == off.medium.octets || starting.is_unclean(Slot::A)
                );
                let mut ending = Area::new(Dying {
                    left: cut,
                    torn,
                    ..on.medium.clone()
                });
                ending.note_start(None).unwrap_err();
                assert!(ending.medium.octets == off.medium.octets || ending.is_unclean(Slot::A));
                assert_eq!(ending.read().unwrap(), off.read().unwrap());
            }
            // Nor does it lie on anything else.
            off.note_start(Some(Slot::B)).unwrap();
            off.note_start(None).unwrap();
            assert!(off.medium.octets == factory().octets);
        }
    }

    #[test]
    fn one_copy_may_be_lost() {
        let mut area = Area::new(factory());
        let kept = area
            .write(State {
                generation: 0,
                proven: Slot::B,
                second: Second::Ready,
            })
            .unwrap();
        for copy in COPIES {
            let mut medium = area.medium.clone();
            let start = usize::try_from(copy).unwrap() * SECTOR;
            medium.octets[start..start + RECORD].fill(0);
            let mut damaged = Area::new(medium);
            assert_eq!(damaged.read().unwrap(), kept);
            damaged.repair(&kept).unwrap();
            assert!(damaged.copy(copy).is_some());
        }
    }

    #[test]
    fn nothing_readable_is_said() {
        let mut medium = factory();
        medium.octets.fill(0xff);
        assert!(matches!(Area::new(medium).read(), Err(AreaError::NoCopy)));
    }

    #[test]
    fn a_trial_counts_for_its_generation_only() {
        let mut medium = factory();
        let start = usize::try_from(TRIED[1]).unwrap() * SECTOR;
        let note = b"# GRUB Environment Block\ntried=12\n####";
        medium.octets[start..start + note.len()].copy_from_slice(note);
        let area = Area::new(medium);
        assert!(area.is_tried(12));
        assert!(!area.is_tried(13));
    }
}
