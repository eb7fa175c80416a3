//! Settings of analogue ports.

use ramal_model::{Actor, AnaloguePort, AnaloguePortId, PortSettings};

use crate::{
    Store,
    error::{Result, StoreError},
};

impl Store {
    /// Gives a port these settings in place of those it had.
    ///
    /// # Errors
    /// [`StoreError::NotSetUp`], [`StoreError::Invalid`].
    pub async fn set_analogue_port(
        &self,
        actor: &Actor,
        port: String,
        settings: PortSettings,
    ) -> Result<AnaloguePort> {
        let actor = actor.clone();
        self.writer
            .run(move |write| {
                if !write.configuration.is_set_up() {
                    return Err(StoreError::NotSetUp);
                }
                let id = match write.configuration.analogue_port(&port) {
                    Some(before) => before.id,
                    None => {
                        AnaloguePort::room(write.configuration.analogue_ports().len())?;
                        AnaloguePortId(write.next_id()?)
                    }
                };
                let port = AnaloguePort::validated(id, &port, settings, &write.configuration)?;
                let mut draft = write.configuration.draft();
                draft.analogue_ports.insert(id, port.clone());
                write.save(&actor, draft, &[])?;
                Ok(port)
            })
            .await
    }
}
