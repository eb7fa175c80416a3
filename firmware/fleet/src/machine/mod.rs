//! The client without I/O: what to do next, and what to make of what came of it.

mod answers;
mod pace;
pub mod status;
mod work;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use self::pace::Pace;
use self::status::Status;
use crate::ddi::{self, Artifact, Finished};
use crate::download::DownloadFault;
use crate::installer::Fate;
use crate::settings::Policy;

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It waits until it may be downloaded.
    Assigned,
    /// Its file comes.
    Downloading,
    /// Its file is there and waits until it may be installed.
    Downloaded,
    /// It is installed: there is no way to stop that.
    Installing,
    /// It is installed, or waits for somebody here to install it; the machine has to start again.
    Restarting,
}

/// What the server wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its id.
    pub id: String,
    /// Where it is told how it goes.
    pub feedback: String,
    /// The version it brings, as the server calls it, and from when it was verified as the bundle does.
    pub version: String,
    /// The file.
    pub artifact: Artifact,
    /// How far it is.
    pub phase: Phase,
}

/// A report that the server has not taken yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    url: String,
    body: Value,
}

/// What must survive a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What is being done.
    pub action: Option<Action>,
    /// The last action that has ended: it is not begun again.
    pub ended: Option<String>,
    /// How it ended, until the server has taken that.
    pub report: Option<Report>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// What there is.
    Base,
    /// A roll-out.
    Deployment,
    /// An action that is to be cancelled.
    Cancel,
    /// What is told of the gateway.
    ConfigData,
    /// How it goes; lost when it is not taken.
    Progress,
    /// How it ended; told until it is taken.
    Report,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ask for a document.
    Get(Asked, String),
    /// Send one to its place.
    Put(Asked, String, Value),
    /// Send one.
    Post(Asked, String, Value),
    /// Write down what must survive a restart, before anything else.
    Keep(Record),
    /// Bring the file; what there is of it is gone on with.
    Download(Artifact),
    /// Stop bringing it, and remove what came.
    Abort,
    /// Verify what was brought and install it, or only verify it.
    Install {
        /// Whether it is installed, too.
        install: bool,
    },
    /// Have the machine start what was installed.
    Restart,
    /// Throw away what was installed and has not been started, or waits for it.
    Discard,
    /// Nothing until then.
    Wait(Instant),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// The server has answered with success.
    Answer(Asked, Value),
    /// The server has answered with this status, and perhaps with how many seconds to wait.
    Refused(Asked, u16, Option<u64>),
    /// It has not answered.
    Unreachable(Asked, String),
    /// So much of the file has come, 0 to 100.
    Progress(u8),
    /// The file is there, or cannot be brought.
    Downloaded(Result<(), DownloadFault>),
    /// It is verified (with its version), and installed if that was wanted; or why not.
    Installed(Result<String, String>),
    /// What was installed is thrown away, or why not.
    Discarded(Result<(), String>),
    /// What has become of what was installed.
    Fate(Fate),
}

/// The client.
#[derive(Debug)]
pub struct Machine {
    base: String,
    policy: Policy,
    /// The version that runs.
    running: String,
    inventory: BTreeMap<String, String>,
    /// Versions that did not work here, and why.
    failed: BTreeMap<String, String>,
    record: Record,
    steps: VecDeque<Step>,
    pace: Pace,
    /// The gateway has been told of since this start.
    told: bool,
    /// A cancellation that the server has asked for: id of its document and where the answer goes.
    cancelling: Option<(String, String)>,
    /// Where feedback about the roll-out goes whose document was asked for.
    deployment_link: Option<String>,
    /// Whether what is downloaded may be installed at once.
    may_install: bool,
    /// When the server last heard of a download, and how much it was.
    last_progress: Option<(Instant, u8)>,
    status: Status,
}

impl Machine {
    /// A client that asks at `base` and goes on with `record`. `serial` decides when it asks first.
    #[must_use]
    pub fn new(
        base: String,
        policy: Policy,
        running: String,
        serial: &str,
        record: Record,
        now: Instant,
    ) -> Self {
        let mut machine = Self {
            base,
            policy,
            running,
            inventory: BTreeMap::new(),
            failed: BTreeMap::new(),
            record,
            steps: VecDeque::new(),
            pace: Pace::new(serial, now),
            told: false,
            cancelling: None,
            deployment_link: None,
            may_install: false,
            last_progress: None,
            status: Status::default(),
        };
        machine.take_up();
        machine
    }

    /// What the server is told of the gateway the next time.
    pub fn set_inventory(&mut self, inventory: BTreeMap<String, String>) {
        self.inventory = inventory;
    }

    /// Versions that did not work here, and why: they are not fetched again.
    pub fn set_failed(&mut self, failed: BTreeMap<String, String>) {
        self.failed = failed;
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            action: self.record.action.as_ref().map(|action| action.id.clone()),
            version: self
                .record
                .action
                .as_ref()
                .map(|action| action.version.clone()),
            phase: self.record.action.as_ref().map(|action| action.phase),
            ..self.status.clone()
        }
    }

    /// The version whose fate is to be told, when one was installed.
    #[must_use]
    pub fn awaited(&self) -> Option<&str> {
        let action = self.record.action.as_ref();
        action
            .filter(|action| action.phase == Phase::Restarting)
            .map(|action| action.version.as_str())
    }

    /// What to do next.
    pub fn next(&mut self, now: Instant) -> Step {
        if let Some(step) = self.steps.pop_front() {
            return step;
        }
        if !self.pace.is_due(now) {
            return Step::Wait(self.pace.next());
        }
        self.pace.asked(now);
        if let Some(report) = self.record.report.clone() {
            // First of all: it is what the server waits for.
            self.steps
                .push_back(Step::Get(Asked::Base, self.base.clone()));
            return Step::Post(Asked::Report, report.url, report.body);
        }
        Step::Get(Asked::Base, self.base.clone())
    }

    /// Asks as soon as possible.
    pub fn hurry(&mut self, now: Instant) {
        self.pace.hurry(now);
    }

    /// Takes in what came of a step.
    pub fn news(&mut self, news: News, now: Instant) {
        match news {
            News::Answer(asked, document) => {
                self.pace.reached();
                self.status.reached();
                self.answered(asked, &document, now);
            }
            News::Refused(asked, status, retry_after) => {
                self.refused(asked, status, retry_after, now)
            }
            News::Unreachable(asked, why) => {
                self.status.unreachable(why);
                if asked != Asked::Progress {
                    self.steps.retain(|step| !matches!(step, Step::Get(..)));
                    self.pace.failed(now, None);
                }
            }
            News::Progress(percent) => self.progress(percent, now),
            News::Downloaded(result) => self.downloaded(result),
            News::Installed(result) => self.installed(result),
            News::Discarded(result) => self.discarded(result),
            News::Fate(fate) => self.fated(fate, now),
        }
    }

    fn set_phase(&mut self, phase: Phase) {
        if let Some(action) = &mut self.record.action {
            action.phase = phase;
        }
        self.keep();
    }

    fn keep(&mut self) {
        self.steps.push_back(Step::Keep(self.record.clone()));
    }

    /// Tells how the action goes.
    fn tell(&mut self, execution: &str, details: Vec<String>) {
        let Some(action) = &self.record.action else {
            return;
        };
        let body = ddi::feedback(&action.id, execution, Finished::None, &details);
        let url = action.feedback.clone();
        self.steps.push_back(Step::Post(Asked::Progress, url, body));
    }

    /// The action has ended; the server is told until it takes it.
    fn end(&mut self, finished: Finished, details: Vec<String>) {
        let Some(action) = self.record.action.take() else {
            return;
        };
        self.report(&action.id, action.feedback, "closed", finished, details);
    }

    fn report(
        &mut self,
        id: &str,
        url: String,
        execution: &str,
        finished: Finished,
        details: Vec<String>,
    ) {
        self.status.ended(finished, &details);
        self.record.ended = Some(id.to_owned());
        let body = ddi::feedback(id, execution, finished, &details);
        self.record.report = Some(Report {
            url: url.clone(),
            body: body.clone(),
        });
        self.keep();
        self.steps.push_back(Step::Post(Asked::Report, url, body));
    }
}

/// The longest pause between two looks of whoever drives the machine.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
