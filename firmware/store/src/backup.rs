//! Copies of the database beside it, made while it is in use.
//!
//! `backups/<kind>-<UTC ms>-v<version of the configuration>-s<schema>.db`, each with a file of its SHA-256 in the form of
//! `sha256sum`. A copy is written under another name, read back, synced, and only then given its name, so that what has a
//! name is whole. Copies of kind `settings` and `schema` hold everything except the history of calls and messages, and are
//! small; one of kind `full` holds that, too.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::{
    error::{Result, StoreError},
    integrity, salvage, schema,
    seal::{Sealer, hexadecimal},
    snapshot,
};

/// The folder beside the database.
const FOLDER: &str = "backups";
/// How files begin that are not finished.
const UNFINISHED: &str = "unfinished";
/// Newest copies of the settings that are kept, and besides them the newest of each of so many days.
const KEPT_SETTINGS: usize = 5;
const KEPT_DAYS: usize = 7;
/// Copies kept from before changes of the schema, and of the whole.
const KEPT_SCHEMA: usize = 2;
const KEPT_FULL: usize = 2;
const DAY_MS: i64 = 86_400_000;
/// What a copy of the whole must leave free on the disk, bytes.
const LEFT_FREE: u64 = 256 << 20;

/// What a copy is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    /// Settings, after they changed.
    Settings,
    /// Settings, before the schema of the database changed.
    Schema,
    /// Everything, once a day.
    Full,
}

impl BackupKind {
    fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Schema => "schema",
            Self::Full => "full",
        }
    }
}

/// A copy of the database on the gateway itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Backup {
    /// Its file, in `backups` of the data folder.
    pub file: String,
    /// What it is of.
    pub kind: BackupKind,
    /// When it was made, UTC milliseconds.
    pub at: i64,
    /// Version of the configuration in it.
    pub version: u64,
    /// Schema of the database in it.
    pub schema: i64,
    /// Its size.
    pub bytes: u64,
}

/// The copies beside a database.
#[derive(Clone, Debug)]
pub(crate) struct Backups {
    folder: PathBuf,
}

impl Backups {
    pub fn of(dir: &Path) -> Self {
        Self {
            folder: dir.join(FOLDER),
        }
    }

    pub fn path(&self, backup: &Backup) -> PathBuf {
        self.folder.join(&backup.file)
    }

    /// The copies that have a name, the newest first.
    pub fn list(&self) -> Vec<Backup> {
        let mut backups: Vec<Backup> = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let bytes = entry.metadata().ok()?.len();
                parse(entry.file_name().to_str()?, bytes)
            })
            .collect();
        backups.sort_by(|a, b| (b.at, b.version, &b.file).cmp(&(a.at, a.version, &a.file)));
        backups
    }

    /// Makes a copy and deletes those that are not kept any more.
    pub fn make(
        &self,
        database: &Path,
        kind: BackupKind,
        now: i64,
        sealer: &Sealer,
    ) -> Result<Backup> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| StoreError::file("create", &self.folder, &error))?;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.folder.join(format!("{UNFINISHED}-{number}.db"));
        let made = self.write(database, kind, now, sealer, &temporary);
        if made.is_err() {
            // It may not have been made at all.
            let _ = std::fs::remove_file(&temporary);
        }
        let made = made?;
        self.keep_key(database);
        self.prune();
        Ok(made)
    }

    fn write(
        &self,
        database: &Path,
        kind: BackupKind,
        now: i64,
        sealer: &Sealer,
        temporary: &Path,
    ) -> Result<Backup> {
        let from = integrity::open_untouched(database)?;
        match kind {
            BackupKind::Full => {
                self.need_space(database)?;
                create(temporary)?;
                from.execute("VACUUM INTO ?1", [temporary.to_string_lossy()])?;
            }
            BackupKind::Settings | BackupKind::Schema => {
                copy_tables(&from, temporary, integrity::SETTINGS)?;
            }
        }
        drop(from);
        sync(temporary)?;
        let (version, schema) = self.read_back(temporary, sealer)?;
        let file = format!("{}-{now}-v{version}-s{schema}.db", kind.name());
        let sum = self.folder.join(format!("{file}.sha256"));
        let line = format!("{}  {file}\n", sha256(temporary)?);
        write_synced(&sum, line.as_bytes())?;
        let path = self.folder.join(&file);
        std::fs::rename(temporary, &path)
            .map_err(|error| StoreError::file("create", &path, &error))?;
        sync(&self.folder)?;
        let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
        Ok(Backup {
            file,
            kind,
            at: now,
            version,
            schema,
            bytes,
        })
    }

    /// Whether a copy is what was written once.
    pub fn is_good(&self, backup: &Backup) -> bool {
        let path = self.path(backup);
        let sum = self.folder.join(format!("{}.sha256", backup.file));
        let Ok(line) = std::fs::read_to_string(sum) else {
            return false;
        };
        sha256(&path).is_ok_and(|sum| line.split_whitespace().next() == Some(sum.as_str()))
    }

    /// Reads a copy like the database itself: version of the configuration, and schema.
    fn read_back(&self, path: &Path, sealer: &Sealer) -> Result<(u64, i64)> {
        let copy = integrity::open_untouched(path)?;
        integrity::check_tables(&copy, integrity::SETTINGS).map_err(|error| error.at(path))?;
        let schema = schema::of(&copy)?;
        // What another version of this program wrote may lack tables that this one reads.
        if schema == schema::latest() {
            let loaded = snapshot::load(&copy, sealer)?;
            return Ok((loaded.configuration.version(), schema));
        }
        let version: Option<i64> = copy
            .query_row(
                "SELECT max(version) FROM configuration_versions",
                [],
                |row| row.get(0),
            )
            .optional()?
            .flatten();
        Ok((version.unwrap_or(0).unsigned_abs(), schema))
    }

    fn need_space(&self, database: &Path) -> Result<()> {
        let size = std::fs::metadata(database).map_or(0, |file| file.len());
        let space = nix::sys::statvfs::statvfs(&self.folder)
            .map_err(|error| StoreError::file("measure", &self.folder, &error.into()))?;
        #[allow(clippy::unnecessary_cast, reason = "u32 on some machines")]
        let free = space.blocks_available() as u64 * space.fragment_size() as u64;
        if free < size.saturating_add(LEFT_FREE) {
            return Err(StoreError::DiskFull(self.folder.clone()));
        }
        Ok(())
    }

    /// The settings' secrets are of no use without their key.
    fn keep_key(&self, database: &Path) {
        let key = database.with_file_name(Sealer::FILE);
        let copy = self.folder.join(Sealer::FILE);
        let Ok(key) = std::fs::read(key) else { return };
        if std::fs::read(&copy).is_ok_and(|copy| copy == key) {
            return;
        }
        if let Err(error) = write_synced(&copy, &key) {
            tracing::warn!(%error, "the key of the secrets has no copy");
        }
    }

    fn prune(&self) {
        let all = self.list();
        let mut kept: Vec<&Backup> = Vec::new();
        let of = |kind: BackupKind| all.iter().filter(move |backup| backup.kind == kind);
        kept.extend(of(BackupKind::Settings).take(KEPT_SETTINGS));
        let mut days: Vec<i64> = Vec::new();
        for backup in of(BackupKind::Settings) {
            let day = backup.at.div_euclid(DAY_MS);
            if !days.contains(&day) && days.len() < KEPT_DAYS {
                days.push(day);
                kept.push(backup);
            }
        }
        kept.extend(of(BackupKind::Schema).take(KEPT_SCHEMA));
        kept.extend(of(BackupKind::Full).take(KEPT_FULL));
        for backup in all.iter().filter(|backup| !kept.contains(backup)) {
            let path = self.path(backup);
            let sum = self.folder.join(format!("{}.sha256", backup.file));
            for path in [path, sum] {
                if let Err(error) = std::fs::remove_file(&path) {
                    tracing::warn!(%error, file = %path.display(), "an old backup is still there");
                }
            }
        }
    }

    /// Deletes what a power cut left half done.
    pub fn clear_unfinished(&self) {
        for entry in std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
        {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                // What is still there does no harm.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Deletes the copies of the whole, which are the large ones.
    pub fn delete_full(&self) {
        for backup in self
            .list()
            .iter()
            .filter(|backup| backup.kind == BackupKind::Full)
        {
            // What cannot be deleted makes no room.
            let _ = std::fs::remove_file(self.path(backup));
            let _ = std::fs::remove_file(self.folder.join(format!("{}.sha256", backup.file)));
        }
    }
}

/// Reads a copy's name.
fn parse(name: &str, bytes: u64) -> Option<Backup> {
    let mut parts = name.strip_suffix(".db")?.split('-');
    let kind = match parts.next()? {
        "settings" => BackupKind::Settings,
        "schema" => BackupKind::Schema,
        "full" => BackupKind::Full,
        _ => return None,
    };
    let at = parts.next()?.parse().ok()?;
    let version = parts.next()?.strip_prefix('v')?.parse().ok()?;
    let schema = parts.next()?.strip_prefix('s')?.parse().ok()?;
    Some(Backup {
        file: name.to_owned(),
        kind,
        at,
        version,
        schema,
        bytes,
    })
}

/// Makes a new database at `path` with the schema of `from` and the rows of some of its tables, as of one moment.
pub(crate) fn copy_tables(from: &Connection, path: &Path, tables: &[&str]) -> Result<()> {
    create(path)?;
    let to = Connection::open(path)?;
    // It is synced as a whole afterwards, and of no use before.
    to.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF; BEGIN",
    )?;
    let moment = from.unchecked_transaction()?;
    let schema: Vec<(String, String)> = from
        .prepare(
            "SELECT type, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             ORDER BY type <> 'table', rowid",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (_, sql) in schema.iter().filter(|(kind, _)| kind == "table") {
        to.execute_batch(sql)?;
    }
    for table in tables {
        let tally = salvage::copy_table(from, &to, table)?;
        if tally.unreadable && integrity::SETTINGS.contains(table) {
            return Err(StoreError::Corrupt {
                path: PathBuf::new(),
                detail: format!("the table {table} cannot be read"),
            });
        }
    }
    // Ids that were used once are not used again.
    if schema::has_table(&to, "sqlite_sequence")? {
        let used: Vec<(String, i64)> = from
            .prepare("SELECT name, seq FROM sqlite_sequence")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (table, id) in used {
            use_ids_above(&to, &table, id)?;
        }
    }
    for (_, sql) in schema.iter().filter(|(kind, _)| kind != "table") {
        to.execute_batch(sql)?;
    }
    drop(moment);
    to.execute_batch("COMMIT")?;
    to.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Makes the next id of a table one above `id` at least.
pub(crate) fn use_ids_above(connection: &Connection, table: &str, id: i64) -> Result<()> {
    let changed = connection.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1",
        (table, id),
    )?;
    if changed == 0 {
        connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
            (table, id),
        )?;
    }
    Ok(())
}

/// Makes an empty file that nobody else can read.
pub(crate) fn create(path: &Path) -> Result<()> {
    OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| StoreError::file("create", path, &error))
}

/// Waits until a file or folder is on the disk.
pub(crate) fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| StoreError::file("sync", path, &error))
}

/// Writes a file that nobody else can read, and waits until it is on the disk.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    create(path)?;
    std::fs::write(path, bytes).map_err(|error| StoreError::file("write", path, &error))?;
    sync(path)
}

fn sha256(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| StoreError::file("read", path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            octets => hash.update(piece.get(..octets).unwrap_or_default()),
        }
    }
}
