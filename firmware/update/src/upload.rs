//! A bundle while it comes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};

use crate::actor::Command;
use crate::bundle::{BUNDLE_MAX, Bundle, MAGIC};
use crate::refusal::Refusal;

/// Where a bundle is to come.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The file.
    pub(crate) path: PathBuf,
    /// Octets that it may take.
    pub(crate) room: u64,
    /// Octets that have come.
    pub(crate) received: Arc<AtomicU64>,
}

/// A bundle while it comes. Dropped before [`Upload::finish`], what came is removed.
#[derive(Debug)]
pub struct Upload {
    file: File,
    /// Its first octets, until there are enough to tell what it is.
    head: Vec<u8>,
    incoming: Incoming,
    octets: u64,
    expected: Option<u64>,
    by: String,
    commands: mpsc::Sender<Command>,
    finished: bool,
}

impl Upload {
    pub(crate) async fn begin(
        incoming: Incoming,
        commands: mpsc::Sender<Command>,
        expected: Option<u64>,
        by: String,
    ) -> Result<Self, Refusal> {
        match File::create(&incoming.path).await {
            Ok(file) => Ok(Self {
                file,
                head: Vec::with_capacity(MAGIC.len()),
                incoming,
                octets: 0,
                expected,
                by,
                commands,
                finished: false,
            }),
            Err(error) => {
                // Nobody is there to hear of it when this program ends.
                let _ = commands.send(Command::Abort).await;
                Err(Refusal::Disk(error.to_string()))
            }
        }
    }

    /// Takes the next octets.
    ///
    /// # Errors
    /// It is no bundle, too large, or the disk is full.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), Refusal> {
        let missing = MAGIC.len().saturating_sub(self.head.len());
        self.head.extend(octets.iter().take(missing));
        if !MAGIC.starts_with(&self.head) {
            return Err(Refusal::NoBundle);
        }
        self.octets += octets.len() as u64;
        if self.octets > BUNDLE_MAX {
            return Err(Refusal::TooLarge(BUNDLE_MAX));
        }
        if self.octets > self.incoming.room {
            return Err(Refusal::NoRoom {
                needed: self.octets,
                free: self.incoming.room,
            });
        }
        self.file
            .write_all(octets)
            .await
            .map_err(|error| Refusal::Disk(error.to_string()))?;
        self.incoming.received.store(self.octets, Ordering::Relaxed);
        Ok(())
    }

    /// All has come: verifies it.
    ///
    /// # Errors
    /// It is not one to install here; then it is gone.
    pub async fn finish(mut self) -> Result<Bundle, Refusal> {
        if let Some(expected) = self.expected.filter(|expected| *expected != self.octets) {
            return Err(Refusal::OtherLength {
                expected,
                received: self.octets,
            });
        }
        if self.head.len() < MAGIC.len() {
            return Err(Refusal::NoBundle);
        }
        let on_disk = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        on_disk
            .await
            .map_err(|error| Refusal::Disk(error.to_string()))?;
        let (reply, answer) = oneshot::channel();
        let check = Command::Check {
            octets: self.octets,
            by: std::mem::take(&mut self.by),
            reply,
        };
        self.commands
            .send(check)
            .await
            .map_err(|_| Refusal::BrokeOff)?;
        self.finished = true;
        answer.await.map_err(|_| Refusal::BrokeOff)?
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let commands = self.commands.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Nobody is there to hear of it when this program ends.
                let _ = commands.send(Command::Abort).await;
            });
        }
    }
}
