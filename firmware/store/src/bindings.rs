//! Registrations, kept so that phones are reachable right after a restart.

use ramal_model::{Binding, ExtensionId};
use rusqlite::params;

use crate::{Store, error::Result};

impl Store {
    /// Removes bindings and writes others or their renewal, in this order and in one go.
    ///
    /// A binding whose extension does not exist (any more) is left out; one to remove that does not exist is removed
    /// already.
    ///
    /// # Errors
    /// Only when the database fails; then nothing was changed.
    pub async fn write_bindings(
        &self,
        removed: Vec<(ExtensionId, String)>,
        saved: Vec<Binding>,
    ) -> Result<()> {
        self.writer
            .run(move |write| {
                let mut remove = write
                    .connection
                    .prepare_cached("DELETE FROM bindings WHERE extension = ?1 AND contact = ?2")?;
                for (extension, contact) in removed {
                    remove.execute(params![extension.0, contact])?;
                }
                let mut save = write.connection.prepare_cached(
                    "INSERT OR REPLACE INTO bindings
                     (extension, contact, source, transport, user_agent, call_id, cseq, registered_at, expires_at,
                      instance, reg_id, path)
                     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
                     WHERE EXISTS (SELECT 1 FROM objects WHERE id = ?1)",
                )?;
                for binding in saved {
                    save.execute(params![
                        binding.extension.0,
                        binding.contact,
                        binding.source,
                        binding.transport,
                        binding.user_agent,
                        binding.call_id,
                        binding.cseq,
                        binding.registered_at,
                        binding.expires_at,
                        binding.instance,
                        binding.reg_id,
                        binding.path
                    ])?;
                }
                Ok(())
            })
            .await
    }

    /// All bindings that have not expired.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn bindings(&self) -> Result<Vec<Binding>> {
        let now = self.now();
        self.writer.run_if_idle(move |write| {
            write
                .connection
                .prepare_cached("DELETE FROM bindings WHERE expires_at <= ?1")?
                .execute([now])?;
            Ok(())
        });
        self.readers
            .run(move |connection| {
                let mut rows = connection.prepare_cached(
                    "SELECT extension, contact, source, transport, user_agent, call_id, cseq, registered_at, expires_at,
                            instance, reg_id, path
                     FROM bindings WHERE expires_at > ?1 ORDER BY extension, registered_at",
                )?;
                let bindings = rows.query_map([now], |row| {
                    Ok(Binding {
                        extension: ExtensionId(row.get(0)?),
                        contact: row.get(1)?,
                        source: row.get(2)?,
                        transport: row.get(3)?,
                        user_agent: row.get(4)?,
                        call_id: row.get(5)?,
                        cseq: row.get(6)?,
                        registered_at: row.get(7)?,
                        expires_at: row.get(8)?,
                        instance: row.get(9)?,
                        reg_id: row.get(10)?,
                        path: row.get(11)?,
                    })
                })?;
                Ok(bindings.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}
