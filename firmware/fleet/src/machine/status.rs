//! How the client stands, for whoever looks.

use serde::Serialize;
use utoipa::ToSchema;

use super::Phase;
use crate::ddi::Finished;

/// Whether the server is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FleetContact)]
pub enum Contact {
    /// It was not asked yet.
    #[default]
    None,
    /// It has answered.
    Reached,
    /// It does not answer, or with an error of its own.
    Unreachable,
    /// It does not know this gateway, or its token.
    Refused,
}

/// How the client stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FleetStatus)]
pub struct Status {
    /// Whether the server is reached.
    pub contact: Contact,
    /// Why not; blank when it is.
    pub problem: String,
    /// When it last answered, UTC milliseconds.
    pub last_contact: Option<i64>,
    /// Id of the action that is under way.
    pub action: Option<String>,
    /// The version that it brings.
    pub version: Option<String>,
    /// How far it is.
    #[schema(value_type = Option<String>)]
    pub phase: Option<Phase>,
    /// How the last action ended since this start: blank, or what the server was told.
    pub last_result: String,
}

impl Status {
    pub(super) fn reached(&mut self) {
        self.contact = Contact::Reached;
        self.problem.clear();
        self.last_contact = Some(jiff::Timestamp::now().as_millisecond());
    }

    pub(super) fn unreachable(&mut self, why: String) {
        self.contact = Contact::Unreachable;
        self.problem = why;
    }

    pub(super) fn refused(&mut self, why: String) {
        self.contact = Contact::Refused;
        self.problem = why;
    }

    pub(super) fn ended(&mut self, finished: Finished, details: &[String]) {
        let word = match finished {
            Finished::Success => "success",
            Finished::Failure => "failure",
            Finished::None => "cancelled",
        };
        self.last_result = format!("{word}: {}", details.join(" "));
    }
}
