//! Saving: objects into their tables, what changed into the journal, as one version.

use std::sync::Arc;

use ramal_model::{Actor, Draft, ExtensionId, TrunkId, UserId};
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::{
    EXTENSION, TRUNK, USER,
    differences::{changes, has_new_secret},
};
use crate::{
    audit,
    error::{Result, StoreError},
    secrets::Secret,
    writer::Write,
};

/// One changed object on its way into the tables and the journal.
pub(crate) struct Change {
    pub object: &'static str,
    pub id: i64,
    pub before: Option<Value>,
    pub after: Option<Value>,
    /// Which secret of the object changed. The journal keeps that it did, and not what it is.
    pub(super) secret: Option<&'static str>,
}

/// What the journal says about something that is not a configuration object.
pub(crate) struct Note {
    pub object: &'static str,
    pub id: i64,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

impl Write<'_> {
    /// An id that no object ever had.
    pub fn next_id(&self) -> Result<i64> {
        self.reserve(1)
    }

    /// The first of so many ids that no object ever had.
    pub fn reserve(&self, count: usize) -> Result<i64> {
        let last: Option<i64> = self
            .connection
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'objects'")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let last = last.unwrap_or(0);
        if self
            .request
            .as_ref()
            .is_some_and(|request| request.draft.is_some())
        {
            // They are not inserted now: nobody else may take them meanwhile.
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.connection
                .prepare_cached("UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'objects'")?
                .execute([last.saturating_add(count)])?;
        }
        Ok(last + 1)
    }

    /// Makes `draft` the configuration, or puts it into the draft that the request works on. Everything that differs from
    /// the current one is written and journalled as one version; when nothing differs there is none. `passwords` are new
    /// password hashes.
    pub fn save(
        &mut self,
        actor: &Actor,
        draft: Draft,
        passwords: &[(UserId, String)],
    ) -> Result<()> {
        if let Some(id) = self.request.as_ref().and_then(|request| request.draft) {
            return self.save_draft(id, draft);
        }
        let current = Arc::clone(&self.configuration);
        let old = current.draft();
        let changes = changes(&old, &draft, passwords)?;
        if changes.is_empty() {
            return Ok(());
        }
        let mut replaced = Vec::new();
        for change in &changes {
            if let Some(secret) = self.replaced_secret(&old, &draft, change)? {
                replaced.push((change.id, serde_json::to_vec(&secret)?));
            }
        }
        self.write_objects(&changes)?;
        for (user, hash) in passwords {
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO user_passwords (user, hash) VALUES (?1, ?2)",
                )?
                .execute(params![user.0, hash])?;
        }
        let new_pin = |id: &UserId| old.agent_pins.get(id) != draft.agent_pins.get(id);
        for id in draft.users.keys().filter(|id| new_pin(id)) {
            match draft.agent_pins.get(id) {
                Some(hash) => self
                    .connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO agent_pins (user, hash) VALUES (?1, ?2)",
                    )?
                    .execute(params![id.0, hash])?,
                None => self
                    .connection
                    .prepare_cached("DELETE FROM agent_pins WHERE user = ?1")?
                    .execute([id.0])?,
            };
        }
        for (id, credential) in &draft.credentials {
            if old.credentials.get(id) != Some(credential) {
                self.connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO extension_credentials (extension, md5, sha256) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![id.0, credential.md5, credential.sha256])?;
            }
        }
        let new_password =
            |id: &TrunkId| old.trunk_passwords.get(id) != draft.trunk_passwords.get(id);
        for id in draft.trunks.keys().filter(|id| new_password(id)) {
            match draft.trunk_passwords.get(id) {
                Some(password) => self
                    .connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO trunk_passwords (trunk, sealed) VALUES (?1, ?2)",
                    )?
                    .execute(params![id.0, self.sealer.seal(id.0, password)?])?,
                None => self
                    .connection
                    .prepare_cached("DELETE FROM trunk_passwords WHERE trunk = ?1")?
                    .execute([id.0])?,
            };
        }
        for id in changes.iter().map(|change| change.id) {
            if !has_new_secret(&old, &draft, id) {
                continue;
            }
            match draft.secrets.get(&id) {
                Some(secret) => self
                    .connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO object_secrets (object, sealed) VALUES (?1, ?2)",
                    )?
                    .execute(params![id, self.sealer.seal(id, secret)?])?,
                None => self
                    .connection
                    .prepare_cached("DELETE FROM object_secrets WHERE object = ?1")?
                    .execute([id])?,
            };
        }
        // Phones registered under another number can neither refresh nor be meant any more.
        for (id, extension) in &draft.extensions {
            if current
                .extension(*id)
                .is_some_and(|before| before.number != extension.number)
            {
                self.connection
                    .prepare_cached("DELETE FROM bindings WHERE extension = ?1")?
                    .execute([id.0])?;
            }
        }
        let version = self.journal(actor, changes)?;
        for (id, secret) in replaced {
            self.connection
                .prepare_cached(
                    "INSERT INTO version_secrets (version, object_id, secret) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![version.cast_signed(), id, secret])?;
        }
        self.configuration = Arc::new(draft.finish(version));
        Ok(())
    }

    /// The secret that an object loses by a change.
    fn replaced_secret(&self, old: &Draft, new: &Draft, change: &Change) -> Result<Option<Secret>> {
        if change.before.is_none() || (change.after.is_some() && change.secret.is_none()) {
            return Ok(None);
        }
        if change.object == USER {
            let password = self
                .connection
                .prepare_cached("SELECT hash FROM user_passwords WHERE user = ?1")?
                .query_row([change.id], |row| row.get(0))
                .optional()?;
            return Ok(Some(Secret::User {
                password,
                agent_pin: old.agent_pins.get(&UserId(change.id)).cloned(),
            }));
        }
        self.secret_of(old, new, change)
    }

    /// The secret that an object gets by a change.
    pub(crate) fn new_secret(
        &self,
        old: &Draft,
        new: &Draft,
        change: &Change,
    ) -> Result<Option<Secret>> {
        if change.after.is_none() || (change.before.is_some() && change.secret.is_none()) {
            return Ok(None);
        }
        self.secret_of(new, old, change)
    }

    /// The secret that an object has in `of` and not in `other`.
    fn secret_of(&self, of: &Draft, other: &Draft, change: &Change) -> Result<Option<Secret>> {
        match change.object {
            EXTENSION => {
                let credential = of.credentials.get(&ExtensionId(change.id));
                Ok(credential.cloned().map(Secret::Credential))
            }
            TRUNK => {
                let id = TrunkId(change.id);
                let same = of.trunk_passwords.get(&id) == other.trunk_passwords.get(&id);
                if same {
                    Ok(None)
                } else {
                    Secret::of_trunk(self, id, of).map(Some)
                }
            }
            _ if has_new_secret(of, other, change.id) => {
                Secret::of_object(self, change.id, of).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Journals something that is not part of the configuration's objects, such as a token.
    pub fn note(&mut self, actor: &Actor, note: Note) -> Result<()> {
        if self
            .request
            .as_ref()
            .is_some_and(|request| request.draft.is_some())
        {
            return Err(StoreError::Conflict {
                detail: format!("a {} is no part of drafts", note.object),
                problems: Vec::new(),
            });
        }
        let Note {
            object,
            id,
            before,
            after,
        } = note;
        let version = self.journal(
            actor,
            vec![Change {
                object,
                id,
                before,
                after,
                secret: None,
            }],
        )?;
        self.configuration = Arc::new(self.configuration.draft().finish(version));
        Ok(())
    }

    fn write_objects(&self, changes: &[Change]) -> Result<()> {
        // Deletions first, and changed objects deleted and written anew in between would lose what refers to them:
        // two extensions that swap their numbers pass through a free one instead.
        for change in changes.iter().filter(|change| change.after.is_none()) {
            self.connection
                .prepare_cached("DELETE FROM objects WHERE id = ?1")?
                .execute([change.id])?;
        }
        for change in changes
            .iter()
            .filter(|change| change.before.is_some() && change.after.is_some())
        {
            self.connection
                .prepare_cached(
                    "UPDATE objects SET document = json_object('being_changed', id) WHERE id = ?1",
                )?
                .execute([change.id])?;
        }
        for change in changes {
            let Some(after) = &change.after else { continue };
            let document = serde_json::to_string(after)?;
            let sql = match change.before {
                None => "INSERT INTO objects (id, kind, document) VALUES (?1, ?2, ?3)",
                Some(_) => "UPDATE objects SET document = ?3 WHERE id = ?1 AND kind = ?2",
            };
            self.connection.prepare_cached(sql)?.execute(params![
                change.id,
                change.object,
                document
            ])?;
        }
        Ok(())
    }

    fn journal(&self, actor: &Actor, changes: Vec<Change>) -> Result<u64> {
        self.connection
            .prepare_cached("INSERT INTO configuration_versions (at, actor) VALUES (?1, ?2)")?
            .execute(params![self.now, serde_json::to_string(actor)?])?;
        let version = self.connection.last_insert_rowid();
        audit::made_version(self, &serde_json::to_string(actor)?, version)?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO configuration_changes (version, place, object, object_id, before, after)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (place, mut change) in changes.into_iter().enumerate() {
            if let (Some(secret), Some(Value::Object(after))) = (change.secret, &mut change.after) {
                after.insert(secret.to_owned(), json!(true));
            }
            let text = |value: Option<Value>| value.map(|value| value.to_string());
            insert.execute(params![
                version,
                place as i64,
                change.object,
                change.id,
                text(change.before),
                text(change.after)
            ])?;
        }
        Ok(version.unsigned_abs())
    }
}
