//! What the fleet needs of the gateway's updates.

use std::path::PathBuf;

use ramal_update::{Refusal, Restart, State, Updater};

/// Takes, installs and starts updates.
pub trait Installer: Clone + Send + Sync + 'static {
    /// Verifies a bundle that lies on the data partition, and takes it; its version.
    fn take(&self, file: PathBuf) -> impl Future<Output = Result<String, Refusal>> + Send;
    /// Begins to install what was taken.
    fn install(&self) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// Says when the machine starts it.
    fn restart(&self, when: Restart) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// Throws it away.
    fn discard(&self) -> impl Future<Output = Result<(), Refusal>> + Send;
    /// How far it is.
    fn state(&self) -> impl Future<Output = State> + Send;
}

/// Who has installed it, in the gateway's own records.
const BY: &str = "fleet";

impl Installer for Updater {
    async fn take(&self, file: PathBuf) -> Result<String, Refusal> {
        let bundle = Updater::take(self, file, BY.to_owned()).await?;
        Ok(bundle.version)
    }

    async fn install(&self) -> Result<(), Refusal> {
        // What failed before is not tried again by itself.
        Updater::install(self, false, BY.to_owned()).await.map(drop)
    }

    async fn restart(&self, when: Restart) -> Result<(), Refusal> {
        Updater::restart(self, when).await.map(drop)
    }

    async fn discard(&self) -> Result<(), Refusal> {
        Updater::discard(self).await.map(drop)
    }

    async fn state(&self) -> State {
        Updater::state(self).await
    }
}

/// What has become of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is not known yet.
    Open,
    /// It has passed its checks.
    Success {
        /// The version that runs.
        version: String,
        /// The one before.
        from: String,
    },
    /// The system before runs.
    Failure {
        /// The version that did not work.
        version: String,
        /// The one that runs.
        from: String,
        /// Why.
        reason: String,
    },
    /// Somebody here has cancelled it.
    Cancelled,
}

impl Fate {
    /// What the state says of the version that was taken, and installed when `installs` is set.
    #[must_use]
    pub fn of(state: &State, version: &str, installs: bool) -> Self {
        let waits = state
            .bundle
            .as_ref()
            .is_some_and(|bundle| bundle.version == version);
        if state.pending.is_some() || (waits && !installs) {
            return Self::Open;
        }
        if waits {
            let running = state.systems.iter().find(|system| system.running);
            return Self::Failure {
                version: version.to_owned(),
                from: running
                    .and_then(|system| system.version.clone())
                    .unwrap_or_default(),
                reason: "the gateway stopped before it was installed".to_owned(),
            };
        }
        let Some(last) = state.last.as_ref().filter(|last| last.version == version) else {
            return Self::Cancelled;
        };
        let (version, from) = (last.version.clone(), last.from.clone());
        match last.success {
            true => Self::Success { version, from },
            false => Self::Failure {
                version,
                from,
                reason: last.reason.clone(),
            },
        }
    }
}
