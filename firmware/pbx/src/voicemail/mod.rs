//! Voicemail: the messages of all boxes, begun and kept here, found again after a crash ([`heal`]), let go when their time
//! is over ([`retention`]), and counted for the lamps of those whose they are ([`lamps`]).
//!
//! What callers and owners of boxes hear is in `call::voicemail`.

mod heal;
mod lamps;
mod retention;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ramal_media::{Codec, MediaError, Recorder, RecorderConfig, Recording, RecordingEnd};
use ramal_model::{
    CallId, ExtensionId, Id, MessagesWaiting, VoicemailBox, VoicemailMessage, VoicemailMessageId,
};
use ramal_store::{MessageMarks, Store, StoreError};
use tokio::sync::Notify;

use self::lamps::Waiting;
use crate::exchange::Exchange;
use crate::live::{LiveEvent, LiveState};
use crate::recordings::RecordingConfig;

/// The messages of the gateway.
pub(crate) struct Voicemail {
    /// `None` where no messages are taken.
    recorder: Option<Recorder>,
    store: Store,
    live: Arc<LiveState>,
    /// What waits for whom, for lamps.
    waiting: Mutex<Waiting>,
    /// Some box holds other messages than before.
    changed: Arc<Notify>,
    /// Messages that are being left or kept.
    open: AtomicUsize,
}

/// A message counts as open until this is dropped.
pub(crate) struct Open(Arc<Exchange>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.voicemail.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Voicemail {
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
            waiting: Mutex::default(),
            changed: Arc::default(),
            open: AtomicUsize::new(0),
        })
    }

    /// Finds again what a crash left, and looks after age and lamps from now on.
    pub(crate) async fn start(exchange: &Arc<Exchange>) -> Result<(), StoreError> {
        let voicemail = &exchange.voicemail;
        if let Some(recorder) = &voicemail.recorder {
            let configuration = exchange.configuration.borrow().clone();
            heal::heal(&voicemail.store, recorder.folder(), &configuration).await?;
            tokio::spawn(retention::look_after(Arc::downgrade(exchange)));
        }
        lamps::count(exchange).await?;
        tokio::spawn(lamps::look_after(
            Arc::downgrade(exchange),
            voicemail.changed.clone(),
            exchange.configuration.clone(),
        ));
        Ok(())
    }

    /// Begins to record somebody into a new file of this name; none where no messages are taken.
    pub(crate) fn record(&self, file: &str, codec: Codec) -> Option<(Recording, RecordingEnd)> {
        Some(self.recorder.as_ref()?.begin(file, codec))
    }

    /// Shutting down waits for what is open.
    pub(crate) fn opened(exchange: &Arc<Exchange>) -> Open {
        exchange.voicemail.open.fetch_add(1, Ordering::Relaxed);
        Open(exchange.clone())
    }

    /// Messages that are being left or kept.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Where the files are.
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.recorder.as_ref().map(Recorder::folder)
    }

    /// The file of a message.
    pub(crate) fn path(&self, message: &VoicemailMessage) -> Option<PathBuf> {
        Some(self.folder()?.join(&message.file))
    }

    /// A message lies in its box from now on.
    pub(crate) fn arrived(&self, message: VoicemailMessage) {
        self.changed.notify_one();
        self.live.announce_now(LiveEvent::VoicemailNew {
            message: Box::new(message),
        });
    }

    /// Marks a message, and shows that where it lies.
    pub(crate) async fn mark(
        &self,
        id: VoicemailMessageId,
        marks: MessageMarks,
        by: String,
    ) -> Result<VoicemailMessage, StoreError> {
        let message = self.store.mark_message(id, marks, by).await?;
        self.change(&message);
        Ok(message)
    }

    /// Deletes a message with its sound; its row says by whom.
    pub(crate) async fn delete(
        &self,
        id: VoicemailMessageId,
        by: String,
    ) -> Result<VoicemailMessage, StoreError> {
        let message = self.store.message_deleted(id, by).await?;
        if let Some(path) = self.path(&message) {
            // Unlinking may take its time.
            let _ = tokio::task::spawn_blocking(move || remove(&path)).await;
        }
        self.change(&message);
        Ok(message)
    }

    /// Puts a copy of a message into another box.
    pub(crate) async fn forward(
        &self,
        message: &VoicemailMessage,
        to: Id<VoicemailBox>,
        by: String,
    ) -> Result<(), ForwardError> {
        let file = file_name(&message.call);
        if let (Some(from), Some(folder)) = (self.path(message), self.folder()) {
            let copy = folder.join(&file);
            let folder = folder.to_owned();
            // One sound under two names: neither message depends on the other.
            let linked = tokio::task::spawn_blocking(move || {
                std::fs::hard_link(from, copy)?;
                std::fs::File::open(folder)?.sync_all()
            });
            linked.await.map_err(io::Error::other)??;
        }
        let copy = self
            .store
            .message_forwarded(message.id, to, file, by)
            .await?;
        self.arrived(copy);
        Ok(())
    }

    fn change(&self, message: &VoicemailMessage) {
        self.changed.notify_one();
        let changed = LiveEvent::VoicemailChanged {
            message: Box::new(message.clone()),
        };
        self.live.announce_now(changed);
    }

    /// Has it counted anew what waits: there may be other lamps.
    pub(crate) fn count_again(&self) {
        self.changed.notify_one();
    }

    /// What waits for an extension in all its boxes.
    pub(crate) fn waiting(&self, extension: ExtensionId) -> MessagesWaiting {
        // Whole at any moment: only exchanged as a whole.
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.of(extension)
    }
}

/// Why a message was not forwarded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the sound cannot be copied: {0}")]
    File(#[from] io::Error),
}

/// A name for the file of a message left in this call.
pub(crate) fn file_name(call: &CallId) -> String {
    format!("{call}-{:08x}.wav", rand::random::<u32>())
}

pub(crate) fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::error!(path = %path.display(), %error, "cannot remove a message");
        }
        _ => {}
    }
}
