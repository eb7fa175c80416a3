//! Drafts: changes that are made one by one, like any others, and become live together (D13).
//!
//! A request that names a draft ([`crate::in_request`]) works on the configuration as the draft would make it: its writes
//! find that in [`Write::configuration`], and [`Write::save`] puts what they change into the draft and not into the
//! configuration. Everything else, checks included, is the same.

use std::sync::Arc;

use ramal_model::{Actor, Configuration, Draft, Invalid, code};
use rusqlite::{OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Store,
    error::{Result, StoreError},
    journal::{Change, ObjectChange},
    secrets::Secret,
    snapshot,
    undo::{changed_since, check, normal, put},
    writer::Write,
};

/// Drafts at a time.
const MOST_DRAFTS: usize = 50;

/// Changes that are to become live together. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DraftInfo {
    /// Names it in the header `X-Ramal-Draft`.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// When it was begun.
    pub at: i64,
    /// Who began it.
    pub actor: Actor,
    /// What it changes.
    pub changes: Vec<ObjectChange>,
}

impl Store {
    /// Begins a draft.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create_draft(&self, actor: &Actor, name: &str) -> Result<DraftInfo> {
        let name = name.trim().to_owned();
        let length = name.chars().count();
        if !(1..=64).contains(&length) || name.chars().any(char::is_control) {
            let code = if length == 0 {
                code::REQUIRED
            } else {
                code::TOO_LONG
            };
            let message = "takes one line of 1 to 64 characters";
            return Err(Invalid::one("name", code, Some("1-64"), message).into());
        }
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                if list(write)?.len() >= MOST_DRAFTS {
                    let limit = MOST_DRAFTS.to_string();
                    let message = format!("there are {limit} drafts; discard one");
                    return Err(Invalid::one("name", code::TOO_MANY, Some(&limit), message).into());
                }
                write
                    .connection
                    .prepare_cached("INSERT INTO drafts (name, at, actor) VALUES (?1, ?2, ?3)")?
                    .execute(params![name, write.now, serde_json::to_string(&actor)?])?;
                Ok(DraftInfo {
                    id: write.connection.last_insert_rowid(),
                    name,
                    at: write.now,
                    actor,
                    changes: Vec::new(),
                })
            })
            .await
    }

    /// All drafts, oldest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn drafts(&self) -> Result<Vec<DraftInfo>> {
        self.writer.run(|write| list(write)).await
    }

    /// One draft.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn draft(&self, id: i64) -> Result<DraftInfo> {
        let drafts = self.drafts().await?;
        let found = drafts.into_iter().find(|draft| draft.id == id);
        found.ok_or_else(|| missing(id))
    }

    /// The configuration as a draft would make it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when an object of it cannot be read any more.
    pub async fn drafted(&self, id: i64) -> Result<Arc<Configuration>> {
        self.writer.run(move |write| drafted(write, id)).await
    }

    /// Throws a draft away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn discard_draft(&self, id: i64) -> Result<()> {
        self.writer.run(move |write| discard(write, id)).await
    }

    /// Makes everything that a draft changes live, together, as one version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when an object was changed after the draft changed it, with what
    /// differs, or when the result would break a rule.
    pub async fn activate_draft(&self, actor: &Actor, id: i64) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let changes = changes(write, id)?;
                let live = write.configuration.draft();
                let mut problems = Vec::new();
                for (change, _) in &changes {
                    let expected = normal(change, change.before.clone())?;
                    let now = live.document(&change.object, change.object_id);
                    problems.extend(changed_since(change, expected.as_ref(), now.as_ref()));
                }
                if !problems.is_empty() {
                    let detail = "what the draft changes was changed since".to_owned();
                    return Err(StoreError::Conflict { detail, problems });
                }
                let draft = drafted(write, id)?.draft();
                check(&draft, "the draft cannot become live")?;
                discard(write, id)?;
                write.save(&actor, draft, &[])
            })
            .await
    }
}

fn missing(id: i64) -> StoreError {
    StoreError::not_found("draft", id)
}

fn discard(write: &Write<'_>, id: i64) -> Result<()> {
    let gone = write
        .connection
        .prepare_cached("DELETE FROM drafts WHERE id = ?1")?
        .execute([id])?;
    if gone == 0 { Err(missing(id)) } else { Ok(()) }
}

fn list(write: &Write<'_>) -> Result<Vec<DraftInfo>> {
    let mut rows = write
        .connection
        .prepare_cached("SELECT id, name, at, actor FROM drafts ORDER BY id")?;
    let mut rows = rows.query([])?;
    let mut drafts = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let actor: String = row.get(3)?;
        drafts.push(DraftInfo {
            id,
            name: row.get(1)?,
            at: row.get(2)?,
            actor: serde_json::from_str(&actor)?,
            changes: changes(write, id)?
                .into_iter()
                .map(|(change, _)| change.shown())
                .collect(),
        });
    }
    Ok(drafts)
}

/// What a draft changes, and the new secrets.
fn changes(write: &Write<'_>, id: i64) -> Result<Vec<(Change, Option<Secret>)>> {
    let known = write
        .connection
        .prepare_cached("SELECT 1 FROM drafts WHERE id = ?1")?
        .exists([id])?;
    if !known {
        return Err(missing(id));
    }
    let mut rows = write.connection.prepare_cached(
        "SELECT object, object_id, before, after, secret FROM draft_changes WHERE draft = ?1 ORDER BY object_id",
    )?;
    let mut rows = rows.query([id])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let read = |text: Option<String>| text.map(|text| serde_json::from_str(&text)).transpose();
        let secret: Option<Vec<u8>> = row.get(4)?;
        let change = Change {
            object: row.get(0)?,
            object_id: row.get(1)?,
            before: read(row.get(2)?)?,
            after: read(row.get(3)?)?,
        };
        let secret = secret
            .map(|secret| serde_json::from_slice(&secret))
            .transpose()?;
        changes.push((change, secret));
    }
    Ok(changes)
}

/// The configuration as a draft would make it.
pub(crate) fn drafted(write: &Write<'_>, id: i64) -> Result<Arc<Configuration>> {
    let mut draft = write.configuration.draft();
    for (change, secret) in changes(write, id)? {
        let after = change.after.clone();
        let is_gone = after.is_none();
        put(&mut draft, &change, after)?;
        if let Some(secret) = secret {
            secret.put(write, &mut draft, change.object_id, &mut Vec::new());
        }
        if is_gone {
            draft
                .credentials
                .remove(&ramal_model::ExtensionId(change.object_id));
            draft
                .trunk_passwords
                .remove(&ramal_model::TrunkId(change.object_id));
        }
    }
    Ok(Arc::new(draft.finish(write.configuration.version())))
}

impl Write<'_> {
    /// Puts what `new` changes into a draft.
    pub(crate) fn save_draft(&mut self, id: i64, new: Draft) -> Result<()> {
        let old = self.configuration.draft();
        for change in snapshot::changes(&old, &new, &[])? {
            let known: Option<Option<String>> = self
                .connection
                .prepare_cached(
                    "SELECT before FROM draft_changes WHERE draft = ?1 AND object_id = ?2",
                )?
                .query_row(params![id, change.id], |row| row.get(0))
                .optional()?;
            let text = |value: &Option<Value>| value.as_ref().map(ToString::to_string);
            let is_undone = known == Some(None) && change.after.is_none();
            let before = known.unwrap_or_else(|| text(&change.before));
            if is_undone {
                // It was made in this draft.
                self.connection
                    .prepare_cached(
                        "DELETE FROM draft_changes WHERE draft = ?1 AND object_id = ?2",
                    )?
                    .execute(params![id, change.id])?;
                continue;
            }
            let secret = self.new_secret(&old, &new, &change)?;
            let secret = secret
                .map(|secret| serde_json::to_vec(&secret))
                .transpose()?;
            self.connection
                .prepare_cached(
                    "INSERT INTO draft_changes (draft, object, object_id, before, after, secret)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (draft, object_id) DO UPDATE
                     SET after = excluded.after, secret = coalesce(excluded.secret, secret)",
                )?
                .execute(params![
                    id,
                    change.object,
                    change.id,
                    before,
                    text(&change.after),
                    secret
                ])?;
        }
        self.configuration = Arc::new(new.finish(self.configuration.version()));
        Ok(())
    }
}
