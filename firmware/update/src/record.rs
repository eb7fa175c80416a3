//! What must be known after the machine has started again: what was begun, and what came of it.
//!
//! It is a file of its own and not in the database: the system before, which comes back when an update does not work, has to
//! read it whatever the update has made of the database.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::boot::{BootState, Second, Slot};
use crate::bundle::Bundle;

/// So many versions that failed are remembered.
const FAILED: usize = 32;

/// What was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = UpdateKind)]
pub enum Kind {
    /// An update was installed.
    Update,
    /// Back to the system before.
    Previous,
}

/// When the machine starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "when", rename_all = "snake_case")]
#[schema(as = UpdateRestart)]
pub enum Restart {
    /// At once; calls are ended.
    Now,
    /// As soon as no call is up. Calls go on until then, and new ones are taken.
    Idle,
    /// As soon as no call is up after this moment.
    At {
        /// UTC milliseconds.
        time: i64,
    },
}

/// A system that has been made ready and not passed its checks yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PendingUpdate)]
pub struct Pending {
    /// What was begun.
    pub kind: Kind,
    /// The version that is to run.
    pub version: String,
    /// SHA-256 of the bundle's manifest; blank for the system before.
    #[serde(default)]
    pub manifest_hash: String,
    /// The version that ran.
    pub from: String,
    /// Where it lies.
    pub slot: Slot,
    /// Since when, UTC milliseconds.
    pub at: i64,
    /// By whom.
    pub by: String,
    /// When the machine starts again; null when nobody has said.
    #[serde(default)]
    pub restart: Option<Restart>,
    /// Lines and spans that were there when it was begun; they have to be there in the new system, too.
    #[serde(default)]
    pub equipment: Vec<String>,
    /// Whether it is written whole; else the installation was begun and not ended.
    #[serde(default)]
    pub installed: bool,
}

/// What the boot state says of something that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The machine has not started it yet.
    Waits,
    /// It runs and is checked.
    OnTrial,
    /// It has passed its checks.
    Proven,
    /// It was given up, and why.
    Failed(String),
}

impl Pending {
    /// What has become of it.
    #[must_use]
    pub fn fate(&self, boot: &BootState) -> Fate {
        if boot.proven == self.slot {
            return Fate::Proven;
        }
        if boot.running == self.slot {
            return Fate::OnTrial;
        }
        match boot.second {
            Second::Trial => Fate::Waits,
            // It becomes the one on trial only when the machine is told to start again.
            Second::Ready if self.kind == Kind::Previous => Fate::Waits,
            Second::Failed if !boot.reason.is_empty() => Fate::Failed(boot.reason.clone()),
            Second::Failed | Second::Empty | Second::Ready => {
                Fate::Failed("the new system was given up before it could be checked".to_owned())
            }
        }
    }

    /// What was there when it was begun and is not among `now`.
    #[must_use]
    pub fn missing(&self, now: &[String]) -> Vec<String> {
        let gone = self.equipment.iter().filter(|one| !now.contains(one));
        gone.cloned().collect()
    }

    /// How it ended.
    #[must_use]
    pub fn ended(&self, reason: Option<&str>, at: i64) -> Outcome {
        Outcome {
            kind: self.kind,
            version: self.version.clone(),
            from: self.from.clone(),
            success: reason.is_none(),
            reason: reason.unwrap_or_default().to_owned(),
            at,
            by: self.by.clone(),
            acknowledged: reason.is_none(),
        }
    }
}

/// How an update, or a way back, ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = UpdateOutcome)]
pub struct Outcome {
    /// What it was.
    pub kind: Kind,
    /// The version that was to run.
    pub version: String,
    /// The version that ran before, and runs again after a failure.
    pub from: String,
    /// Whether it passed its checks.
    pub success: bool,
    /// Why not; blank after a success.
    pub reason: String,
    /// When that was known, UTC milliseconds.
    pub at: i64,
    /// Who had begun it.
    pub by: String,
    /// Whether somebody has taken note; a success needs nobody to.
    pub acknowledged: bool,
}

/// A version that did not work here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = FailedVersion)]
pub struct Failed {
    /// The version.
    pub version: String,
    /// SHA-256 of its bundle's manifest.
    pub manifest_hash: String,
    /// What was wrong.
    pub reason: String,
    /// When, UTC milliseconds.
    pub at: i64,
}

/// All that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Waits to be installed.
    pub bundle: Option<Bundle>,
    /// Waits for its checks.
    pub pending: Option<Pending>,
    /// How the last one ended.
    pub last: Option<Outcome>,
    /// What did not work, the latest first.
    pub failed: VecDeque<Failed>,
}

impl Record {
    /// Why this version did not work when it was tried.
    #[must_use]
    pub fn failed_before(&self, version: &str) -> Option<&Failed> {
        self.failed.iter().find(|failed| failed.version == version)
    }

    /// Notes how what was begun has ended.
    pub(crate) fn settle(&mut self, reason: Option<&str>, at: i64) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        self.failed
            .retain(|failed| failed.version != pending.version);
        if let Some(reason) = reason {
            self.failed.push_front(Failed {
                version: pending.version.clone(),
                manifest_hash: pending.manifest_hash.clone(),
                reason: reason.to_owned(),
                at,
            });
            self.failed.truncate(FAILED);
        }
        self.last = Some(pending.ended(reason, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(running: Slot, proven: Slot, second: Second, reason: &str) -> BootState {
        BootState {
            running,
            proven,
            second,
            reason: reason.into(),
        }
    }

    fn pending(kind: Kind) -> Pending {
        Pending {
            kind,
            version: "2.0.0".into(),
            manifest_hash: "abc".into(),
            from: "1.0.0".into(),
            slot: Slot::B,
            at: 1,
            by: "admin".into(),
            restart: None,
            equipment: vec!["FXO 1".into(), "WCTE1/0".into()],
            installed: true,
        }
    }

    #[test]
    fn it_has_succeeded_when_it_has_passed_its_checks_and_in_no_other_case() {
        use Second::*;
        use Slot::*;
        let update = pending(Kind::Update);
        assert_eq!(update.fate(&boot(B, B, Ready, "")), Fate::Proven);
        assert_eq!(update.fate(&boot(B, A, Trial, "")), Fate::OnTrial);
        assert_eq!(
            update.fate(&boot(B, A, Failed, "hangs")),
            Fate::OnTrial,
            "it is about to be left"
        );
        assert_eq!(update.fate(&boot(A, A, Trial, "")), Fate::Waits);
        assert_eq!(
            update.fate(&boot(A, A, Failed, "hangs")),
            Fate::Failed("hangs".into())
        );
        for second in [Empty, Ready, Failed] {
            assert!(matches!(
                update.fate(&boot(A, A, second, "")),
                Fate::Failed(_)
            ));
        }
    }

    #[test]
    fn lines_that_were_there_must_be_there_again() {
        let update = pending(Kind::Update);
        let all = ["WCTE1/0", "FXO 2", "FXO 1"].map(str::to_owned);
        assert!(update.missing(&all).is_empty());
        assert_eq!(update.missing(&all[1..]), ["WCTE1/0"]);
    }

    #[test]
    fn the_way_back_waits_for_the_restart() {
        use Second::*;
        use Slot::*;
        let previous = pending(Kind::Previous);
        assert_eq!(previous.fate(&boot(A, A, Ready, "")), Fate::Waits);
        assert_eq!(previous.fate(&boot(B, B, Ready, "")), Fate::Proven);
    }

    #[test]
    fn a_version_that_failed_is_remembered_until_it_works() {
        let mut record = Record {
            pending: Some(pending(Kind::Update)),
            ..Record::default()
        };
        record.settle(Some("hangs"), 5);
        assert_eq!(record.failed_before("2.0.0").unwrap().reason, "hangs");
        let last = record.last.clone().unwrap();
        assert!(!last.success && !last.acknowledged);
        assert_eq!(
            (last.version.as_str(), last.from.as_str()),
            ("2.0.0", "1.0.0")
        );
        record.pending = Some(pending(Kind::Update));
        record.settle(None, 6);
        assert_eq!(record.failed_before("2.0.0"), None);
        assert!(record.last.unwrap().success);
    }

    #[test]
    fn a_newer_programs_record_is_read() {
        let text = r#"{"failed":[{"version":"2","manifest_hash":"","reason":"r","at":1,"more":2}],"later":{}}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        assert_eq!(record.failed.len(), 1);
    }
}
