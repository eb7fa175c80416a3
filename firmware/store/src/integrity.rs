//! Whether the database can be used, and which of its tables matter how much.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    error::{Result, StoreError},
    schema,
};

/// Settings and their secrets: what the gateway cannot do without. They are only good together.
pub(crate) const SETTINGS: &[&str] = &[
    "refinery_schema_history",
    "schema_ways_back",
    "objects",
    "user_passwords",
    "extension_credentials",
    "trunk_passwords",
    "agent_pins",
    "object_secrets",
    "tokens",
    "configuration_versions",
    "configuration_changes",
    "version_secrets",
    "drafts",
    "draft_changes",
    "recoveries",
    "gateway_settings",
];
/// What is small, and each row good for itself. What others hang on comes before it.
pub(crate) const STATE: &[&str] = &[
    "audit",
    "sessions",
    "bindings",
    "bans",
    "queue_members",
    "queue_callbacks",
    "agent_intervals",
    "recordings",
    "recording_accesses",
    "voicemail_messages",
    "voicemail_accesses",
    "events",
    "deliveries",
];
/// Rows of calls: there may be a million.
pub(crate) const CALLS: &[&str] = &["calls", "call_users"];
/// What is right now or not at all: an old copy of it would let in who was locked out, or call phones that are gone.
pub(crate) const ONLY_NOW: &[&str] = &["sessions", "bindings", "bans", "queue_members"];

/// Up to this size the whole file is checked at each start; it takes less than a second.
const CHECKED_WHOLE: u64 = 64 << 20;
/// A file of this name beside the database asks for a check of the whole at the next start.
const SUSPECT: &str = "ramal.db.suspect";

/// Checks what the gateway cannot do without; the rest, too, when it is small or under suspicion.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<()> {
    check_tables(connection, SETTINGS)?;
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    if size <= CHECKED_WHOLE || suspect(path).exists() {
        check_whole(connection)?;
    } else {
        check_tables(connection, ONLY_NOW)?;
    }
    Ok(())
}

/// Checks these tables with their indexes, row by row.
pub(crate) fn check_tables(connection: &Connection, tables: &[&str]) -> Result<()> {
    for table in tables {
        if schema::has_table(connection, table)? {
            verdict(connection, &format!("PRAGMA integrity_check({table})"))?;
        }
    }
    Ok(())
}

/// Checks how all pages hang together.
pub(crate) fn check_whole(connection: &Connection) -> Result<()> {
    verdict(connection, "PRAGMA quick_check(20)")
}

fn verdict(connection: &Connection, pragma: &str) -> Result<()> {
    let found: Vec<String> = connection
        .prepare(pragma)?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    match found.as_slice() {
        [only] if only == "ok" => Ok(()),
        _ => Err(StoreError::Corrupt {
            path: PathBuf::new(),
            detail: found.join("; "),
        }),
    }
}

/// Asks for a check of the whole at the next start.
pub(crate) fn suspect_damage(database: &Path) {
    if let Err(error) = std::fs::write(suspect(database), []) {
        tracing::error!(%error, "the next start cannot be told that the database is damaged");
    }
}

/// The whole was checked, or is not the one any more that was suspected.
pub(crate) fn forget_suspicion(database: &Path) {
    // It is rarely there.
    let _ = std::fs::remove_file(suspect(database));
}

fn suspect(database: &Path) -> PathBuf {
    database.with_file_name(SUSPECT)
}

/// Opens a file that is only read, and left as it is.
pub(crate) fn open_untouched(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StoreError::from(error).at(path))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;")?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, result::Result};

    use super::*;

    #[test]
    fn every_table_has_its_place() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::raise(&mut connection).unwrap();
        let tables: BTreeSet<String> = connection
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let placed: Vec<&str> = [SETTINGS, STATE, CALLS].concat();
        assert_eq!(
            tables,
            placed.iter().map(|table| (*table).to_owned()).collect()
        );
        assert!(ONLY_NOW.iter().all(|table| STATE.contains(table)));
    }
}
