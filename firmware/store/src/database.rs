//! Opening the database: permissions, lock, checks, migrations.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::error::{Result, StoreError};

/// Name of the database inside the data directory.
const FILE: &str = "ramal.db";

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// The writer's connection, and the lock that keeps other processes away from the file while it lives.
pub(crate) struct Database {
    pub connection: Connection,
    pub path: PathBuf,
    /// Held, never read.
    _lock: File,
}

/// Opens `dir/ramal.db`, makes it when there is none, and brings its schema up to date.
pub(crate) fn open(dir: &Path) -> Result<Database> {
    make_dir(dir)?;
    let lock = lock(&dir.join("ramal.lock"))?;
    let path = dir.join(FILE);
    // Created here and not by SQLite for its permissions, which the -wal and -shm files inherit.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| StoreError::file("open", &path, &error))?;
    let connection = prepare(&path).map_err(|error| error.at(&path))?;
    Ok(Database {
        connection,
        path,
        _lock: lock,
    })
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

fn prepare(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    // FULL: a commit is on the disk, not only in the kernel, when it returns. Calls and settings are rarely written,
    // and writes queued meanwhile share the next sync.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -2000; PRAGMA temp_store = MEMORY;
         PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;",
    )?;
    refuse_newer(&connection, path)?;
    check(&connection)?;
    migrations::migrations::runner()
        .run(&mut connection)
        .map_err(|error| migration_failed(&error))?;
    Ok(connection)
}

/// The schema of the file, 0 when it is empty.
fn schema(connection: &Connection) -> Result<i64> {
    let known: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    if known.is_none() {
        return Ok(0);
    }
    Ok(connection.query_row(
        "SELECT coalesce(max(version), 0) FROM refinery_schema_history",
        [],
        |row| row.get(0),
    )?)
}

fn refuse_newer(connection: &Connection, path: &Path) -> Result<()> {
    let found = schema(connection)?;
    let runner = migrations::migrations::runner();
    let known = runner
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()))
        .max()
        .unwrap_or(0);
    if found > known {
        return Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// Reads what the gateway cannot do without. The calls, which may be many, are not checked at each start.
fn check(connection: &Connection) -> Result<()> {
    for table in [
        "objects",
        "user_passwords",
        "extension_credentials",
        "trunk_passwords",
        "configuration_versions",
    ] {
        let exists: Option<i64> = connection
            .query_row(
                "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
                [table],
                |row| row.get(0),
            )
            .optional()?;
        if exists.is_none() {
            continue;
        }
        let verdict: String =
            connection.query_row(&format!("PRAGMA quick_check({table})"), [], |row| {
                row.get(0)
            })?;
        if verdict != "ok" {
            return Err(StoreError::Corrupt {
                path: PathBuf::new(),
                detail: verdict,
            });
        }
    }
    Ok(())
}

fn migration_failed(error: &refinery::Error) -> StoreError {
    if let refinery::error::Kind::Connection(_, source) = error.kind()
        && let Some(source) = source.downcast_ref::<rusqlite::Error>()
        && let Some(code) = source.sqlite_error()
    {
        return rusqlite::Error::SqliteFailure(*code, Some(source.to_string())).into();
    }
    StoreError::Database(format!(
        "the schema could not be brought up to date: {error}"
    ))
}
