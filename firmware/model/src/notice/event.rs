//! Kinds of events that others can be told of.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What can happen.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
pub enum EventKind {
    /// A call has arrived.
    #[serde(rename = "call.started")]
    CallStarted,
    /// A call was answered.
    #[serde(rename = "call.answered")]
    CallAnswered,
    /// A call is over.
    #[serde(rename = "call.ended")]
    CallEnded,
    /// A call from outside is over and no human took it (D5).
    #[serde(rename = "call.missed")]
    CallMissed,
    /// A message lies in a voicemail box.
    #[serde(rename = "voicemail.new")]
    VoicemailNew,
    /// A recording can be listened to.
    #[serde(rename = "recording.ready")]
    RecordingReady,
    /// A trunk stands otherwise than before.
    #[serde(rename = "trunk.changed")]
    TrunkChanged,
    /// An agent has logged in or out, has paused or takes calls again.
    #[serde(rename = "agent.changed")]
    AgentChanged,
    /// Something is wrong.
    #[serde(rename = "alarm.raised")]
    AlarmRaised,
    /// Something is not wrong any more.
    #[serde(rename = "alarm.cleared")]
    AlarmCleared,
    /// The configuration has a new version.
    #[serde(rename = "configuration.changed")]
    ConfigurationChanged,
    /// Sent on request, to see whether it arrives.
    #[serde(rename = "test")]
    Test,
}

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CallStarted,
        Self::CallAnswered,
        Self::CallEnded,
        Self::CallMissed,
        Self::VoicemailNew,
        Self::RecordingReady,
        Self::TrunkChanged,
        Self::AgentChanged,
        Self::AlarmRaised,
        Self::AlarmCleared,
        Self::ConfigurationChanged,
        Self::Test,
    ];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CallStarted => "call.started",
            Self::CallAnswered => "call.answered",
            Self::CallEnded => "call.ended",
            Self::CallMissed => "call.missed",
            Self::VoicemailNew => "voicemail.new",
            Self::RecordingReady => "recording.ready",
            Self::TrunkChanged => "trunk.changed",
            Self::AgentChanged => "agent.changed",
            Self::AlarmRaised => "alarm.raised",
            Self::AlarmCleared => "alarm.cleared",
            Self::ConfigurationChanged => "configuration.changed",
            Self::Test => "test",
        }
    }

    /// The kind with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_everywhere() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(EventKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::from_word("call"), None);
    }
}
