//! Messages that a crash cut off, rows without file, and files without row.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use ramal_media::{Message, keep_message, recover};
use ramal_model::{Configuration, VoicemailMessage};
use ramal_store::{Store, StoreError};

use super::remove;
use crate::clock::utc_ms;

/// Brings rows and files together. Nobody leaves a message meanwhile.
///
/// # Errors
/// The rows cannot be read. What cannot be done about a single message is logged, and tried again at the next start.
pub(super) async fn heal(
    store: &Store,
    folder: &Path,
    configuration: &Configuration,
) -> Result<(), StoreError> {
    let rows = store.messages_with_files().await?;
    let mut files = files(folder);
    for row in rows {
        let is_there = files.remove(&row.file);
        let healed = match (row.ended_at.is_some(), is_there) {
            (true, true) => continue,
            (true, false) => {
                tracing::warn!(file = row.file, "the sound of a message is gone");
                let lost = store.message_deleted(row.id, "file_lost".to_owned()).await;
                lost.map(|_| ())
            }
            (false, true) => finish(store, folder.join(&row.file), &row, configuration).await,
            (false, false) => store.message_dropped(row.id).await,
        };
        if let Err(error) = healed {
            tracing::error!(file = row.file, %error, "a message could not be healed");
        }
    }
    for file in files {
        // A row comes before its file, and goes only when the message was not wanted.
        remove(&folder.join(file));
    }
    Ok(())
}

/// Keeps a message in the middle of which the gateway stopped, if there is enough of it.
async fn finish(
    store: &Store,
    path: PathBuf,
    row: &VoicemailMessage,
    configuration: &Configuration,
) -> Result<(), StoreError> {
    let finished = tokio::task::spawn_blocking({
        let path = path.clone();
        move || finished(&path)
    });
    let message = match finished.await {
        Ok(Ok(message)) => message,
        Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => Message {
            duration_ms: 0,
            bytes: 0,
        },
        Ok(Err(error)) => {
            tracing::error!(path = %path.display(), %error, "a message cannot be finished");
            return Ok(());
        }
        Err(_) => return Ok(()),
    };
    let mailbox = configuration.catalogue().voicemail_boxes.get(row.mailbox);
    let least = mailbox.map_or(0, |mailbox| mailbox.min_seconds.unsigned_abs() * 1_000);
    if message.bytes == 0 || message.duration_ms < least {
        store.message_dropped(row.id).await?;
        remove(&path);
        return Ok(());
    }
    tracing::warn!(file = row.file, "a message was cut off by the last stop");
    let length = i64::try_from(message.duration_ms).unwrap_or(0);
    let ended_at = row.started_at.saturating_add(length).min(utc_ms());
    store
        .message_kept(row.id, ended_at, message.duration_ms, message.bytes)
        .await?;
    Ok(())
}

fn finished(path: &Path) -> io::Result<Message> {
    match recover(path) {
        Ok(_) => {}
        // Made a message already, when the power failed before its row said so.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
        Err(error) => return Err(error),
    }
    keep_message(path, u64::MAX)
}

/// Names of all files there: nothing else lies in the folder.
fn files(folder: &Path) -> HashSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".wav") || name.ends_with(".part"))
        .collect()
}
