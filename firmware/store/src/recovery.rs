//! What is done when the database cannot be used as it is: the gateway goes on with the best settings that can be had.
//!
//! A new file is built beside the bad one: its settings are those of the bad file where they are whole, else those of the
//! newest good copy; rows of everything else are brought over as far as they can be read. Only when it is on the disk
//! the bad file is put aside and the new one takes its place, in steps that a power cut may stop anywhere.

use std::path::{Path, PathBuf};

use ramal_model::Actor;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params, types::Type};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    backup::{self, Backup, BackupKind, Backups},
    database::FILE,
    error::{Result, StoreError},
    integrity, salvage, schema,
    seal::Sealer,
    snapshot,
};

/// The folder of files that were put aside.
const ASIDE: &str = "damaged";
/// Of these so many are kept.
const KEPT_ASIDE: usize = 2;
/// A new database that is being built, and one that is whole.
const BUILDING: &str = "ramal.db.recovering";
const BUILT: &str = "ramal.db.recovered";
/// How far ids jump when it is not known which were used.
const IDS_LEFT_OUT: i64 = 10_000;

/// Why the database could not be used as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryCause {
    /// The file is damaged.
    Damaged,
    /// There is no file, or an empty one, and there was one before.
    Missing,
    /// The file lacks saved settings that its copy has.
    Outdated,
    /// A newer version of the program wrote it.
    NewerSchema,
}

/// Where the settings are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingsFrom {
    /// From the file itself: none is lost.
    Kept,
    /// From its newest good copy: what was changed later is lost.
    Backup,
}

/// What was done about a database that could not be used. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recovery {
    /// Identifies it.
    pub id: i64,
    /// When it was done.
    pub at: i64,
    /// Why.
    pub cause: RecoveryCause,
    /// What was found, as the database says it.
    pub detail: String,
    /// Where the settings are from.
    pub settings: SettingsFrom,
    /// As of when the settings are.
    pub settings_at: i64,
    /// Version of the configuration that was gone on with.
    pub settings_version: u64,
    /// The file that was put aside, in the data folder; blank when there was none.
    pub kept_aside: String,
    /// Rows of history that were brought over: calls, recordings, messages and the like.
    pub rows: u64,
    /// Kinds of rows of which some could not be read.
    pub unreadable: Vec<String>,
    /// Whether rows of calls are still being brought over.
    pub running: bool,
    /// When somebody took note of it; null while nobody has.
    pub acknowledged_at: Option<i64>,
    /// Who did.
    pub acknowledged_by: Option<Actor>,
}

/// What is to be recovered from.
pub(crate) struct Trouble {
    pub cause: RecoveryCause,
    pub detail: String,
}

enum Source {
    Own,
    Copy(Backup),
}

/// Puts a new database in the place of one that cannot be used.
///
/// # Errors
/// [`StoreError::Corrupt`] when there is nothing to go on with; then nothing was changed.
pub(crate) fn run(dir: &Path, sealer: &Sealer, trouble: &Trouble, now: i64) -> Result<()> {
    let backups = Backups::of(dir);
    let source = source(dir, &backups, sealer, trouble)?;
    let built = match build(dir, &backups, &source, trouble, now) {
        Err(StoreError::DiskFull(_)) => {
            tracing::error!("no space to recover the database: copies of the whole are deleted");
            backups.delete_full();
            clear_aside(dir, 0);
            build(dir, &backups, &source, trouble, now)
        }
        other => other,
    };
    built.map_err(|error| error.at(&dir.join(BUILDING)))?;
    finish(dir)
}

/// The best settings that there are.
fn source(dir: &Path, backups: &Backups, sealer: &Sealer, trouble: &Trouble) -> Result<Source> {
    let own = own_version(&dir.join(FILE), sealer).ok();
    let copy = best_copy(backups);
    match (own, copy) {
        (Some(own), Some(copy)) if copy.version > own => Ok(Source::Copy(copy)),
        (Some(_), _) => Ok(Source::Own),
        (None, Some(copy)) => Ok(Source::Copy(copy)),
        (None, None) => Err(StoreError::Corrupt {
            path: dir.join(FILE),
            detail: trouble.detail.clone(),
        }),
    }
}

/// The newest copy that is what was written, and that this program knows the schema of.
pub(crate) fn best_copy(backups: &Backups) -> Option<Backup> {
    let mut copies = backups.list();
    copies.retain(|copy| copy.schema <= schema::latest());
    copies.sort_by_key(|copy| std::cmp::Reverse((copy.version, copy.at)));
    copies.into_iter().find(|copy| backups.is_good(copy))
}

/// The version of the configuration in a file whose settings are whole.
fn own_version(path: &Path, sealer: &Sealer) -> Result<u64> {
    if !std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Err(StoreError::Closed);
    }
    let own = integrity::open_untouched(path)?;
    let known = schema::of(&own)?;
    if known == 0 || known > schema::latest() {
        return Err(StoreError::Closed);
    }
    integrity::check_tables(&own, integrity::SETTINGS)?;
    if known == schema::latest() && !snapshot::load(&own, sealer)?.unread.is_empty() {
        return Err(StoreError::Closed);
    }
    version(&own)
}

/// The version of the configuration in a file.
pub(crate) fn version(connection: &Connection) -> Result<u64> {
    let version: i64 = connection.query_row(
        "SELECT coalesce(max(version), 0) FROM configuration_versions",
        [],
        |row| row.get(0),
    )?;
    Ok(version.unsigned_abs())
}

fn build(
    dir: &Path,
    backups: &Backups,
    source: &Source,
    trouble: &Trouble,
    now: i64,
) -> Result<()> {
    let (building, bad) = (dir.join(BUILDING), dir.join(FILE));
    let from = match source {
        Source::Own => bad.clone(),
        Source::Copy(copy) => backups.path(copy),
    };
    backup::copy_tables(
        &integrity::open_untouched(&from)?,
        &building,
        integrity::SETTINGS,
    )?;
    let mut to = Connection::open(&building)?;
    to.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;")?;
    schema::raise(&mut to)?;
    let transaction = to.transaction()?;
    let aside = match bad.exists() {
        true => format!("{ASIDE}/ramal-{now}.db"),
        false => String::new(),
    };
    let full = backups
        .list()
        .into_iter()
        .find(|copy| copy.kind == BackupKind::Full && backups.is_good(copy));
    let mut brought = Brought::default();
    brought.bring(&transaction, &bad, true)?;
    if let Some(full) = &full {
        brought.bring(&transaction, &backups.path(full), false)?;
    }
    leave_out_used_ids(&transaction, brought.ids_are_known)?;
    // What calls are read from later, relative to the data folder.
    let mut pending = vec![aside.clone()];
    pending.extend(full.map(|full| format!("backups/{}", full.file)));
    pending.retain(|file| !file.is_empty());
    let (settings, at) = match source {
        Source::Own => ("kept", now),
        Source::Copy(copy) => ("backup", copy.at),
    };
    transaction.execute(
        "INSERT INTO recoveries (at, cause, detail, settings, settings_at, settings_version, kept_aside, rows,
                                 unreadable, pending)
         VALUES (:at, :cause, :detail, :settings, :settings_at, :version, :aside, :rows, :unreadable, :pending)",
        named_params! {
            ":at": now,
            ":cause": name(trouble.cause)?,
            ":detail": trouble.detail,
            ":settings": settings,
            ":settings_at": at,
            ":version": version(&transaction)?.cast_signed(),
            ":aside": aside,
            ":rows": brought.rows.cast_signed(),
            ":unreadable": serde_json::to_string(&brought.unreadable)?,
            ":pending": serde_json::to_string(&pending)?,
        },
    )?;
    transaction.commit()?;
    integrity::check_whole(&to)?;
    to.close().map_err(|(_, error)| error)?;
    backup::sync(&building)?;
    rename(&building, &dir.join(BUILT))?;
    backup::sync(dir)
}

/// What was brought over so far.
#[derive(Default)]
struct Brought {
    rows: u64,
    unreadable: Vec<String>,
    ids_are_known: bool,
}

impl Brought {
    /// Brings over what can be read of a file, besides its settings and calls.
    fn bring(&mut self, to: &Connection, path: &Path, current: bool) -> Result<()> {
        let Ok(from) = integrity::open_untouched(path) else {
            return Ok(());
        };
        if schema::of(&from).unwrap_or(0) == 0 {
            // Not even its list of tables can be read.
            if current && path.exists() {
                self.unreadable = vec!["calls".into(), "recordings".into(), "messages".into()];
            }
            return Ok(());
        }
        for table in integrity::STATE {
            if !current && integrity::ONLY_NOW.contains(table) {
                continue;
            }
            let Ok(tally) = salvage::copy_table(&from, to, table) else {
                self.unreadable.push((*table).to_owned());
                continue;
            };
            self.rows += tally.rows;
            if tally.unreadable {
                self.unreadable.push((*table).to_owned());
            }
        }
        if let Ok(used) = used_ids(&from) {
            self.ids_are_known |= current;
            for (table, id) in used {
                backup::use_ids_above(to, &table, id)?;
            }
        }
        Ok(())
    }
}

fn used_ids(connection: &Connection) -> Result<Vec<(String, i64)>> {
    let mut rows = connection.prepare("SELECT name, seq FROM sqlite_sequence")?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// No id of something that is lost may come to mean something else.
fn leave_out_used_ids(connection: &Connection, known: bool) -> Result<()> {
    // The log may tell of versions that are lost.
    let logged: Option<i64> =
        connection.query_row("SELECT max(version) FROM audit", [], |row| row.get(0))?;
    if let Some(logged) = logged {
        backup::use_ids_above(connection, "configuration_versions", logged)?;
    }
    if !known {
        connection.execute("UPDATE sqlite_sequence SET seq = seq + ?1", [IDS_LEFT_OUT])?;
    }
    Ok(())
}

/// Puts a database that is whole in its place, also when a power cut stopped that halfway.
pub(crate) fn finish(dir: &Path) -> Result<()> {
    let (built, main) = (dir.join(BUILT), dir.join(FILE));
    if !built.exists() {
        return Ok(());
    }
    let aside: String = integrity::open_untouched(&built)?
        .query_row(
            "SELECT kept_aside FROM recoveries ORDER BY id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .optional()?
        .unwrap_or_default();
    let parts =
        |path: &Path| ["-wal", ""].map(|end| PathBuf::from(format!("{}{end}", path.display())));
    if !aside.is_empty() {
        clear_aside(dir, KEPT_ASIDE - 1);
        let folder = dir.join(ASIDE);
        std::fs::create_dir_all(&folder)
            .map_err(|error| StoreError::file("create", &folder, &error))?;
        for (from, to) in parts(&main).iter().zip(parts(&dir.join(&aside))) {
            if from.exists() {
                rename(from, &to)?;
            }
        }
        backup::sync(&folder)?;
    }
    let [log, main_file] = parts(&main);
    let index = PathBuf::from(format!("{}-shm", main.display()));
    for file in [log, index, main_file] {
        // It is only there when nothing was put aside.
        let _ = std::fs::remove_file(file);
    }
    rename(&built, &main)?;
    integrity::forget_suspicion(&main);
    backup::sync(dir)
}

/// Files beside the database that are a part of it, or would take its place at the next start.
pub(crate) fn leftovers(dir: &Path) -> [PathBuf; 4] {
    [
        format!("{FILE}-wal"),
        format!("{FILE}-shm"),
        BUILT.to_owned(),
        BUILDING.to_owned(),
    ]
    .map(|name| dir.join(name))
}

/// Deletes all but the newest `kept` files that were put aside.
fn clear_aside(dir: &Path, kept: usize) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir.join(ASIDE))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "db"))
        .collect();
    // Their names begin with the time.
    files.sort();
    let surplus = files.len().saturating_sub(kept);
    for file in files.iter().take(surplus) {
        for end in ["", "-wal", "-shm"] {
            // Some have no log.
            let _ = std::fs::remove_file(format!("{}{end}", file.display()));
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| StoreError::file("create", to, &error))
}

fn name(cause: RecoveryCause) -> Result<String> {
    let value = serde_json::to_value(cause)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

/// Writes down that a file of a newer program was brought back to this one's schema.
pub(crate) fn note_lowered(connection: &Connection, from: i64, now: i64) -> Result<()> {
    connection.execute(
        "INSERT INTO recoveries (at, cause, detail, settings, settings_at, settings_version, kept_aside, rows)
         VALUES (?1, 'newer_schema', ?2, 'kept', ?1, ?3, '', 0)",
        params![
            now,
            format!("schema {from}"),
            version(connection)?.cast_signed()
        ],
    )?;
    Ok(())
}

/// What was recovered from, the newest first.
pub(crate) fn list(connection: &Connection) -> Result<Vec<Recovery>> {
    let mut rows =
        connection.prepare_cached("SELECT * FROM recoveries ORDER BY id DESC LIMIT 100")?;
    let rows = rows.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Recovery> {
    let json = |column: &'static str| -> rusqlite::Result<serde_json::Value> {
        let text: Option<String> = row.get(column)?;
        serde_json::from_str(text.as_deref().unwrap_or("null")).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error))
        })
    };
    let texts = |value: serde_json::Value| -> Vec<String> {
        serde_json::from_value(value).unwrap_or_default()
    };
    let cause: String = row.get("cause")?;
    let settings: String = row.get("settings")?;
    Ok(Recovery {
        id: row.get("id")?,
        at: row.get("at")?,
        cause: match cause.as_str() {
            "missing" => RecoveryCause::Missing,
            "outdated" => RecoveryCause::Outdated,
            "newer_schema" => RecoveryCause::NewerSchema,
            _ => RecoveryCause::Damaged,
        },
        detail: row.get("detail")?,
        settings: match settings.as_str() {
            "kept" => SettingsFrom::Kept,
            _ => SettingsFrom::Backup,
        },
        settings_at: row.get("settings_at")?,
        settings_version: row.get::<_, i64>("settings_version")?.unsigned_abs(),
        kept_aside: row.get("kept_aside")?,
        rows: row.get::<_, i64>("rows")?.unsigned_abs(),
        unreadable: texts(json("unreadable")?),
        running: !texts(json("pending")?).is_empty(),
        acknowledged_at: row.get("acknowledged_at")?,
        acknowledged_by: serde_json::from_value(json("acknowledged_by")?).ok(),
    })
}

/// Files that rows of calls are still to be brought over from, by the recovery they belong to.
pub(crate) fn pending(connection: &Connection) -> Result<Vec<(i64, Vec<String>)>> {
    let mut rows = connection
        .prepare("SELECT id, pending FROM recoveries WHERE pending <> '[]' ORDER BY id")?;
    let rows = rows.query_map([], |row| {
        let files: String = row.get(1)?;
        Ok((
            row.get(0)?,
            serde_json::from_str(&files).unwrap_or_default(),
        ))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
