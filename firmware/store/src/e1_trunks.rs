//! E1 trunks.

use ramal_model::{Actor, E1Trunk, E1TrunkId, E1TrunkInput};

use crate::{
    Store,
    catalogue::refuse_used,
    error::{Result, StoreError},
};

impl Store {
    /// Adds an E1 trunk.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub async fn create_e1_trunk(&self, actor: &Actor, input: E1TrunkInput) -> Result<E1Trunk> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let id = E1TrunkId(write.next_id()?);
                let trunk = input.validate_new(id, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.e1_trunks.insert(id, trunk.clone());
                write.save(&actor, draft, &[])?;
                Ok(trunk)
            })
            .await
    }

    /// Changes an E1 trunk.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Invalid`].
    pub async fn update_e1_trunk(
        &self,
        actor: &Actor,
        id: E1TrunkId,
        input: E1TrunkInput,
    ) -> Result<E1Trunk> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let current = write
                    .configuration
                    .e1_trunk(id)
                    .ok_or_else(|| missing(id))?;
                let trunk = input.validate_change(current, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.e1_trunks.insert(id, trunk.clone());
                write.save(&actor, draft, &[])?;
                Ok(trunk)
            })
            .await
    }

    /// Deletes an E1 trunk. Its past calls stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Referenced`] while a route leads over it.
    pub async fn delete_e1_trunk(&self, actor: &Actor, id: E1TrunkId) -> Result<()> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                let mut draft = write.configuration.draft();
                let trunk = draft.e1_trunks.remove(&id).ok_or_else(|| missing(id))?;
                let by = write.configuration.referring_to("trunk", id.0);
                refuse_used("E1 trunk", &trunk.name, &by)?;
                write.save(&actor, draft, &[])
            })
            .await
    }
}

fn missing(id: E1TrunkId) -> StoreError {
    StoreError::not_found("E1 trunk", id)
}
