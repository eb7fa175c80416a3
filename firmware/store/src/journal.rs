//! Reading the journal of configuration changes.

use ramal_model::Actor;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Store, error::Result};

/// One save. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
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

/// One object that a save changed. Secrets are not in it; that one changed shows as `password_changed` or
/// `secret_changed` in `after`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// Kind of object, such as `extension`.
    pub object: String,
    /// Its id.
    pub object_id: i64,
    /// The object before; none when it was new.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// The object after; none when it was deleted.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
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
            .run(move |connection| {
                let mut rows = connection.prepare_cached(
                    "SELECT version, at, actor FROM configuration_versions WHERE version < ?1
                     ORDER BY version DESC LIMIT ?2",
                )?;
                let mut changes = connection.prepare_cached(
                    "SELECT object, object_id, before, after FROM configuration_changes WHERE version = ?1
                     ORDER BY place",
                )?;
                let mut versions = Vec::new();
                let mut rows = rows.query([before, limit.min(1000).into()])?;
                while let Some(row) = rows.next()? {
                    let version: i64 = row.get(0)?;
                    let actor: String = row.get(2)?;
                    let changes = changes
                        .query_map([version], |row| {
                            Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<String>>(2)?, row.get::<_, Option<String>>(3)?))
                        })?
                        .map(|row| {
                            let (object, object_id, before, after) = row?;
                            let read = |text: Option<String>| text.map(|text| serde_json::from_str(&text)).transpose();
                            Ok(Change { object, object_id, before: read(before)?, after: read(after)? })
                        })
                        .collect::<Result<_>>()?;
                    versions.push(Version {
                        version: version.unsigned_abs(),
                        at: row.get(1)?,
                        actor: serde_json::from_str(&actor)?,
                        changes,
                    });
                }
                Ok(versions)
            })
            .await
    }
}
