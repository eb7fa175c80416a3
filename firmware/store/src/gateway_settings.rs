//! Settings of the gateway as a machine: a document by name, neither versioned nor exported. What they mean is the
//! business of who asks for them.

use rusqlite::{OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Store, error::Result};

impl Store {
    /// The settings of this name; `None` when there never were any.
    ///
    /// # Errors
    /// Only when the database fails, or the document is another one than asked for.
    pub async fn gateway_setting<T>(&self, name: &'static str) -> Result<Option<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        self.readers
            .run(move |connection| {
                let document: Option<String> = connection
                    .prepare_cached("SELECT document FROM gateway_settings WHERE name = ?1")?
                    .query_row([name], |row| row.get(0))
                    .optional()?;
                Ok(document
                    .map(|document| serde_json::from_str(&document))
                    .transpose()?)
            })
            .await
    }

    /// Replaces the settings of this name.
    ///
    /// # Errors
    /// [`crate::StoreError::DiskFull`] and other failures to write.
    pub async fn set_gateway_setting<T: Serialize>(
        &self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        let document = serde_json::to_string(value)?;
        self.writer
            .run(move |write| {
                write.connection.execute(
                    "INSERT INTO gateway_settings (name, document) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET document = excluded.document",
                    params![name, document],
                )?;
                Ok(())
            })
            .await
    }
}
