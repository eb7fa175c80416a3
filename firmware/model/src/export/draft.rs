//! Objects of a draft as documents, whatever their kind, and the check of a whole draft.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Error, Value};

use super::{Export, ExportedExtension, ExportedTrunk, ExportedUser, FORMAT, SCHEMA};
use crate::{
    AnaloguePortId, AudioFileId, DigestCredential, Draft, E1TrunkId, ExtensionId, Invalid,
    MusicClassId, TrunkId, UserId,
};

/// Keys under which the journal notes that a secret changed; no fields of objects.
const NOTES: [&str; 3] = ["password_changed", "secret_changed", "agent_pin_changed"];

impl Draft {
    /// An object as a document; none when there is none with this id.
    pub fn document(&self, kind: &str, id: i64) -> Option<Value> {
        fn value<T: Serialize>(object: Option<&T>) -> Option<Value> {
            object.and_then(|object| serde_json::to_value(object).ok())
        }
        match kind {
            "company" => value(self.company.as_ref()),
            "user" => value(self.users.get(&UserId(id))),
            "extension" => value(self.extensions.get(&ExtensionId(id))),
            "trunk" => value(self.trunks.get(&TrunkId(id))),
            "e1_trunk" => value(self.e1_trunks.get(&E1TrunkId(id))),
            "analogue_port" => value(self.analogue_ports.get(&AnaloguePortId(id))),
            "audio_file" => value(self.audio_files.get(&AudioFileId(id))),
            "music_class" => value(self.music_classes.get(&MusicClassId(id))),
            kind => self
                .catalogue
                .find(kind, id)
                .map(|object| object.document()),
        }
    }

    /// Puts an object in, in the place of the one with its id, or takes it out.
    ///
    /// # Errors
    /// When the document does not have the form of its kind, or there is no such kind.
    pub fn put(&mut self, kind: &str, id: i64, document: Option<Value>) -> Result<(), Error> {
        fn read<T: DeserializeOwned>(document: Option<Value>) -> Result<Option<T>, Error> {
            let document = document.map(|mut document| {
                if let Value::Object(fields) = &mut document {
                    fields.retain(|name, _| !NOTES.contains(&name.as_str()));
                }
                document
            });
            document.map(serde_json::from_value).transpose()
        }
        macro_rules! place {
            ($list:expr, $id:expr) => {
                match read(document)? {
                    Some(object) => drop($list.insert($id, object)),
                    None => drop($list.remove(&$id)),
                }
            };
        }
        match kind {
            "company" => self.company = read(document)?,
            "user" => place!(self.users, UserId(id)),
            "extension" => place!(self.extensions, ExtensionId(id)),
            "trunk" => place!(self.trunks, TrunkId(id)),
            "e1_trunk" => place!(self.e1_trunks, E1TrunkId(id)),
            "analogue_port" => place!(self.analogue_ports, AnaloguePortId(id)),
            "audio_file" => place!(self.audio_files, AudioFileId(id)),
            "music_class" => place!(self.music_classes, MusicClassId(id)),
            kind => match document {
                Some(document) => self.catalogue.load(kind, document)?,
                None => self.catalogue.unload(kind, id),
            },
        }
        Ok(())
    }

    /// Checks everything as if it were imported: what each object says, and what they say of each other.
    ///
    /// # Errors
    /// Everything that is wrong, with the path it has in an exported document.
    pub fn check(&self) -> Result<(), Invalid> {
        let Some(company) = self.company.clone() else {
            return Ok(());
        };
        let none = DigestCredential {
            md5: [0; 16],
            sha256: [0; 32],
        };
        let users = self.users.values().map(|user| ExportedUser {
            user: user.clone(),
            password_hash: String::new(),
            agent_pin_hash: None,
        });
        let extensions = self.extensions.values().map(|extension| ExportedExtension {
            extension: extension.clone(),
            credential: none.clone(),
        });
        let trunks = self.trunks.values().map(|trunk| ExportedTrunk {
            trunk: trunk.clone(),
            sealed_password: None,
        });
        let export = Export {
            format: FORMAT.to_owned(),
            schema: SCHEMA,
            company,
            users: users.collect(),
            extensions: extensions.collect(),
            trunks: trunks.collect(),
            e1_trunks: self.e1_trunks.values().cloned().collect(),
            analogue_ports: self.analogue_ports.values().cloned().collect(),
            audio_files: self.audio_files.values().cloned().collect(),
            music_classes: self.music_classes.values().cloned().collect(),
            catalogue: self.catalogue.clone(),
            sealed_secrets: Vec::new(),
        };
        let document = serde_json::to_value(export);
        let document = document
            .map_err(|error| Invalid::one("", crate::code::INVALID, None, error.to_string()))?;
        Export::from_value(document).map(drop)
    }
}
