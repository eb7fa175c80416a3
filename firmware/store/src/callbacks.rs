//! Callers of queues who wait to be called back.

use ramal_model::CallId;
use rusqlite::params;

use crate::{Store, error::Result};

/// A caller who has given up waiting and is called back in his turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueCallback {
    /// The queue's id.
    pub queue: i64,
    /// The call he came by, which names him.
    pub call: CallId,
    /// Where he is called.
    pub number: String,
    /// The id of the extension he called from, where he is called whatever its number is then; none for others.
    pub extension: Option<i64>,
    /// His name.
    pub name: String,
    /// Since when he has waited, UTC milliseconds since the epoch.
    pub since: i64,
    /// How often he was called and did not answer.
    pub attempts: u32,
}

impl Store {
    /// Writes down that somebody is to be called back, or how often that was tried.
    ///
    /// # Errors
    /// Only when the database fails; then he is not called back after a restart.
    pub async fn write_queue_callback(&self, callback: QueueCallback) -> Result<()> {
        self.writer
            .run(move |write| {
                write
                    .connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO queue_callbacks (call, queue, number, name, since, attempts, extension)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        callback.call.to_string(),
                        callback.queue,
                        callback.number,
                        callback.name,
                        callback.since,
                        callback.attempts,
                        callback.extension
                    ])?;
                Ok(())
            })
            .await
    }

    /// He was called, or will not be.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn delete_queue_callback(&self, call: &CallId) -> Result<()> {
        let call = call.to_string();
        self.writer
            .run(move |write| {
                write
                    .connection
                    .prepare_cached("DELETE FROM queue_callbacks WHERE call = ?1")?
                    .execute([call])?;
                Ok(())
            })
            .await
    }

    /// All who wait to be called back, who has waited longest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn queue_callbacks(&self) -> Result<Vec<QueueCallback>> {
        self.readers
            .run(|connection| {
                let mut rows = connection.prepare_cached(
                    "SELECT call, queue, number, name, since, attempts, extension FROM queue_callbacks
                     ORDER BY since, call",
                )?;
                let all = rows.query_map([], |row| {
                    let call: String = row.get(0)?;
                    let (queue, number, name) = (row.get(1)?, row.get(2)?, row.get(3)?);
                    let (since, attempts, extension) = (row.get(4)?, row.get(5)?, row.get(6)?);
                    // What is no id was not written by us.
                    Ok(call.parse().ok().map(|call| QueueCallback {
                        queue,
                        call,
                        number,
                        extension,
                        name,
                        since,
                        attempts,
                    }))
                })?;
                let all: Vec<Option<QueueCallback>> = all.collect::<rusqlite::Result<_>>()?;
                Ok(all.into_iter().flatten().collect())
            })
            .await
    }
}
