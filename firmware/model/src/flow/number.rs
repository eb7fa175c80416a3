//! Numbers of the company in the public network, each with everything that happens when it is called (D1).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Destination, Ivr, Queue, RingStep, TimeCondition, VoicemailBox, WhisperFacts, check_key,
    default_whisper, nested, plays, whisper_text,
};
use crate::problem::code;
use crate::user::MAX_VOICEDROPS;
use crate::{
    AudioFileId, Company, CompanyId, Configuration, Id, Language, MusicClassId, Object, Problems,
    RecordingMode, Reference, Speech, TextBack, TrunkId, User, UserId, text,
};

/// A number of the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Number {
    /// What people in the company call it, 1-64 characters, unique.
    pub label: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// The number as it comes in, 1-32 digits with a leading `+` where there is one.
    pub number: String,
    /// The SIP or E1 trunk it comes over; any when null.
    pub trunk: Option<TrunkId>,
    /// The analogue line whose calls are for this number, such as `FXO1`; none when null.
    pub line: Option<String>,
    /// Whether it is in service; otherwise callers get `reject_action`.
    pub online: bool,
    /// What is done with calls.
    pub mode: InboundMode,
    /// Who may call with it and is rung by it.
    pub users: Assignment,
    /// Which of the ways below calls take in mode `receive`; the others are kept.
    pub target: NumberTarget,
    /// Who is rung; without targets it is everybody the number is assigned to.
    pub ring: RingStep,
    /// The menu of target `ivr`.
    #[schema(value_type = Option<i64>)]
    pub ivr: Option<Id<Ivr>>,
    /// The queue of target `queue`, and of callers while all are busy.
    #[schema(value_type = Option<i64>)]
    pub queue: Option<Id<Queue>>,
    /// Where calls of target `flow` go.
    pub flow: Option<Destination>,
    /// A fork by the time that is asked before the target; outside its periods calls follow it.
    #[schema(value_type = Option<i64>)]
    pub time_condition: Option<Id<TimeCondition>>,
    /// A number outside that calls are forwarded to: all of them in mode `forward_all`, and beside the others rung in mode
    /// `receive`.
    pub forward_to: Option<String>,
    /// Whether those who are called by forwarding see this number instead of the caller's, and phones inside its label before
    /// who calls.
    pub pass_called_number: bool,
    /// Whether those who are called by forwarding have to press a key to take the call; null is only where the line does not
    /// tell whether somebody has answered.
    pub call_connect: Option<bool>,
    /// What they hear then; null is the gateway's own words.
    pub whisper: Option<AudioFileId>,
    /// What they hear where no audio file is chosen, 1-200 characters. `{number.label}`, `{caller.number}` and `{queue.name}` stand for
    /// what the number is called, who calls, and the queue that he came through.
    #[schema(example = "Chamada para {number.label} de {caller.number}")]
    pub whisper_text: Option<String>,
    /// The key that takes the call, 0-9 or #; null is any digit. `*` always refuses it, other keys do nothing.
    pub accept_key: Option<String>,
    /// Seconds before a call by forwarding is given up, 1-300; null is 60.
    #[schema(minimum = 1, maximum = 300)]
    pub ring_timeout_out: Option<i64>,
    /// What callers hear when somebody is online.
    pub welcome: Option<AudioFileId>,
    /// What callers hear when all are busy.
    pub busy_message: Option<AudioFileId>,
    /// What callers hear when nobody is online, before `offline_action`.
    pub unavailable_message: Option<AudioFileId>,
    /// What is done when nobody is online.
    pub offline_action: OfflineAction,
    /// What is done in mode `reject` and while the number is out of service; forwarding is not possible here.
    pub reject_action: OfflineAction,
    /// Where calls go that nobody took; the number's voicemail box when null, or the end when it has none.
    pub on_no_answer: Option<Destination>,
    /// Where messages for the number are left.
    #[schema(value_type = Option<i64>)]
    pub voicemail: Option<Id<VoicemailBox>>,
    /// What callers hear who are led to a voicemail box without a greeting of its own; null follows the queue they came through, or
    /// else the company.
    pub voicemail_greeting: Option<AudioFileId>,
    /// Whether callers are refused who withhold their number.
    pub reject_anonymous: bool,
    /// What they hear then; null is the gateway's own.
    pub anonymous_message: Option<AudioFileId>,
    /// Callers who are refused: numbers, at most 1000.
    pub blocked_callers: Vec<String>,
    /// Whether its calls are recorded; null follows the company.
    pub recording: Option<RecordingMode>,
    /// Whether calls outside are recorded of those who call with it; null follows trunk, extension and company.
    pub recording_out: Option<RecordingMode>,
    /// What the party outside is told before a call is recorded that comes to the number or is made with it; null follows the
    /// company.
    pub recording_notice: Option<AudioFileId>,
    /// What callers hear on hold; null follows the company.
    pub music_class: Option<MusicClassId>,
    /// Language of what the gateway says; null follows the company.
    pub language: Option<Language>,
    /// What callers are written whose call nobody took; nothing when null.
    pub text_back: Option<TextBack>,
    /// Messages for answering machines that whoever calls outside with it may leave, after his own; at most 20.
    pub voicedrops: Vec<AudioFileId>,
}

/// What is done with calls to a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InboundMode {
    /// They are received.
    #[default]
    Receive,
    /// All are forwarded.
    ForwardAll,
    /// None is taken.
    Reject,
}

/// Which way calls to a number take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberTarget {
    /// People are rung.
    #[default]
    Ring,
    /// A menu.
    Ivr,
    /// A queue.
    Queue,
    /// Any destination.
    Flow,
}

/// Who a number belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "assigned_to", rename_all = "snake_case", deny_unknown_fields)]
pub enum Assignment {
    /// Everybody in its company, those included who come later.
    #[default]
    All,
    /// Some.
    List {
        /// Who, at most 2000.
        users: Vec<UserId>,
    },
}

impl Assignment {
    /// Whether a user is among them, if he is in the company of what belongs to them.
    #[must_use]
    fn includes(&self, user: UserId) -> bool {
        match self {
            Self::All => true,
            Self::List { users } => users.contains(&user),
        }
    }
}

/// What is done with a call that nobody can take (S2:18-23).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum OfflineAction {
    /// The caller hears it ring for 30 seconds, then the call ends.
    Ring {},
    /// The caller hears that the line is busy.
    Busy {},
    /// The call ends at once.
    #[default]
    Disconnect,
    /// The caller hears a message, then the call ends.
    Message {
        /// Which.
        file: AudioFileId,
    },
    /// The caller leaves a message in the number's voicemail box.
    Voicemail {},
    /// The call is forwarded to a number outside.
    Transfer {
        /// As it would be dialled on an extension.
        number: String,
    },
}

impl OfflineAction {
    fn check(&mut self, problems: &mut Problems) {
        if let Self::Transfer { number } = self {
            *number = text::dialled(problems, "number", number, 1, 32);
        }
    }

    fn references(&self, field: &str, tell: &mut dyn FnMut(Reference)) {
        if let Self::Message { file } = self {
            tell(Reference::to_audio_file(format!("{field}.file"), *file));
        }
    }
}

impl Default for Number {
    fn default() -> Self {
        Self {
            label: String::new(),
            company: CompanyId::default(),
            number: String::new(),
            trunk: None,
            line: None,
            online: true,
            mode: InboundMode::default(),
            users: Assignment::default(),
            target: NumberTarget::default(),
            // F054: twice through the list when people ring one after the other.
            ring: RingStep {
                cycles: 2,
                ..RingStep::default()
            },
            ivr: None,
            queue: None,
            flow: None,
            time_condition: None,
            forward_to: None,
            pass_called_number: false,
            call_connect: None,
            whisper: None,
            whisper_text: None,
            accept_key: None,
            ring_timeout_out: None,
            welcome: None,
            busy_message: None,
            unavailable_message: None,
            offline_action: OfflineAction::default(),
            reject_action: OfflineAction::default(),
            on_no_answer: None,
            voicemail: None,
            voicemail_greeting: None,
            reject_anonymous: false,
            anonymous_message: None,
            blocked_callers: Vec::new(),
            recording: None,
            recording_out: None,
            recording_notice: None,
            music_class: None,
            language: None,
            text_back: None,
            voicedrops: Vec::new(),
        }
    }
}

impl Number {
    /// Whether a dialled number is this one. A leading `+` makes no difference.
    #[must_use]
    pub fn is_dialled(&self, trunk: Option<i64>, did: &str) -> bool {
        self.number.trim_start_matches('+') == did.trim_start_matches('+')
            && self.trunk.is_none_or(|one| Some(one.0) == trunk)
    }

    /// Whether a caller is refused: his number stands in the list as it came or as E.164, in whatever way it is written there.
    #[must_use]
    pub fn blocks(&self, caller: &str, company: Option<&Company>) -> bool {
        let e164 = |number: &str| company.and_then(|company| company.e164(number));
        let (caller, public) = (caller.trim_start_matches('+'), e164(caller));
        self.blocked_callers.iter().any(|one| {
            one.trim_start_matches('+') == caller || (public.is_some() && e164(one) == public)
        })
    }

    /// Whether a user may call with it and is rung by it.
    #[must_use]
    pub fn is_assigned_to(&self, user: &User) -> bool {
        self.company == user.company && self.users.includes(user.id)
    }

    /// Seconds before a call by forwarding is given up.
    #[must_use]
    pub fn forward_seconds(&self) -> u16 {
        self.ring_timeout_out
            .and_then(|seconds| u16::try_from(seconds).ok())
            .unwrap_or(60)
    }

    /// The text of its whisper, where no audio file goes before.
    pub(super) fn whispered(&self) -> Option<&str> {
        self.whisper_text
            .as_deref()
            .filter(|_| self.whisper.is_none())
    }

    fn check_target(&self, problems: &mut Problems) {
        let missing = match self.target {
            NumberTarget::Ring => None,
            NumberTarget::Ivr => self.ivr.is_none().then_some("ivr"),
            NumberTarget::Queue => self.queue.is_none().then_some("queue"),
            NumberTarget::Flow => self.flow.is_none().then_some("flow"),
        };
        if let Some(field) = missing {
            problems.add(
                field,
                code::REQUIRED,
                None,
                "is what the number's calls go to",
            );
        }
        if self.mode == InboundMode::ForwardAll && self.forward_to.is_none() {
            problems.add(
                "forward_to",
                code::REQUIRED,
                None,
                "is needed to forward all calls",
            );
        }
        if let Some(to) = &self.forward_to
            && to.trim_start_matches('+') == self.number.trim_start_matches('+')
        {
            problems.add("forward_to", code::CIRCLE, None, "is this number itself");
        }
        if matches!(self.reject_action, OfflineAction::Transfer { .. }) {
            let message =
                "forwarding is the mode `forward_all`; calls that are refused cannot be forwarded";
            problems.add("reject_action", code::INVALID, None, message);
        }
        for (field, action) in [
            ("offline_action", &self.offline_action),
            ("reject_action", &self.reject_action),
        ] {
            if matches!(action, OfflineAction::Voicemail {}) && self.voicemail.is_none() {
                let message = format!("is needed for `{field}`");
                problems.add("voicemail", code::REQUIRED, None, message);
            }
        }
    }
}

impl Object for Number {
    const KIND: &'static str = "number";
    const WORDS: &'static str = "number";
    const LIST: &'static str = "numbers";
    const MAX: usize = 5000;

    fn name(&self) -> &str {
        &self.label
    }

    fn check(&mut self, problems: &mut Problems) {
        self.label = text::line(problems, "label", &self.label, 1, 64);
        self.number = text::did(problems, "number", &self.number);
        if let Some(line) = &mut self.line {
            *line = text::line(problems, "line", line, 1, 32);
        }
        if let Assignment::List { users } = &self.users {
            text::at_most(problems, "users.users", users.len(), 2000);
        }
        nested(problems, "ring", |inner| self.ring.check(inner));
        if let Some(flow) = &mut self.flow {
            nested(problems, "flow", |inner| flow.check(inner));
        }
        if let Some(number) = &mut self.forward_to {
            *number = text::dialled(problems, "forward_to", number, 1, 32);
        }
        if let Some(seconds) = self.ring_timeout_out {
            text::range(problems, "ring_timeout_out", seconds, 1i64, 300);
        }
        nested(problems, "offline_action", |inner| {
            self.offline_action.check(inner)
        });
        nested(problems, "reject_action", |inner| {
            self.reject_action.check(inner)
        });
        if let Some(destination) = &mut self.on_no_answer {
            nested(problems, "on_no_answer", |inner| destination.check(inner));
        }
        if let Some(text_back) = &mut self.text_back {
            nested(problems, "text_back", |inner| text_back.check(inner));
        }
        text::at_most(
            problems,
            "blocked_callers",
            self.blocked_callers.len(),
            1000,
        );
        for (index, caller) in self.blocked_callers.iter_mut().enumerate() {
            *caller = text::did(problems, &format!("blocked_callers[{index}]"), caller);
        }
        whisper_text::check(problems, "whisper_text", &mut self.whisper_text);
        if let Some(key) = &self.accept_key {
            check_key(problems, "accept_key", key);
            if key == "*" {
                let message = "`*` refuses the call";
                problems.add("accept_key", code::INVALID, Some("0-9 #"), message);
            }
        }
        let voicedrops = self.voicedrops.len();
        text::at_most(problems, "voicedrops", voicedrops, MAX_VOICEDROPS);
        self.check_target(problems);
    }

    fn check_among(&self, id: Id<Self>, configuration: &Configuration, problems: &mut Problems) {
        let most = configuration.limits().ring_targets();
        if self.ring.targets.len() > most {
            let message = format!("holds more than {most} entries; a queue rings more people");
            problems.add(
                "ring.targets",
                code::TOO_MANY,
                Some(&most.to_string()),
                message,
            );
        }
        let numbers = || {
            configuration
                .catalogue()
                .numbers
                .iter()
                .filter(|other| other.id != id)
        };
        let same = |other: &&std::sync::Arc<crate::Stored<Self>>| {
            other.number.trim_start_matches('+') == self.number.trim_start_matches('+')
                && other.trunk == self.trunk
        };
        if let Some(other) = numbers().find(same) {
            let message = format!("the number belongs to {}", other.label);
            problems.add("number", code::TAKEN, Some(&other.label), message);
        }
        if let Some(line) = &self.line
            && let Some(other) = numbers().find(|other| other.line.as_ref() == Some(line))
        {
            let message = format!("the line belongs to {}", other.label);
            problems.add("line", code::TAKEN, Some(&other.label), message);
        }
        // F041: straight to voicemail needs something that callers hear there.
        if self.ring.rings_nobody() && self.voicemail.is_none() && self.on_no_answer.is_none() {
            let message = "nobody rings in so short a time; calls need somewhere to go";
            problems.add("voicemail", code::REQUIRED, None, message);
        }
    }

    fn speeches(&self, configuration: &Configuration) -> Vec<Speech> {
        let company = configuration.spoken_language();
        let language = self.language.unwrap_or(company);
        let mut speeches = match (self.whispered(), &self.accept_key) {
            (Some(text), _) => {
                let facts = WhisperFacts {
                    label: Some(&self.label),
                    queue: None,
                };
                whisper_text::speeches(text, language, facts)
            }
            (None, Some(key)) if self.whisper.is_none() => {
                default_whisper(key, language).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let mut queues = configuration.catalogue().queues.iter();
        if queues.any(|queue| queue.whispered().is_some_and(whisper_text::says_label)) {
            speeches.extend(whisper_text::said(&self.label, company));
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
        if let Some(trunk) = self.trunk {
            tell(Reference::to_trunk("trunk", trunk));
        }
        if let Assignment::List { users } = &self.users {
            for (index, user) in users.iter().enumerate() {
                tell(Reference::to_user(format!("users.users[{index}]"), *user));
            }
        }
        self.ring.references("ring", tell);
        if let Some(ivr) = self.ivr {
            tell(Reference::leading_to("ivr", ivr));
        }
        if let Some(queue) = self.queue {
            tell(Reference::leading_to("queue", queue));
        }
        if let Some(flow) = &self.flow {
            flow.references("flow", tell);
        }
        if let Some(condition) = self.time_condition {
            tell(Reference::leading_to("time_condition", condition));
        }
        if let Some(destination) = &self.on_no_answer {
            destination.references("on_no_answer", tell);
        }
        if let Some(voicemail) = self.voicemail {
            tell(Reference::to("voicemail", voicemail));
        }
        if let Some(class) = self.music_class {
            tell(Reference::to_music_class("music_class", class));
        }
        for (field, file) in [
            ("whisper", self.whisper),
            ("welcome", self.welcome),
            ("busy_message", self.busy_message),
            ("unavailable_message", self.unavailable_message),
            ("anonymous_message", self.anonymous_message),
            ("recording_notice", self.recording_notice),
            ("voicemail_greeting", self.voicemail_greeting),
        ] {
            plays(tell, field, file);
        }
        for (index, file) in self.voicedrops.iter().enumerate() {
            plays(tell, &format!("voicedrops[{index}]"), Some(*file));
        }
        self.offline_action.references("offline_action", tell);
        self.reject_action.references("reject_action", tell);
        if let Some(text_back) = &self.text_back {
            text_back.references("text_back", tell);
        }
    }
}
