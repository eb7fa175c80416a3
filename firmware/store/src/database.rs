//! Opening the database: permissions, lock, checks, migrations.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::{
    backup::{Backup, BackupKind, Backups},
    error::{Result, StoreError},
    integrity,
    recovery::{self, RecoveryCause, Trouble},
    schema,
    seal::Sealer,
    snapshot::{self, Loaded},
};

/// Name of the database inside the data directory.
pub(crate) const FILE: &str = "ramal.db";

/// The writer's connection, and the lock that keeps other processes away from the file while it lives.
pub(crate) struct Database {
    pub connection: Connection,
    pub path: PathBuf,
    /// Held, never read.
    _lock: File,
}

/// A directory that nobody else has open.
#[derive(Debug)]
pub(crate) struct Locked(File);

/// Makes the directory when there is none, and keeps others out of it.
pub(crate) fn lock_dir(dir: &Path) -> Result<Locked> {
    make_dir(dir)?;
    lock(&dir.join("ramal.lock")).map(Locked)
}

/// Opens `dir/ramal.db`, makes it when there is none, brings its schema to this program's, and reads the configuration.
/// A file that cannot be used is replaced by the best that can be made of it and of its copies.
pub(crate) fn open(
    dir: &Path,
    lock: Locked,
    sealer: &Sealer,
    now: i64,
) -> Result<(Database, Loaded)> {
    let path = dir.join(FILE);
    recovery::finish(dir)?;
    let opening = Opening {
        dir,
        path: &path,
        backups: Backups::of(dir),
        sealer,
        now,
    };
    let (connection, loaded) = match opening.open() {
        Ok(opened) => opened,
        Err((error, None)) => return Err(error.at(&path)),
        Err((_, Some(trouble))) => opening.recover(&trouble)?,
    };
    let database = Database {
        connection,
        path,
        _lock: lock.0,
    };
    Ok((database, loaded))
}

struct Opening<'a> {
    dir: &'a Path,
    path: &'a Path,
    backups: Backups,
    sealer: &'a Sealer,
    now: i64,
}

type Opened = (Connection, Loaded);

impl Opening<'_> {
    /// Opens the file; when that fails by something that can be recovered from, also by what.
    fn open(&self) -> std::result::Result<Opened, (StoreError, Option<Trouble>)> {
        let empty = !std::fs::metadata(self.path).is_ok_and(|file| file.len() > 0);
        if empty && !self.backups.list().is_empty() {
            let error = StoreError::Corrupt {
                path: self.path.to_owned(),
                detail: "the file is missing or empty".into(),
            };
            return Err((
                error,
                Some(Trouble {
                    cause: RecoveryCause::Missing,
                    detail: "the file is missing or empty".into(),
                }),
            ));
        }
        let opened = self.prepare().map_err(|error| {
            let cause = match &error {
                StoreError::Corrupt { .. } => RecoveryCause::Damaged,
                StoreError::NewerSchema { .. } => RecoveryCause::NewerSchema,
                _ => return (error, None),
            };
            let detail = match &error {
                StoreError::Corrupt { detail, .. } => detail.clone(),
                other => other.to_string(),
            };
            (error, Some(Trouble { cause, detail }))
        })?;
        let known = opened.1.configuration.version();
        // Copies of a schema that this program does not know are of no use to it.
        let usable = |copy: &Backup| copy.version > known && copy.schema <= schema::latest();
        let mut newer = self.backups.list().into_iter().filter(usable);
        if newer.any(|copy| self.backups.is_good(&copy)) {
            let detail =
                "settings that were saved are missing: the write-ahead log was damaged or lost";
            let trouble = Trouble {
                cause: RecoveryCause::Outdated,
                detail: detail.into(),
            };
            drop(opened);
            let error = StoreError::Corrupt {
                path: self.path.to_owned(),
                detail: detail.into(),
            };
            return Err((error, Some(trouble)));
        }
        Ok(opened)
    }

    fn recover(&self, trouble: &Trouble) -> Result<Opened> {
        tracing::error!(
            database = %self.path.display(), cause = ?trouble.cause, found = trouble.detail,
            "THE DATABASE CANNOT BE USED AS IT IS: going on with the best that can be made of it and its backups"
        );
        let recovered = recovery::run(self.dir, self.sealer, trouble, self.now);
        match (recovered, trouble.cause) {
            (Ok(()), _) => {}
            // The file itself is good.
            (Err(error), RecoveryCause::Outdated) => {
                tracing::error!(%error, "the newer settings of the backup cannot be used");
            }
            (Err(StoreError::Corrupt { .. }), RecoveryCause::NewerSchema) => {
                // Says which schema, and there is no copy of an older one.
                return self.prepare().map_err(|error| error.at(self.path));
            }
            (Err(error), _) => return Err(error.at(self.path)),
        }
        let opened = self.prepare().map_err(|error| error.at(self.path))?;
        tracing::error!(
            version = opened.1.configuration.version(),
            "the database was recovered: see the alarm for what to do"
        );
        Ok(opened)
    }

    fn prepare(&self) -> Result<Opened> {
        // Created here and not by SQLite for its permissions, which the -wal and -shm files inherit.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.path)
            .map_err(|error| StoreError::file("open", self.path, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(self.path, flags)?;
        // A file that turns out to be damaged is left as it was found, with its log.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;")?;
        integrity::check(&connection, self.path)?;
        // FULL: a commit is on the disk, not only in the kernel, when it returns. Calls and settings are rarely written,
        // and writes queued meanwhile share the next sync.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY;",
        )?;
        integrity::forget_suspicion(self.path);
        self.fit_schema(&mut connection)?;
        let loaded = snapshot::load(&connection, self.sealer)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        Ok((connection, loaded))
    }

    /// Brings the schema up to this program's, or back to it, with a copy from before.
    fn fit_schema(&self, connection: &mut Connection) -> Result<()> {
        let (found, known) = (schema::of(connection)?, schema::latest());
        if found != known && found > 0 {
            let copied = self
                .backups
                .make(self.path, BackupKind::Schema, self.now, self.sealer);
            match copied {
                Ok(copy) => tracing::info!(copy = copy.file, "the schema changes"),
                // Each change of the schema happens as a whole or not at all.
                Err(error) => {
                    tracing::error!(%error, "the schema changes, and there is no copy from before")
                }
            }
        }
        if found <= known {
            return schema::raise(connection);
        }
        schema::lower(connection, self.path, known).map_err(|error| match error {
            StoreError::NewerSchema { .. } | StoreError::DiskFull(_) => error,
            other => {
                tracing::error!(error = %other, "the way back from the newer schema fails");
                StoreError::NewerSchema {
                    path: self.path.to_owned(),
                    found,
                    known,
                }
            }
        })?;
        tracing::warn!(
            from = found,
            to = known,
            "a newer version wrote the database: it was brought back to this version's schema"
        );
        recovery::note_lowered(connection, found, self.now)
    }
}

/// Opens one more connection, which can only read.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::from(error).at(path))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn make_dir(dir: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| StoreError::file("create", dir, &error))
}

fn lock(path: &Path) -> Result<File> {
    let failed = |error: std::io::Error| StoreError::file("open", path, &error);
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
