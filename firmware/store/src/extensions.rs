//! Extensions and their secrets.

use ramal_model::{
    Actor, DigestCredential, Extension, ExtensionChange, ExtensionId, NewExtension, Secret,
    generate_secret,
};

use crate::{
    Store,
    error::{Result, StoreError},
};

impl Store {
    /// Adds an extension. The secret is shown once and only its digests are stored.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create_extension(
        &self,
        actor: &Actor,
        new: NewExtension,
    ) -> Result<(Extension, Secret)> {
        let actor = actor.clone();
        let secret = new_secret()?;
        self.writer
            .run(move |write| {
                let id = ExtensionId(write.next_id()?);
                let extension = new.validate(id, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft
                    .credentials
                    .insert(id, DigestCredential::new(&extension.number, &secret));
                draft.extensions.insert(id, extension.clone());
                write.save(&actor, draft, &[])?;
                Ok((extension, secret))
            })
            .await
    }

    /// Changes an extension. A new number comes with a new secret, because digest authentication hashes both together; what
    /// led to it by the old number leads to it by the new one.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn update_extension(
        &self,
        actor: &Actor,
        id: ExtensionId,
        change: ExtensionChange,
    ) -> Result<(Extension, Option<Secret>)> {
        let actor = actor.clone();
        let secret = new_secret()?;
        self.writer
            .run(move |write| {
                let current = write
                    .configuration
                    .extension(id)
                    .ok_or_else(|| missing(id))?;
                let extension = change.validate(current, &write.configuration)?;
                let renumbered = extension.number != current.number;
                let mut draft = write.configuration.draft();
                if renumbered {
                    draft
                        .credentials
                        .insert(id, DigestCredential::new(&extension.number, &secret));
                }
                draft.extensions.insert(id, extension.clone());
                draft.follow_numbers(&write.configuration);
                write.save(&actor, draft, &[])?;
                Ok((extension, renumbered.then_some(secret)))
            })
            .await
    }

    /// Deletes an extension with its secret and its registrations. Its calls stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Referenced`] while something leads to it.
    pub async fn delete_extension(&self, actor: &Actor, id: ExtensionId) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let mut draft = write.configuration.draft();
                let extension = draft.extensions.remove(&id).ok_or_else(|| missing(id))?;
                draft.credentials.remove(&id);
                let sip = draft
                    .trunks
                    .values()
                    .filter(|trunk| trunk.extensions().any(|used| used == id))
                    .map(|trunk| &trunk.name);
                let e1 = draft
                    .e1_trunks
                    .values()
                    .filter(|trunk| trunk.extensions().any(|used| used == id))
                    .map(|trunk| &trunk.name);
                let users = draft
                    .users
                    .values()
                    .filter(|user| user.extension == Some(id));
                let telephones = write.configuration.telephones(id);
                let used_by = write.configuration.referring_to("extension", id.0);
                let by: Vec<String> = sip
                    .chain(e1)
                    .map(|name| format!("trunk {name}"))
                    .chain(users.map(|user| format!("user {}", user.login)))
                    .chain(telephones.map(|port| format!("line {}", port.port)))
                    .chain(used_by.iter().map(ToString::to_string))
                    .collect();
                if !by.is_empty() {
                    return Err(StoreError::Referenced {
                        object: "extension",
                        id: extension.number,
                        by,
                    });
                }
                write.save(&actor, draft, &[])
            })
            .await
    }

    /// Gives an extension a new secret. Phones that know the old one are refused from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn regenerate_secret(&self, actor: &Actor, id: ExtensionId) -> Result<Secret> {
        let actor = actor.clone();
        let secret = new_secret()?;
        self.writer
            .run(move |write| {
                let mut draft = write.configuration.draft();
                let extension = draft.extensions.get(&id).ok_or_else(|| missing(id))?;
                draft
                    .credentials
                    .insert(id, DigestCredential::new(&extension.number, &secret));
                write.save(&actor, draft, &[])?;
                Ok(secret)
            })
            .await
    }
}

fn missing(id: ExtensionId) -> StoreError {
    StoreError::not_found("extension", id)
}

pub(crate) fn new_secret() -> Result<Secret> {
    let mut failed = None;
    let secret = generate_secret(&mut |bytes| match crate::random(bytes) {
        Ok(()) => {}
        Err(error) => {
            // Any bytes end the loop; the secret made of them is thrown away.
            (0u8..).zip(bytes).for_each(|(value, byte)| *byte = value);
            failed = Some(error);
        }
    });
    failed.map_or(Ok(secret), Err)
}
