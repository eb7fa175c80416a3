//! Who takes calls of queues where, and what agents did from when to when.

use rusqlite::params;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Store, error::Result};

/// Somebody who takes calls of queues, as he stands. Who neither has logged in nor paused has no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMember {
    /// `agent:<user>` or `extension:<extension>`.
    pub member: String,
    /// Where an agent has logged in, and when, UTC ms.
    pub login: Option<(i64, i64)>,
    /// Why he pauses (JSON), and since when, UTC ms.
    pub pause: Option<(String, i64)>,
}

/// What an agent did from when to when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentInterval {
    /// The user.
    pub user: i64,
    /// `login` or `pause`.
    pub kind: String,
    /// The break; none when he was logged in, or paused for another reason.
    pub r#break: Option<i64>,
    /// The name the break had then.
    pub name: String,
    /// UTC milliseconds since the epoch.
    pub began_at: i64,
    /// UTC milliseconds since the epoch.
    pub ended_at: i64,
    /// Why it ended: `himself`, `somebody_else` or `time`.
    pub ended_by: String,
    /// Whether a break lasted longer than it should.
    pub exceeded: bool,
}

impl Store {
    /// Writes how some members stand, in one go with what they did before.
    ///
    /// # Errors
    /// Only when the database fails; then nothing was changed.
    pub async fn write_queue_members(
        &self,
        members: Vec<StoredMember>,
        intervals: Vec<AgentInterval>,
    ) -> Result<()> {
        self.writer
            .run(move |write| {
                let mut remove = write
                    .connection
                    .prepare_cached("DELETE FROM queue_members WHERE member = ?1")?;
                let mut save = write.connection.prepare_cached(
                    "INSERT OR REPLACE INTO queue_members (member, extension, logged_in_at, pause, paused_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?;
                for StoredMember { member, login, pause } in members {
                    if login.is_none() && pause.is_none() {
                        remove.execute([member])?;
                        continue;
                    }
                    let (extension, logged_in_at) = login.unzip();
                    let (pause, paused_at) = pause.unzip();
                    save.execute(params![member, extension, logged_in_at, pause, paused_at])?;
                }
                let mut add = write.connection.prepare_cached(
                    "INSERT INTO agent_intervals (user, kind, break, name, began_at, ended_at, ended_by, exceeded)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?;
                for one in intervals {
                    add.execute(params![
                        one.user,
                        one.kind,
                        one.r#break,
                        one.name,
                        one.began_at,
                        one.ended_at,
                        one.ended_by,
                        one.exceeded
                    ])?;
                }
                Ok(())
            })
            .await
    }

    /// All who have logged in or paused.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn queue_members(&self) -> Result<Vec<StoredMember>> {
        self.readers
            .run(|connection| {
                let mut rows = connection.prepare_cached(
                    "SELECT member, extension, logged_in_at, pause, paused_at FROM queue_members",
                )?;
                let members = rows.query_map([], |row| {
                    let (extension, at): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
                    let (pause, since): (Option<String>, Option<i64>) = (row.get(3)?, row.get(4)?);
                    Ok(StoredMember {
                        member: row.get(0)?,
                        login: extension.zip(at),
                        pause: pause.zip(since),
                    })
                })?;
                Ok(members.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// What an agent did, the last `limit` intervals that ended, the newest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn agent_intervals(&self, user: i64, limit: u32) -> Result<Vec<AgentInterval>> {
        self.readers
            .run(move |connection| {
                let mut rows = connection.prepare_cached(
                    "SELECT user, kind, break, name, began_at, ended_at, ended_by, exceeded
                     FROM agent_intervals WHERE user = ?1 ORDER BY began_at DESC, id DESC LIMIT ?2",
                )?;
                let intervals = rows.query_map(params![user, limit], |row| {
                    Ok(AgentInterval {
                        user: row.get(0)?,
                        kind: row.get(1)?,
                        r#break: row.get(2)?,
                        name: row.get(3)?,
                        began_at: row.get(4)?,
                        ended_at: row.get(5)?,
                        ended_by: row.get(6)?,
                        exceeded: row.get(7)?,
                    })
                })?;
                Ok(intervals.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}
