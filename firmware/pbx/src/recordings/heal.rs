//! Rows without file and files without row, and recordings that a crash cut off.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use ramal_media::{Recovered, recover};
use ramal_model::{RecordingProblem, RecordingRecord};
use ramal_store::{EndedRecording, NewRecording, Store, StoreError};

use super::{call_of, remove};
use crate::clock::utc_ms;

/// Brings rows and files together. Nothing is recorded meanwhile.
///
/// # Errors
/// The rows cannot be read. What cannot be done about a single recording is logged, and tried again at the next start.
pub(super) async fn heal(store: &Store, folder: &Path) -> Result<(), StoreError> {
    let rows = store.recordings_with_files().await?;
    let mut files = files(folder);
    for row in rows {
        let is_there = files.remove(&row.file);
        if row.ended_at.is_some() && is_there {
            continue;
        }
        let ended = if is_there {
            cut_off(folder.join(&row.file)).await
        } else {
            tracing::warn!(file = row.file, "the file of a recording is gone");
            lost(&row)
        };
        if let Err(error) = store.recording_ended(row.id, ended).await {
            tracing::error!(file = row.file, %error, "a recording could not be healed");
        }
    }
    for file in files {
        if let Err(error) = adopt(store, folder, &file).await {
            tracing::error!(file, %error, "a recording could not be taken up");
        }
    }
    Ok(())
}

/// Names of the files that may be recordings.
fn files(folder: &Path) -> HashSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".wav"))
        .collect()
}

/// Finishes a recording that was being written.
async fn cut_off(path: PathBuf) -> EndedRecording {
    let finished = tokio::task::spawn_blocking(move || {
        let recovered = recover(&path);
        match &recovered {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => remove(&path),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "a recording cannot be finished");
            }
            Ok(_) => {}
        }
        (recovered.ok(), written_at(&path))
    });
    let (recovered, ended_at) = finished.await.unwrap_or_default();
    let Recovered { duration_ms, bytes } = recovered.unwrap_or(Recovered {
        duration_ms: 0,
        bytes: 0,
    });
    EndedRecording {
        ended_at: ended_at.unwrap_or_else(utc_ms),
        duration_ms,
        bytes,
        lost_packets: 0,
        problem: Some(RecordingProblem::Interrupted),
    }
}

fn lost(row: &RecordingRecord) -> EndedRecording {
    EndedRecording {
        ended_at: row.ended_at.unwrap_or_else(utc_ms),
        duration_ms: row.duration_ms.unsigned_abs(),
        bytes: 0,
        lost_packets: row.lost_packets.unsigned_abs(),
        problem: Some(RecordingProblem::FileLost),
    }
}

/// A file that no row names: one is written, unless the recording was deleted.
async fn adopt(store: &Store, folder: &Path, file: &str) -> Result<(), StoreError> {
    let path = folder.join(file);
    if store.recording_of_file(file.to_owned()).await?.is_some() {
        // Deleted, or known to be worth nothing.
        remove(&path);
        return Ok(());
    }
    let Some(call) = call_of(file) else {
        tracing::warn!(file, "not one of our recordings; left alone");
        return Ok(());
    };
    let ended = cut_off(path).await;
    if ended.bytes == 0 {
        return Ok(());
    }
    tracing::warn!(file, "a recording had no row");
    let length = i64::try_from(ended.duration_ms).unwrap_or(0);
    let row = NewRecording {
        call,
        file: file.to_owned(),
        started_at: ended.ended_at - length,
        notice_played_at: None,
        on_demand: false,
    };
    let id = store.recording_started(row).await?;
    store.recording_ended(id, ended).await
}

/// When a file was last written, UTC ms.
fn written_at(path: &Path) -> Option<i64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}
