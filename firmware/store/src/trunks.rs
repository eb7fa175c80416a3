//! Trunks and their passwords.

use ramal_model::{Actor, SipTrunk, TrunkId, TrunkInput, ValidTrunk};

use crate::{
    Store,
    catalogue::refuse_used,
    error::{Result, StoreError},
    writer::Write,
};

impl Store {
    /// Adds a trunk.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create_trunk(&self, actor: &Actor, input: TrunkInput) -> Result<SipTrunk> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let id = TrunkId(write.next_id()?);
                let valid = input.validate_new(id, &write.configuration)?;
                save(write, &actor, valid)
            })
            .await
    }

    /// Changes a trunk.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn update_trunk(
        &self,
        actor: &Actor,
        id: TrunkId,
        input: TrunkInput,
    ) -> Result<SipTrunk> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let current = write.configuration.trunk(id).ok_or_else(|| missing(id))?;
                let valid = input.validate_change(current, &write.configuration)?;
                save(write, &actor, valid)
            })
            .await
    }

    /// Deletes a trunk with its password. Its calls stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Referenced`] while a route leads over it.
    pub async fn delete_trunk(&self, actor: &Actor, id: TrunkId) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let mut draft = write.configuration.draft();
                let trunk = draft.trunks.remove(&id).ok_or_else(|| missing(id))?;
                let by = write.configuration.referring_to("trunk", id.0);
                refuse_used("trunk", &trunk.name, &by)?;
                draft.trunk_passwords.remove(&id);
                write.save(&actor, draft, &[])
            })
            .await
    }
}

fn save(write: &mut Write<'_>, actor: &Actor, valid: ValidTrunk) -> Result<SipTrunk> {
    let ValidTrunk { trunk, password } = valid;
    let mut draft = write.configuration.draft();
    match password {
        Some(password) if password.as_str().is_empty() => {
            draft.trunk_passwords.remove(&trunk.id);
        }
        Some(password) => {
            draft.trunk_passwords.insert(trunk.id, password);
        }
        None => {}
    }
    draft.trunks.insert(trunk.id, trunk.clone());
    write.save(actor, draft, &[])?;
    Ok(trunk)
}

fn missing(id: TrunkId) -> StoreError {
    StoreError::not_found("trunk", id)
}
