//! The schema of the database: forward by the files in `migrations/`, backward by those in `ways_back/`.
//!
//! Each way back lies in the database itself, written there by the program that went the way forward. So an older
//! program, started again after an update was taken back, can bring a file to the schema it knows, with everything
//! that was saved meanwhile and that this schema can hold.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{Result, StoreError};

mod migrations {
    refinery::embed_migrations!("migrations");
}

macro_rules! ways_back {
    ($($version:literal),* $(,)?) => {
        /// What brings each schema back to the one before it.
        const WAYS_BACK: &[(i64, &str)] =
            &[$(($version, include_str!(concat!("../ways_back/V", $version, ".sql")))),*];
    };
}

ways_back!(
    2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 17, 18, 19, 20, 21
);

/// The newest schema that this program knows.
pub(crate) fn latest() -> i64 {
    let runner = migrations::migrations::runner();
    let versions = runner.get_migrations().iter();
    let versions = versions.map(|migration| i64::from(migration.version()));
    versions.max().unwrap_or(0)
}

/// The schema of the file, 0 when it is empty.
pub(crate) fn of(connection: &Connection) -> Result<i64> {
    if !has_table(connection, "refinery_schema_history")? {
        return Ok(0);
    }
    Ok(connection.query_row(
        "SELECT coalesce(max(version), 0) FROM refinery_schema_history",
        [],
        |row| row.get(0),
    )?)
}

/// Whether there is such a table.
pub(crate) fn has_table(connection: &Connection, table: &str) -> Result<bool> {
    let found = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
            [table],
            |_| Ok(()),
        )
        .optional()?;
    Ok(found.is_some())
}

/// Brings the file up to the newest schema, and writes the ways back into it.
pub(crate) fn raise(connection: &mut Connection) -> Result<()> {
    raise_to(connection, latest())
}

/// [`raise`] up to `target` only.
fn raise_to(connection: &mut Connection, target: i64) -> Result<()> {
    migrations::migrations::runner()
        .set_target(refinery::Target::Version(
            target.try_into().unwrap_or_default(),
        ))
        .run(connection)
        .map_err(|error| failed(&error))?;
    if !has_table(connection, "schema_ways_back")? {
        return Ok(());
    }
    // The ways back of versions that this program does not know are none of its business.
    let mut write = connection.prepare(
        "INSERT INTO schema_ways_back (version, sql) VALUES (?1, ?2)
         ON CONFLICT (version) DO UPDATE SET sql = excluded.sql WHERE sql <> excluded.sql",
    )?;
    for (version, sql) in WAYS_BACK.iter().filter(|(version, _)| *version <= target) {
        write.execute(params![version, sql])?;
    }
    Ok(())
}

/// Brings a file of a newer program back to `target`, all the way or not at all.
///
/// # Errors
/// [`StoreError::NewerSchema`] when the file does not say how.
pub(crate) fn lower(connection: &mut Connection, path: &Path, target: i64) -> Result<()> {
    let found = of(connection)?;
    let refused = || StoreError::NewerSchema {
        path: path.to_owned(),
        found,
        known: target,
    };
    if !has_table(connection, "schema_ways_back")? {
        return Err(refused());
    }
    let steps: Vec<(i64, Option<String>)> = connection
        .prepare(
            "SELECT history.version, sql FROM refinery_schema_history AS history
             LEFT JOIN schema_ways_back AS back ON back.version = history.version
             WHERE history.version > ?1 ORDER BY history.version DESC",
        )?
        .query_map([target], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let transaction = connection.transaction()?;
    for (version, sql) in steps {
        transaction.execute_batch(&sql.ok_or_else(refused)?)?;
        transaction.execute(
            "DELETE FROM refinery_schema_history WHERE version = ?1",
            [version],
        )?;
        if has_table(&transaction, "schema_ways_back")? {
            transaction.execute("DELETE FROM schema_ways_back WHERE version = ?1", [version])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn failed(error: &refinery::Error) -> StoreError {
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

#[cfg(test)]
mod tests;
