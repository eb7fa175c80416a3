//! What is asked for, and whether that is possible now.

use std::sync::atomic::Ordering;

use super::{Actor, Command, now};
use crate::boot::{BootState, Second};
use crate::bundle::BUNDLE_MAX;
use crate::folder::remove;
use crate::order::Order;
use crate::record::{Kind, Restart};
use crate::refusal::Refusal;
use crate::state::{Phase, State};
use crate::upload::Incoming;

impl Actor {
    pub(super) async fn carry_out(&mut self, command: Command) {
        // Whoever asked may have gone; what was asked for is done all the same.
        match command {
            Command::Show(reply) => {
                self.ask_rauc().await;
                let _ = reply.send(self.describe());
            }
            Command::Receive { expected, reply } => {
                let begun = self.receive(expected).await;
                let began = begun.is_ok();
                if reply.send(begun).is_err() && began {
                    self.abort();
                }
            }
            Command::Abort => self.abort(),
            Command::Check { octets, by, reply } => self.check(octets, by, reply),
            Command::Install { again, by, reply } => {
                let _ = reply.send(self.install(again, by).await);
            }
            Command::Restart { when, reply } => {
                let _ = reply.send(self.restart(when).await);
            }
            Command::Previous { when, by, reply } => {
                let _ = reply.send(self.previous(when, by).await);
            }
            Command::Discard(reply) => {
                let _ = reply.send(self.discard().await);
            }
            Command::Acknowledge(reply) => {
                let _ = reply.send(self.acknowledge().await);
            }
        }
    }

    /// The boot state, where there is one.
    fn boot(&self) -> Result<&BootState, Refusal> {
        self.boot.as_ref().ok_or(Refusal::Unsupported)
    }

    /// Refuses what would disturb something that is going on.
    fn ensure_quiet(&self) -> Result<(), Refusal> {
        self.boot()?;
        Err(Refusal::Busy(match self.phase {
            Phase::Idle | Phase::Ready => return Ok(()),
            Phase::Receiving => {
                "Another update is coming in: wait for it, or stop it where it is sent."
            }
            Phase::Checking => "An update is being verified: wait until that has ended.",
            Phase::Installing => "An update is being installed: wait until that has ended.",
            Phase::Installed => {
                "An update is installed and waits for the restart: restart the gateway, or cancel the update first."
            }
            Phase::Restarting => "The gateway is starting again: wait until it is back.",
            Phase::OnTrial => "The new system is being checked: wait a few minutes.",
        }))
    }

    async fn receive(&mut self, expected: Option<u64>) -> Result<Incoming, Refusal> {
        self.ensure_quiet()?;
        if expected.is_some_and(|expected| expected > BUNDLE_MAX) {
            return Err(Refusal::TooLarge(BUNDLE_MAX));
        }
        if self.record.bundle.take().is_some() {
            remove(&self.folder.bundle());
            self.keep().await?;
            self.rest();
        }
        let room = self
            .folder
            .room()
            .map_err(|error| Refusal::Disk(error.to_string()))?;
        if let Some(needed) = expected.filter(|needed| *needed > room) {
            return Err(Refusal::NoRoom { needed, free: room });
        }
        self.problem = None;
        self.phase = Phase::Receiving;
        self.expected = expected;
        self.received.store(0, Ordering::Relaxed);
        Ok(Incoming {
            path: self.folder.incoming(),
            room,
            received: self.received.clone(),
        })
    }

    /// What was to come does not.
    fn abort(&mut self) {
        if self.phase == Phase::Receiving {
            remove(&self.folder.incoming());
            self.rest();
        }
    }

    async fn install(&mut self, again: bool, by: String) -> Result<State, Refusal> {
        self.ensure_quiet()?;
        let bundle = self.record.bundle.clone().ok_or(Refusal::Nothing(
            "There is no update to install: upload one first.",
        ))?;
        if let Some(failed) = self
            .record
            .failed_before(&bundle.version)
            .filter(|_| !again)
        {
            return Err(Refusal::FailedBefore {
                version: failed.version.clone(),
                reason: failed.reason.clone(),
            });
        }
        self.ask_rauc().await;
        let slot = self.boot()?.other();
        // Before anything is written: whatever happens then, it is known that it was begun.
        let begun = self.begun(Kind::Update, slot, bundle.version, bundle.manifest_hash, by);
        self.record.pending = Some(begun);
        if let Err(refusal) = self.keep().await {
            self.record.pending = None;
            return Err(refusal);
        }
        self.problem = None;
        self.phase = Phase::Installing;
        self.percent.store(0, Ordering::Relaxed);
        self.start_installation();
        Ok(self.describe())
    }

    async fn restart(&mut self, when: Option<Restart>) -> Result<State, Refusal> {
        self.boot()?;
        if self.phase == Phase::Restarting {
            return Err(Refusal::Busy(
                "The gateway is starting again: wait until it is back.",
            ));
        }
        if self.phase != Phase::Installed || self.staying {
            return Err(Refusal::Nothing(
                "Nothing is installed that waits for a restart: install an update first.",
            ));
        }
        if let Some(pending) = &mut self.record.pending {
            pending.restart = when;
        }
        self.quiet = 0;
        self.keep().await?;
        self.look().await;
        Ok(self.describe())
    }

    async fn previous(&mut self, when: Restart, by: String) -> Result<State, Refusal> {
        self.ensure_quiet()?;
        let boot = self.boot()?.clone();
        match boot.second {
            Second::Ready => {}
            Second::Failed => {
                return Err(Refusal::NoWayBack(format!(
                    "it has failed ({})",
                    boot.reason
                )));
            }
            Second::Empty | Second::Trial => {
                return Err(Refusal::NoWayBack(
                    "the other system has never passed its checks".to_owned(),
                ));
            }
        }
        self.ask_rauc().await;
        let version = self
            .systems(&boot)
            .into_iter()
            .find(|system| !system.running)
            .and_then(|system| system.version)
            // The factory's is noted nowhere.
            .unwrap_or_else(|| "factory".to_owned());
        let mut pending = self.begun(Kind::Previous, boot.other(), version, String::new(), by);
        pending.restart = Some(when);
        self.record.pending = Some(pending);
        if let Err(refusal) = self.keep().await {
            self.record.pending = None;
            return Err(refusal);
        }
        self.problem = None;
        self.phase = Phase::Installed;
        self.quiet = 0;
        self.look().await;
        Ok(self.describe())
    }

    async fn discard(&mut self) -> Result<State, Refusal> {
        self.boot()?;
        match self.phase {
            Phase::Ready => {
                self.record.bundle = None;
                remove(&self.folder.bundle());
                self.keep().await?;
                self.rest();
            }
            Phase::Installed if self.is_way_back() => {
                self.record.pending = None;
                self.keep().await?;
                self.rest();
            }
            Phase::Installed => self.order(Order::Stay).await,
            Phase::Idle => return Err(Refusal::Nothing("There is no update to cancel.")),
            Phase::Installing => {
                return Err(Refusal::Busy(
                    "An installation cannot be stopped; the system that runs is not touched: cancel it when it has ended.",
                ));
            }
            Phase::Restarting | Phase::OnTrial => {
                return Err(Refusal::Busy(
                    "It is too late to cancel: wait until the gateway is back, then go back to the system before.",
                ));
            }
            Phase::Receiving | Phase::Checking => self.ensure_quiet()?,
        }
        Ok(self.describe())
    }

    pub(super) fn is_way_back(&self) -> bool {
        let pending = self.record.pending.as_ref();
        pending.is_some_and(|pending| pending.kind == Kind::Previous)
    }

    async fn acknowledge(&mut self) -> Result<State, Refusal> {
        let last = self.record.last.as_mut();
        let last = last.ok_or(Refusal::Nothing("Nothing was updated yet."))?;
        last.acknowledged = true;
        self.problem = None;
        self.keep().await?;
        Ok(self.describe())
    }

    /// Notes how what was begun has ended.
    pub(super) async fn settle(&mut self, reason: Option<&str>) {
        if let Some(pending) = &self.record.pending {
            match reason {
                None => tracing::info!(
                    version = pending.version,
                    from = pending.from,
                    "the update has passed its checks"
                ),
                Some(reason) => tracing::error!(
                    version = pending.version,
                    from = pending.from,
                    reason,
                    "the update did not work; the system before runs"
                ),
            }
        }
        self.record.settle(reason, now());
        self.installed = None;
        self.rest();
        self.keep_or_say().await;
    }
}
