//! How the store itself is: its copies, what was recovered, what is wrong with it.

use ramal_model::Actor;
use rusqlite::params;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::{
    Store,
    backup::Backup,
    error::{Result, StoreError},
    recovery::{self, Recovery},
};

/// An object that this version of the program cannot read. It stays in the database, and nothing else of it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnreadObject {
    /// Kind of object.
    pub kind: String,
    /// Its id.
    pub id: i64,
    /// What cannot be read.
    pub problem: String,
}

/// How the store is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StorageState {
    /// The newest recovery that nobody has taken note of.
    pub recovery: Option<Recovery>,
    /// Damage that was found while the gateway runs; it is repaired at the next start.
    pub damage: Option<String>,
    /// Why the last copy could not be made.
    pub backup_problem: Option<String>,
    /// Objects that cannot be read.
    pub unread: Vec<UnreadObject>,
}

impl Store {
    /// How the store is, and of every change of that.
    pub fn storage(&self) -> watch::Receiver<StorageState> {
        self.keeper.state.subscribe()
    }

    /// The copies of the database on the gateway, the newest first.
    ///
    /// # Errors
    /// When the store is closed.
    pub async fn backups(&self) -> Result<Vec<Backup>> {
        let backups = self.keeper.backups.clone();
        // The folder is read where reading may take its time.
        self.readers.run(move |_| Ok(backups.list())).await
    }

    /// Copies the settings now.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and other failures to write.
    pub async fn back_up(&self) -> Result<Backup> {
        self.keeper.back_up().await
    }

    /// What was recovered from, the newest first; a hundred at most.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn recoveries(&self) -> Result<Vec<Recovery>> {
        self.readers.run(recovery::list).await
    }

    /// Takes note of a recovery, so that there is no alarm of it any more. Who took note of it first stays.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn acknowledge_recovery(&self, actor: &Actor, id: i64) -> Result<()> {
        let actor = serde_json::to_string(actor)?;
        let newest = self
            .writer
            .run(move |write| {
                let changed = write.connection.execute(
                    "UPDATE recoveries SET acknowledged_by = iif(acknowledged_at IS NULL, ?2, acknowledged_by),
                            acknowledged_at = coalesce(acknowledged_at, ?3) WHERE id = ?1",
                    params![id, actor, write.now],
                )?;
                if changed == 0 {
                    return Err(StoreError::not_found("recovery", id));
                }
                unacknowledged(write.connection)
            })
            .await?;
        self.keeper
            .state
            .send_modify(|state| state.recovery = newest);
        Ok(())
    }
}

/// The newest recovery that nobody has taken note of.
pub(crate) fn unacknowledged(connection: &rusqlite::Connection) -> Result<Option<Recovery>> {
    let all = recovery::list(connection)?;
    Ok(all.into_iter().find(|one| one.acknowledged_at.is_none()))
}
