//! Messages in voicemail boxes (F088-F092). The boxes themselves are objects of the configuration.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CallId, Id, Party, VoicemailBox};

/// Identifies a message in a voicemail box. Never used again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct VoicemailMessageId(pub i64);

impl std::fmt::Display for VoicemailMessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A message somebody left, or that was forwarded to another box. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoicemailMessage {
    /// Identifies it.
    pub id: VoicemailMessageId,
    /// The box it lies in.
    #[schema(value_type = i64)]
    pub mailbox: Id<VoicemailBox>,
    /// The call it was left in.
    pub call: CallId,
    /// Who left it; the number is blank when it was withheld.
    pub caller: Party,
    /// Name of its file.
    pub file: String,
    /// When it began.
    pub started_at: i64,
    /// When it ended; none while it is being left.
    pub ended_at: Option<i64>,
    /// Its length.
    pub duration_ms: i64,
    /// Size of its file.
    pub bytes: i64,
    /// The number of whoever forwarded it to this box; none when it was left here.
    pub forwarded_by: Option<String>,
    /// When it was heard; none while it is new.
    pub heard_at: Option<i64>,
    /// Who heard it: an extension's number, or a user.
    pub heard_by: Option<String>,
    /// When somebody had done what it asks for.
    pub handled_at: Option<i64>,
    /// Who had.
    pub handled_by: Option<String>,
    /// When it was deleted.
    pub deleted_at: Option<i64>,
    /// Who deleted it, or what rule: `age`.
    pub deleted_by: Option<String>,
}

impl VoicemailMessage {
    /// Whether there is sound to listen to.
    pub fn is_playable(&self) -> bool {
        self.ended_at.is_some() && self.deleted_at.is_none() && self.bytes > 0
    }
}

/// How many messages lie in a box, or wait for an extension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagesWaiting {
    /// Not heard yet.
    pub new: u32,
    /// Heard and kept.
    pub old: u32,
}

impl std::ops::AddAssign for MessagesWaiting {
    fn add_assign(&mut self, other: Self) {
        self.new = self.new.saturating_add(other.new);
        self.old = self.old.saturating_add(other.old);
    }
}
