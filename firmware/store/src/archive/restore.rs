//! The way back: a database out of an archive becomes this gateway's.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, OptionalExtension, params};

use super::{NETWORK, Parts, Prepared, RESTORED, Restored, holdings};
use crate::{
    backup::{self, Backups},
    database::{self, FILE},
    error::{Result, StoreError},
    integrity, recovery, salvage, schema,
    seal::{Sealer, from_hexadecimal, hexadecimal},
    secrets::Secret,
    snapshot,
};

/// Whether this program can use a database of that schema.
///
/// # Errors
/// [`StoreError::NewerSchema`].
pub fn check_schema(found: i64, path: &Path) -> Result<()> {
    let known = schema::latest();
    if found > known {
        return Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// Makes the database of an archive, in `folder` with its key, one that the gateway whose data lie in `dir` can use. The
/// gateway may be running; nothing of it is changed.
///
/// # Errors
/// [`StoreError::NewerSchema`], [`StoreError::Corrupt`], [`StoreError::NotSetUp`] for a database without settings, and
/// failures to write.
pub fn prepare(folder: &Path, dir: &Path) -> Result<Prepared> {
    let path = folder.join(FILE);
    let at = |error: StoreError| error.at(&path);
    let mut connection = Connection::open(&path)?;
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF;",
    )?;
    integrity::check_whole(&connection).map_err(at)?;
    integrity::check_tables(&connection, integrity::SETTINGS).map_err(at)?;
    let found = schema::of(&connection).map_err(at)?;
    check_schema(found, &path)?;
    if found == 0 {
        return Err(StoreError::NotSetUp);
    }
    let holdings = holdings(&connection)?;
    schema::raise(&mut connection)?;
    let (theirs, own) = (Sealer::open(folder)?, Sealer::open(dir)?);
    let transaction = connection.transaction()?;
    let lost_secrets = reseal(&transaction, &theirs, &own)?;
    // Rows of a recovery that are still to be brought over lie in files of the other gateway.
    transaction.execute("UPDATE recoveries SET pending = '[]'", [])?;
    transaction.execute("DELETE FROM gateway_settings WHERE name = ?1", [RESTORED])?;
    transaction.commit()?;
    let loaded = snapshot::load(&connection, &own)?;
    if !loaded.configuration.is_set_up() {
        return Err(StoreError::NotSetUp);
    }
    connection.close().map_err(|(_, error)| error)?;
    backup::sync(&path)?;
    Ok(Prepared {
        holdings,
        configuration: Arc::new(loaded.configuration),
        unread: loaded
            .unread
            .iter()
            .map(|one| format!("{} {}", one.kind, one.id))
            .collect(),
        lost_secrets,
    })
}

/// Seals every secret with another key; how many could not be opened.
fn reseal(connection: &Connection, from: &Sealer, to: &Sealer) -> Result<u64> {
    let mut lost = 0;
    for (table, id, column) in [
        ("trunk_passwords", "trunk", "sealed"),
        ("object_secrets", "object", "sealed"),
    ] {
        let mut rows = connection.prepare(&format!("SELECT {id}, {column} FROM {table}"))?;
        let sealed: Vec<(i64, Vec<u8>)> = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (object, sealed) in sealed {
            let Some(secret) = from.unseal(object, &sealed) else {
                lost += 1;
                connection.execute(&format!("DELETE FROM {table} WHERE {id} = ?1"), [object])?;
                continue;
            };
            connection.execute(
                &format!("UPDATE {table} SET {column} = ?2 WHERE {id} = ?1"),
                params![object, to.seal(object, &secret)?],
            )?;
        }
    }
    for (table, of) in [("version_secrets", "version"), ("draft_changes", "draft")] {
        let sql = format!("SELECT {of}, object_id, secret FROM {table} WHERE secret IS NOT NULL");
        let mut rows = connection.prepare(&sql)?;
        let kept: Vec<(i64, i64, Vec<u8>)> = rows
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (of_id, object, kept) in kept {
            // What cannot be read is none that an undo could use.
            let Ok(secret) = serde_json::from_slice::<Secret>(&kept) else {
                continue;
            };
            let (secret, was_lost) = resealed(secret, object, from, to)?;
            lost += u64::from(was_lost);
            connection.execute(
                &format!("UPDATE {table} SET secret = ?3 WHERE {of} = ?1 AND object_id = ?2"),
                params![of_id, object, serde_json::to_vec(&secret)?],
            )?;
        }
    }
    Ok(lost)
}

fn resealed(secret: Secret, object: i64, from: &Sealer, to: &Sealer) -> Result<(Secret, bool)> {
    let again = |sealed: Option<String>| -> Result<(Option<String>, bool)> {
        let Some(sealed) = sealed else {
            return Ok((None, false));
        };
        let opened = from_hexadecimal(&sealed).and_then(|sealed| from.unseal(object, &sealed));
        match opened {
            Some(secret) => Ok((Some(hexadecimal(&to.seal(object, &secret)?)), false)),
            None => Ok((None, true)),
        }
    };
    Ok(match secret {
        Secret::Sealed(sealed) => {
            let (sealed, lost) = again(sealed)?;
            (Secret::Sealed(sealed), lost)
        }
        Secret::OfObject(sealed) => {
            let (sealed, lost) = again(sealed)?;
            (Secret::OfObject(sealed), lost)
        }
        other => (other, false),
    })
}

/// Adds to a prepared database in `folder` what stays of the gateway in `dir`: what the archive does not have, its network,
/// and that it was restored. May be done again when it was broken off. No store may be open.
///
/// # Errors
/// Failures to write; then the prepared database is as it was.
pub fn take_over(folder: &Path, dir: &Path, parts: Parts, restored: &Restored) -> Result<()> {
    let path = folder.join(FILE);
    let mut to = Connection::open(&path)?;
    to.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;")?;
    let done: Option<i64> = to
        .query_row(
            "SELECT 1 FROM gateway_settings WHERE name = ?1",
            [RESTORED],
            |row| row.get(0),
        )
        .optional()?;
    if done.is_some() {
        return Ok(());
    }
    let own = dir.join(FILE);
    let transaction = to.transaction()?;
    let mut newest = recovery::version(&transaction)?;
    let mut network: Option<String> = None;
    let from = integrity::open_untouched(&own).ok();
    // A database that cannot be read gives nothing; the restore is what repairs it.
    if let Some(from) = from.filter(|from| schema::of(from).is_ok_and(|schema| schema > 0)) {
        for table in parts.left_out() {
            match salvage::copy_table(&from, &transaction, table) {
                Err(full @ StoreError::DiskFull(_)) => return Err(full),
                Err(error) => tracing::error!(%error, table, "rows are not brought over"),
                Ok(_) => {}
            }
        }
        newest = newest.max(recovery::version(&from).unwrap_or(0));
        network = setting(&from, NETWORK);
    }
    transaction.execute("DELETE FROM gateway_settings WHERE name = ?1", [NETWORK])?;
    let restored_document = serde_json::to_string(restored)?;
    let kept = network.map(|network| (NETWORK, network));
    for (name, document) in kept.into_iter().chain([(RESTORED, restored_document)]) {
        transaction.execute(
            "INSERT INTO gateway_settings (name, document) VALUES (?1, ?2)",
            params![name, document],
        )?;
    }
    // Above every version that a copy beside the database has: those are older than what is restored now.
    let copies = Backups::of(dir).list();
    newest = copies
        .iter()
        .fold(newest, |newest, copy| newest.max(copy.version));
    let logged: Option<i64> =
        transaction.query_row("SELECT max(version) FROM audit", [], |row| row.get(0))?;
    let version = newest.cast_signed().max(logged.unwrap_or(0)) + 1;
    let actor = serde_json::to_string(&restored.by)?;
    transaction.execute(
        "INSERT INTO configuration_versions (version, at, actor) VALUES (?1, ?2, ?3)",
        params![version, restored.at, actor],
    )?;
    transaction.execute(
        "INSERT INTO audit (at, last_at, actor, method, path, status, version) VALUES (?1, ?1, ?2, 'POST', ?3, 200, ?4)",
        params![
            restored.at,
            actor,
            format!("/api/v1/backups/{}/restore", restored.archive),
            version
        ],
    )?;
    transaction.commit()?;
    to.close().map_err(|(_, error)| error)?;
    backup::sync(&path)
}

fn setting(connection: &Connection, name: &str) -> Option<String> {
    let document = connection.query_row(
        "SELECT document FROM gateway_settings WHERE name = ?1",
        [name],
        |row| row.get(0),
    );
    document.ok()
}

/// Puts a database that [`take_over`] completed in the place of the one in `dir`. May be done again when it was broken
/// off; until it was done, the old one has to be left alone.
///
/// # Errors
/// Failures to rename.
pub fn put_in_place(folder: &Path, dir: &Path) -> Result<()> {
    let new = folder.join(FILE);
    if !new.exists() {
        return Ok(());
    }
    let main = dir.join(FILE);
    for leftover in recovery::leftovers(dir) {
        // What belongs to the old file must never be taken for a part of the new one.
        match std::fs::remove_file(&leftover) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::file("delete", &leftover, &error));
            }
            _ => {}
        }
    }
    integrity::forget_suspicion(&main);
    backup::sync(dir)?;
    std::fs::rename(&new, &main).map_err(|error| StoreError::file("create", &main, &error))?;
    backup::sync(dir)
}

/// Keeps other processes away from a folder of data while nobody has its store open.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held")] database::Locked);

/// Locks `dir`, and makes it when it is not there.
///
/// # Errors
/// [`StoreError::InUse`].
pub fn lock(dir: &Path) -> Result<Lock> {
    database::lock_dir(dir).map(Lock)
}

/// The newest schema that this program can restore.
pub fn schema_known() -> i64 {
    schema::latest()
}
