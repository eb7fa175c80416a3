//! Where a call goes on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Announcement, Conference, Ivr, Number, Queue, RingStep, TimeCondition, VoicemailBox, nested,
};
use crate::{ExtensionId, Id, Problems, Reference, UserId, text};

/// Where a call goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "to", rename_all = "snake_case", deny_unknown_fields)]
pub enum Destination {
    /// Nowhere: the call ends.
    HangUp {
        /// What the caller is told.
        #[serde(default)]
        clearing: Clearing,
    },
    /// To the devices of an extension.
    Extension {
        /// Which.
        id: ExtensionId,
    },
    /// To a person, on whatever device he is reached.
    User {
        /// Which.
        id: UserId,
    },
    /// To several people.
    Ring {
        /// Who, and in which order.
        ring: RingStep,
        /// Where the call goes on when nobody takes it; the call ends when left out.
        #[serde(default)]
        #[schema(no_recursion)]
        on_no_answer: Option<Box<Destination>>,
    },
    /// To another number of the company, with everything that is set there.
    Number {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<Number>,
    },
    /// Into a queue.
    Queue {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<Queue>,
    },
    /// To a menu.
    Ivr {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<Ivr>,
    },
    /// To a fork by the time.
    TimeCondition {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<TimeCondition>,
    },
    /// To an announcement.
    Announcement {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<Announcement>,
    },
    /// Into a conference.
    Conference {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<Conference>,
    },
    /// To a voicemail box, to leave a message.
    Voicemail {
        /// Which.
        #[schema(value_type = i64)]
        id: Id<VoicemailBox>,
    },
    /// To a number outside.
    External {
        /// As it would be dialled on an extension.
        number: String,
    },
}

impl Default for Destination {
    fn default() -> Self {
        Self::HangUp {
            clearing: Clearing::default(),
        }
    }
}

/// What somebody is told whose call is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Clearing {
    /// That the call is over.
    #[default]
    Normal,
    /// That the line is busy.
    Busy,
    /// That the call is not taken.
    Rejected,
    /// That there is no way.
    Congestion,
    /// That there is no such number.
    Unallocated,
}

impl Destination {
    /// Normalises and checks what can be said without another object.
    pub(super) fn check(&mut self, problems: &mut Problems) {
        match self {
            Self::Ring { ring, on_no_answer } => {
                nested(problems, "ring", |inner| ring.check(inner));
                if let Some(next) = on_no_answer {
                    nested(problems, "on_no_answer", |inner| next.check(inner));
                }
            }
            Self::External { number } => {
                *number = text::dialled(problems, "number", number, 1, 32);
            }
            _ => {}
        }
    }

    /// Tells of what it leads to, in the field `path`.
    pub(super) fn references(&self, path: &str, tell: &mut dyn FnMut(Reference)) {
        let field = |name: &str| format!("{path}.{name}");
        match self {
            Self::HangUp { .. } | Self::External { .. } => {}
            Self::Extension { id } => tell(Reference::to_extension(field("id"), *id)),
            Self::User { id } => tell(Reference::to_user(field("id"), *id)),
            Self::Ring { ring, on_no_answer } => {
                ring.references(&field("ring"), tell);
                if let Some(next) = on_no_answer {
                    next.references(&field("on_no_answer"), tell);
                }
            }
            Self::Number { id } => tell(Reference::leading_to(field("id"), *id)),
            Self::Queue { id } => tell(Reference::leading_to(field("id"), *id)),
            Self::Ivr { id } => tell(Reference::leading_to(field("id"), *id)),
            Self::TimeCondition { id } => tell(Reference::leading_to(field("id"), *id)),
            Self::Announcement { id } => tell(Reference::leading_to(field("id"), *id)),
            Self::Conference { id } => tell(Reference::to(field("id"), *id)),
            Self::Voicemail { id } => tell(Reference::to(field("id"), *id)),
        }
    }
}
