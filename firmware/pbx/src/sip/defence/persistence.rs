//! Bans outlive a restart: what changes is written to the store behind the agent's back, and taken up again.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ramal_store::{BannedSource, Store, StoredBan};
use tokio::sync::{mpsc, watch};

use super::sources::{BanReason, CAPACITY, LONGEST_BAN, network};
use super::{Defence, accounts, sources};
use crate::clock::Now;

/// Batches of changes that may wait to be written; the next one is not made before there is room.
const BATCHES: usize = 4;

/// Bans to be removed from the store and to be written.
#[derive(Debug, Default)]
pub(crate) struct BanChanges {
    removed: Vec<BannedSource>,
    saved: Vec<StoredBan>,
}

#[cfg(test)]
impl BanChanges {
    pub(super) fn removed(&self) -> &[BannedSource] {
        &self.removed
    }

    pub(super) fn saved(&self) -> &[StoredBan] {
        &self.saved
    }
}

/// What the defence knows from before a restart, and where it says what changes.
pub(crate) struct Memory {
    /// Bans in force and earlier ones.
    pub(crate) bans: Vec<StoredBan>,
    /// Sources of phones that are registered.
    pub(crate) proved: Vec<IpAddr>,
    /// To the task that writes changes.
    pub(crate) changes: mpsc::Sender<BanChanges>,
}

impl Memory {
    /// Reads the bans, and writes their changes until the memory is dropped; `running` is held until all is written.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn open(
        store: Store,
        proved: Vec<IpAddr>,
        running: watch::Receiver<bool>,
    ) -> ramal_store::Result<Self> {
        let bans = store
            .bans(u32::try_from(CAPACITY).unwrap_or(u32::MAX))
            .await?;
        let (changes, mut queue) = mpsc::channel::<BanChanges>(BATCHES);
        tokio::spawn(async move {
            let _running = running;
            while let Some(BanChanges { removed, saved }) = queue.recv().await {
                if let Err(error) = store.write_bans(removed, saved).await {
                    // They hold all the same; only a restart would forget them.
                    tracing::warn!(%error, "cannot store bans");
                }
            }
        });
        Ok(Self {
            bans,
            proved,
            changes,
        })
    }
}

/// Whose bans have changed since they were written last.
#[derive(Debug, Default)]
pub(super) struct Unwritten(HashSet<BannedSource>);

impl Unwritten {
    /// Notes a change; `account` is empty for the whole source.
    pub(super) fn note(&mut self, source: IpAddr, account: &str) {
        // A flood faster than the disk: what does not fit is forgotten at a restart.
        if self.0.len() < CAPACITY {
            self.0.insert(BannedSource {
                address: network(source).to_string(),
                account: account.to_owned(),
            });
        }
    }
}

impl Defence {
    /// Takes up what was known before a restart.
    pub(in crate::sip) fn restore(&mut self, now: Now, bans: &[StoredBan], proved: &[IpAddr]) {
        for ban in bans {
            let (Ok(address), Some(reason)) =
                (ban.source.address.parse(), BanReason::named(&ban.reason))
            else {
                continue;
            };
            let until = instant(now, ban.until);
            if ban.source.account.is_empty() {
                self.sources
                    .restore(address, sources::Banned::stored(ban, reason, until));
            } else {
                let banned = accounts::Banned::stored(ban, until);
                self.accounts
                    .restore(address, &ban.source.account, banned, ban.count);
            }
        }
        for &source in proved {
            self.sources.proved(now.instant, source);
        }
    }

    /// Whether there are changes to be written.
    pub(in crate::sip) fn has_unwritten(&self) -> bool {
        !self.unwritten.0.is_empty()
    }

    /// The changes to be written; they count as written then.
    pub(in crate::sip) fn take_unwritten(&mut self) -> BanChanges {
        let mut changes = BanChanges::default();
        for source in std::mem::take(&mut self.unwritten.0) {
            let Ok(address) = source.address.parse() else {
                continue;
            };
            let ban = match source.account.is_empty() {
                true => self.sources.ban_of(address),
                false => self.accounts.ban_of(address, &source.account),
            };
            match ban {
                Some(ban) => changes.saved.push(StoredBan {
                    source,
                    reason: ban.reason.name().to_owned(),
                    since: ban.since,
                    until: ban.until,
                    count: ban.count,
                }),
                None => changes.removed.push(source),
            }
        }
        changes
    }
}

/// A stored time on the clock that never jumps. One set back must not make a ban last for ever.
fn instant(now: Now, utc_ms: i64) -> Instant {
    let left = utc_ms.saturating_sub(now.utc_ms);
    let apart = Duration::from_millis(left.unsigned_abs());
    if left > 0 {
        now.instant + apart.min(LONGEST_BAN)
    } else {
        now.instant.checked_sub(apart).unwrap_or(now.instant)
    }
}
