//! The objects that calls are led by, all kinds in the same way.

use std::sync::Arc;

use ramal_model::{Actor, Id, InCatalogue, Number, Object, Secret, Stored, UsedBy, VoicemailBox};
use rusqlite::Connection;

use crate::{
    Store,
    error::{Result, StoreError},
    voicemail::messages_in,
    writer::Write,
};

impl Store {
    /// Adds an object.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create<T: InCatalogue>(&self, actor: &Actor, settings: T) -> Result<Stored<T>> {
        let actor = actor.clone();
        let mut random = [0; 32];
        crate::random(&mut random)?;
        self.writer
            .run(move |write| {
                let mut object = write
                    .configuration
                    .checked(Id::new(write.next_id()?), settings)?;
                let secret = object.settings.take_secret();
                let secret = secret.or_else(|| T::make_secret(random));
                put(write, &actor, object, secret)
            })
            .await
    }

    /// Gives an object other settings.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn replace<T: InCatalogue>(
        &self,
        actor: &Actor,
        id: Id<T>,
        settings: T,
    ) -> Result<Stored<T>> {
        self.update(actor, id, move |_| settings).await
    }

    /// Changes an object as it is at the moment of the change.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn update<T: InCatalogue>(
        &self,
        actor: &Actor,
        id: Id<T>,
        change: impl FnOnce(&T) -> T + Send + 'static,
    ) -> Result<Stored<T>> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let current = T::all(write.configuration.catalogue()).get(id);
                let current = current.ok_or_else(|| StoreError::not_found(T::WORDS, id))?;
                let settings = change(&current.settings);
                let mut object = write.configuration.checked(id, settings)?;
                let secret = object.settings.take_secret();
                put(write, &actor, object, secret)
            })
            .await
    }

    /// Makes an object a new secret.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; kinds that have no secret of the gateway's making are not found either.
    pub async fn renew_secret_of<T: InCatalogue>(
        &self,
        actor: &Actor,
        id: Id<T>,
    ) -> Result<Secret> {
        let actor = actor.clone();
        let mut random = [0; 32];
        crate::random(&mut random)?;
        self.writer
            .run(move |write| {
                let object = T::all(write.configuration.catalogue()).get(id).cloned();
                let secret = object.as_ref().and_then(|_| T::make_secret(random));
                let missing = || StoreError::not_found(T::WORDS, id);
                let (object, secret) = object.zip(secret).ok_or_else(missing)?;
                put(write, &actor, Stored::clone(&object), Some(secret.clone()))?;
                Ok(secret)
            })
            .await
    }

    /// Deletes an object. With `release` a number is taken from those who call with it, too; they call nobody outside then
    /// (F009).
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Referenced`] while something leads to it, or messages lie in it.
    pub async fn delete<T: InCatalogue>(
        &self,
        actor: &Actor,
        id: Id<T>,
        release: bool,
    ) -> Result<Arc<Stored<T>>> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let mut draft = write.configuration.draft();
                let object = T::all_mut(&mut draft.catalogue)
                    .remove(id)
                    .ok_or_else(|| StoreError::not_found(T::WORDS, id))?;
                let mut by = write.configuration.referring_to(T::KIND, id.number());
                if release && T::KIND == Number::KIND {
                    by.retain(|one| one.object != "user");
                    draft.release_number(Id::new(id.number()));
                }
                refuse_used(T::WORDS, object.name(), &by)?;
                if T::KIND == VoicemailBox::KIND {
                    refuse_full(write.connection, id.number(), object.name())?;
                }
                draft.secrets.remove(&id.number());
                write.save(&actor, draft, &[])?;
                Ok(object)
            })
            .await
    }
}

/// Saves an object. Without a secret the one it has stays; a blank one is forgotten.
fn put<T: InCatalogue>(
    write: &mut Write<'_>,
    actor: &Actor,
    object: Stored<T>,
    secret: Option<Secret>,
) -> Result<Stored<T>> {
    let mut draft = write.configuration.draft();
    match secret {
        Some(secret) if secret.as_str().is_empty() => {
            draft.secrets.remove(&object.id.number());
        }
        Some(secret) => {
            draft.secrets.insert(object.id.number(), secret);
        }
        None => {}
    }
    T::all_mut(&mut draft.catalogue).insert(object.clone());
    draft.follow_numbers(&write.configuration);
    write.save(actor, draft, &[])?;
    Ok(object)
}

/// Refuses to delete what something else leads to.
pub(crate) fn refuse_used(object: &'static str, name: &str, by: &[UsedBy]) -> Result<()> {
    if by.is_empty() {
        return Ok(());
    }
    Err(StoreError::Referenced {
        object,
        id: name.to_owned(),
        by: by.iter().map(ToString::to_string).collect(),
    })
}

/// Refuses to delete a voicemail box that holds messages: they would be lost with it.
fn refuse_full(connection: &Connection, id: i64, name: &str) -> Result<()> {
    match messages_in(connection, id)? {
        0 => Ok(()),
        count => Err(StoreError::Referenced {
            object: VoicemailBox::WORDS,
            id: name.to_owned(),
            by: vec![format!("{count} messages in it; delete them first")],
        }),
    }
}
