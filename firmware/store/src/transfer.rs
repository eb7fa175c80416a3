//! Export and import of the whole configuration.

use std::{collections::HashMap, sync::Arc};

use ramal_model::{
    Actor, Draft, Export, ExportedExtension, ExportedTrunk, ExportedUser, FORMAT, Problems, SCHEMA,
    SealedSecret, User, UserId, code,
};
use rusqlite::Connection;

use crate::{
    Store,
    error::{Result, StoreError},
    hasher,
    seal::{from_hexadecimal, hexadecimal},
    snapshot,
};

impl Store {
    /// The whole configuration with password hashes and digest credentials.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`].
    pub async fn export(&self) -> Result<Export> {
        let sealer = Arc::clone(&self.sealer);
        self.readers
            .run(move |connection| {
                // One read transaction, so that hashes and objects are of the same moment.
                let transaction = connection.unchecked_transaction()?;
                let configuration = snapshot::load(&transaction, &sealer)?.configuration;
                let mut rows =
                    transaction.prepare_cached("SELECT user, hash FROM user_passwords")?;
                let mut hashes = rows
                    .query_map([], |row| Ok((UserId(row.get(0)?), row.get(1)?)))?
                    .collect::<rusqlite::Result<HashMap<UserId, String>>>()?;
                let missing = |object: &str| {
                    StoreError::Database(format!("a stored {object} lacks its secret"))
                };
                let mut users = Vec::with_capacity(configuration.users().len());
                for user in configuration.users() {
                    let password_hash = hashes.remove(&user.id).ok_or_else(|| missing("user"))?;
                    users.push(ExportedUser {
                        user: user.clone(),
                        password_hash,
                        agent_pin_hash: configuration.agent_pin_hash(user.id).map(str::to_owned),
                    });
                }
                let mut extensions = Vec::with_capacity(configuration.extensions().len());
                for extension in configuration.extensions() {
                    let credential = configuration
                        .credential(extension.id)
                        .ok_or_else(|| missing("extension"))?;
                    extensions.push(ExportedExtension {
                        extension: extension.clone(),
                        credential: credential.clone(),
                    });
                }
                let mut sealed = snapshot::sealed_passwords(&transaction)?;
                let trunks = configuration
                    .trunks()
                    .iter()
                    .map(|trunk| ExportedTrunk {
                        trunk: trunk.clone(),
                        sealed_password: sealed.remove(&trunk.id).as_deref().map(hexadecimal),
                    })
                    .collect();
                Ok(Export {
                    format: FORMAT.to_owned(),
                    schema: SCHEMA,
                    company: configuration
                        .company()
                        .cloned()
                        .ok_or(StoreError::NotSetUp)?,
                    users,
                    extensions,
                    trunks,
                    e1_trunks: configuration.e1_trunks().to_vec(),
                    analogue_ports: configuration.analogue_ports().to_vec(),
                    audio_files: configuration.audio_files().to_vec(),
                    music_classes: configuration.music_classes().to_vec(),
                    catalogue: configuration.catalogue().clone(),
                    sealed_secrets: sealed_secrets(&transaction)?,
                })
            })
            .await
    }

    /// Replaces the whole configuration by that of a document, in one transaction, journalled as one version. Sets up a
    /// gateway that was not set up. Passwords of trunks come along when this gateway sealed them. Sessions of users whose account is another one now end.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] with every password hash that cannot be used; nothing was changed then.
    pub async fn import(&self, actor: &Actor, export: Export) -> Result<()> {
        check_hashes(&export)?;
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let mut old: HashMap<UserId, (User, String)> = HashMap::new();
                let mut rows = write
                    .connection
                    .prepare_cached("SELECT user, hash FROM user_passwords")?;
                for row in rows.query_map([], |row| {
                    Ok((UserId(row.get(0)?), row.get::<_, String>(1)?))
                })? {
                    let (id, hash) = row?;
                    if let Some(user) = write.configuration.user(id) {
                        old.insert(id, (user.clone(), hash));
                    }
                }
                drop(rows);
                let mut draft = Draft {
                    company: Some(export.company),
                    ..Draft::default()
                };
                let mut passwords = Vec::new();
                for ExportedUser {
                    user,
                    password_hash,
                    agent_pin_hash,
                } in export.users
                {
                    let same = old.remove(&user.id);
                    if !same.as_ref().is_some_and(|(before, hash)| {
                        before.login == user.login && *hash == password_hash
                    }) {
                        write
                            .connection
                            .prepare_cached("DELETE FROM sessions WHERE user = ?1")?
                            .execute([user.id.0])?;
                        passwords.push((user.id, password_hash));
                    }
                    let pin = agent_pin_hash.map(|hash| (user.id, hash));
                    draft.agent_pins.extend(pin);
                    draft.users.insert(user.id, user);
                }
                for ExportedExtension {
                    extension,
                    credential,
                } in export.extensions
                {
                    draft.credentials.insert(extension.id, credential);
                    draft.extensions.insert(extension.id, extension);
                }
                for ExportedTrunk {
                    trunk,
                    sealed_password,
                } in export.trunks
                {
                    let password = sealed_password
                        .as_deref()
                        .and_then(from_hexadecimal)
                        .and_then(|sealed| write.sealer.unseal(trunk.id.0, &sealed));
                    match password {
                        Some(password) => {
                            draft.trunk_passwords.insert(trunk.id, password);
                        }
                        None if sealed_password.is_some() => tracing::warn!(
                            trunk = trunk.name,
                            "the password was sealed by another gateway; enter it again"
                        ),
                        None => {}
                    }
                    draft.trunks.insert(trunk.id, trunk);
                }
                draft.e1_trunks = export
                    .e1_trunks
                    .into_iter()
                    .map(|trunk| (trunk.id, trunk))
                    .collect();
                draft.analogue_ports = export
                    .analogue_ports
                    .into_iter()
                    .map(|port| (port.id, port))
                    .collect();
                draft.audio_files = export
                    .audio_files
                    .into_iter()
                    .map(|file| (file.id, file))
                    .collect();
                draft.music_classes = export
                    .music_classes
                    .into_iter()
                    .map(|class| (class.id, class))
                    .collect();
                draft.catalogue = export.catalogue;
                for SealedSecret { object, sealed } in export.sealed_secrets {
                    let secret = from_hexadecimal(&sealed);
                    match secret.and_then(|sealed| write.sealer.unseal(object, &sealed)) {
                        Some(secret) if draft.catalogue.document(object).is_some() => {
                            draft.secrets.insert(object, secret);
                        }
                        _ => tracing::warn!(
                            object,
                            "the secret was sealed by another gateway; enter it again"
                        ),
                    }
                }
                write.save(&actor, draft, &passwords)
            })
            .await
    }
}

/// The secrets of the catalogue's objects, by id.
fn sealed_secrets(connection: &Connection) -> Result<Vec<SealedSecret>> {
    let mut secrets: Vec<_> = snapshot::sealed_secrets(connection)?
        .into_iter()
        .map(|(object, sealed)| SealedSecret {
            object,
            sealed: hexadecimal(&sealed),
        })
        .collect();
    secrets.sort_by_key(|secret| secret.object);
    Ok(secrets)
}

fn check_hashes(export: &Export) -> Result<()> {
    let mut problems = Problems::default();
    for (index, user) in export.users.iter().enumerate() {
        let password = ("password_hash", Some(&user.password_hash));
        let pin = ("agent_pin_hash", user.agent_pin_hash.as_ref());
        for (field, hash) in [password, pin] {
            if hash.is_none_or(|hash| hasher::is_acceptable(hash)) {
                continue;
            }
            problems.add(
                &format!("users[{index}].{field}"),
                code::INVALID,
                None,
                "must be an Argon2id hash as this product exports it",
            );
        }
    }
    Ok(problems.finish(())?)
}
