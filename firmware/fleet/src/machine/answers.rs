//! What the server says.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Action, Asked, Machine, Phase, Step};
use crate::ddi::{self, Base, Deployment, DocumentError, Finished, Permission};
use crate::settings::Policy;

impl Machine {
    pub(super) fn answered(&mut self, asked: Asked, document: &Value, now: Instant) {
        match asked {
            Asked::Base => self.base_came(&Base::read(document), now),
            Asked::Deployment => self.deployment_came(document),
            Asked::Cancel => self.cancel_came(document),
            Asked::ConfigData => self.told = true,
            Asked::Progress => {}
            Asked::Report => {
                self.record.report = None;
                self.keep();
            }
        }
    }

    fn base_came(&mut self, base: &Base, now: Instant) {
        if let Some(sleep) = base.sleep {
            self.pace.set_sleep(sleep, now);
        }
        // After every start, too: a gateway that went back to its old version must say so.
        if !self.told || base.config_data.is_some() {
            let url = base.config_data.clone();
            let url = url.unwrap_or_else(|| format!("{}/configData", self.base));
            let body = ddi::config_data(&self.inventory);
            self.steps
                .push_back(Step::Put(Asked::ConfigData, url, body));
        }
        if let Some(url) = &base.confirmation {
            // Whoever lets the server install has confirmed.
            if self.policy == Policy::Install {
                let body = json!({ "confirmation": "confirmed", "code": 1, "details": [] });
                self.steps
                    .push_back(Step::Post(Asked::Progress, ddi::feedback_url(url), body));
            }
        }
        if let Some(url) = &base.cancel {
            self.cancelling = Some((String::new(), ddi::feedback_url(url)));
            self.steps.push_back(Step::Get(Asked::Cancel, url.clone()));
        } else if let Some(url) = &base.deployment {
            if !self.is_past_return() {
                self.cancelling = None;
                self.deployment_link = Some(ddi::feedback_url(url));
                self.steps
                    .push_back(Step::Get(Asked::Deployment, url.clone()));
            }
        } else if self.may_forget() {
            // The server has taken it back without a word.
            self.forget_action();
        }
    }

    /// Whether an action is under way that cannot be stopped.
    pub(super) fn is_past_return(&self) -> bool {
        let action = self.record.action.as_ref();
        action.is_some_and(|action| matches!(action.phase, Phase::Installing | Phase::Restarting))
    }

    fn may_forget(&self) -> bool {
        self.record.action.is_some() && !self.is_past_return()
    }

    fn forget_action(&mut self) {
        self.record.action = None;
        self.steps.push_back(Step::Abort);
        self.keep();
    }

    fn deployment_came(&mut self, document: &Value) {
        let feedback = self.deployment_link.clone().unwrap_or_default();
        let deployment = match Deployment::read(document) {
            Ok(deployment) => deployment,
            Err(error) => return self.unusable(document, feedback, &error),
        };
        if self.record.ended.as_ref() == Some(&deployment.id) {
            // The server has not taken how it ended, or has forgotten it.
            if self.record.report.is_none() {
                self.told_before(&deployment, feedback);
            }
            return;
        }
        let known = self.record.action.as_ref();
        if known.is_none_or(|action| action.id != deployment.id) {
            if known.is_some() {
                self.steps.push_back(Step::Abort);
            }
            self.record.action = Some(Action {
                id: deployment.id.clone(),
                feedback,
                version: deployment.version.clone(),
                artifact: deployment.artifact.clone(),
                phase: Phase::Assigned,
            });
            self.keep();
            if !deployment.version.is_empty() && deployment.version == self.running {
                let says = format!("Version {} runs already.", self.running);
                return self.end(Finished::Success, vec![says]);
            }
            if let Some(why) = self.failed.get(&deployment.version) {
                let says = format!(
                    "Version {} was tried here and did not work ({why}); version {} runs.",
                    deployment.version, self.running
                );
                return self.end(Finished::Failure, vec![says]);
            }
            self.tell("proceeding", vec!["The roll-out is accepted.".to_owned()]);
        }
        self.go_on(&deployment);
    }

    /// Does what may be done now.
    fn go_on(&mut self, deployment: &Deployment) {
        match self.record.action.as_ref().map(|action| action.phase) {
            Some(Phase::Assigned) if deployment.download != Permission::Skip => {
                self.set_phase(Phase::Downloading);
                self.steps
                    .push_back(Step::Download(deployment.artifact.clone()));
            }
            Some(Phase::Downloaded)
                if deployment.update != Permission::Skip && deployment.window_open =>
            {
                self.install();
            }
            _ => {}
        }
        self.may_install = deployment.update != Permission::Skip && deployment.window_open;
    }

    /// A roll-out that has ended and is offered again: the end is told again.
    fn told_before(&mut self, deployment: &Deployment, feedback: String) {
        let (finished, says) = match deployment.version == self.running {
            true => (Finished::Success, format!("Version {} runs.", self.running)),
            false => (
                Finished::Failure,
                format!(
                    "Version {} was tried and did not work; version {} runs.",
                    deployment.version, self.running
                ),
            ),
        };
        self.report(&deployment.id, feedback, "closed", finished, vec![says]);
    }

    fn unusable(&mut self, document: &Value, feedback: String, error: &DocumentError) {
        let Some(id) = ddi::id_of(document) else {
            self.status.unreachable(error.to_string());
            return;
        };
        if self.record.ended.as_ref() != Some(&id) {
            let says = vec![error.to_string()];
            self.record.action = None;
            self.report(&id, feedback, "closed", Finished::Failure, says);
        }
    }

    fn cancel_came(&mut self, document: &Value) {
        let Some((_, feedback)) = self.cancelling.clone() else {
            return;
        };
        let id = ddi::id_of(document).unwrap_or_default();
        let stop = match &document["cancelAction"]["stopId"] {
            Value::String(stop) => stop.clone(),
            other => other.to_string(),
        };
        let action = self
            .record
            .action
            .as_ref()
            .filter(|action| action.id == stop);
        match action.map(|action| action.phase) {
            Some(Phase::Installing) => self.reject_cancel(&id, feedback, "It is being written."),
            Some(Phase::Restarting) => {
                self.cancelling = Some((id, feedback));
                self.steps.push_back(Step::Discard);
            }
            Some(_) => {
                self.record.action = None;
                self.steps.push_back(Step::Abort);
                self.accept_cancel(&id, &stop, feedback);
            }
            None if self.record.ended.as_ref() == Some(&stop) => {
                self.reject_cancel(&id, feedback, "It has ended.");
            }
            None => self.accept_cancel(&id, &stop, feedback),
        }
    }

    pub(super) fn accept_cancel(&mut self, id: &str, stop: &str, feedback: String) {
        self.cancelling = None;
        self.record.ended = Some(stop.to_owned());
        self.keep();
        let says = vec!["Nothing of it was installed.".to_owned()];
        let body = ddi::feedback(id, "closed", Finished::Success, &says);
        self.status.ended(Finished::None, &says);
        self.steps
            .push_back(Step::Post(Asked::Progress, feedback, body));
    }

    pub(super) fn reject_cancel(&mut self, id: &str, feedback: String, why: &str) {
        self.cancelling = None;
        let says = vec![format!("It is too late to cancel. {why}")];
        let body = ddi::feedback(id, "rejected", Finished::None, &says);
        self.steps
            .push_back(Step::Post(Asked::Progress, feedback, body));
    }

    /// The server says no.
    pub(super) fn refused(
        &mut self,
        asked: Asked,
        status: u16,
        retry_after: Option<u64>,
        now: Instant,
    ) {
        let wait = retry_after.map(Duration::from_secs);
        match (status, asked) {
            // The action is gone: nobody wants to hear of it, or have it done.
            (404 | 410, Asked::Report) => {
                self.record.report = None;
                self.keep();
            }
            (404 | 410, Asked::Deployment) | (410, Asked::Progress) => {
                self.pace.reached();
                if self.may_forget() {
                    self.forget_action();
                }
            }
            (_, Asked::Progress) if status != 429 => {}
            (401 | 403 | 404, Asked::Base) => {
                let why = match status {
                    404 => "the server does not know this gateway",
                    _ => "the server refuses the token",
                };
                self.status.refused(format!("{why} (HTTP {status})"));
                self.pace.failed(now, wait);
            }
            _ => {
                self.status
                    .unreachable(format!("the server answers HTTP {status}"));
                self.steps.retain(|step| !matches!(step, Step::Get(..)));
                self.pace.failed(now, wait);
            }
        }
    }
}
