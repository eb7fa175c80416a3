//! The messages on the D channel of a trunk, for people to read.

use serde::Serialize;
use utoipa::ToSchema;

/// What a frame of a D channel is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DChannelFrameKind)]
pub enum MessageKind {
    /// It carries a message of call control (Q.931).
    Message,
    /// It serves the link (Q.921).
    Link,
    /// It cannot be read, or is not for this link.
    Unreadable,
}

/// The call that a message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DChannelCall)]
pub struct MessageCall {
    /// Call reference (Q.931 §4.3), 0-32767; 0 is for all calls.
    #[schema(maximum = 32767)]
    pub reference: u16,
    /// Whether this side has chosen it; both sides may use the same one for different calls.
    pub ours: bool,
}

/// A frame of a D channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DChannelStep)]
pub struct MessageStep {
    /// When it was sent or came: UTC milliseconds since the epoch.
    pub at: i64,
    /// Whether this side has sent it.
    pub sent: bool,
    /// What it is for.
    pub kind: MessageKind,
    /// The frame as Q.921 names it, such as `I N(S)=5 N(R)=7 P=0`; else why it is not acted upon, English.
    pub link: String,
    /// The message as Q.931 names it, such as `SETUP`; null for other kinds.
    pub message: Option<String>,
    /// The call it belongs to; null for other kinds.
    pub call: Option<MessageCall>,
    /// The elements of the message, such as `Called party number: 3032, unknown type, ISDN plan`, and what is wrong with
    /// them; English.
    pub details: Vec<String>,
}
