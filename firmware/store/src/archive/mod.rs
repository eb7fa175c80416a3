//! The database in an archive: copied out of a gateway in use, and made fit to take the place of another gateway's.
//!
//! [`Store::copy_for_archive`] writes a copy with the parts asked for, and the key of the secrets beside it. On the other
//! side [`prepare`] brings such a copy to this program's schema and seals its secrets with the key of the gateway it is
//! on now; [`take_over`] adds to it, while no store is open, what only the gateway itself has.

mod restore;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use ramal_model::{Actor, Configuration};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::restore::{Lock, check_schema, lock, prepare, put_in_place, schema_known, take_over};
use crate::{
    Store, backup,
    database::FILE,
    error::{Result, StoreError},
    integrity, recovery, schema,
    seal::Sealer,
};

/// What every archive has besides the settings. Who did what goes with them.
const ALWAYS: &[&str] = &["audit"];
const VOICEMAIL: &[&str] = &["voicemail_messages", "voicemail_accesses"];
const HISTORY: &[&str] = &["calls", "call_users", "agent_intervals"];
const RECORDINGS: &[&str] = &["recordings", "recording_accesses"];
/// Stays the gateway's own whatever is restored: who is banned, and settings of the machine.
const STAYS: &[&str] = &["bans"];
/// Under this name it is kept what a gateway was restored from.
const RESTORED: &str = "restored";
/// Settings of the machine that do not come out of an archive.
const NETWORK: &str = "network";

/// The database's name in an archive, and that of the key that its secrets are sealed with.
pub const DATABASE: &str = FILE;
/// Name of the key.
pub const KEY: &str = Sealer::FILE;

/// What goes into an archive besides settings and uploaded sounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// Voice messages and greetings.
    #[serde(default)]
    pub voicemail: bool,
    /// The history of calls, and of agents.
    #[serde(default)]
    pub history: bool,
    /// Recordings of calls. They need the history.
    #[serde(default)]
    pub recordings: bool,
}

impl Parts {
    /// Tables that an archive of these parts has besides the settings.
    fn tables(self) -> Vec<&'static str> {
        let mut tables = ALWAYS.to_vec();
        for (is_in, part) in self.all() {
            if is_in {
                tables.extend(part);
            }
        }
        tables
    }

    /// Tables that such an archive leaves to the gateway.
    fn left_out(self) -> Vec<&'static str> {
        let mut tables = [STAYS, ALWAYS].concat();
        for (is_in, part) in self.all() {
            if !is_in {
                tables.extend(part);
            }
        }
        tables
    }

    fn all(self) -> [(bool, &'static [&'static str]); 3] {
        [
            (self.voicemail, VOICEMAIL),
            (self.history, HISTORY),
            (self.recordings, RECORDINGS),
        ]
    }
}

/// What a copy of the database holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holdings {
    /// Schema of the database.
    pub schema: i64,
    /// Version of the configuration.
    pub version: u64,
    /// Objects by kind.
    pub objects: BTreeMap<String, u64>,
    /// Rows of calls.
    pub calls: u64,
    /// Recordings.
    pub recordings: u64,
    /// Voice messages.
    pub messages: u64,
}

/// Where a gateway was restored from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Restored {
    /// When, UTC milliseconds.
    pub at: i64,
    /// By whom.
    pub by: Actor,
    /// The archive.
    pub archive: String,
    /// When that was made, UTC milliseconds.
    pub made_at: i64,
}

/// How objects of one kind differ between the gateway and an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// On the gateway now.
    pub here: u64,
    /// In the archive.
    pub archived: u64,
    /// On the gateway only: a restore deletes them.
    pub deleted: u64,
    /// In both, and not the same.
    pub changed: u64,
    /// In the archive only.
    pub added: u64,
}

/// A copy that can take the place of the gateway's database.
#[derive(Debug)]
pub struct Prepared {
    /// What it held when it was made.
    pub holdings: Holdings,
    /// The configuration in it.
    pub configuration: Arc<Configuration>,
    /// Objects that this version cannot read, such as `ivr 7`.
    pub unread: Vec<String>,
    /// Secrets that could not be opened with the key beside it; they have to be entered again.
    pub lost_secrets: u64,
}

impl Store {
    /// Copies the database to `folder`, with the key of its secrets, while it is in use. Takes its time and holds nobody
    /// up.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other failures to read or write.
    pub async fn copy_for_archive(&self, folder: PathBuf, parts: Parts) -> Result<Holdings> {
        let dir = self.keeper.dir.clone();
        let copied = tokio::task::spawn_blocking(move || copy(&dir, &folder, parts));
        copied.await.map_err(|_| StoreError::Closed)?
    }

    /// What the database holds.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn holdings(&self) -> Result<Holdings> {
        self.readers.run(holdings).await
    }

    /// What the gateway was restored from last.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn restored(&self) -> Result<Option<Restored>> {
        self.gateway_setting(RESTORED).await
    }

    /// How the gateway's objects differ from those in the database of `folder`, kind by kind.
    ///
    /// # Errors
    /// When either cannot be read.
    pub async fn compare(&self, folder: PathBuf) -> Result<BTreeMap<String, Difference>> {
        let own = self.keeper.dir.clone();
        let compared = tokio::task::spawn_blocking(move || {
            let own = objects(&integrity::open_untouched(&own.join(FILE))?)?;
            let archived = objects(&integrity::open_untouched(&folder.join(FILE))?)?;
            Ok(differences(&own, &archived))
        });
        compared.await.map_err(|_| StoreError::Closed)?
    }
}

fn copy(dir: &Path, folder: &Path, parts: Parts) -> Result<Holdings> {
    let from = integrity::open_untouched(&dir.join(FILE))?;
    let path = folder.join(FILE);
    let tables = [integrity::SETTINGS, &parts.tables()].concat();
    backup::copy_tables(&from, &path, &tables).map_err(|error| error.at(&dir.join(FILE)))?;
    let key = dir.join(KEY);
    let failed = |error: std::io::Error| StoreError::file("read", &key, &error);
    let octets = std::fs::read(&key).map_err(failed)?;
    backup::write_synced(&folder.join(KEY), &octets)?;
    holdings(&integrity::open_untouched(&path)?)
}

/// What a database holds, whatever its schema.
fn holdings(connection: &Connection) -> Result<Holdings> {
    let mut objects = BTreeMap::new();
    let mut rows =
        connection.prepare("SELECT kind, count(*) FROM objects GROUP BY kind ORDER BY kind")?;
    for row in rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))? {
        let (kind, count) = row?;
        objects.insert(kind, count.unsigned_abs());
    }
    let count = |table| -> Result<u64> {
        if !schema::has_table(connection, table)? {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(rows.unsigned_abs())
    };
    Ok(Holdings {
        schema: schema::of(connection)?,
        version: recovery::version(connection)?,
        objects,
        calls: count("calls")?,
        recordings: count("recordings")?,
        messages: count("voicemail_messages")?,
    })
}

type Objects = BTreeMap<(String, i64), String>;

fn objects(connection: &Connection) -> Result<Objects> {
    let mut rows = connection.prepare("SELECT kind, id, json(document) FROM objects")?;
    let rows = rows.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn differences(own: &Objects, archived: &Objects) -> BTreeMap<String, Difference> {
    let mut kinds: BTreeMap<String, Difference> = BTreeMap::new();
    for (key, document) in own {
        let kind = kinds.entry(key.0.clone()).or_default();
        kind.here += 1;
        match archived.get(key) {
            None => kind.deleted += 1,
            Some(other) => kind.changed += u64::from(other != document),
        }
    }
    for key in archived.keys() {
        let kind = kinds.entry(key.0.clone()).or_default();
        kind.archived += 1;
        kind.added += u64::from(!own.contains_key(key));
    }
    kinds
}
