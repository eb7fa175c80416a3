//! What calls are led by: numbers, routes, menus, queues and whatever else a call can come to.
//!
//! Each is an [`Object`](crate::Object) of the [`Catalogue`](crate::Catalogue). Where a call goes on is a [`Destination`]
//! everywhere; who is rung is a [`RingStep`]; which digits a rule takes is a [`Pattern`].

mod announcement;
mod breaks;
mod calendar;
mod conference;
mod contact;
mod destination;
mod holidays;
mod inbound_route;
mod ivr;
mod limits;
mod menu_text;
mod number;
mod outbound_route;
mod paging_group;
mod pattern;
mod queue;
mod ring;
mod time_condition;
mod time_of_day;
mod voicemail_box;
mod whisper_text;

pub use announcement::Announcement;
pub use breaks::Break;
pub use calendar::{Calendar, CalendarDay, CalendarDayKind, Holiday};
pub use conference::Conference;
pub use contact::Contact;
pub use destination::{Clearing, Destination};
pub use holidays::{HOLIDAY_COUNTRIES, HolidayCountry};
pub use inbound_route::InboundRoute;
pub use ivr::{Ivr, IvrKey};
pub use limits::{Limits, LimitsProfile};
pub use menu_text::MenuText;
pub use number::{Assignment, InboundMode, Number, NumberTarget, OfflineAction};
pub use outbound_route::{OutboundRoute, OutboundRule, Way, WayOrder};
pub use paging_group::PagingGroup;
pub use pattern::{BadPattern, DialledRange, Pattern};
pub use queue::{Queue, QueueMember, QueueStrategy};
pub use ring::{RingOrder, RingStep, RingStrategy, RingTarget};
pub use time_condition::{Override, OverrideState, Period, TimeCondition};
pub use time_of_day::{BadTimeOfDay, TimeOfDay};
pub use voicemail_box::VoicemailBox;
pub use whisper_text::{WhisperFacts, WhisperPart, default_whisper, whisper_parts};

use crate::problem::{Problems, code};
use crate::{AudioFileId, Reference};

/// Notes an audio file that is played, if there is one.
pub(crate) fn plays(tell: &mut dyn FnMut(Reference), field: &str, file: Option<AudioFileId>) {
    if let Some(file) = file {
        tell(Reference::to_audio_file(field, file));
    }
}

/// Notes the problems of a part of an object, named with its path.
pub(crate) fn nested(problems: &mut Problems, path: &str, check: impl FnOnce(&mut Problems)) {
    let mut inner = Problems::default();
    check(&mut inner);
    if let Err(invalid) = inner.finish(()) {
        problems.nest(path, invalid);
    }
}

/// Keys of a telephone.
fn check_key(problems: &mut Problems, field: &str, key: &str) {
    let mut characters = key.chars();
    let is_key = |key: char| key.is_ascii_digit() || key == '*' || key == '#';
    if !(characters.next().is_some_and(is_key) && characters.next().is_none()) {
        let message = "must be one key of a telephone";
        problems.add(field, code::CHARACTER, Some("0-9 * #"), message);
    }
}
