//! Secrets of objects on their way between the tables, the versions that can be undone, and drafts.

use ramal_model::{DigestCredential, Draft, ExtensionId, TrunkId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    seal::{from_hexadecimal, hexadecimal},
    writer::Write,
};

/// The secret of one object, in the form in which its own table keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Secret {
    /// A user's, as hashes.
    User {
        /// Of his password.
        password: Option<String>,
        /// Of his PIN as an agent.
        agent_pin: Option<String>,
    },
    /// An extension's.
    Credential(DigestCredential),
    /// A trunk's, sealed, in hexadecimal; none when it has none.
    Sealed(Option<String>),
    /// That of an object of the catalogue, sealed, in hexadecimal; none when it has none.
    OfObject(Option<String>),
}

impl Secret {
    /// A trunk's password, sealed.
    pub fn of_trunk(write: &Write<'_>, id: TrunkId, draft: &Draft) -> Result<Self> {
        let password = draft.trunk_passwords.get(&id);
        let sealed = password
            .map(|password| write.sealer.seal(id.0, password))
            .transpose()?;
        Ok(Secret::Sealed(
            sealed.map(|sealed| hexadecimal(sealed.as_slice())),
        ))
    }

    /// That of an object of the catalogue, sealed.
    pub fn of_object(write: &Write<'_>, id: i64, draft: &Draft) -> Result<Self> {
        let secret = draft.secrets.get(&id);
        let sealed = secret
            .map(|secret| write.sealer.seal(id, secret))
            .transpose()?;
        Ok(Secret::OfObject(
            sealed.map(|sealed| hexadecimal(sealed.as_slice())),
        ))
    }

    /// Gives it to its object.
    pub fn put(
        self,
        write: &Write<'_>,
        draft: &mut Draft,
        id: i64,
        passwords: &mut Vec<(UserId, String)>,
    ) {
        match self {
            Secret::User {
                password,
                agent_pin,
            } => {
                let id = UserId(id);
                passwords.extend(password.map(|hash| (id, hash)));
                match agent_pin {
                    Some(hash) => draft.agent_pins.insert(id, hash),
                    None => draft.agent_pins.remove(&id),
                };
            }
            Secret::Credential(credential) => {
                draft.credentials.insert(ExtensionId(id), credential);
            }
            Secret::Sealed(sealed) => {
                let sealed = sealed.as_deref().and_then(from_hexadecimal);
                match sealed.and_then(|sealed| write.sealer.unseal(id, &sealed)) {
                    Some(password) => draft.trunk_passwords.insert(TrunkId(id), password),
                    None => draft.trunk_passwords.remove(&TrunkId(id)),
                };
            }
            Secret::OfObject(sealed) => {
                let sealed = sealed.as_deref().and_then(from_hexadecimal);
                match sealed.and_then(|sealed| write.sealer.unseal(id, &sealed)) {
                    Some(secret) => draft.secrets.insert(id, secret),
                    None => draft.secrets.remove(&id),
                };
            }
        }
    }
}
