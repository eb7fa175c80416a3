//! A change on trial: it stays when somebody confirms it, and goes when nobody does.

use std::fs::DirBuilder;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ramal_model::{Actor, Invalid};
use ramal_store::{Attempt, Origin, Store, StoreError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::sleep;
use utoipa::ToSchema;

use crate::files::{self, CONFIRMED, TRIAL as TRIAL_FILE};
use crate::settings::NetworkSettings;

/// How long a change waits to be confirmed.
pub const TRIAL: Duration = Duration::from_secs(90);
/// Names of the settings in the store.
const SETTINGS: &str = "network";
const REVERTED: &str = "network_reverted";

/// A change on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Trial {
    /// What is tried.
    pub settings: NetworkSettings,
    /// Until when it has to be confirmed, UTC milliseconds.
    pub until: i64,
    /// Who tries it.
    pub by: Actor,
    /// Whoever has it may confirm.
    #[serde(skip)]
    token: String,
}

/// A change that nobody confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reverted {
    /// When it was taken back, UTC milliseconds.
    pub at: i64,
    /// Who tried it.
    pub by: Option<Actor>,
    /// What was tried.
    pub settings: Option<NetworkSettings>,
}

/// Why the network is not changed.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// It cannot be, field by field.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The machine's network is somebody else's.
    #[error(
        "the network of this machine is not the gateway's: change it where the machine is administered"
    )]
    NotManaged,
    /// Another change is on trial.
    #[error("another change waits to be confirmed: confirm it or take it back first")]
    OnTrial,
    /// Nothing is on trial, or not any more, or somebody else's.
    #[error("there is no such change to confirm: it was taken back or confirmed already")]
    NoTrial,
    /// It was confirmed by a way that proves nothing.
    #[error("confirm it at the new address, {0}: that the old one works proves nothing")]
    OldAddress(String),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be written to.
    #[error("the network cannot be changed: {0}")]
    File(#[from] io::Error),
}

/// Handle of the gateway's network; clones share it.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    folder: Option<PathBuf>,
    store: Store,
    state: Mutex<State>,
    reverted: watch::Sender<Option<Reverted>>,
}

struct State {
    confirmed: NetworkSettings,
    trial: Option<Trial>,
}

impl Network {
    /// Opens the folder through which the system is told; none where the machine's network is not the gateway's. What was
    /// on trial when the service ended is taken back.
    ///
    /// # Errors
    /// The store or the folder cannot be used.
    pub async fn open(folder: Option<PathBuf>, store: Store) -> Result<Self, NetworkError> {
        let stored: Option<NetworkSettings> = store.gateway_setting(SETTINGS).await?;
        let reverted = store.gateway_setting::<Option<Reverted>>(REVERTED).await?;
        let network = Self(Arc::new(Inner {
            folder,
            store,
            state: Mutex::new(State {
                confirmed: stored.clone().unwrap_or_default(),
                trial: None,
            }),
            reverted: watch::Sender::new(reverted.flatten()),
        }));
        if let Some(folder) = &network.0.folder {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)?;
            let confirmed = folder.join(CONFIRMED);
            match &stored {
                Some(settings) => drop(write(&confirmed, settings)?),
                None => drop(files::remove(&confirmed)?),
            }
            let trial = folder.join(TRIAL_FILE);
            let tried = files::read(&trial).ok().flatten();
            if files::remove(&trial)? {
                network.say_reverted(None, tried).await?;
            }
        }
        Ok(network)
    }

    /// Whether the machine's network is the gateway's.
    pub fn is_managed(&self) -> bool {
        self.0.folder.is_some()
    }

    /// What is in force, or will be again when nobody confirms the trial.
    pub fn settings(&self) -> NetworkSettings {
        self.state().confirmed.clone()
    }

    /// What is on trial.
    pub fn trial(&self) -> Option<Trial> {
        self.state().trial.clone()
    }

    /// The last change that was taken back, until somebody takes note of it or another one is confirmed.
    pub fn reverted(&self) -> watch::Receiver<Option<Reverted>> {
        self.0.reverted.subscribe()
    }

    /// Tries settings; the token with which they are confirmed.
    ///
    /// # Errors
    /// [`NetworkError::Invalid`], [`NetworkError::NotManaged`], [`NetworkError::OnTrial`].
    pub fn try_out(
        &self,
        settings: NetworkSettings,
        by: Actor,
    ) -> Result<(String, Trial), NetworkError> {
        settings.check()?;
        let folder = self.0.folder.as_ref().ok_or(NetworkError::NotManaged)?;
        let mut octets = [0u8; 16];
        getrandom::fill(&mut octets).map_err(io::Error::other)?;
        let token: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let trial = Trial {
            until: self.0.store.now() + i64::try_from(TRIAL.as_millis()).unwrap_or(i64::MAX),
            settings,
            by,
            token: token.clone(),
        };
        let mut state = self.state();
        if state.trial.is_some() {
            return Err(NetworkError::OnTrial);
        }
        write(&folder.join(TRIAL_FILE), &trial.settings)?;
        state.trial = Some(trial.clone());
        drop(state);
        let (network, known) = (self.clone(), token.clone());
        tokio::spawn(async move {
            sleep(TRIAL).await;
            network.end(|trial| trial.token == known).await;
        });
        Ok((token, trial))
    }

    /// Keeps what is on trial. `reached_at` is the address of the gateway by which whoever confirms came; none for a process
    /// on the gateway itself.
    ///
    /// # Errors
    /// [`NetworkError::NoTrial`], [`NetworkError::OldAddress`].
    pub async fn confirm(
        &self,
        token: &str,
        reached_at: Option<IpAddr>,
    ) -> Result<Actor, NetworkError> {
        let folder = self.0.folder.as_ref().ok_or(NetworkError::NotManaged)?;
        let trial = self.trial().filter(|trial| trial.token == token);
        let trial = trial.ok_or(NetworkError::NoTrial)?;
        let addresses = trial.settings.check()?.addresses();
        if let Some(reached_at) = reached_at.map(|address| address.to_canonical())
            && !addresses.is_empty()
            && !addresses.contains(&reached_at)
        {
            let named: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            return Err(NetworkError::OldAddress(named.join(" or ")));
        }
        self.0
            .store
            .set_gateway_setting(SETTINGS, &trial.settings)
            .await?;
        {
            let mut state = self.state();
            // It may have been taken back meanwhile: then the next start of the service brings it.
            write(&folder.join(CONFIRMED), &trial.settings)?;
            files::remove(&folder.join(TRIAL_FILE))?;
            state.confirmed = trial.settings;
            state.trial = None;
        }
        self.forget_reverted().await?;
        Ok(trial.by)
    }

    /// Takes back what is on trial, at once.
    ///
    /// # Errors
    /// [`NetworkError::NoTrial`].
    pub async fn revert(&self) -> Result<(), NetworkError> {
        match self.end(|_| true).await {
            true => Ok(()),
            false => Err(NetworkError::NoTrial),
        }
    }

    /// Takes note of what was taken back.
    ///
    /// # Errors
    /// Only when the store fails.
    pub async fn forget_reverted(&self) -> Result<(), NetworkError> {
        if self.0.reverted.send_replace(None).is_some() {
            let none: Option<Reverted> = None;
            self.0.store.set_gateway_setting(REVERTED, &none).await?;
        }
        Ok(())
    }

    async fn end(&self, is_meant: impl Fn(&Trial) -> bool) -> bool {
        let Some(folder) = &self.0.folder else {
            return false;
        };
        let trial = {
            let mut state = self.state();
            let Some(trial) = state.trial.take_if(|trial| is_meant(trial)) else {
                return false;
            };
            if let Err(error) = files::remove(&folder.join(TRIAL_FILE)) {
                tracing::error!(%error, "the network cannot be taken back");
            }
            trial
        };
        let said = self
            .say_reverted(Some(trial.by), Some(trial.settings))
            .await;
        if let Err(error) = said {
            tracing::error!(%error, "that the network was taken back is not written down");
        }
        true
    }

    async fn say_reverted(
        &self,
        by: Option<Actor>,
        settings: Option<NetworkSettings>,
    ) -> Result<(), NetworkError> {
        tracing::warn!(
            "nobody confirmed the new network settings: those before are in force again"
        );
        let reverted = Reverted {
            at: self.0.store.now(),
            by,
            settings,
        };
        self.0.store.attempted(Attempt {
            actor: Some(Actor::System),
            origin: Origin {
                address: String::new(),
                method: "DELETE".into(),
                path: "/api/v1/network/trial".into(),
            },
            status: 200,
            problem: String::new(),
            fields: Vec::new(),
        });
        self.0.reverted.send_replace(Some(reverted.clone()));
        Ok(self
            .0
            .store
            .set_gateway_setting(REVERTED, &Some(reverted))
            .await?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(path: &Path, settings: &NetworkSettings) -> io::Result<bool> {
    let text = serde_json::to_string_pretty(settings).map_err(io::Error::other)?;
    files::replace(path, &text, 0o600)
}
