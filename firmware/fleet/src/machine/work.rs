//! What becomes of an action here.

use std::time::Duration;

use tokio::time::Instant;

use super::{Machine, Phase, Step};
use crate::ddi::Finished;
use crate::download::DownloadFault;
use crate::installer::Fate;
use crate::settings::Policy;

// How it goes is always told as `proceeding`: hawkBit takes its finer words, gooseBit does not.

/// The server hears of progress so often at most, and when there is so much more, percent.
const PROGRESS: (Duration, u8) = (Duration::from_secs(10), 5);

impl Machine {
    /// Goes on with what was under way before this start.
    pub(super) fn take_up(&mut self) {
        match self.record.action.as_ref().map(|action| action.phase) {
            // What there is of the file is gone on with.
            Some(Phase::Downloading) => self.set_phase(Phase::Assigned),
            // Whether it was written whole, the updates know: their fate is told as that of one that waits for its start.
            Some(Phase::Installing) => self.set_phase(Phase::Restarting),
            _ => {}
        }
    }

    pub(super) fn progress(&mut self, percent: u8, now: Instant) {
        let (at, told) = self.last_progress.unwrap_or((now, 0));
        let first = self.last_progress.is_none();
        if first || (now - at >= PROGRESS.0 && percent >= told.saturating_add(PROGRESS.1)) {
            self.last_progress = Some((now, percent));
            self.tell("proceeding", vec![format!("Downloaded {percent}%")]);
        }
    }

    pub(super) fn downloaded(&mut self, result: Result<(), DownloadFault>) {
        let phase = self.record.action.as_ref().map(|action| action.phase);
        if phase != Some(Phase::Downloading) {
            return;
        }
        self.last_progress = None;
        match result {
            Ok(()) => {
                self.tell("proceeding", vec!["Downloaded 100%".to_owned()]);
                self.set_phase(Phase::Downloaded);
                if self.may_install {
                    self.install();
                }
            }
            // It is tried again at the next question, from where it broke off.
            Err(DownloadFault::BrokeOff(why)) => {
                self.status.unreachable(why);
                self.set_phase(Phase::Assigned);
            }
            Err(fault) => self.end(Finished::Failure, vec![fault.to_string()]),
        }
    }

    pub(super) fn install(&mut self) {
        self.set_phase(Phase::Installing);
        let install = self.policy == Policy::Install;
        self.steps.push_back(Step::Install { install });
    }

    pub(super) fn installed(&mut self, result: Result<String, String>) {
        match result {
            Ok(version) => {
                if let Some(action) = &mut self.record.action {
                    action.version.clone_from(&version);
                }
                self.set_phase(Phase::Restarting);
                match self.policy {
                    Policy::Install => {
                        let says = format!(
                            "Version {version} is installed over the system that does not run; version {} runs until the restart.",
                            self.running
                        );
                        self.tell("proceeding", vec![says]);
                        self.steps.push_back(Step::Restart);
                    }
                    Policy::Offer => {
                        let says = format!(
                            "Version {version} waits for somebody at the gateway to install it."
                        );
                        self.tell("proceeding", vec![says]);
                    }
                }
            }
            Err(why) => {
                let says = vec![why, format!("Version {} runs.", self.running)];
                self.end(Finished::Failure, says);
            }
        }
    }

    pub(super) fn discarded(&mut self, result: Result<(), String>) {
        let Some((id, feedback)) = self.cancelling.clone() else {
            return;
        };
        match result {
            Ok(()) => {
                let stop = self.record.action.take().map(|action| action.id);
                self.accept_cancel(&id, &stop.unwrap_or_default(), feedback);
            }
            Err(why) => self.reject_cancel(&id, feedback, &why),
        }
    }

    /// What the updates say of the version that was installed.
    pub(super) fn fated(&mut self, fate: Fate, now: Instant) {
        if self.awaited().is_none() {
            return;
        }
        match fate {
            Fate::Open => return,
            Fate::Success { version, from } => {
                let says = format!(
                    "Version {version} runs and has passed its checks; before it was {from}."
                );
                self.running = version;
                self.end(Finished::Success, vec![says]);
            }
            Fate::Failure {
                version,
                from,
                reason,
            } => {
                let says = format!(
                    "Version {version} did not work ({reason}); version {from} runs again."
                );
                self.running = from;
                self.end(Finished::Failure, vec![says]);
            }
            Fate::Cancelled => {
                let says = format!(
                    "It was cancelled at the gateway; version {} runs.",
                    self.running
                );
                self.end(Finished::Failure, vec![says]);
            }
        }
        // With it goes what the gateway is now.
        self.told = false;
        self.hurry(now);
    }
}
