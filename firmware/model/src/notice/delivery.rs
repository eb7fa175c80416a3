//! How it goes to tell others of events.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::EventKind;

/// Identifies a delivery. Never used again.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct DeliveryId(pub i64);

impl std::fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// By what somebody is told of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "way", rename_all = "snake_case")]
pub enum DeliveryWay {
    /// A request to another system.
    Webhook {
        /// The webhook's id.
        webhook: i64,
    },
    /// A mail.
    Mail {
        /// The addresses, at most 20.
        to: Vec<String>,
        /// The mail notice's or voicemail box's id.
        because_of: i64,
    },
    /// A text message.
    Text {
        /// The text gateway's id.
        gateway: i64,
        /// The number it goes to, as E.164 with `+`.
        to: String,
        /// The number of the company that was called; null when it is only tried out.
        number: Option<i64>,
    },
}

impl DeliveryWay {
    /// Word and id of what is told: deliveries that share both go one after the other.
    pub fn target(&self) -> (&'static str, i64) {
        match self {
            Self::Webhook { webhook } => ("webhook", *webhook),
            Self::Mail { .. } => ("mail", 0),
            Self::Text { gateway, .. } => ("text", *gateway),
        }
    }
}

/// How far a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It will be tried, or tried again.
    Pending,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// Somebody is told of an event. Times are UTC milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Identifies it.
    pub id: DeliveryId,
    /// The event's id: all deliveries of an event, and all attempts, carry the same.
    pub event: i64,
    /// What happened.
    pub kind: EventKind,
    /// When it happened.
    pub at: i64,
    /// Who is told.
    #[serde(flatten)]
    pub way: DeliveryWay,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; null when it is over.
    pub next_at: Option<i64>,
    /// When it was tried last.
    pub last_at: Option<i64>,
    /// How long that took, milliseconds.
    pub took_ms: Option<i64>,
    /// What came of that: the other side's answer, or what kept it from arriving; at most 500 characters.
    pub answer: String,
    /// What is said of the event.
    #[schema(value_type = Object)]
    pub data: Value,
}
