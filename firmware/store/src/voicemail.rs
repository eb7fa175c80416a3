//! Messages in voicemail boxes, and who had access to them. The files lie beside the database.

use ramal_model::{
    Actor, CallId, Id, MessagesWaiting, Party, VoicemailBox, VoicemailMessage, VoicemailMessageId,
};
use rusqlite::{Connection, Row, named_params, params};

use crate::{
    RecordingAccess, RecordingAccessKind, Store,
    deliveries::Happening,
    error::{Result, StoreError},
    recordings::{self, Accesses, word},
};

/// Where accesses to messages are written down.
const ACCESSES: Accesses = Accesses {
    of: "message",
    objects: "voicemail_messages",
    table: "voicemail_accesses",
};

/// What is known of a message when it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The box it is for.
    pub mailbox: Id<VoicemailBox>,
    /// The call it is left in.
    pub call: CallId,
    /// Who leaves it.
    pub caller: Party,
    /// Name of its file, unique.
    pub file: String,
    /// UTC ms.
    pub started_at: i64,
}

/// Which messages to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// At most so many; 50 when left out, never more than 1000.
    pub limit: Option<u32>,
    /// Only messages before this one.
    pub before: Option<VoicemailMessageId>,
    /// Only messages of this box.
    pub mailbox: Option<Id<VoicemailBox>>,
    /// Only messages left in this call.
    pub call: Option<CallId>,
    /// Only messages that were (not) heard.
    pub heard: Option<bool>,
    /// Only messages of these boxes.
    pub mailboxes: Option<Vec<Id<VoicemailBox>>>,
}

/// What becomes of a message; what is left out stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageMarks {
    /// Whether it was heard.
    pub heard: Option<bool>,
    /// Whether somebody has done what it asks for.
    pub handled: Option<bool>,
}

impl Store {
    /// Writes the row of a message that begins.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other failures of the database.
    pub async fn message_started(&self, new: NewMessage) -> Result<VoicemailMessageId> {
        self.writer
            .run(move |write| {
                write
                    .connection
                    .prepare_cached(
                        "INSERT INTO voicemail_messages (mailbox, call, caller_number, caller_name, file, started_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        new.mailbox.number(),
                        new.call.as_str(),
                        new.caller.number,
                        new.caller.name,
                        new.file,
                        new.started_at
                    ])?;
                Ok(VoicemailMessageId(write.connection.last_insert_rowid()))
            })
            .await
    }

    /// Completes the row of a message that is kept: it lies in its box from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it was dropped; failures of the database.
    pub async fn message_kept(
        &self,
        id: VoicemailMessageId,
        ended_at: i64,
        duration_ms: u64,
        bytes: u64,
    ) -> Result<VoicemailMessage> {
        let message = self
            .writer
            .run(move |write| {
                write
                    .connection
                    .prepare_cached(
                        "UPDATE voicemail_messages SET ended_at = ?2, duration_ms = ?3, bytes = ?4 WHERE id = ?1",
                    )?
                    .execute(params![
                        id.0,
                        ended_at,
                        recordings::whole(duration_ms),
                        recordings::whole(bytes)
                    ])?;
                let message = one(write.connection, id)?;
                write.publish(Happening::of_message(&write.configuration, &message))?;
                Ok(message)
            })
            .await?;
        self.tell_of_deliveries(true);
        Ok(message)
    }

    /// Forgets a message that is not kept: it never lay in a box.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn message_dropped(&self, id: VoicemailMessageId) -> Result<()> {
        self.writer
            .run(move |write| {
                write
                    .connection
                    .prepare_cached("DELETE FROM voicemail_messages WHERE id = ?1")?
                    .execute([id.0])?;
                Ok(())
            })
            .await
    }

    /// Puts a copy of a message, whose file has this name, into another box. It is new there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn message_forwarded(
        &self,
        id: VoicemailMessageId,
        to: Id<VoicemailBox>,
        file: String,
        by: String,
    ) -> Result<VoicemailMessage> {
        let message = self
            .writer
            .run(move |write| {
                let copied = write
                    .connection
                    .prepare_cached(
                        "INSERT INTO voicemail_messages (mailbox, call, caller_number, caller_name, file, started_at,
                                                         ended_at, duration_ms, bytes, forwarded_by)
                         SELECT ?2, call, caller_number, caller_name, ?3, started_at, ended_at, duration_ms, bytes, ?4
                         FROM voicemail_messages WHERE id = ?1 AND ended_at IS NOT NULL AND deleted_at IS NULL",
                    )?
                    .execute(params![id.0, to.number(), file, by])?;
                if copied == 0 {
                    return Err(StoreError::not_found("voicemail message", id));
                }
                let copy = VoicemailMessageId(write.connection.last_insert_rowid());
                let message = one(write.connection, copy)?;
                write.publish(Happening::of_message(&write.configuration, &message))?;
                Ok(message)
            })
            .await?;
        self.tell_of_deliveries(true);
        Ok(message)
    }

    /// Marks a message as heard or handled by `by`, or takes the mark back.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn mark_message(
        &self,
        id: VoicemailMessageId,
        marks: MessageMarks,
        by: String,
    ) -> Result<VoicemailMessage> {
        self.writer
            .run(move |write| {
                let changed = write
                    .connection
                    .prepare_cached(
                        "UPDATE voicemail_messages SET
                            heard_at = CASE :heard WHEN 1 THEN coalesce(heard_at, :now) WHEN 0 THEN NULL ELSE heard_at END,
                            heard_by = CASE :heard WHEN 1 THEN coalesce(heard_by, :by) WHEN 0 THEN NULL ELSE heard_by END,
                            handled_at = CASE :handled WHEN 1 THEN coalesce(handled_at, :now) WHEN 0 THEN NULL ELSE handled_at END,
                            handled_by = CASE :handled WHEN 1 THEN coalesce(handled_by, :by) WHEN 0 THEN NULL ELSE handled_by END
                         WHERE id = :id AND ended_at IS NOT NULL AND deleted_at IS NULL",
                    )?
                    .execute(named_params! {
                        ":heard": marks.heard, ":handled": marks.handled, ":now": write.now, ":by": by, ":id": id.0
                    })?;
                if changed == 0 {
                    return Err(StoreError::not_found("voicemail message", id));
                }
                one(write.connection, id)
            })
            .await
    }

    /// Notes that a message is gone: deleted by somebody, or by a rule (`age`).
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn message_deleted(
        &self,
        id: VoicemailMessageId,
        by: String,
    ) -> Result<VoicemailMessage> {
        self.writer
            .run(move |write| {
                let changed = write
                    .connection
                    .prepare_cached(
                        "UPDATE voicemail_messages SET deleted_at = ?2, deleted_by = ?3
                         WHERE id = ?1 AND ended_at IS NOT NULL AND deleted_at IS NULL",
                    )?
                    .execute(params![id.0, write.now, by])?;
                if changed == 0 {
                    return Err(StoreError::not_found("voicemail message", id));
                }
                one(write.connection, id)
            })
            .await
    }

    /// Messages that pass the filter and lie in their boxes, newest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn messages(&self, filter: MessageFilter) -> Result<Vec<VoicemailMessage>> {
        self.readers
            .run(move |connection| {
                // Ids are numbers, so nothing can be slipped in.
                let theirs = filter.mailboxes.as_ref().map_or_else(
                    || "1".to_owned(),
                    |boxes| {
                        let ids: Vec<_> = boxes.iter().map(ToString::to_string).collect();
                        format!("mailbox IN ({})", ids.join(", "))
                    },
                );
                let sql = format!(
                    "SELECT {COLUMNS} FROM voicemail_messages
                     WHERE id < :before AND deleted_at IS NULL AND ended_at IS NOT NULL AND {theirs}
                       AND (:mailbox IS NULL OR mailbox = :mailbox) AND (:call IS NULL OR call = :call)
                       AND (:heard IS NULL OR (heard_at IS NOT NULL) = :heard)
                     ORDER BY id DESC LIMIT :limit"
                );
                let mut rows = connection.prepare_cached(&sql)?;
                let messages = rows
                    .query_map(
                        named_params! {
                            ":before": filter.before.map_or(i64::MAX, |before| before.0),
                            ":mailbox": filter.mailbox.map(Id::number),
                            ":call": filter.call.as_ref().map(CallId::as_str),
                            ":heard": filter.heard,
                            ":limit": filter.limit.unwrap_or(50).min(1000),
                        },
                        read,
                    )?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(messages)
            })
            .await
    }

    /// The message `id`, also a deleted one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn message(&self, id: VoicemailMessageId) -> Result<VoicemailMessage> {
        self.readers
            .run(move |connection| one(connection, id))
            .await
    }

    /// All messages whose file should be there, or whose end was never written, oldest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn messages_with_files(&self) -> Result<Vec<VoicemailMessage>> {
        self.readers
            .run(|connection| {
                let sql = format!(
                    "SELECT {COLUMNS} FROM voicemail_messages WHERE deleted_at IS NULL ORDER BY id"
                );
                let mut rows = connection.prepare_cached(&sql)?;
                let messages = rows.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
                Ok(messages)
            })
            .await
    }

    /// Messages of a box that were heard before `before` (UTC ms), oldest first, at most 100.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn messages_heard_before(
        &self,
        mailbox: Id<VoicemailBox>,
        before: i64,
    ) -> Result<Vec<VoicemailMessage>> {
        self.readers
            .run(move |connection| {
                let sql = format!(
                    "SELECT {COLUMNS} FROM voicemail_messages
                     WHERE mailbox = ?1 AND deleted_at IS NULL AND heard_at < ?2 ORDER BY id LIMIT 100"
                );
                let mut rows = connection.prepare_cached(&sql)?;
                let messages = rows
                    .query_map(params![mailbox.number(), before], read)?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(messages)
            })
            .await
    }

    /// How many messages each box holds that has any.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn messages_waiting(&self) -> Result<Vec<(Id<VoicemailBox>, MessagesWaiting)>> {
        self.readers
            .run(|connection| {
                let mut rows = connection.prepare_cached(
                    "SELECT mailbox, count(*) FILTER (WHERE heard_at IS NULL), count(heard_at)
                     FROM voicemail_messages WHERE deleted_at IS NULL AND ended_at IS NOT NULL GROUP BY mailbox",
                )?;
                let counts = rows
                    .query_map([], |row| {
                        let waiting = MessagesWaiting {
                            new: row.get(1)?,
                            old: row.get(2)?,
                        };
                        Ok((Id::new(row.get(0)?), waiting))
                    })?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(counts)
            })
            .await
    }

    /// Notes that somebody had access to a message, before he gets it.
    ///
    /// # Errors
    /// Failures of the database, and then the access must be refused.
    pub async fn message_accessed(
        &self,
        id: VoicemailMessageId,
        actor: &Actor,
        address: String,
        action: RecordingAccessKind,
    ) -> Result<()> {
        let actor = serde_json::to_string(actor)?;
        self.writer
            .run(move |write| ACCESSES.add(write, id.0, &actor, &address, action))
            .await
    }

    /// Who had access to a message, latest first, at most 500.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn message_accesses(&self, id: VoicemailMessageId) -> Result<Vec<RecordingAccess>> {
        self.readers
            .run(move |connection| ACCESSES.of(connection, id.0))
            .await
    }
}

/// How many messages of a box are not deleted.
pub(crate) fn messages_in(connection: &Connection, mailbox: i64) -> Result<u32> {
    Ok(connection
        .prepare_cached(
            "SELECT count(*) FROM voicemail_messages WHERE mailbox = ?1 AND deleted_at IS NULL",
        )?
        .query_row([mailbox], |row| row.get(0))?)
}

const COLUMNS: &str = "id, mailbox, call, caller_number, caller_name, file, started_at, ended_at, duration_ms, bytes, \
                       forwarded_by, heard_at, heard_by, handled_at, handled_by, deleted_at, deleted_by";

fn one(connection: &Connection, id: VoicemailMessageId) -> Result<VoicemailMessage> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM voicemail_messages WHERE id = ?1"
        ))?
        .query_row([id.0], read)
        .map_err(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => StoreError::not_found("voicemail message", id),
            error => error.into(),
        })
}

fn read(row: &Row<'_>) -> rusqlite::Result<VoicemailMessage> {
    Ok(VoicemailMessage {
        id: VoicemailMessageId(row.get(0)?),
        mailbox: Id::new(row.get(1)?),
        call: word(row, 2)?,
        caller: Party {
            number: row.get(3)?,
            name: row.get(4)?,
        },
        file: row.get(5)?,
        started_at: row.get(6)?,
        ended_at: row.get(7)?,
        duration_ms: row.get(8)?,
        bytes: row.get(9)?,
        forwarded_by: row.get(10)?,
        heard_at: row.get(11)?,
        heard_by: row.get(12)?,
        handled_at: row.get(13)?,
        handled_by: row.get(14)?,
        deleted_at: row.get(15)?,
        deleted_by: row.get(16)?,
    })
}
