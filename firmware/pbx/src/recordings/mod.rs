//! Recordings of calls: begun and ended here, found again after a crash ([`heal`]), and let go when their time is over
//! or their room is needed ([`retention`]).

mod heal;
mod retention;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ramal_media::{
    Codec, Finished, MediaError, Recorder, RecorderConfig, Recording, RecordingFailure,
};
use ramal_model::{Alarm, CallId, RecordingId, RecordingProblem, Severity};
use ramal_store::{EndedRecording, NewRecording, Store, StoreError};

use crate::call::Interrupt;
use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::live::{LiveEvent, LiveState};

/// Where recordings are kept.
#[derive(Debug, Clone)]
pub struct RecordingConfig {
    /// The folder; made when it is not there.
    pub folder: PathBuf,
    /// Bytes of its file system that are left to everything else, whatever the settings say.
    pub reserve: u64,
}

/// Alarms of this module.
const DISK_FULL: &str = "recording_disk_full";
const DISK_FAILED: &str = "recording_disk_failed";
const PACKETS_LOST: &str = "recording_packets_lost";
const NO_NOTICE: &str = "recording_no_notice";

/// The recordings of the gateway.
pub(crate) struct Recordings {
    /// `None` where nothing is ever recorded.
    recorder: Option<Recorder>,
    store: Store,
    live: Arc<LiveState>,
    /// Recordings whose end is not written down yet.
    open: AtomicUsize,
}

/// What is known of a recording before it begins.
pub(crate) struct Beginning<'a> {
    pub(crate) call: &'a CallId,
    /// Counts the recordings of the call.
    pub(crate) number: u32,
    pub(crate) codec: Codec,
    pub(crate) notice_played_at: Option<i64>,
    pub(crate) on_demand: bool,
}

impl Recordings {
    pub(crate) fn new(
        config: Option<&RecordingConfig>,
        store: Store,
        live: Arc<LiveState>,
    ) -> Result<Self, MediaError> {
        let recorder = config
            .map(|config| {
                Recorder::start(&RecorderConfig {
                    folder: config.folder.clone(),
                    reserve: config.reserve,
                })
            })
            .transpose()?;
        Ok(Self {
            recorder,
            store,
            live,
            open: AtomicUsize::new(0),
        })
    }

    /// Finds again what a crash left, and looks after age and room from now on.
    pub(crate) async fn start(
        exchange: &Arc<Exchange>,
        config: Option<&RecordingConfig>,
    ) -> Result<(), StoreError> {
        if let Some(config) = config {
            let recordings = &exchange.recordings;
            heal::heal(&recordings.store, &config.folder).await?;
            tokio::spawn(retention::look_after(
                Arc::downgrade(exchange),
                config.clone(),
            ));
        }
        Ok(())
    }

    /// Whether anything can be recorded here.
    pub(crate) fn are_possible(&self) -> bool {
        self.recorder.is_some()
    }

    /// Begins a recording. The call is told when it fails; the end is written down by itself.
    pub(crate) fn begin(exchange: &Arc<Exchange>, beginning: &Beginning<'_>) -> Option<Recording> {
        let recordings = &exchange.recordings;
        let recorder = recordings.recorder.as_ref()?;
        let file = file_name(beginning.call, beginning.number);
        let (recording, end) = recorder.begin(&file, beginning.codec);
        let row = beginning.row(file.clone());
        let path = recorder.folder().join(file);
        recordings.open.fetch_add(1, Ordering::Relaxed);
        let exchange = exchange.clone();
        tokio::spawn(async move {
            let recordings = &exchange.recordings;
            let call = row.call.clone();
            // Without its row the file is found at the next start.
            let id = recordings
                .store
                .recording_started(row)
                .await
                .inspect_err(
                    |error| tracing::error!(%call, %error, "cannot write down a recording"),
                )
                .ok();
            let finished = end.await;
            if let Some(problem) = finished.failure.as_ref().map(problem_of) {
                tracing::error!(%call, ?problem, "a recording ended before its call");
                recordings.alarm(finished.failure.as_ref());
                exchange.interrupt(&call, Interrupt::RecordingFailed(problem));
            }
            if finished.bytes == 0 {
                remove(&path);
            }
            if let Some(id) = id {
                recordings.ended(id, &call, &finished).await;
            }
            recordings.open.fetch_sub(1, Ordering::Relaxed);
        });
        Some(recording)
    }

    async fn ended(&self, id: RecordingId, call: &CallId, finished: &Finished) {
        let ended = EndedRecording {
            ended_at: utc_ms(),
            duration_ms: finished.duration_ms,
            bytes: finished.bytes,
            lost_packets: finished.lost_packets,
            problem: finished.failure.as_ref().map(problem_of),
        };
        match self.store.recording_ended(id, ended).await {
            Ok(()) if finished.bytes > 0 => self.live.announce_now(LiveEvent::RecordingReady {
                recording: id,
                call: call.clone(),
            }),
            Ok(()) => {}
            Err(error) => {
                tracing::error!(%call, %error, "cannot write down the end of a recording")
            }
        }
    }

    /// Writes down why there is no recording.
    pub(crate) fn none(
        exchange: &Arc<Exchange>,
        beginning: &Beginning<'_>,
        problem: RecordingProblem,
    ) {
        let row = beginning.row(file_name(beginning.call, beginning.number));
        if problem == RecordingProblem::NoNotice {
            exchange.live.raise(alarm(NO_NOTICE, Severity::Major));
        }
        let exchange = exchange.clone();
        tokio::spawn(async move {
            let store = &exchange.store;
            let ended = EndedRecording {
                ended_at: row.started_at,
                problem: Some(problem),
                ..EndedRecording::default()
            };
            let written = match store.recording_started(row).await {
                Ok(id) => store.recording_ended(id, ended).await,
                Err(error) => Err(error),
            };
            if let Err(error) = written {
                tracing::error!(%error, "cannot write down why there is no recording");
            }
        });
    }

    /// The notice could be played: it is installed.
    pub(crate) fn notice_is_there(&self) {
        self.live.clear(NO_NOTICE);
    }

    /// Shows that the disk takes no more.
    pub(crate) fn alarm(&self, failure: Option<&RecordingFailure>) {
        match failure {
            Some(RecordingFailure::DiskFull) => {
                self.live.raise(alarm(DISK_FULL, Severity::Critical));
            }
            Some(RecordingFailure::Disk(_) | RecordingFailure::Stopped) => {
                self.live.raise(alarm(DISK_FAILED, Severity::Critical));
            }
            Some(RecordingFailure::TooLong | RecordingFailure::Codec(_)) | None => {}
        }
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.recorder.as_ref().map(Recorder::folder)
    }

    /// Removes a file.
    pub(crate) async fn remove_file(&self, file: &str) {
        if let Some(folder) = self.folder() {
            let path = folder.join(file);
            // Unlinking a large file may take its time.
            let _ = tokio::task::spawn_blocking(move || remove(&path)).await;
        }
    }

    /// Recordings that are not written down to their end.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

impl Beginning<'_> {
    fn row(&self, file: String) -> NewRecording {
        NewRecording {
            call: self.call.clone(),
            file,
            started_at: utc_ms(),
            notice_played_at: self.notice_played_at,
            on_demand: self.on_demand,
        }
    }
}

fn alarm(id: &str, severity: Severity) -> Alarm {
    Alarm {
        id: id.to_owned(),
        since: utc_ms(),
        severity,
        object: String::new(),
        text: id.to_owned(),
        action: format!("{id}_action"),
    }
}

fn problem_of(failure: &RecordingFailure) -> RecordingProblem {
    match failure {
        RecordingFailure::DiskFull => RecordingProblem::DiskFull,
        RecordingFailure::Disk(_) => RecordingProblem::DiskFailed,
        RecordingFailure::TooLong => RecordingProblem::TooLong,
        RecordingFailure::Codec(_) => RecordingProblem::Codec,
        RecordingFailure::Stopped => RecordingProblem::Interrupted,
    }
}

/// Name of the file of a call's recording.
fn file_name(call: &CallId, number: u32) -> String {
    format!("{call}-{number}.wav")
}

/// The call a file of ours is of.
fn call_of(file: &str) -> Option<CallId> {
    let (call, number) = file.strip_suffix(".wav")?.split_once('-')?;
    number.parse::<u32>().ok()?;
    call.parse().ok()
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::error!(path = %path.display(), %error, "cannot remove a recording");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_which_call_it_is_of() {
        let call = CallId::new(1_700_000_000_000, [7; 10]);
        assert_eq!(call_of(&file_name(&call, 3)), Some(call));
        for other in [
            "notes.wav",
            "a-1.wav",
            "01JCZ8Y8M6T5X0K3V9Q4R7N2BD.wav",
            ".wav",
        ] {
            assert_eq!(call_of(other), None, "{other}");
        }
    }
}
