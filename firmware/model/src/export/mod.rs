//! The configuration as one JSON document, for backup and for moving to another gateway.

mod document;
mod draft;
mod objects;
pub(crate) mod reading;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    AnaloguePort, AudioFile, Catalogue, Company, DigestCredential, E1Trunk, Extension, MusicClass,
    SipTrunk, User,
};

/// Value of [`Export::format`].
pub const FORMAT: &str = "ramal-configuration";
/// The schema this version writes, and the newest it reads.
pub const SCHEMA: u32 = 7;

/// The whole configuration. Holds password hashes and digest credentials: it is to be kept like a password.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Export {
    /// Always `ramal-configuration`.
    pub format: String,
    /// Form of this document, counted up when it changes.
    pub schema: u32,
    /// The company.
    pub company: Company,
    /// All users; at least one of them an active administrator.
    pub users: Vec<ExportedUser>,
    /// All extensions.
    pub extensions: Vec<ExportedExtension>,
    /// All SIP trunks; none in documents of schema 1.
    pub trunks: Vec<ExportedTrunk>,
    /// All E1 trunks; none in documents of schema 1 to 4.
    pub e1_trunks: Vec<E1Trunk>,
    /// The settings of all analogue ports that have some; none in documents of schema 1 to 4.
    pub analogue_ports: Vec<AnaloguePort>,
    /// All audio files, without their sound: on another gateway it has to be uploaded or spoken again. None in documents
    /// of schema 1 and 2.
    pub audio_files: Vec<AudioFile>,
    /// All classes of music; none in documents of schema 1 and 2.
    pub music_classes: Vec<MusicClass>,
    /// What leads calls, a list of each kind; none in documents of schema 1 to 5.
    #[serde(flatten)]
    pub catalogue: Catalogue,
    /// The secrets of those objects, sealed; none in documents of schema 1 to 6.
    pub sealed_secrets: Vec<SealedSecret>,
}

/// The secret of an object, which only the gateway that sealed it can open. On another one it has to be entered again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SealedSecret {
    /// The object's id.
    pub object: i64,
    /// The sealed secret in hexadecimal.
    pub sealed: String,
}

/// A user with his password hash.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportedUser {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// Argon2id hash in PHC string format.
    pub password_hash: String,
    /// The hash of his PIN as an agent, the same way; null when he has none, and in documents of schema 1 to 6.
    pub agent_pin_hash: Option<String>,
}

/// An extension with its digest credential.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportedExtension {
    /// The extension.
    #[serde(flatten)]
    pub extension: Extension,
    /// HA1 values in hexadecimal.
    #[schema(value_type = HashMap<String, String>)]
    pub credential: DigestCredential,
}

/// A trunk with its password, sealed: only the gateway that sealed it can open it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ExportedTrunk {
    /// The trunk.
    #[serde(flatten)]
    pub trunk: SipTrunk,
    /// The sealed password in hexadecimal; null when there is none. Another gateway imports the trunk without it, and the
    /// password has to be entered again.
    pub sealed_password: Option<String>,
}
