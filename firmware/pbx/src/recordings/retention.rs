//! Recordings go when they are too old, and the oldest when room is needed.

use std::io;
use std::path::Path;
use std::sync::Weak;
use std::time::Duration;

use ramal_media::free_space;
use ramal_model::{RecordingRecord, Severity};
use ramal_store::StoreError;
use tokio::time::{Instant, sleep};

use super::{DISK_FULL, PACKETS_LOST, RecordingConfig, alarm};
use crate::clock::utc_ms;
use crate::exchange::Exchange;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// Lost packets are shown for this long after the last one.
const LOSS_SHOWN: Duration = Duration::from_secs(3600);
/// Deletions between two looks at the room that is left.
const AT_A_TIME: usize = 20;
const DAY_MS: i64 = 86_400_000;

/// Looks after the recordings for as long as the exchange lives.
pub(super) async fn look_after(exchange: Weak<Exchange>, config: RecordingConfig) {
    let mut lost = 0;
    let mut lost_at = None;
    while let Some(exchange) = exchange.upgrade() {
        if let Err(error) = let_go(&exchange, &config).await {
            tracing::error!(%error, "old recordings cannot be deleted");
        }
        let now_lost = exchange
            .recordings
            .recorder
            .as_ref()
            .map_or(0, ramal_media::Recorder::lost_packets);
        if now_lost > lost {
            (lost, lost_at) = (now_lost, Some(Instant::now()));
            exchange.live.raise(alarm(PACKETS_LOST, Severity::Warning));
        } else if lost_at.is_some_and(|at| at.elapsed() > LOSS_SHOWN) {
            lost_at = None;
            exchange.live.clear(PACKETS_LOST);
        }
        drop(exchange);
        sleep(EVERY).await;
    }
}

/// Why room could not be made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the room on the disk is not known: {0}")]
    Space(#[from] io::Error),
}

/// Deletes what is too old, and then the oldest until enough is free.
async fn let_go(exchange: &Exchange, config: &RecordingConfig) -> Result<(), Failure> {
    let settings = {
        let configuration = exchange.configuration.borrow();
        configuration
            .company()
            .map(|company| company.recording.clone())
            .unwrap_or_default()
    };
    if settings.keep_days > 0 {
        let oldest = utc_ms() - i64::from(settings.keep_days) * DAY_MS;
        loop {
            let old = exchange.store.recordings_before(oldest).await?;
            if old.is_empty() {
                break;
            }
            for recording in &old {
                delete(exchange, recording, "age").await?;
            }
        }
    }
    loop {
        let free = free_space(&config.folder)?;
        if free >= config.reserve {
            exchange.live.clear(DISK_FULL);
        }
        let share = total(&config.folder)? / 100 * u64::from(settings.min_free_percent);
        if free >= share.max(config.reserve) {
            return Ok(());
        }
        let oldest = exchange.store.recordings_before(i64::MAX).await?;
        if oldest.is_empty() {
            return Ok(());
        }
        for recording in oldest.iter().take(AT_A_TIME) {
            delete(exchange, recording, "space").await?;
        }
    }
}

async fn delete(
    exchange: &Exchange,
    recording: &RecordingRecord,
    rule: &str,
) -> Result<(), StoreError> {
    tracing::info!(file = recording.file, rule, "recording deleted");
    // The row first: a file that is left over is found at the next start, a row without file would be a loss.
    let deleted = exchange
        .store
        .recording_deleted(recording.id, rule.to_owned(), None)
        .await;
    match deleted {
        // Somebody was faster.
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(error),
    }
    exchange.recordings.remove_file(&recording.file).await;
    Ok(())
}

fn total(folder: &Path) -> io::Result<u64> {
    let space = nix::sys::statvfs::statvfs(folder)?;
    // Their types differ between machines.
    #[allow(clippy::unnecessary_cast, reason = "u32 on some machines")]
    Ok(space.blocks() as u64 * space.fragment_size() as u64)
}
