//! Alarms: what is wrong with the gateway now and what to do about it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How bad it is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something will go wrong unless somebody looks after it.
    Warning,
    /// Something does not work; calls do.
    Major,
    /// Calls do not work, or what has to be kept is lost.
    Critical,
}

/// Something that is wrong now. It is raised once however often its cause occurs, and goes when the cause does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alarm {
    /// What and where: one alarm of this id at a time, such as `recording_disk_full`.
    pub id: String,
    /// Since when, UTC milliseconds.
    pub since: i64,
    /// How bad it is.
    pub severity: Severity,
    /// The object it is about, such as a trunk's name; blank for the gateway as a whole.
    pub object: String,
    /// What is wrong: a key that the web interface words in the reader's language.
    pub text: String,
    /// What to do about it: such a key, too.
    pub action: String,
}
