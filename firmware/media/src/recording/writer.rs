//! The writer: takes commands, empties the rings, writes, and keeps the disk in step. It is given the time and the disk.

use std::collections::HashMap;
use std::path::PathBuf;

use tokio::sync::oneshot;

use super::disk::Disk;
use super::form::Form;
use super::ring::Consumer;
use super::session::{Finished, RecordingFailure, Session};

/// Microseconds between two syncs while anything is recorded.
pub(super) const SYNC_EVERY: u64 = 500_000;
/// Microseconds between two looks at the room that is left.
const LOOK_EVERY: u64 = 1_000_000;

/// What is asked of the writer. Times are microseconds since the recorder began.
pub(super) enum Control {
    Begin {
        number: u64,
        path: PathBuf,
        form: Form,
        at: u64,
        report: oneshot::Sender<Finished>,
    },
    Tap {
        number: u64,
        ring: Consumer,
    },
    Pause {
        number: u64,
        at: u64,
    },
    Resume {
        number: u64,
        at: u64,
    },
    End {
        number: u64,
        at: u64,
    },
}

/// All recordings being written.
pub(super) struct Writer<D: Disk> {
    disk: D,
    /// Bytes of the disk that are left to others.
    reserve: u64,
    sessions: HashMap<u64, Session<D::File>>,
    syncing: bool,
    synced_at: u64,
    looked_at: u64,
    /// Packets lost of all recordings that ended.
    lost: u64,
}

impl<D: Disk> Writer<D> {
    pub(super) fn new(disk: D, reserve: u64) -> Self {
        Writer {
            disk,
            reserve,
            sessions: HashMap::new(),
            syncing: false,
            synced_at: 0,
            looked_at: 0,
            lost: 0,
        }
    }

    /// Recordings being written.
    pub(super) fn active(&self) -> usize {
        self.sessions.len()
    }

    /// Packets lost since the beginning.
    pub(super) fn lost(&self) -> u64 {
        self.lost + self.sessions.values().map(Session::lost).sum::<u64>()
    }

    /// One round. The commands come from `commands` and are asked for after the rings were looked at: what a ring holds
    /// then cannot have come after a pause that is not among them.
    pub(super) fn round(&mut self, now: u64, commands: impl Iterator<Item = Control>) {
        let marks: Vec<(u64, Vec<(u64, bool)>)> = self
            .sessions
            .iter_mut()
            .map(|(number, session)| (*number, session.marks()))
            .collect();
        commands.for_each(|command| self.obey(command));
        for (number, marks) in marks {
            if let Some(session) = self.sessions.get_mut(&number) {
                session.drain(&marks, &mut self.disk);
            }
        }
        self.look(now);
        self.keep_in_step(now);
    }

    fn obey(&mut self, command: Control) {
        match command {
            Control::Begin {
                number,
                path,
                form,
                at,
                report,
            } => {
                let file = self.room().and_then(|()| Ok(self.disk.create(&path)?));
                match file {
                    Ok(file) => {
                        let session = Session::begin(form, file, at, report, &mut self.disk);
                        self.sessions.insert(number, session);
                    }
                    Err(failure) => {
                        // Whoever asked may be gone.
                        let _ = report.send(Finished {
                            failure: Some(failure),
                            ..Finished::default()
                        });
                    }
                }
            }
            Control::Tap { number, ring } => {
                if let Some(session) = self.sessions.get_mut(&number) {
                    session.tap(ring);
                }
            }
            Control::Pause { number, at } => {
                if let Some(session) = self.sessions.get_mut(&number) {
                    session.pause(at);
                }
            }
            Control::Resume { number, at } => {
                if let Some(session) = self.sessions.get_mut(&number) {
                    session.resume(at);
                }
            }
            Control::End { number, at } => {
                if let Some(session) = self.sessions.get_mut(&number) {
                    session.end(at);
                }
            }
        }
    }

    fn room(&mut self) -> Result<(), RecordingFailure> {
        if self.disk.free()? < self.reserve {
            return Err(RecordingFailure::DiskFull);
        }
        Ok(())
    }

    /// Ends all recordings before they take the room that everything else needs.
    fn look(&mut self, now: u64) {
        if self.sessions.is_empty() || now < self.looked_at + LOOK_EVERY {
            return;
        }
        self.looked_at = now;
        if let Err(failure) = self.room() {
            for session in self.sessions.values_mut() {
                session.fail(failure.clone());
            }
        }
    }

    /// Writes and syncs in turns; the header follows what is known to be on the disk.
    fn keep_in_step(&mut self, now: u64) {
        if self.syncing {
            let Some(result) = self.disk.synced() else {
                return;
            };
            self.syncing = false;
            match result {
                Ok(()) => {
                    for session in self.sessions.values_mut() {
                        session.sync_done(&mut self.disk);
                    }
                }
                Err(error) => {
                    let failure = RecordingFailure::from(error);
                    for session in self.sessions.values_mut() {
                        session.sync_failed(failure.clone());
                    }
                }
            }
            let lost = &mut self.lost;
            self.sessions.retain(|_, session| {
                if session.is_done() {
                    *lost += session.lost();
                    session.finish();
                }
                !session.is_done()
            });
        }
        // With others still going on, one that ends takes its turn with them.
        let all_end = self.sessions.values().all(Session::is_ending);
        if !all_end && now < self.synced_at + SYNC_EVERY {
            return;
        }
        self.synced_at = now;
        for session in self.sessions.values_mut() {
            session.write(now, &mut self.disk);
        }
        if !self.sessions.is_empty() {
            for session in self.sessions.values_mut() {
                session.sync_begins();
            }
            self.disk.begin_sync();
            self.syncing = true;
        }
    }
}
