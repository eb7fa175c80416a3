//! Bans, kept so that a restart does not forgive whoever guesses passwords.

use rusqlite::params;

use crate::{Store, error::Result};

/// How long a ban that is over is kept: the next one of the same source lasts longer.
pub const BAN_MEMORY_MS: i64 = 7 * 86_400_000;

/// Whom a ban is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BannedSource {
    /// The IP address; of an IPv6 network (/64) its first one.
    pub address: String,
    /// The only account that is refused there; empty when nothing from the address is answered.
    pub account: String,
}

/// A ban in force, or one that still counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBan {
    /// Whom it is for.
    pub source: BannedSource,
    /// Why, as the API says it.
    pub reason: String,
    /// When it began, UTC milliseconds since the epoch.
    pub since: i64,
    /// When it ends, UTC milliseconds since the epoch.
    pub until: i64,
    /// Which ban of this source it is, counted from 1.
    pub count: u32,
}

impl Store {
    /// Removes the bans of some sources and writes others, in this order and in one go.
    ///
    /// # Errors
    /// Only when the database fails; then nothing was changed.
    pub async fn write_bans(
        &self,
        removed: Vec<BannedSource>,
        saved: Vec<StoredBan>,
    ) -> Result<()> {
        self.writer
            .run(move |write| {
                let mut remove = write
                    .connection
                    .prepare_cached("DELETE FROM bans WHERE address = ?1 AND account = ?2")?;
                for BannedSource { address, account } in removed {
                    remove.execute(params![address, account])?;
                }
                let mut save = write.connection.prepare_cached(
                    "INSERT OR REPLACE INTO bans (address, account, reason, began_at, ends_at, count)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?;
                for ban in saved {
                    save.execute(params![
                        ban.source.address,
                        ban.source.account,
                        ban.reason,
                        ban.since,
                        ban.until,
                        ban.count
                    ])?;
                }
                Ok(())
            })
            .await
    }

    /// All bans that are in force or still count, the newest `limit` of them; older ones are forgotten.
    ///
    /// # Errors
    /// Only when the database fails.
    pub async fn bans(&self, limit: u32) -> Result<Vec<StoredBan>> {
        let oldest = self.now() - BAN_MEMORY_MS;
        self.writer.run_if_idle(move |write| {
            write
                .connection
                .prepare_cached("DELETE FROM bans WHERE ends_at <= ?1")?
                .execute([oldest])?;
            Ok(())
        });
        self.readers
            .run(move |connection| {
                let mut rows = connection.prepare_cached(
                    "SELECT address, account, reason, began_at, ends_at, count
                     FROM bans WHERE ends_at > ?1 ORDER BY ends_at DESC LIMIT ?2",
                )?;
                let bans = rows.query_map(params![oldest, limit], |row| {
                    Ok(StoredBan {
                        source: BannedSource {
                            address: row.get(0)?,
                            account: row.get(1)?,
                        },
                        reason: row.get(2)?,
                        since: row.get(3)?,
                        until: row.get(4)?,
                        count: row.get(5)?,
                    })
                })?;
                Ok(bans.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}
