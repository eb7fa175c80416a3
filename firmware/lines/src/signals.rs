//! The signals on a timeslot of a trunk, for people to read, and how they are asked for.

use serde::Serialize;
use tokio::sync::oneshot;
use utoipa::ToSchema;

use crate::messages::MessageStep;

/// What kind of step of a timeslot's signalling it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = E1SignalKind)]
pub enum SignalKind {
    /// A line signal of ours (Q.421): the bits A and B and its name.
    LineSent,
    /// Bits A and B of the far end.
    LineHeard,
    /// A register signal of ours began or ended (Q.441): its group and number.
    RegisterSent,
    /// A register signal of the far end began or ended.
    RegisterHeard,
    /// Something was against the protocol.
    Error,
    /// The call was over, and why.
    Ended,
    /// A decision.
    Note,
}

/// A step of a timeslot's signalling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = E1SignalStep)]
pub struct SignalStep {
    /// Milliseconds since the call began.
    pub at_ms: u64,
    /// What kind of step it was.
    pub kind: SignalKind,
    /// The signal, such as `I-5` or `AB=01 answer`; else what happened, English.
    pub signal: String,
    /// Whether a register signal began; null for other kinds.
    pub begins: Option<bool>,
}

/// Somebody wants to see a trunk's signalling. Dropped without an answer where the signalling keeps none of that kind.
pub(crate) enum TraceRequest {
    /// That of a timeslot.
    Signals {
        timeslot: u8,
        reply: oneshot::Sender<Vec<SignalStep>>,
    },
    /// That of the D channel.
    Messages(oneshot::Sender<Vec<MessageStep>>),
}
