//! Undoing a version: every object it changed becomes what it was, as one more version.

use ramal_model::{Actor, Draft, FieldProblem, code};
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use crate::{
    Store,
    diff::differences,
    error::{Result, StoreError},
    journal::{Change, name, stored_changes},
    secrets::Secret,
    voicemail::messages_in,
    writer::Write,
};

impl Store {
    /// Makes every object that version `version` changed what it was before, as one more version.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when one of them was changed since, with what differs, or when
    /// the result would break a rule: something refers to what would go, or a number has been given away.
    pub async fn undo(&self, actor: &Actor, version: u64) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let missing = || StoreError::not_found("version", version);
                let number = i64::try_from(version).map_err(|_| missing())?;
                let changes = stored_changes(write.connection, number)?;
                if changes.is_empty() {
                    return Err(missing());
                }
                let mut draft = write.configuration.draft();
                let mut problems = Vec::new();
                let mut passwords = Vec::new();
                for change in changes.iter().rev() {
                    refuse_lost(write, change)?;
                    let now = draft.document(&change.object, change.object_id);
                    let then = normal(change, change.after.clone())?;
                    problems.extend(changed_since(change, then.as_ref(), now.as_ref()));
                    let before = normal(change, change.before.clone())?;
                    put(&mut draft, change, before)?;
                    if let Some(secret) = replaced_secret(write, number, change.object_id)? {
                        secret.put(write, &mut draft, change.object_id, &mut passwords);
                    }
                }
                if !problems.is_empty() {
                    let detail = format!(
                        "version {version} cannot be undone: what it changed was changed since"
                    );
                    return Err(StoreError::Conflict { detail, problems });
                }
                check(&draft, &format!("version {version} cannot be undone"))?;
                for (user, _) in &passwords {
                    write
                        .connection
                        .prepare_cached("DELETE FROM sessions WHERE user = ?1")?
                        .execute([user.0])?;
                }
                write.save(&actor, draft, &passwords)
            })
            .await
    }
}

/// Refuses what cannot be brought back, and what would take something else along.
fn refuse_lost(write: &Write<'_>, change: &Change) -> Result<()> {
    let refused = |what: &str| {
        Err(StoreError::Conflict {
            detail: format!(
                "{} {}: {what}",
                change.object,
                name(change.before.as_ref().or(change.after.as_ref()))
            ),
            problems: Vec::new(),
        })
    };
    match (change.object.as_str(), &change.before, &change.after) {
        ("audio_file", Some(_), None) => refused("the sound was deleted with it; upload it again"),
        ("audio_file", None, Some(_)) => refused("delete the audio file instead"),
        ("voicemail_box", None, Some(_))
            if messages_in(write.connection, change.object_id)? > 0 =>
        {
            refused("messages lie in it; delete them first")
        }
        ("token", _, _) => refused("tokens are made and deleted for good"),
        _ => Ok(()),
    }
}

fn replaced_secret(write: &Write<'_>, version: i64, object: i64) -> Result<Option<Secret>> {
    let secret: Option<Vec<u8>> = write
        .connection
        .prepare_cached("SELECT secret FROM version_secrets WHERE version = ?1 AND object_id = ?2")?
        .query_row(params![version, object], |row| row.get(0))
        .optional()?;
    Ok(secret
        .map(|secret| serde_json::from_slice(&secret))
        .transpose()?)
}

/// A document as this version of the program writes it: what it did not know then has its default.
pub(crate) fn normal(change: &Change, document: Option<Value>) -> Result<Option<Value>> {
    let Some(document) = document else {
        return Ok(None);
    };
    let mut draft = Draft::default();
    put(&mut draft, change, Some(document))?;
    Ok(draft.document(&change.object, change.object_id))
}

pub(crate) fn put(draft: &mut Draft, change: &Change, document: Option<Value>) -> Result<()> {
    let done = draft.put(&change.object, change.object_id, document);
    done.map_err(|error| StoreError::Conflict {
        detail: format!(
            "{} {} cannot be read any more: {error}",
            change.object, change.object_id
        ),
        problems: Vec::new(),
    })
}

/// What differs between an object as it was expected and as it is.
pub(crate) fn changed_since(
    change: &Change,
    expected: Option<&Value>,
    now: Option<&Value>,
) -> Vec<FieldProblem> {
    let object = format!("{} {}", change.object, change.object_id);
    let named = name(now.or(expected));
    match (expected, now) {
        (None, None) => Vec::new(),
        (Some(_), None) => vec![problem(
            &object,
            code::NO_SUCH_OBJECT,
            format!("{named} was deleted since"),
        )],
        (None, Some(_)) => vec![problem(
            &object,
            code::CHANGED_SINCE,
            format!("{named} is there again"),
        )],
        (Some(_), Some(_)) => differences(expected, now)
            .into_iter()
            .map(|one| {
                let shown = |value: Option<Value>| match value {
                    _ if one.secret => "a secret".to_owned(),
                    Some(value) => value.to_string(),
                    None => "nothing".to_owned(),
                };
                let message = format!(
                    "{named}: was {}, is {} now",
                    shown(one.before),
                    shown(one.after)
                );
                problem(
                    &format!("{object}.{}", one.field),
                    code::CHANGED_SINCE,
                    message,
                )
            })
            .collect(),
    }
}

fn problem(field: &str, code: &str, message: String) -> FieldProblem {
    FieldProblem {
        field: field.to_owned(),
        code: code.to_owned(),
        limit: None,
        message,
    }
}

/// Checks what would become of the configuration.
pub(crate) fn check(draft: &Draft, what: &str) -> Result<()> {
    draft.check().map_err(|invalid| StoreError::Conflict {
        detail: format!("{what}: the configuration would break rules"),
        problems: invalid.problems,
    })
}
