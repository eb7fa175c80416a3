//! The handle that everybody else holds.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::actor::{Actor, Command};
use crate::bundle::Bundle;
use crate::record::Restart;
use crate::refusal::Refusal;
use crate::state::State;
use crate::upload::Upload;

/// So many wishes wait at most.
const COMMANDS: usize = 16;

/// Tells how many calls are up.
pub type Calls = Arc<dyn Fn() -> usize + Send + Sync>;

/// Tells which lines and spans are there.
pub type Equipment = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// What updates need to know of the place they run in.
#[derive(Clone)]
pub struct UpdaterConfig {
    /// Folder on the data partition for the bundle and the record.
    pub folder: PathBuf,
    /// Where `ramal-boot` publishes the boot state.
    pub boot_state: PathBuf,
    /// The file that the system waits for, to restart ([`crate::Order`]).
    pub order: PathBuf,
    /// Version of this program: nothing older is installed.
    pub version: &'static str,
    /// Calls that are up.
    pub calls: Calls,
    /// Lines and spans that are there, by name.
    pub equipment: Equipment,
}

/// Updates of this gateway. Clones are handles of the same.
#[derive(Clone, Debug)]
pub struct Updater {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
}

const ENDED: Refusal = Refusal::Busy("The gateway is stopping: try again in a minute.");

impl Updater {
    /// Reads what was begun before the machine started, and what came of it.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub async fn start(config: UpdaterConfig) -> io::Result<Self> {
        let (commands, queue) = mpsc::channel(COMMANDS);
        let (sender, state) = watch::channel(State::default());
        let actor = Actor::new(config, sender).await?;
        tokio::spawn(actor.run(queue));
        Ok(Self { commands, state })
    }

    /// What is going on; what of it others than this program know, RAUC is asked for.
    pub async fn state(&self) -> State {
        self.ask(Command::Show)
            .await
            .unwrap_or_else(|_| self.state.borrow().clone())
    }

    /// Hears of every change.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Begins to take a bundle. What waited to be installed before gives way to it.
    ///
    /// # Errors
    /// Something else is going on, or there is no room for `expected` octets.
    pub async fn receive(&self, expected: Option<u64>, by: String) -> Result<Upload, Refusal> {
        let begin = |reply| Command::Receive { expected, reply };
        let incoming = self.ask(begin).await??;
        Upload::begin(incoming, self.commands.clone(), expected, by).await
    }

    /// Verifies a bundle that lies on the same disk already, and takes it.
    ///
    /// # Errors
    /// Something else is going on, or it is not one to install here; then it is gone.
    pub async fn take(&self, file: PathBuf, by: String) -> Result<Bundle, Refusal> {
        let octets = tokio::fs::metadata(&file)
            .await
            .map_err(|error| Refusal::Disk(error.to_string()))?
            .len();
        let begin = |reply| Command::Receive {
            expected: None,
            reply,
        };
        let incoming = self.ask(begin).await??;
        if let Err(error) = tokio::fs::rename(&file, &incoming.path).await {
            // Nobody is there to hear of it when this program ends.
            let _ = self.commands.send(Command::Abort).await;
            return Err(Refusal::Disk(error.to_string()));
        }
        self.ask(|reply| Command::Check { octets, by, reply })
            .await?
    }

    /// Installs what waits. Returns when it has begun.
    ///
    /// # Errors
    /// There is nothing, or it failed before and `again` is not set.
    pub async fn install(&self, again: bool, by: String) -> Result<State, Refusal> {
        self.ask(|reply| Command::Install { again, by, reply })
            .await?
    }

    /// Says when the machine starts what was installed.
    ///
    /// # Errors
    /// Nothing is installed.
    pub async fn restart(&self, when: Restart) -> Result<State, Refusal> {
        self.ask(|reply| Command::Restart {
            when: Some(when),
            reply,
        })
        .await?
    }

    /// Takes that back.
    ///
    /// # Errors
    /// Nothing is installed, or it is too late.
    pub async fn keep_running(&self) -> Result<State, Refusal> {
        self.ask(|reply| Command::Restart { when: None, reply })
            .await?
    }

    /// Has the machine start the system before.
    ///
    /// # Errors
    /// There is none that works.
    pub async fn previous(&self, when: Restart, by: String) -> Result<State, Refusal> {
        self.ask(|reply| Command::Previous { when, by, reply })
            .await?
    }

    /// Throws away what waits to be installed, or has the proven system stay when it is installed already.
    ///
    /// # Errors
    /// There is nothing, or it is too late.
    pub async fn discard(&self) -> Result<State, Refusal> {
        self.ask(Command::Discard).await?
    }

    /// Takes note of how the last update ended.
    ///
    /// # Errors
    /// There is none.
    pub async fn acknowledge(&self) -> Result<State, Refusal> {
        self.ask(Command::Acknowledge).await?
    }

    /// Lines and spans that were there when what is on trial was begun, and are not among `now`.
    pub async fn missing(&self, now: &[String]) -> Vec<String> {
        let pending = self.state.borrow().pending.clone();
        pending.map_or_else(Vec::new, |pending| pending.missing(now))
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| ENDED)?;
        answer.await.map_err(|_| ENDED)
    }
}
