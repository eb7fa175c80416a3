//! What has to survive a power cut: the configuration with its journal, users' sessions, API tokens, registrations, bans,
//! voice messages and one row per call. One SQLite file in the data directory.
//!
//! [`Store`] is a cheap handle on a few threads: one that writes ([`Store::open`] describes when a write counts), two
//! that read, and one that hashes passwords. Every call is `async` and only waits for an answer from them, so nothing
//! here blocks an async worker.
//!
//! A setting's way: input -> the writer validates it against the configuration inside its transaction -> objects,
//! secrets and journal are written -> commit -> a new immutable [`Configuration`] is published -> the caller is
//! answered. Readers of [`Store::configuration`] and [`Store::watch`] never see a half-made change.
//!
//! A call's way: [`Store::call_started`] inserts its row, [`Store::call_ended`] completes it. Rows that are still open
//! when the store is opened belong to calls that a crash ended; they are marked [`CallResult::Interrupted`].

mod agents;
mod analogue_ports;
pub mod archive;
mod audit;
mod backup;
mod bans;
mod bindings;
mod callbacks;
mod calls;
mod catalogue;
mod company;
mod database;
mod deliveries;
mod diff;
mod documents;
mod drafts;
mod e1_trunks;
mod error;
mod extensions;
mod gateway_settings;
mod hasher;
mod integrity;
mod journal;
mod keeper;
mod reader;
mod recordings;
mod recovery;
mod request;
mod salvage;
mod schema;
mod seal;
mod secrets;
mod sessions;
mod snapshot;
mod sounds;
mod storage;
mod tables;
mod tokens;
mod transfer;
mod trunks;
mod undo;
mod users;
mod voicemail;
mod writer;

use std::{path::Path, sync::Arc, time::SystemTime};

use ramal_model::Configuration;
use tokio::sync::{Notify, watch};

pub use agents::{AgentInterval, StoredMember};
pub use audit::{Attempt, AuditEntry, AuditFilter, RefusedField};
pub use backup::{Backup, BackupKind};
pub use bans::{BAN_MEMORY_MS, BannedSource, StoredBan};
pub use callbacks::QueueCallback;
pub use calls::{CallFilter, CallsSummary};
pub use deliveries::{DeliveryAttempt, DeliveryFilter};
pub use diff::FieldChange;
pub use drafts::DraftInfo;
pub use error::{Result, StoreError};
pub use hasher::HashCost;
pub use journal::{Change, ChangeAction, ObjectChange, Version};
pub use keeper::BackupTimes;
pub use ramal_model::{CallRecord, CallResult, LegRecord};
pub use recordings::{
    EndedRecording, NewRecording, RecordingAccess, RecordingAccessKind, RecordingFilter,
};
pub use recovery::{Recovery, RecoveryCause, SettingsFrom};
pub use request::{OpenDraft, Origin, in_request};
pub use sessions::{SESSION_IDLE_MS, SESSION_LIFETIME_MS, Session, SessionOrigin};
pub use storage::{StorageState, UnreadObject};
pub use tables::{
    EXTENSION_COLUMNS, Existing, NUMBER_COLUMNS, RowAction, RowResult, TableOptions, TableReport,
};
pub use tokens::{NewToken, Token};
pub use voicemail::{MessageFilter, MessageMarks, NewMessage};

/// Tells the time in UTC milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a test or a special board sets differently.
#[derive(Clone)]
pub struct Options {
    /// Where the time comes from; the system's clock by default.
    pub clock: Clock,
    /// What hashing a password costs.
    pub hash_cost: HashCost,
    /// When the database is copied.
    pub backups: BackupTimes,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Arc::new(system_time),
            hash_cost: HashCost::default(),
            backups: BackupTimes::default(),
        }
    }
}

fn system_time() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}

/// Handle of the store. Clones share it.
#[derive(Clone)]
pub struct Store {
    writer: writer::Writer,
    readers: reader::Readers,
    sealer: Arc<seal::Sealer>,
    hasher: hasher::Hasher,
    configuration: watch::Receiver<Arc<Configuration>>,
    clock: Clock,
    /// Told when a delivery was written.
    due: Arc<Notify>,
    keeper: keeper::Keeper,
}

impl Store {
    /// Opens `dir/ramal.db` and the key of its secrets, or makes them (directory 0700, files 0600), brings it to this
    /// version's schema and marks calls that a crash left open. A file that is damaged, or that this version cannot
    /// read, is put aside for the best that can be made of it and of its copies, see [`Store::recoveries`]. Blocks; call
    /// it before the service takes up its work.
    ///
    /// Every write of the store is answered after its transaction was synced to the disk. When it is answered with an
    /// error it changed nothing.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] and [`StoreError::NewerSchema`] when there is no copy to go on with either; these and
    /// [`StoreError::InUse`] leave the file as it is.
    pub fn open(dir: &Path) -> Result<Store> {
        Store::open_with(dir, Options::default())
    }

    /// Like [`Store::open`], with options.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(dir: &Path, options: Options) -> Result<Store> {
        let lock = database::lock_dir(dir)?;
        let sealer = Arc::new(seal::Sealer::open(dir)?);
        let (database, loaded) = database::open(dir, lock, &sealer, (options.clock)())?;
        let path = database.path.clone();
        let at = |error: StoreError| error.at(&path);
        calls::mark_interrupted(&database.connection);
        let state = StorageState {
            recovery: storage::unacknowledged(&database.connection).map_err(at)?,
            unread: loaded.unread,
            ..StorageState::default()
        };
        let post = keeper::Post::open();
        let readers = reader::Readers::start(&path, post.watch()).map_err(at)?;
        let hasher = hasher::Hasher::start(options.hash_cost)?;
        let (writer, configuration) = writer::Writer::start(
            database,
            loaded.configuration,
            Arc::clone(&options.clock),
            Arc::clone(&sealer),
            post.watch(),
        )?;
        let kept = keeper::Kept {
            dir: dir.to_owned(),
            path: path.clone(),
            sealer: Arc::clone(&sealer),
            clock: Arc::clone(&options.clock),
            times: options.backups,
            configuration: configuration.clone(),
            writer: writer.clone(),
        };
        let keeper = keeper::Keeper::start(kept, post, state).map_err(at)?;
        Ok(Store {
            writer,
            readers,
            sealer,
            hasher,
            configuration,
            clock: options.clock,
            due: Arc::default(),
            keeper,
        })
    }

    /// The configuration as of now. It never changes; ask again for the next call or request.
    /// Inside of a request that works on a draft it is as that would make it.
    pub fn configuration(&self) -> Arc<Configuration> {
        if let Some(drafted) = request::Request::current().and_then(|request| request.view()) {
            return drafted;
        }
        self.configuration.borrow().clone()
    }

    /// Tells of every new configuration.
    pub fn watch(&self) -> watch::Receiver<Arc<Configuration>> {
        self.configuration.clone()
    }

    /// Finishes queued writes and closes the file. Writes that come later are answered [`StoreError::Closed`].
    pub async fn close(&self) {
        self.writer.close().await;
        self.keeper.close().await;
    }

    /// What time it is, UTC milliseconds since the epoch, by the clock everything here is written down with.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }
}

/// Fills `bytes` from the system's random source.
fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|error| StoreError::Database(format!("no random numbers: {error}")))
}
