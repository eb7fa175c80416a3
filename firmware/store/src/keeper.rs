//! The thread that copies the database: its settings soon after they changed, the whole once a day, when that was checked.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use ramal_model::Configuration;
use rusqlite::{params, params_from_iter, types::Value};
use tokio::sync::{oneshot, watch};

use crate::{
    Clock,
    backup::{Backup, BackupKind, Backups},
    error::{Result, StoreError},
    integrity, recovery, salvage,
    seal::Sealer,
    storage::{StorageState, unacknowledged},
    writer::{Haste, Writer},
};

/// Messages that may wait; that the settings changed need not be said twice.
const QUEUE: usize = 16;
/// Rows of calls that are brought over at once. The calls of the moment wait no longer than that takes.
const PIECE: usize = 1_000;
const DAY_MS: i64 = 86_400_000;
/// How often it is looked whether a day has passed.
const HOUR: Duration = Duration::from_secs(3_600);

/// When the database is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupTimes {
    /// How long after a change of the settings they are copied, with what else changes meanwhile.
    pub after: Duration,
    /// How long at least from one copy of the settings to the next.
    pub apart: Duration,
    /// How long after the start the whole is checked and copied, if that was not done within a day.
    pub whole_after: Duration,
}

impl Default for BackupTimes {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(2),
            apart: Duration::from_secs(60),
            whole_after: Duration::from_secs(600),
        }
    }
}

enum Message {
    Changed,
    Suspect(String),
    BackUp(oneshot::Sender<Result<Backup>>),
    Close(oneshot::Sender<()>),
}

/// Tells the keeper what others come across.
#[derive(Clone)]
pub(crate) struct Watch(SyncSender<Message>);

impl Watch {
    /// The settings changed.
    pub fn changed(&self) {
        // A full queue has this message in it, or a request to copy them.
        let _ = self.0.try_send(Message::Changed);
    }

    /// Looks at an error: whether it tells of damage.
    pub fn look_at(&self, error: &StoreError) {
        if let StoreError::Corrupt { detail, .. } = error {
            // A queue full of these says enough.
            let _ = self.0.try_send(Message::Suspect(detail.clone()));
        }
    }
}

/// What is said to the keeper before it is there.
pub(crate) struct Post {
    watch: Watch,
    messages: Receiver<Message>,
}

impl Post {
    pub fn open() -> Self {
        let (sender, messages) = sync_channel(QUEUE);
        Self {
            watch: Watch(sender),
            messages,
        }
    }

    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }
}

/// Handle of the keeper.
#[derive(Clone)]
pub(crate) struct Keeper {
    messages: SyncSender<Message>,
    pub dir: PathBuf,
    pub backups: Backups,
    pub state: Arc<watch::Sender<StorageState>>,
}

/// What the keeper works with.
pub(crate) struct Kept {
    pub dir: PathBuf,
    pub path: PathBuf,
    pub sealer: Arc<Sealer>,
    pub clock: Clock,
    pub times: BackupTimes,
    pub configuration: watch::Receiver<Arc<Configuration>>,
    pub writer: Writer,
}

impl Keeper {
    pub fn start(kept: Kept, post: Post, state: StorageState) -> Result<Self> {
        let backups = Backups::of(&kept.dir);
        backups.clear_unfinished();
        let keeper = Keeper {
            messages: post.watch.0,
            dir: kept.dir.clone(),
            backups: backups.clone(),
            state: Arc::new(watch::Sender::new(state)),
        };
        let failed = |error| StoreError::Database(format!("cannot start a thread: {error}"));
        let pending = recovery::pending(&integrity::open_untouched(&kept.path)?)?;
        if !pending.is_empty() {
            let bringing = Bringing {
                dir: kept.dir.clone(),
                path: kept.path.clone(),
                writer: kept.writer.clone(),
                started_at: (kept.clock)(),
                state: Arc::clone(&keeper.state),
            };
            thread::Builder::new()
                .name("store-recovery".into())
                .spawn(move || bringing.run(pending))
                .map_err(failed)?;
        }
        let version = kept.configuration.borrow().version();
        // There is nothing to copy before the first set-up.
        let copied = version == 0 || backups.list().iter().any(|copy| copy.version == version);
        let thread = Thread {
            path: kept.path,
            sealer: kept.sealer,
            clock: kept.clock,
            times: kept.times,
            backups,
            state: Arc::clone(&keeper.state),
            due: (!copied).then(|| Instant::now() + kept.times.after),
            copied_at: None,
            whole_at: Instant::now() + kept.times.whole_after,
            checked_at: None,
        };
        thread::Builder::new()
            .name("store-keeper".into())
            .spawn(move || thread.run(&post.messages))
            .map_err(failed)?;
        Ok(keeper)
    }

    pub async fn back_up(&self) -> Result<Backup> {
        let (reply, answer) = oneshot::channel();
        match self.messages.try_send(Message::BackUp(reply)) {
            Ok(()) => answer.await.map_err(|_| StoreError::Closed)?,
            Err(std::sync::mpsc::TrySendError::Full(_)) => Err(StoreError::Database(
                "other copies are being made; try again in some seconds".into(),
            )),
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        }
    }

    /// Waits until a copy that is being made is done, and makes no other one.
    pub async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.messages.try_send(Message::Close(reply)).is_ok() {
            // The thread may have ended without an answer.
            let _ = done.await;
        }
    }
}

struct Thread {
    path: PathBuf,
    sealer: Arc<Sealer>,
    clock: Clock,
    times: BackupTimes,
    backups: Backups,
    state: Arc<watch::Sender<StorageState>>,
    /// When the settings are to be copied.
    due: Option<Instant>,
    copied_at: Option<Instant>,
    /// When it is looked whether the whole is to be checked and copied.
    whole_at: Instant,
    checked_at: Option<Instant>,
}

impl Thread {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let next = self.due.map_or(self.whole_at, |due| due.min(self.whole_at));
            let wait = next.saturating_duration_since(Instant::now());
            match messages.recv_timeout(wait) {
                Ok(Message::Changed) => self.changed(),
                Ok(Message::Suspect(detail)) => self.suspect(detail),
                Ok(Message::BackUp(reply)) => {
                    let copied = self.copy();
                    // Whoever asked may have gone away.
                    let _ = reply.send(copied);
                }
                Ok(Message::Close(reply)) => {
                    let _ = reply.send(());
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let now = Instant::now();
                    if self.due.is_some_and(|due| due <= now) {
                        // What went wrong stands in the state.
                        let _ = self.copy();
                    }
                    if self.whole_at <= now {
                        self.whole();
                        self.whole_at = Instant::now() + HOUR;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn changed(&mut self) {
        if self.due.is_some() {
            return;
        }
        let soon = Instant::now() + self.times.after;
        let next = self.copied_at.map(|last| last + self.times.apart);
        self.due = Some(next.map_or(soon, |next| next.max(soon)));
    }

    /// Copies the settings.
    fn copy(&mut self) -> Result<Backup> {
        let made = self.make(BackupKind::Settings);
        self.copied_at = Some(Instant::now());
        self.due = match &made {
            Ok(_) => None,
            Err(_) => Some(Instant::now() + self.times.apart),
        };
        let problem = made.as_ref().err().map(ToString::to_string);
        self.state.send_if_modified(|state| {
            let changed = state.backup_problem != problem;
            state.backup_problem = problem;
            changed
        });
        made
    }

    fn make(&self, kind: BackupKind) -> Result<Backup> {
        let made = self
            .backups
            .make(&self.path, kind, (self.clock)(), &self.sealer);
        match &made {
            Ok(copy) => tracing::debug!(file = copy.file, "the database was copied"),
            Err(error) => {
                tracing::error!(%error, ?kind, "the database could not be copied");
                if let StoreError::Corrupt { detail, .. } = error {
                    self.suspect(detail.clone());
                }
            }
        }
        made
    }

    /// Once a day: checks the whole, and copies it when it is good.
    fn whole(&mut self) {
        let checked = self.checked_at.is_some_and(|at| at.elapsed() < 24 * HOUR);
        let now = (self.clock)();
        let copied = self
            .backups
            .list()
            .iter()
            .any(|copy| copy.kind == BackupKind::Full && (now - copy.at).abs() < DAY_MS);
        if checked || copied {
            return;
        }
        self.checked_at = Some(Instant::now());
        let whole = integrity::open_untouched(&self.path)
            .and_then(|connection| integrity::check_whole(&connection));
        match whole {
            Err(StoreError::Corrupt { detail, .. }) => self.suspect(detail),
            Err(error) => tracing::error!(%error, "the database could not be checked"),
            // Without space there are the copies of the settings.
            Ok(()) => drop(self.make(BackupKind::Full)),
        }
    }

    /// The database is damaged; the next start finds out how much, and repairs it.
    fn suspect(&self, detail: String) {
        integrity::suspect_damage(&self.path);
        self.state.send_if_modified(|state| {
            let first = state.damage.is_none();
            if first {
                tracing::error!(
                    detail,
                    "THE DATABASE IS DAMAGED: restart the gateway at a quiet time to repair it"
                );
                state.damage = Some(detail);
            }
            first
        });
    }
}

/// Brings over rows of calls from files that were put aside, while the gateway is in use.
struct Bringing {
    dir: PathBuf,
    path: PathBuf,
    writer: Writer,
    started_at: i64,
    state: Arc<watch::Sender<StorageState>>,
}

impl Bringing {
    fn run(&self, pending: Vec<(i64, Vec<String>)>) {
        for (id, files) in pending {
            match self.bring(id, &files) {
                Ok(rows) => tracing::warn!(rows, "rows of calls were brought over"),
                // The next start goes on with it.
                Err(StoreError::Closed) => return,
                Err(error) => tracing::error!(%error, "rows of calls are not brought over"),
            }
        }
    }

    fn bring(&self, id: i64, files: &[String]) -> Result<u64> {
        let mut rows = 0;
        let mut unreadable: Vec<&str> = Vec::new();
        for file in files {
            for table in integrity::CALLS {
                match self.bring_table(&self.dir.join(file), table) {
                    Ok((brought, whole)) => {
                        rows += brought;
                        if !whole {
                            unreadable.push(table);
                        }
                    }
                    Err(error @ (StoreError::Closed | StoreError::DiskFull(_))) => {
                        return Err(error);
                    }
                    Err(_) => unreadable.push(table),
                }
            }
        }
        let unreadable = serde_json::to_string(&unreadable)?;
        let started_at = self.started_at;
        let newest = self.writer.run_blocking(Haste::Urgent, move |write| {
            write.connection.execute(
                "UPDATE calls SET result = 'interrupted' WHERE result IS NULL AND started_at < ?1",
                [started_at],
            )?;
            write.connection.execute(
                "UPDATE recoveries SET pending = '[]', rows = rows + ?2, unreadable = (
                     SELECT json_group_array(DISTINCT value) FROM (
                         SELECT value FROM json_each(unreadable) UNION SELECT value FROM json_each(?3)))
                 WHERE id = ?1",
                params![id, rows.cast_signed(), unreadable],
            )?;
            unacknowledged(write.connection)
        })?;
        self.state.send_modify(|state| state.recovery = newest);
        Ok(rows)
    }

    /// How many rows were brought over, and whether all could be read.
    fn bring_table(&self, from: &Path, table: &'static str) -> Result<(u64, bool)> {
        let from = integrity::open_untouched(from)?;
        let columns = {
            let to = integrity::open_untouched(&self.path)?;
            salvage::shared_columns(&from, &to, table)?
        };
        if columns.is_empty() {
            return Ok((0, true));
        }
        let insertion: Arc<str> = salvage::insertion(table, &columns).into();
        let mut brought = 0;
        let mut piece: Vec<Vec<Value>> = Vec::with_capacity(PIECE);
        let tally = salvage::read_rows(&from, table, &columns, &mut |values| {
            piece.push(values.to_vec());
            if piece.len() >= PIECE {
                brought += self.insert(&insertion, std::mem::take(&mut piece))?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        brought += self.insert(&insertion, piece)?;
        Ok((brought, !tally.unreadable))
    }

    fn insert(&self, insertion: &Arc<str>, rows: Vec<Vec<Value>>) -> Result<u64> {
        let insertion = Arc::clone(insertion);
        self.writer.run_blocking(Haste::Patient, move |write| {
            let mut insert = write.connection.prepare_cached(&insertion)?;
            let mut brought = 0;
            for row in &rows {
                // A row that is half garbage breaks a rule of the table, and is left out.
                match insert
                    .execute(params_from_iter(row))
                    .map_err(StoreError::from)
                {
                    Ok(inserted) => brought += inserted as u64,
                    Err(full @ StoreError::DiskFull(_)) => return Err(full),
                    Err(_) => {}
                }
            }
            Ok(brought)
        })
    }
}
