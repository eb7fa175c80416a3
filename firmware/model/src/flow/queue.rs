//! Queues (F123-F141).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Destination, WhisperFacts, check_key, nested, plays, whisper_text};
use crate::problem::code;
use crate::{
    AudioFileId, CompanyId, Configuration, ExtensionId, Id, MusicClassId, Object, Problems,
    RecordingMode, Reference, Speech, UserId, text,
};

/// A queue: callers wait until a member is free.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// 1-64 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Where it is reached from inside, 2-7 digits.
    pub number: String,
    /// Which member gets the next caller.
    pub strategy: QueueStrategy,
    /// Who takes calls, in the order of the strategy `linear`; at most 200.
    pub members: Vec<QueueMember>,
    /// Callers who may wait, 1-500; at most 25 with the limits of profile `seed`.
    #[schema(minimum = 1, maximum = 500)]
    pub max_callers: i64,
    /// Seconds a caller waits, 0-14400; at most 1500 with the limits of profile `seed`.
    #[schema(minimum = 0, maximum = 14400)]
    pub max_wait: i64,
    /// Where a caller goes for whom there is no place.
    pub on_full: Destination,
    /// Where a caller goes who has waited long enough.
    pub on_timeout: Destination,
    /// Where a caller goes when no member is there at all; he waits when null.
    pub on_empty: Option<Destination>,
    /// What callers hear once, before they wait.
    pub greeting: Option<AudioFileId>,
    /// What those hear who are led on to a voicemail box without a greeting of its own; null follows the company. That of the number
    /// they called goes before.
    pub voicemail_greeting: Option<AudioFileId>,
    /// What they hear while they wait; null follows the number, or else the company.
    pub music_class: Option<MusicClassId>,
    /// What is said to them from time to time; null is that they please hold.
    pub announcement: Option<AudioFileId>,
    /// Whether they are told their position.
    pub announce_position: bool,
    /// Whether they are told how long it may take.
    pub announce_wait: bool,
    /// Seconds between announcements, 10-300; at most 30 with the limits of profile `seed`. Null announces nothing.
    #[schema(minimum = 10, maximum = 300)]
    pub announce_every: Option<i64>,
    /// Seconds a member rings, 5-300.
    #[schema(minimum = 5, maximum = 300)]
    pub agent_ring: i64,
    /// Seconds a member is left alone after a call, 0-600.
    #[schema(minimum = 0, maximum = 600)]
    pub wrap_up: i64,
    /// After so many calls not taken in a row a member is paused, 1-20; never when null.
    #[schema(minimum = 1, maximum = 20)]
    pub pause_after_missed: Option<i64>,
    /// What the member hears who took a call, before he is connected: such as the name of the queue.
    pub whisper: Option<AudioFileId>,
    /// What he hears where no audio file is chosen, 1-200 characters. `{queue.name}`, `{number.label}` and `{caller.number}` stand for
    /// the queue, what the number is called that the caller dialled, and his own.
    #[schema(example = "{queue.name}, {caller.number}")]
    pub whisper_text: Option<String>,
    /// Callers of a queue with a higher number are served first by members of several queues, 0-100.
    #[schema(minimum = 0, maximum = 100)]
    pub priority: i64,
    /// The key by which a caller gives up waiting, keeps his place and is called back in his turn; none when null.
    pub callback_key: Option<String>,
    /// Whether its calls are recorded; null follows the number.
    pub recording: Option<RecordingMode>,
}

/// Which member gets the next caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueStrategy {
    /// All ring.
    #[default]
    RingAll,
    /// Whoever has been without a call of the queue longest.
    LongestIdle,
    /// Whoever has had the fewest calls today.
    FewestCalls,
    /// By chance.
    Random,
    /// By chance, nobody twice before all others were rung (C10).
    RandomMemory,
    /// In the order of the list, always from its beginning.
    Linear,
    /// In the order of the list, from where the last call went.
    RoundRobin,
}

/// Somebody who takes calls of a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "member", rename_all = "snake_case", deny_unknown_fields)]
pub enum QueueMember {
    /// The devices of an extension; always there while they are registered.
    Extension {
        /// Which.
        id: ExtensionId,
        /// Rings only when all members with a lower number are not free, 0-10.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 10)]
        penalty: i64,
    },
    /// An agent, at whatever telephone he has logged in.
    Agent {
        /// The user.
        id: UserId,
        /// Rings only when all members with a lower number are not free, 0-10.
        #[serde(default)]
        #[schema(minimum = 0, maximum = 10)]
        penalty: i64,
    },
}

impl QueueMember {
    /// Rings only when all members with a lower number are not free.
    #[must_use]
    pub const fn penalty(&self) -> i64 {
        match self {
            Self::Extension { penalty, .. } | Self::Agent { penalty, .. } => *penalty,
        }
    }

    fn is_same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Extension { id, .. }, Self::Extension { id: other, .. }) => id == other,
            (Self::Agent { id, .. }, Self::Agent { id: other, .. }) => id == other,
            _ => false,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        let busy = Destination::HangUp {
            clearing: super::Clearing::Busy,
        };
        Self {
            name: String::new(),
            company: CompanyId::default(),
            number: String::new(),
            strategy: QueueStrategy::default(),
            members: Vec::new(),
            max_callers: 25,
            max_wait: 1500,
            on_full: busy,
            on_timeout: Destination::default(),
            on_empty: None,
            greeting: None,
            voicemail_greeting: None,
            music_class: None,
            announcement: None,
            announce_position: true,
            announce_wait: false,
            announce_every: Some(30),
            agent_ring: 30,
            wrap_up: 10,
            pause_after_missed: None,
            whisper: None,
            whisper_text: None,
            priority: 0,
            callback_key: None,
            recording: None,
        }
    }
}

impl Queue {
    /// The text of its whisper, where no audio file goes before.
    pub(super) fn whispered(&self) -> Option<&str> {
        self.whisper_text
            .as_deref()
            .filter(|_| self.whisper.is_none())
    }
}

impl Object for Queue {
    const KIND: &'static str = "queue";
    const WORDS: &'static str = "queue";
    const LIST: &'static str = "queues";
    const MAX: usize = 200;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.number = text::digits(problems, "number", &self.number, 2, 7);
        text::at_most(problems, "members", self.members.len(), 200);
        for (index, member) in self.members.iter().enumerate() {
            let field = format!("members[{index}]");
            if self
                .members
                .iter()
                .take(index)
                .any(|other| other.is_same_as(member))
            {
                problems.add(&field, code::DUPLICATE, None, "is in the list twice");
            }
            text::range(
                problems,
                &format!("{field}.penalty"),
                member.penalty(),
                0i64,
                10,
            );
        }
        text::range(problems, "max_callers", self.max_callers, 1i64, 500);
        text::range(problems, "max_wait", self.max_wait, 0i64, 14_400);
        if let Some(seconds) = self.announce_every {
            text::range(problems, "announce_every", seconds, 10i64, 300);
        }
        text::range(problems, "agent_ring", self.agent_ring, 5i64, 300);
        text::range(problems, "wrap_up", self.wrap_up, 0i64, 600);
        if let Some(missed) = self.pause_after_missed {
            text::range(problems, "pause_after_missed", missed, 1i64, 20);
        }
        text::range(problems, "priority", self.priority, 0i64, 100);
        if let Some(key) = &self.callback_key {
            check_key(problems, "callback_key", key);
        }
        whisper_text::check(problems, "whisper_text", &mut self.whisper_text);
        nested(problems, "on_full", |inner| self.on_full.check(inner));
        nested(problems, "on_timeout", |inner| self.on_timeout.check(inner));
        if let Some(destination) = &mut self.on_empty {
            nested(problems, "on_empty", |inner| destination.check(inner));
        }
    }

    fn check_among(&self, _: Id<Self>, configuration: &Configuration, problems: &mut Problems) {
        let limits = configuration.limits();
        // What is outside of every profile was named already.
        if self.max_callers <= 500 {
            text::range(
                problems,
                "max_callers",
                self.max_callers,
                1,
                limits.queue_callers(),
            );
        }
        if self.max_wait <= 14_400 {
            text::range(problems, "max_wait", self.max_wait, 0, limits.queue_wait());
        }
        if let Some(seconds) = self.announce_every
            && seconds <= 300
        {
            text::range(
                problems,
                "announce_every",
                seconds,
                10,
                limits.announce_every(),
            );
        }
    }

    fn speeches(&self, configuration: &Configuration) -> Vec<Speech> {
        let company = configuration.spoken_language();
        let facts = WhisperFacts {
            label: None,
            queue: Some(&self.name),
        };
        let own = self.whispered();
        let mut speeches = own.map_or_else(Vec::new, |text| {
            whisper_text::speeches(text, company, facts)
        });
        let numbers = configuration.catalogue().numbers.iter();
        let naming = numbers.filter(|one| one.whispered().is_some_and(whisper_text::says_queue));
        for number in naming {
            let name = whisper_text::said(&self.name, number.language.unwrap_or(company));
            speeches.extend(name.filter(|name| !speeches.contains(name)));
        }
        speeches
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        for (index, member) in self.members.iter().enumerate() {
            let field = format!("members[{index}].id");
            tell(match member {
                QueueMember::Extension { id, .. } => Reference::to_extension(field, *id),
                QueueMember::Agent { id, .. } => Reference::to_user(field, *id),
            });
        }
        self.on_full.references("on_full", tell);
        self.on_timeout.references("on_timeout", tell);
        if let Some(destination) = &self.on_empty {
            destination.references("on_empty", tell);
        }
        plays(tell, "greeting", self.greeting);
        plays(tell, "voicemail_greeting", self.voicemail_greeting);
        plays(tell, "announcement", self.announcement);
        plays(tell, "whisper", self.whisper);
        if let Some(class) = self.music_class {
            tell(Reference::to_music_class("music_class", class));
        }
    }

    fn number(&self) -> Option<&str> {
        Some(&self.number)
    }
}
