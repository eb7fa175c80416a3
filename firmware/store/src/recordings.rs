//! The index of recordings, and who had access to them. The files lie beside the database.

use ramal_model::{
    Actor, CallId, CompanyId, RecordingId, RecordingProblem, RecordingRecord, UserId,
};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params, types::Type};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    Store,
    calls::one_of,
    deliveries::Happening,
    error::{Result, StoreError},
    writer::{Haste, Write},
};

/// Requests of one caller for one recording within this time are one access.
const ONE_ACCESS_MS: i64 = 600_000;

/// What is known of a recording when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecording {
    /// The call it is of.
    pub call: CallId,
    /// Name of its file, unique.
    pub file: String,
    /// UTC ms.
    pub started_at: i64,
    /// When the notice had been played.
    pub notice_played_at: Option<i64>,
    /// Whether somebody asked for it.
    pub on_demand: bool,
}

/// How a recording ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedRecording {
    /// UTC ms.
    pub ended_at: i64,
    /// Length.
    pub duration_ms: u64,
    /// Size; 0 when there is no file.
    pub bytes: u64,
    /// Packets the disk was too slow for.
    pub lost_packets: u64,
    /// Why it ended early.
    pub problem: Option<RecordingProblem>,
}

/// Which recordings to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingFilter {
    /// At most so many; 50 when left out, never more than 1000.
    pub limit: Option<u32>,
    /// Only recordings before this one.
    pub before: Option<RecordingId>,
    /// Only recordings of this call.
    pub call: Option<CallId>,
    /// Only recordings of calls that one of these users took part in.
    pub users: Option<Vec<UserId>>,
    /// Only recordings of calls of this company; null is all.
    pub company: Option<CompanyId>,
}

/// What was done with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingAccessKind {
    /// Listened to in the player.
    Listened,
    /// Taken as a file.
    Downloaded,
    /// Deleted.
    Deleted,
}

/// Somebody's access to a recording or a voice message. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecordingAccess {
    /// When it began.
    pub at: i64,
    /// When it was last continued.
    pub last_at: i64,
    /// Requests that belong to it: a player asks for pieces.
    pub requests: i64,
    /// Who.
    pub actor: Actor,
    /// From where.
    pub address: String,
    /// What was done.
    pub action: RecordingAccessKind,
}

impl Store {
    /// Writes the row of a recording that begins.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other failures of the database.
    pub async fn recording_started(&self, new: NewRecording) -> Result<RecordingId> {
        self.writer
            .run_with(Haste::Patient, move |write| {
                write
                    .connection
                    .prepare_cached(
                        "INSERT INTO recordings (call, file, started_at, notice_played_at, on_demand)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        new.call.as_str(),
                        new.file,
                        new.started_at,
                        new.notice_played_at,
                        new.on_demand
                    ])?;
                Ok(RecordingId(write.connection.last_insert_rowid()))
            })
            .await
    }

    /// Completes the row of a recording that ended.
    ///
    /// # Errors
    /// As [`Store::recording_started`].
    pub async fn recording_ended(&self, id: RecordingId, ended: EndedRecording) -> Result<()> {
        let told = self
            .writer
            .run_with(Haste::Patient, move |write| {
                let problem = ended.problem.map(|problem| json!(problem));
                write
                    .connection
                    .prepare_cached(
                        "UPDATE recordings SET ended_at = ?2, duration_ms = ?3, bytes = ?4, lost_packets = ?5,
                                               problem = ?6
                         WHERE id = ?1",
                    )?
                    .execute(params![
                        id.0,
                        ended.ended_at,
                        whole(ended.duration_ms),
                        whole(ended.bytes),
                        whole(ended.lost_packets),
                        problem.as_ref().and_then(|problem| problem.as_str()),
                    ])?;
                if ended.bytes == 0 {
                    return Ok(false);
                }
                let recording = one(write.connection, id)?;
                write.publish(Happening::of_recording(&recording))
            })
            .await?;
        self.tell_of_deliveries(told);
        Ok(())
    }

    /// Recordings that pass the filter, newest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn recordings(&self, filter: RecordingFilter) -> Result<Vec<RecordingRecord>> {
        self.readers
            .run(move |connection| {
                let theirs = filter.users.as_deref().map_or_else(
                    || "1".to_owned(),
                    |users| {
                        let condition = one_of("user", users);
                        format!("call IN (SELECT call FROM call_users WHERE {condition})")
                    },
                );
                let of_company = match filter.company {
                    None => "1".to_owned(),
                    // The call of a recording may have been deleted: it is the default company's then.
                    Some(company) if company.is_default() => {
                        "call NOT IN (SELECT id FROM calls WHERE company <> 0)".to_owned()
                    }
                    Some(company) => format!(
                        "call IN (SELECT id FROM calls WHERE company = {company} AND company <> 0)"
                    ),
                };
                let sql = format!(
                    "SELECT {COLUMNS} FROM recordings
                     WHERE id < :before AND (:call IS NULL OR call = :call) AND {theirs} AND {of_company}
                     ORDER BY id DESC LIMIT :limit"
                );
                let mut rows = connection.prepare_cached(&sql)?;
                let recordings = rows
                    .query_map(
                        named_params! {
                            ":before": filter.before.map_or(i64::MAX, |before| before.0),
                            ":call": filter.call.as_ref().map(CallId::as_str),
                            ":limit": filter.limit.unwrap_or(50).min(1000),
                        },
                        read,
                    )?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(recordings)
            })
            .await
    }

    /// The recording `id`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn recording(&self, id: RecordingId) -> Result<RecordingRecord> {
        self.readers
            .run(move |connection| one(connection, id))
            .await
    }

    /// The recording with this file, if one has it.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn recording_of_file(&self, file: String) -> Result<Option<RecordingRecord>> {
        self.readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(&format!("SELECT {COLUMNS} FROM recordings WHERE file = ?1"))?
                    .query_row([file], read)
                    .optional()?)
            })
            .await
    }

    /// Recordings whose file should be there, or whose end was never written, oldest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn recordings_with_files(&self) -> Result<Vec<RecordingRecord>> {
        self.select(
            "deleted_at IS NULL AND (bytes > 0 OR ended_at IS NULL) ORDER BY id",
            i64::MAX,
        )
        .await
    }

    /// Recordings that ended and began before `before` (UTC ms), oldest first, at most 100.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn recordings_before(&self, before: i64) -> Result<Vec<RecordingRecord>> {
        self.select(
            "ended_at IS NOT NULL AND deleted_at IS NULL AND bytes > 0 AND started_at < ?1
             ORDER BY started_at LIMIT 100",
            before,
        )
        .await
    }

    async fn select(&self, what: &'static str, argument: i64) -> Result<Vec<RecordingRecord>> {
        self.readers
            .run(move |connection| {
                let sql =
                    format!("SELECT {COLUMNS} FROM recordings WHERE ?1 IS NOT NULL AND {what}");
                let mut rows = connection.prepare_cached(&sql)?;
                let recordings = rows
                    .query_map([argument], read)?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(recordings)
            })
            .await
    }

    /// Notes that the file of a recording is gone: by a rule (`age`, `space`), or deleted by somebody.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn recording_deleted(
        &self,
        id: RecordingId,
        by: String,
        because: Option<String>,
    ) -> Result<()> {
        self.writer
            .run(move |write| {
                let changed = write
                    .connection
                    .prepare_cached(
                        "UPDATE recordings SET deleted_at = ?2, deleted_by = ?3, deleted_because = ?4
                         WHERE id = ?1 AND deleted_at IS NULL",
                    )?
                    .execute(params![id.0, write.now, by, because])?;
                if changed == 0 {
                    return Err(StoreError::not_found("recording", id));
                }
                Ok(())
            })
            .await
    }

    /// Notes that somebody had access to a recording, before he gets it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; failures of the database, and then the access must be refused.
    pub async fn recording_accessed(
        &self,
        id: RecordingId,
        actor: &Actor,
        address: String,
        action: RecordingAccessKind,
    ) -> Result<()> {
        let actor = serde_json::to_string(actor)?;
        self.writer
            .run(move |write| ACCESSES.add(write, id.0, &actor, &address, action))
            .await
    }

    /// Who had access to a recording, latest first, at most 500.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn recording_accesses(&self, id: RecordingId) -> Result<Vec<RecordingAccess>> {
        self.readers
            .run(move |connection| ACCESSES.of(connection, id.0))
            .await
    }
}

/// Where accesses to something are written down.
pub(crate) struct Accesses {
    /// The column that names what was accessed.
    pub of: &'static str,
    /// The table of what may be.
    pub objects: &'static str,
    /// The table of accesses.
    pub table: &'static str,
}

/// Where accesses to recordings are written down.
const ACCESSES: Accesses = Accesses {
    of: "recording",
    objects: "recordings",
    table: "recording_accesses",
};

impl Accesses {
    /// Notes an access, or that one goes on.
    pub(crate) fn add(
        &self,
        write: &Write<'_>,
        id: i64,
        actor: &str,
        address: &str,
        action: RecordingAccessKind,
    ) -> Result<()> {
        let Self { of, objects, table } = self;
        let action = json!(action);
        let action = action.as_str();
        let earlier: Option<i64> = write
            .connection
            .prepare_cached(&format!(
                "SELECT id FROM {table}
                 WHERE {of} = ?1 AND actor = ?2 AND address = ?3 AND action = ?4 AND last_at > ?5
                 ORDER BY id DESC LIMIT 1"
            ))?
            .query_row(
                params![id, actor, address, action, write.now - ONE_ACCESS_MS],
                |row| row.get(0),
            )
            .optional()?;
        match earlier {
            Some(earlier) => write
                .connection
                .prepare_cached(&format!(
                    "UPDATE {table} SET requests = requests + 1, last_at = ?2 WHERE id = ?1"
                ))?
                .execute(params![earlier, write.now])?,
            None => write
                .connection
                .prepare_cached(&format!(
                    "INSERT INTO {table} ({of}, at, last_at, actor, address, action)
                     SELECT id, ?2, ?2, ?3, ?4, ?5 FROM {objects} WHERE id = ?1"
                ))?
                .execute(params![id, write.now, actor, address, action])?,
        };
        Ok(())
    }

    /// Who had access to it, latest first, at most 500.
    pub(crate) fn of(&self, connection: &Connection, id: i64) -> Result<Vec<RecordingAccess>> {
        let Self { of, table, .. } = self;
        let mut rows = connection.prepare_cached(&format!(
            "SELECT at, last_at, requests, actor, address, action FROM {table}
             WHERE {of} = ?1 ORDER BY id DESC LIMIT 500"
        ))?;
        let accesses = rows
            .query_map([id], |row| {
                let actor: String = row.get(3)?;
                Ok(RecordingAccess {
                    at: row.get(0)?,
                    last_at: row.get(1)?,
                    requests: row.get(2)?,
                    actor: serde_json::from_str(&actor).map_err(|error| unreadable(3, error))?,
                    address: row.get(4)?,
                    action: word(row, 5)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(accesses)
    }
}

const COLUMNS: &str = "id, call, file, started_at, ended_at, duration_ms, bytes, notice_played_at, on_demand, \
                       lost_packets, problem, deleted_at, deleted_by, deleted_because";

fn one(connection: &Connection, id: RecordingId) -> Result<RecordingRecord> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM recordings WHERE id = ?1"))?
        .query_row([id.0], read)
        .map_err(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => StoreError::not_found("recording", id),
            error => error.into(),
        })
}

fn read(row: &Row<'_>) -> rusqlite::Result<RecordingRecord> {
    Ok(RecordingRecord {
        id: RecordingId(row.get(0)?),
        call: word(row, 1)?,
        file: row.get(2)?,
        started_at: row.get(3)?,
        ended_at: row.get(4)?,
        duration_ms: row.get(5)?,
        bytes: row.get(6)?,
        notice_played_at: row.get(7)?,
        on_demand: row.get(8)?,
        lost_packets: row.get(9)?,
        problem: match row.get_ref(10)? {
            rusqlite::types::ValueRef::Null => None,
            _ => Some(word(row, 10)?),
        },
        deleted_at: row.get(11)?,
        deleted_by: row.get(12)?,
        deleted_because: row.get(13)?,
    })
}

/// A column that holds one word.
pub(crate) fn word<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_value(json!(text)).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}

pub(crate) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
