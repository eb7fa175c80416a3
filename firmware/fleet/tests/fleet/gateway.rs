//! A gateway without two systems on its disk: it takes a bundle as `ramald` does, but the other system is a file, and it starts
//! again when the test says so. Everything above that is the product's own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use ramal_fleet::{Authentication, Fleet, FleetConfig, Installer, Policy, Secret, Settings};
use ramal_update::{
    Failed, Health, Kind, Outcome, Pending, Phase, Refusal, Restart, Slot, State, System,
};
use tempfile::TempDir;
use tokio::time::sleep;

/// Longest wait for anything that should happen soon.
const SOON: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    ordered: Arc<Mutex<Option<Restart>>>,
}

/// The version that a bundle of the tests brings: it stands behind `version=`.
fn version_in(file: &Path) -> Option<String> {
    let content = std::fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&content);
    let (_, rest) = text.split_once("version=")?;
    Some(rest.lines().next()?.trim().to_owned())
}

impl Installer for Disk {
    async fn take(&self, file: PathBuf) -> Result<String, Refusal> {
        let version = version_in(&file);
        std::fs::remove_file(&file).map_err(|error| Refusal::Disk(error.to_string()))?;
        let version = version.ok_or(Refusal::NoBundle)?;
        self.state.lock().unwrap().bundle = Some(ramal_update::Bundle {
            version: version.clone(),
            manifest_hash: String::new(),
            octets: 0,
            at: 0,
            by: "fleet".into(),
        });
        Ok(version)
    }

    async fn install(&self) -> Result<(), Refusal> {
        let mut state = self.state.lock().unwrap();
        let bundle = state.bundle.take().ok_or(Refusal::Nothing("nothing"))?;
        let failed = state.failed_versions.iter();
        if let Some(failed) = failed.into_iter().find(|one| one.version == bundle.version) {
            return Err(Refusal::FailedBefore {
                version: failed.version.clone(),
                reason: failed.reason.clone(),
            });
        }
        let from = state.systems[0].version.clone().unwrap();
        state.pending = Some(Pending {
            kind: Kind::Update,
            version: bundle.version,
            manifest_hash: String::new(),
            from,
            slot: Slot::B,
            at: 0,
            by: "fleet".into(),
            restart: None,
            equipment: Vec::new(),
            installed: true,
        });
        state.phase = Phase::Installed;
        Ok(())
    }

    async fn restart(&self, when: Restart) -> Result<(), Refusal> {
        *self.ordered.lock().unwrap() = Some(when);
        Ok(())
    }

    async fn discard(&self) -> Result<(), Refusal> {
        let mut state = self.state.lock().unwrap();
        (state.bundle, state.pending, state.phase) = (None, None, Phase::Idle);
        Ok(())
    }

    async fn state(&self) -> State {
        self.state.lock().unwrap().clone()
    }
}

pub struct Gateway {
    folder: TempDir,
    disk: Disk,
    fleet: Option<Fleet>,
    settings: Settings,
}

impl Gateway {
    /// A gateway of version 1.0.0 whose fleet's server is at `server`.
    pub async fn new(server: &str, tenant: &str, policy: Policy) -> Self {
        let system = System {
            slot: Slot::A,
            version: Some("1.0.0".into()),
            installed_at: None,
            health: Health::Proven,
            reason: String::new(),
            running: true,
        };
        let state = State {
            supported: true,
            systems: vec![system],
            ..State::default()
        };
        let settings = Settings {
            enabled: true,
            server: server.into(),
            tenant: tenant.into(),
            controller: "RML000007".into(),
            authentication: Authentication::TargetToken,
            token: Secret::new("s3cret".into()),
            policy,
            window: None,
        };
        settings.check().unwrap();
        let mut gateway = Self {
            folder: tempfile::tempdir().unwrap(),
            disk: Disk {
                state: Arc::new(Mutex::new(state)),
                ordered: Arc::default(),
            },
            fleet: None,
            settings,
        };
        gateway.boot().await;
        gateway
    }

    /// Starts the program, as after a power cut.
    pub async fn boot(&mut self) {
        // It ends with its last handle, wherever it is.
        self.fleet = None;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let config = FleetConfig {
            folder: self.folder.path().join("update"),
            tls,
            serial: "RML000007".into(),
            inventory: Arc::new(|| {
                [("hw_boardname", "ramal-test"), ("hw_revision", "default")]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into()
            }),
            time_zone: Arc::new(|| TimeZone::UTC),
        };
        let fleet = Fleet::start(config, self.disk.clone()).unwrap();
        fleet.set(self.settings.clone()).await.unwrap();
        self.fleet = Some(fleet);
    }

    pub fn status(&self) -> ramal_fleet::Status {
        self.fleet.as_ref().unwrap().status()
    }

    /// When the machine was told to start again.
    pub fn ordered(&self) -> Option<Restart> {
        *self.disk.ordered.lock().unwrap()
    }

    /// The machine starts again; the checks of the new system end like this.
    pub async fn restart(&mut self, reason: Option<&str>) {
        self.disk.ordered.lock().unwrap().take().unwrap();
        {
            let mut state = self.disk.state.lock().unwrap();
            let pending = state.pending.take().unwrap();
            if let Some(reason) = reason {
                state.failed_versions.push(Failed {
                    version: pending.version.clone(),
                    manifest_hash: String::new(),
                    reason: reason.into(),
                    at: 0,
                });
            } else {
                state.systems[0].version = Some(pending.version.clone());
            }
            state.last = Some(Outcome {
                success: reason.is_none(),
                ..pending.ended(reason, 0)
            });
            state.phase = Phase::Idle;
        }
        self.boot().await;
    }

    /// The version that runs.
    pub fn version(&self) -> String {
        let state = self.disk.state.lock().unwrap();
        state.systems[0].version.clone().unwrap()
    }

    /// Waits until `condition` holds.
    pub async fn until(&self, what: &str, condition: impl AsyncFn(&Self) -> bool) {
        let end = tokio::time::Instant::now() + SOON;
        while !condition(self).await {
            let status = self.status();
            assert!(
                tokio::time::Instant::now() < end,
                "{what} does not happen: {status:?}"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}
