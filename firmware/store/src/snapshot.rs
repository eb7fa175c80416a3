//! The configuration in the database: loading it, and saving a new one as the difference to the old.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ramal_model::{
    Actor, AnaloguePort, AudioFile, Catalogue, Company, Configuration, DigestCredential, Draft,
    E1Trunk, Extension, ExtensionId, MusicClass, SipTrunk, TrunkId, User, UserId,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    audit, documents,
    error::{Result, StoreError},
    seal::Sealer,
    secrets::Secret,
    storage::UnreadObject,
    writer::Write,
};

const COMPANY: &str = "company";
/// Below every id that a user or an extension can have, also one from an imported document.
const COMPANY_ID: i64 = 0;
const USER: &str = "user";
const EXTENSION: &str = "extension";
const TRUNK: &str = "trunk";
const E1_TRUNK: &str = "e1_trunk";
const ANALOGUE_PORT: &str = "analogue_port";
const AUDIO_FILE: &str = "audio_file";
const MUSIC_CLASS: &str = "music_class";

/// The configuration as the database has it.
pub(crate) struct Loaded {
    pub configuration: Configuration,
    /// Objects that this version of the program cannot read: they stay in the database, and nothing else of them is there.
    pub unread: Vec<UnreadObject>,
}

/// Reads the whole configuration.
///
/// # Errors
/// When the company or a user cannot be read: without them anybody could set up the gateway.
pub(crate) fn load(connection: &Connection, sealer: &Sealer) -> Result<Loaded> {
    let mut reading = Reading {
        connection,
        unread: Vec::new(),
    };
    let configuration = reading.load(sealer)?;
    match reading.unread.iter().find(|one| is_needed(&one.kind)) {
        Some(one) => Err(StoreError::Database(format!(
            "the stored {} {} cannot be read: {}",
            one.kind, one.id, one.problem
        ))),
        None => Ok(Loaded {
            configuration,
            unread: reading.unread,
        }),
    }
}

fn is_needed(kind: &str) -> bool {
    [COMPANY, USER].contains(&kind)
}

struct Reading<'a> {
    connection: &'a Connection,
    unread: Vec<UnreadObject>,
}

impl Reading<'_> {
    fn load(&mut self, sealer: &Sealer) -> Result<Configuration> {
        let connection = self.connection;
        let version: i64 = connection.query_row(
            "SELECT coalesce(max(version), 0) FROM configuration_versions",
            [],
            |row| row.get(0),
        )?;
        let mut draft = Draft {
            company: self.objects::<Company>(COMPANY)?.pop(),
            users: self
                .objects::<User>(USER)?
                .into_iter()
                .map(|user| (user.id, user))
                .collect(),
            extensions: self
                .objects::<Extension>(EXTENSION)?
                .into_iter()
                .map(|e| (e.id, e))
                .collect(),
            credentials: HashMap::new(),
            agent_pins: agent_pins(connection)?,
            trunks: self
                .objects::<SipTrunk>(TRUNK)?
                .into_iter()
                .map(|trunk| (trunk.id, trunk))
                .collect(),
            trunk_passwords: HashMap::new(),
            e1_trunks: self
                .objects::<E1Trunk>(E1_TRUNK)?
                .into_iter()
                .map(|trunk| (trunk.id, trunk))
                .collect(),
            analogue_ports: self
                .objects::<AnaloguePort>(ANALOGUE_PORT)?
                .into_iter()
                .map(|port| (port.id, port))
                .collect(),
            audio_files: self
                .objects::<AudioFile>(AUDIO_FILE)?
                .into_iter()
                .map(|file| (file.id, file))
                .collect(),
            music_classes: self
                .objects::<MusicClass>(MUSIC_CLASS)?
                .into_iter()
                .map(|class| (class.id, class))
                .collect(),
            catalogue: self.catalogue()?,
            secrets: HashMap::new(),
        };
        let mut rows =
            connection.prepare("SELECT extension, md5, sha256 FROM extension_credentials")?;
        let rows = rows.query_map([], |row| {
            Ok((
                ExtensionId(row.get(0)?),
                DigestCredential {
                    md5: row.get(1)?,
                    sha256: row.get(2)?,
                },
            ))
        })?;
        for row in rows {
            let (id, credential) = row?;
            draft.credentials.insert(id, credential);
        }
        for (id, sealed) in sealed_passwords(connection)? {
            match sealer.unseal(id.0, &sealed) {
                Some(password) => {
                    draft.trunk_passwords.insert(id, password);
                }
                // Calls by other trunks and between extensions must go on.
                None => {
                    tracing::error!(trunk = %id, "the password was sealed with another key; enter it again")
                }
            }
        }
        for (id, sealed) in sealed_secrets(connection)? {
            match sealer.unseal(id, &sealed) {
                Some(secret) => {
                    draft.secrets.insert(id, secret);
                }
                None => {
                    tracing::error!(
                        object = id,
                        "the secret was sealed with another key; enter it again"
                    )
                }
            }
        }
        Ok(draft.finish(version.unsigned_abs()))
    }

    fn objects<T: DeserializeOwned>(&mut self, kind: &'static str) -> Result<Vec<T>> {
        let mut objects = Vec::new();
        self.each(kind, |text| {
            if let Ok(object) = serde_json::from_str(text) {
                objects.push(object);
                return Ok(Vec::new());
            }
            let read = documents::read(serde_json::from_str(text)?, serde_json::from_value)?;
            objects.push(read.object);
            Ok(read.unknown)
        })?;
        Ok(objects)
    }

    /// The objects that calls are led by.
    fn catalogue(&mut self) -> Result<Catalogue> {
        let mut catalogue = Catalogue::default();
        for kind in Catalogue::KINDS {
            self.each(kind, |text| {
                let document: Value = serde_json::from_str(text)?;
                if catalogue.load(kind, document.clone()).is_ok() {
                    return Ok(Vec::new());
                }
                let read = documents::read(document, |document| {
                    let mut one = Catalogue::default();
                    one.load(kind, document.clone())?;
                    Ok(document)
                })?;
                catalogue.load(kind, read.object)?;
                Ok(read.unknown)
            })?;
        }
        Ok(catalogue)
    }

    /// Reads each object of a kind by `read`, which says what it left out.
    fn each(
        &mut self,
        kind: &'static str,
        mut read: impl FnMut(&str) -> serde_json::Result<Vec<String>>,
    ) -> Result<()> {
        let mut rows = self
            .connection
            .prepare("SELECT id, document FROM objects WHERE kind = ?1")?;
        let mut texts = rows.query([kind])?;
        while let Some(row) = texts.next()? {
            let id = row.get(0)?;
            match read(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?) {
                Ok(unknown) if unknown.is_empty() => {}
                Ok(unknown) => tracing::warn!(
                    kind,
                    id,
                    fields = unknown.join(", "),
                    "settings of a newer version are left out"
                ),
                Err(error) => {
                    tracing::error!(kind, id, %error, "an object cannot be read and is left out");
                    self.unread.push(UnreadObject {
                        kind: kind.to_owned(),
                        id,
                        problem: error.to_string(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// The secrets of objects of the catalogue as they lie in the database, by the objects' ids.
pub(crate) fn sealed_secrets(connection: &Connection) -> Result<HashMap<i64, Vec<u8>>> {
    let mut rows = connection.prepare_cached("SELECT object, sealed FROM object_secrets")?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The hashes of agents' PINs.
fn agent_pins(connection: &Connection) -> Result<HashMap<UserId, String>> {
    let mut rows = connection.prepare("SELECT user, hash FROM agent_pins")?;
    let rows = rows.query_map([], |row| Ok((UserId(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The trunks' passwords as they lie in the database.
pub(crate) fn sealed_passwords(connection: &Connection) -> Result<HashMap<TrunkId, Vec<u8>>> {
    let mut rows = connection.prepare_cached("SELECT trunk, sealed FROM trunk_passwords")?;
    let rows = rows.query_map([], |row| Ok((TrunkId(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// One changed object on its way into the tables and the journal.
pub(crate) struct Change {
    pub object: &'static str,
    pub id: i64,
    pub before: Option<Value>,
    pub after: Option<Value>,
    /// Which secret of the object changed. The journal keeps that it did, and not what it is.
    secret: Option<&'static str>,
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

/// What differs between two configurations.
pub(crate) fn changes(
    old: &Draft,
    draft: &Draft,
    passwords: &[(UserId, String)],
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    if old.company != draft.company {
        changes.push(Change {
            object: COMPANY,
            id: COMPANY_ID,
            before: old.company.as_ref().map(serde_json::to_value).transpose()?,
            after: draft
                .company
                .as_ref()
                .map(serde_json::to_value)
                .transpose()?,
            secret: None,
        });
    }
    let users = |draft: &Draft| {
        draft
            .users
            .iter()
            .map(|(id, user)| (id.0, user.clone()))
            .collect::<HashMap<_, _>>()
    };
    let new_pin = |id: &UserId| old.agent_pins.get(id) != draft.agent_pins.get(id);
    differences(&mut changes, USER, &users(old), &users(draft), |id| {
        let password = passwords.iter().any(|(user, _)| user.0 == id);
        let pin = new_pin(&UserId(id));
        password
            .then_some("password_changed")
            .or(pin.then_some("agent_pin_changed"))
    })?;
    let extensions = |draft: &Draft| {
        draft
            .extensions
            .iter()
            .map(|(id, e)| (id.0, e.clone()))
            .collect::<HashMap<_, _>>()
    };
    differences(
        &mut changes,
        EXTENSION,
        &extensions(old),
        &extensions(draft),
        |id| {
            let id = ExtensionId(id);
            (old.credentials.get(&id) != draft.credentials.get(&id)).then_some("secret_changed")
        },
    )?;
    let trunks = |draft: &Draft| {
        draft
            .trunks
            .iter()
            .map(|(id, trunk)| (id.0, trunk.clone()))
            .collect::<HashMap<_, _>>()
    };
    let new_password = |id: &TrunkId| old.trunk_passwords.get(id) != draft.trunk_passwords.get(id);
    differences(&mut changes, TRUNK, &trunks(old), &trunks(draft), |id| {
        new_password(&TrunkId(id)).then_some("password_changed")
    })?;
    let e1_trunks = |draft: &Draft| {
        draft
            .e1_trunks
            .iter()
            .map(|(id, trunk)| (id.0, trunk.clone()))
            .collect::<HashMap<_, _>>()
    };
    differences(
        &mut changes,
        E1_TRUNK,
        &e1_trunks(old),
        &e1_trunks(draft),
        |_| None,
    )?;
    let analogue_ports = |draft: &Draft| {
        draft
            .analogue_ports
            .iter()
            .map(|(id, port)| (id.0, port.clone()))
            .collect::<HashMap<_, _>>()
    };
    let (before, after) = (analogue_ports(old), analogue_ports(draft));
    differences(&mut changes, ANALOGUE_PORT, &before, &after, |_| None)?;
    let audio_files = |draft: &Draft| {
        draft
            .audio_files
            .iter()
            .map(|(id, file)| (id.0, file.clone()))
            .collect::<HashMap<_, _>>()
    };
    let (before, after) = (audio_files(old), audio_files(draft));
    differences(&mut changes, AUDIO_FILE, &before, &after, |_| None)?;
    let music_classes = |draft: &Draft| {
        draft
            .music_classes
            .iter()
            .map(|(id, class)| (id.0, class.clone()))
            .collect::<HashMap<_, _>>()
    };
    let (before, after) = (music_classes(old), music_classes(draft));
    differences(&mut changes, MUSIC_CLASS, &before, &after, |_| None)?;
    let mut differing = HashSet::new();
    old.catalogue.differences(&draft.catalogue, |one| {
        let kept = one.before.is_some() && one.after.is_some();
        let secret = kept && has_new_secret(old, draft, one.id);
        differing.insert(one.id);
        changes.push(Change {
            object: one.kind,
            id: one.id,
            before: one.before,
            after: one.after,
            secret: secret.then_some("secret_changed"),
        });
    });
    // Objects of which nothing but the secret is another one.
    let secrets = old.secrets.keys().chain(draft.secrets.keys());
    let mut secrets: Vec<i64> = secrets.copied().collect();
    secrets.sort_unstable();
    secrets.dedup();
    secrets.retain(|id| has_new_secret(old, draft, *id) && !differing.contains(id));
    for id in secrets {
        if let Some((object, document)) = draft.catalogue.document(id) {
            changes.push(Change {
                object,
                id,
                before: Some(document.clone()),
                after: Some(document),
                secret: Some("secret_changed"),
            });
        }
    }
    Ok(changes)
}

/// Adds what differs between two sets of objects. `secret` names a secret of the object that changed.
fn differences<T: Serialize + PartialEq>(
    changes: &mut Vec<Change>,
    object: &'static str,
    old: &HashMap<i64, T>,
    new: &HashMap<i64, T>,
    secret: impl Fn(i64) -> Option<&'static str>,
) -> Result<()> {
    let first = changes.len();
    for (id, before) in old {
        let after = new.get(id);
        let secret = secret(*id).filter(|_| after.is_some());
        if after == Some(before) && secret.is_none() {
            continue;
        }
        let after = after.map(serde_json::to_value).transpose()?;
        changes.push(Change {
            object,
            id: *id,
            before: Some(serde_json::to_value(before)?),
            after,
            secret,
        });
    }
    for (id, after) in new.iter().filter(|(id, _)| !old.contains_key(id)) {
        changes.push(Change {
            object,
            id: *id,
            before: None,
            after: Some(serde_json::to_value(after)?),
            secret: None,
        });
    }
    changes[first..].sort_by_key(|change| change.id);
    Ok(())
}

/// Whether an object of the catalogue has another secret.
fn has_new_secret(old: &Draft, new: &Draft, id: i64) -> bool {
    old.secrets.get(&id) != new.secrets.get(&id)
}
