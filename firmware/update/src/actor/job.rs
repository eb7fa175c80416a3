//! What takes long: verifying and installing. It runs beside the actor and ends with a [`Done`].

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::{Actor, Reply, now};
use crate::boot::{BootState, Second};
use crate::bundle::{Bundle, is_newer_or_same};
use crate::folder::remove;
use crate::rauc::{Inspected, Rauc};
use crate::refusal::Refusal;
use crate::state::Phase;

/// How often it is looked how far an installation is that an earlier run of this program began.
const LOOK: Duration = Duration::from_secs(2);

/// How it ended.
#[derive(Debug)]
pub(super) enum Done {
    Checked {
        found: Result<Inspected, Refusal>,
        octets: u64,
        by: String,
        reply: Reply<Bundle>,
    },
    Installed(Result<(), Refusal>),
}

impl Actor {
    /// Asks RAUC what lies in both systems, unless that is known.
    pub(super) async fn ask_rauc(&mut self) {
        // While it writes it has other things to do.
        if self.boot.is_none() || self.installed.is_some() || self.phase == Phase::Installing {
            return;
        }
        let asked = async { Rauc::connect().await?.systems().await }.await;
        match asked {
            Ok(installed) => self.installed = Some(installed),
            Err(refusal) => tracing::warn!(%refusal, "RAUC does not say what is installed"),
        }
    }

    pub(super) fn check(&mut self, octets: u64, by: String, reply: Reply<Bundle>) {
        if self.phase != Phase::Receiving {
            let _ = reply.send(Err(Refusal::BrokeOff));
            return;
        }
        self.phase = Phase::Checking;
        let (path, least) = (self.folder.incoming(), self.config.version);
        let done = self.done.clone();
        tokio::spawn(async move {
            let found = inspect(path, least).await;
            let ended = Done::Checked {
                found,
                octets,
                by,
                reply,
            };
            // Fails when this program ends.
            let _ = done.send(ended).await;
        });
    }

    pub(super) fn start_installation(&mut self) {
        let (path, percent) = (self.folder.bundle(), self.percent.clone());
        let done = self.done.clone();
        tokio::spawn(async move {
            let install = async {
                let rauc = Rauc::connect().await?;
                rauc.install(&path, |now| {
                    percent.store(now.into(), Ordering::Relaxed);
                })
                .await
            };
            let ended = install.await;
            // Fails when this program ends; the next one looks itself.
            let _ = done.send(Done::Installed(ended)).await;
        });
    }

    /// Waits for an installation that an earlier run of this program has begun.
    pub(super) fn await_installation(&mut self) {
        let (boot_state, percent) = (self.config.boot_state.clone(), self.percent.clone());
        let done = self.done.clone();
        tokio::spawn(async move {
            let ended = ended_installation(boot_state, |now| {
                percent.store(now.into(), Ordering::Relaxed);
            })
            .await;
            let _ = done.send(Done::Installed(ended)).await;
        });
    }

    pub(super) async fn note(&mut self, done: Done) {
        match done {
            Done::Checked {
                found,
                octets,
                by,
                reply,
            } => {
                let taken = self.take(found, octets, by).await;
                if taken.is_err() {
                    remove(&self.folder.incoming());
                    self.record.bundle = None;
                }
                self.rest();
                let _ = reply.send(taken);
            }
            Done::Installed(Ok(())) => {
                self.reread();
                self.record.bundle = None;
                remove(&self.folder.bundle());
                if let Some(pending) = &mut self.record.pending {
                    pending.installed = true;
                    tracing::info!(version = pending.version, "an update is installed");
                }
                self.installed = None;
                self.phase = Phase::Installed;
                self.percent.store(100, Ordering::Relaxed);
                self.keep_or_say().await;
            }
            Done::Installed(Err(refusal)) => {
                tracing::error!(%refusal, "an update was not installed");
                self.reread();
                // It is not the version's fault: it may be tried again.
                if let Some(pending) = self.record.pending.take() {
                    self.record.last = Some(pending.ended(Some(&refusal.to_string()), now()));
                }
                self.installed = None;
                self.problem = Some(refusal.to_string());
                self.rest();
                self.keep_or_say().await;
            }
        }
    }

    async fn take(
        &mut self,
        found: Result<Inspected, Refusal>,
        octets: u64,
        by: String,
    ) -> Result<Bundle, Refusal> {
        let found = found?;
        let disk = |error: io::Error| Refusal::Disk(error.to_string());
        std::fs::rename(self.folder.incoming(), self.folder.bundle()).map_err(disk)?;
        let bundle = Bundle {
            version: found.version,
            manifest_hash: found.manifest_hash,
            octets,
            at: now(),
            by,
        };
        self.record.bundle = Some(bundle.clone());
        self.keep().await?;
        Ok(bundle)
    }
}

/// What the bundle is, if it is one to install here.
async fn inspect(path: PathBuf, least: &str) -> Result<Inspected, Refusal> {
    let rauc = Rauc::connect().await?;
    let found = rauc.inspect(&path).await?;
    let gateway = rauc.compatible().await?;
    if found.compatible != gateway {
        return Err(Refusal::OtherGateway {
            bundle: found.compatible,
            gateway,
        });
    }
    if !is_newer_or_same(&found.version, least) {
        return Err(Refusal::TooOld {
            bundle: found.version,
            least: least.to_owned(),
        });
    }
    Ok(found)
}

async fn ended_installation(boot_state: PathBuf, progress: impl Fn(u8)) -> Result<(), Refusal> {
    let rauc = Rauc::connect().await?;
    while let Some(percent) = rauc.progress().await? {
        progress(percent);
        sleep(LOOK).await;
    }
    let boot = BootState::read(&boot_state).map_err(|error| Refusal::Disk(error.to_string()))?;
    match boot.map(|boot| boot.second) {
        // The last thing an installation does.
        Some(Second::Trial) => Ok(()),
        _ => Err(Refusal::Rauc("it was interrupted".to_owned())),
    }
}
