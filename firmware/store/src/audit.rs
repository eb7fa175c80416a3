//! Who did what, or tried to: every version of the configuration, and every request that changes something or is refused.

use ramal_model::Actor;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Store,
    error::Result,
    journal::{ObjectChange, changes_of},
    request::Origin,
    writer::Write,
};

/// Equal refusals within this time are one entry.
const ONE_ENTRY_MS: i64 = 60_000;
/// Entries without a version that are kept at least.
const KEPT: i64 = 100_000;

/// A request that made no version of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Who; none when that is not known.
    pub actor: Option<Actor>,
    /// From where, and what was asked for.
    pub origin: Origin,
    /// HTTP status of the answer.
    pub status: u16,
    /// Kind of the refusal; blank when it was done.
    pub problem: String,
    /// Fields that were refused, and why. Never their values.
    pub fields: Vec<RefusedField>,
}

/// A field that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedField {
    /// Its path.
    pub field: String,
    /// Why.
    pub code: String,
}

/// An entry of the log. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Counts up.
    pub id: i64,
    /// When.
    pub at: i64,
    /// When it last happened again.
    pub last_at: i64,
    /// How often: equal refusals within a minute are one entry.
    pub times: i64,
    /// Who; null when that is not known.
    pub actor: Option<Actor>,
    /// From where; blank for the gateway itself.
    pub address: String,
    /// Method of the request; blank when there was none.
    pub method: String,
    /// Its path.
    pub path: String,
    /// HTTP status of the answer; null when there was no request.
    pub status: Option<u16>,
    /// Kind of the refusal; blank when it was done.
    pub problem: String,
    /// Fields that were refused.
    pub fields: Vec<RefusedField>,
    /// The version of the configuration that it made.
    pub version: Option<u64>,
    /// What it changed.
    pub changes: Vec<ObjectChange>,
}

/// Which entries to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// At most so many.
    pub limit: u32,
    /// Only entries before this one.
    pub before: Option<i64>,
    /// Only what was refused, or only what was not.
    pub refused: Option<bool>,
}

impl Store {
    /// Writes down a request that made no version. Nobody waits for it; when the disk is too slow for all of them, some
    /// are left out.
    pub fn attempted(&self, attempt: Attempt) {
        self.writer
            .run_if_idle(move |write| attempted(write, &attempt));
    }

    /// Entries that pass the filter, newest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn audit_log(&self, filter: AuditFilter) -> Result<Vec<AuditEntry>> {
        self.readers
            .run(move |connection| list(connection, &filter))
            .await
    }
}

fn attempted(write: &mut Write<'_>, attempt: &Attempt) -> Result<()> {
    let connection = write.connection;
    let actor = attempt
        .actor
        .as_ref()
        .map(serde_json::to_string)
        .transpose()?;
    let fields = serde_json::to_string(&attempt.fields)?;
    let Origin {
        address,
        method,
        path,
    } = &attempt.origin;
    if !attempt.problem.is_empty() {
        let repeated = connection
            .prepare_cached(
                "UPDATE audit SET times = times + 1, last_at = ?1
                 WHERE id = (SELECT id FROM audit WHERE at > ?1 - ?2 AND actor IS ?3 AND address = ?4 AND method = ?5
                             AND path = ?6 AND status = ?7 AND fields = ?8 ORDER BY id DESC LIMIT 1)",
            )?
            .execute(params![
                write.now,
                ONE_ENTRY_MS,
                actor,
                address,
                method,
                path,
                attempt.status,
                fields
            ])?;
        if repeated > 0 {
            return Ok(());
        }
    }
    connection
        .prepare_cached(
            "INSERT INTO audit (at, last_at, actor, address, method, path, status, problem, fields)
             VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            write.now,
            actor,
            address,
            method,
            path,
            attempt.status,
            attempt.problem,
            fields
        ])?;
    let id = connection.last_insert_rowid();
    if id % 1000 == 0 {
        connection
            .prepare_cached("DELETE FROM audit WHERE version IS NULL AND id < ?1")?
            .execute([id - KEPT])?;
    }
    Ok(())
}

/// Writes down a version, with the request that made it.
pub(crate) fn made_version(write: &Write<'_>, actor: &str, version: i64) -> Result<()> {
    let origin = write.request.as_ref().map(|request| &*request.origin);
    let origin = origin.cloned().unwrap_or_default();
    let status = (!origin.method.is_empty()).then_some(200);
    write
        .connection
        .prepare_cached(
            "INSERT INTO audit (at, last_at, actor, address, method, path, status, version)
             VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            write.now,
            actor,
            origin.address,
            origin.method,
            origin.path,
            status,
            version
        ])?;
    Ok(())
}

fn list(connection: &Connection, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
    let condition = match filter.refused {
        None => "1",
        Some(true) => "problem <> ''",
        Some(false) => "problem = ''",
    };
    let mut rows = connection.prepare_cached(&format!(
        "SELECT id, at, last_at, times, actor, address, method, path, status, problem, fields, version
         FROM audit WHERE id < ?1 AND {condition} ORDER BY id DESC LIMIT ?2"
    ))?;
    let mut rows = rows.query(params![filter.before.unwrap_or(i64::MAX), filter.limit])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let actor: Option<String> = row.get(4)?;
        let fields: String = row.get(10)?;
        let version: Option<i64> = row.get(11)?;
        entries.push(AuditEntry {
            id: row.get(0)?,
            at: row.get(1)?,
            last_at: row.get(2)?,
            times: row.get(3)?,
            actor: actor.map(|text| serde_json::from_str(&text)).transpose()?,
            address: row.get(5)?,
            method: row.get(6)?,
            path: row.get(7)?,
            status: row.get(8)?,
            problem: row.get(9)?,
            fields: serde_json::from_str(&fields)?,
            version: version.map(i64::unsigned_abs),
            changes: match version {
                Some(version) => changes_of(connection, version)?,
                None => Vec::new(),
            },
        });
    }
    Ok(entries)
}
