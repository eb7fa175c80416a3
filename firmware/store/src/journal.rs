//! Reading the journal of configuration changes.

use ramal_model::Actor;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    Store,
    diff::{FieldChange, differences},
    error::{Result, StoreError},
};

/// One save. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// Counts up with every save.
    pub version: u64,
    /// When it was saved.
    pub at: i64,
    /// Who saved it.
    pub actor: Actor,
    /// What it changed.
    pub changes: Vec<Change>,
}

/// One object that a save changed, without secrets. That one changed shows as the field `password_changed` or
/// `secret_changed`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ObjectChange {
    /// Kind of object, such as `extension`.
    pub object: String,
    /// Its id.
    pub object_id: i64,
    /// What it is called; blank when it has no name.
    pub name: String,
    /// Whether it was made, changed or deleted.
    pub action: ChangeAction,
    /// The fields that differ; of an object that was made or deleted all.
    pub fields: Vec<FieldChange>,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// It is new.
    Created,
    /// It is another than before.
    Changed,
    /// It is gone.
    Deleted,
}

/// One object that a save changed, as the journal keeps it. Passwords are not in it; that one changed shows as
/// `password_changed` or `secret_changed` in `after`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Kind of object, such as `extension`.
    pub object: String,
    /// Its id.
    pub object_id: i64,
    /// The object before; none when it was new.
    pub before: Option<Value>,
    /// The object after; none when it was deleted.
    pub after: Option<Value>,
}

impl Change {
    /// As it is shown.
    pub fn shown(self) -> ObjectChange {
        let (before, after) = (self.before.as_ref(), self.after.as_ref());
        ObjectChange {
            name: name(after.or(before)),
            action: match (before, after) {
                (None, _) => ChangeAction::Created,
                (_, None) => ChangeAction::Deleted,
                _ => ChangeAction::Changed,
            },
            fields: differences(before, after),
            object: self.object,
            object_id: self.object_id,
        }
    }
}

/// What people call an object.
pub(crate) fn name(document: Option<&Value>) -> String {
    let named = ["name", "label", "login", "port", "number", "legal_name"].iter();
    let mut names = named.filter_map(|field| document?.get(field)?.as_str());
    names.next().unwrap_or_default().to_owned()
}

/// What a version changed.
pub(crate) fn stored_changes(connection: &Connection, version: i64) -> Result<Vec<Change>> {
    let mut rows = connection.prepare_cached(
        "SELECT object, object_id, before, after FROM configuration_changes WHERE version = ?1 ORDER BY place",
    )?;
    let mut rows = rows.query([version])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        let read = |text: Option<String>| text.map(|text| serde_json::from_str(&text)).transpose();
        changes.push(Change {
            object: row.get(0)?,
            object_id: row.get(1)?,
            before: read(row.get(2)?)?,
            after: read(row.get(3)?)?,
        });
    }
    Ok(changes)
}

/// What a version changed, as it is shown.
pub(crate) fn changes_of(connection: &Connection, version: i64) -> Result<Vec<ObjectChange>> {
    let changes = stored_changes(connection, version)?;
    Ok(changes.into_iter().map(Change::shown).collect())
}

fn read_versions(connection: &Connection, limit: u32, before: i64) -> Result<Vec<Version>> {
    let mut rows = connection.prepare_cached(
        "SELECT version, at, actor FROM configuration_versions WHERE version < ?1 ORDER BY version DESC LIMIT ?2",
    )?;
    let mut versions = Vec::new();
    let mut rows = rows.query([before, limit.min(1000).into()])?;
    while let Some(row) = rows.next()? {
        let version: i64 = row.get(0)?;
        let actor: String = row.get(2)?;
        versions.push(Version {
            version: version.unsigned_abs(),
            at: row.get(1)?,
            actor: serde_json::from_str(&actor)?,
            changes: stored_changes(connection, version)?,
        });
    }
    Ok(versions)
}

impl Store {
    /// The newest `limit` saves older than version `before`, newest first.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn versions(&self, limit: u32, before: Option<u64>) -> Result<Vec<Version>> {
        let before = before
            .and_then(|version| i64::try_from(version).ok())
            .unwrap_or(i64::MAX);
        self.readers
            .run(move |connection| read_versions(connection, limit, before))
            .await
    }

    /// One save.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn version(&self, version: u64) -> Result<Version> {
        let missing = move || StoreError::not_found("version", version);
        let number = i64::try_from(version).map_err(|_| missing())?;
        let next = number.checked_add(1).ok_or_else(missing)?;
        let found = self
            .readers
            .run(move |connection| read_versions(connection, 1, next))
            .await?;
        let found = found.into_iter().find(|one| one.version == version);
        found.ok_or_else(missing)
    }
}
