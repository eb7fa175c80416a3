//! The configuration in the database: loading it, and saving a new one as the difference to the old.

mod differences;
mod write;

use std::collections::HashMap;

use ramal_model::{
    AnaloguePort, AudioFile, Catalogue, Company, Configuration, DigestCredential, Draft, E1Trunk,
    Extension, ExtensionId, MusicClass, SipTrunk, TrunkId, User, UserId,
};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use self::{differences::changes, write::Note};
use crate::{
    documents,
    error::{Result, StoreError},
    seal::Sealer,
    storage::UnreadObject,
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
