//! Extensions: the numbers people inside the company have.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ClassOfService, ClassOfServiceChange, CompanyId, Configuration, Invalid, Language,
    MediaEncryption, MusicClassId, PickupGroups, RecordingMode,
    problem::{Problems, code},
    sound::check_class,
    text,
};

/// Identifies an extension for as long as it exists, through every renumbering. Never used again after deletion.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct ExtensionId(pub i64);

impl std::fmt::Display for ExtensionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Seconds an extension rings when nothing else is said.
pub const DEFAULT_RING_TIME: u16 = 60;
/// Simultaneous calls of an extension when nothing else is said.
pub const DEFAULT_MAX_CALLS: u8 = 4;
/// Devices that may be registered for one extension at the same time.
pub const MAX_REGISTRATIONS: usize = 5;
/// Extensions in one gateway.
pub const MAX_EXTENSIONS: usize = 20_000;

/// An extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Stays the same when the number changes.
    pub id: ExtensionId,
    /// 2-7 digits, unique; also the user name of digest authentication.
    pub number: String,
    /// Caller name inside the company, at most 64 characters.
    pub display_name: String,
    /// The company it belongs to: that of its user where it has one; 0 is the one that the gateway is set up for.
    #[serde(default, skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Language of prompts it hears; null follows the company.
    pub language: Option<Language>,
    /// A disabled extension can neither register nor call nor be called.
    pub enabled: bool,
    /// Simultaneous calls, 1-20.
    #[schema(minimum = 1, maximum = 20)]
    pub max_calls: u8,
    /// Seconds it rings before a call counts as not answered, 5-300.
    #[schema(minimum = 5, maximum = 300)]
    pub ring_time: u16,
    /// Whether the media of its phones is encrypted.
    #[serde(default)]
    pub media_encryption: MediaEncryption,
    /// What those hear whom it holds; null follows the company.
    #[serde(default)]
    pub music_class: Option<MusicClassId>,
    /// Whether its calls are recorded; null follows the company.
    #[serde(default)]
    pub recording: Option<RecordingMode>,
    /// Where all its calls go, as it would be dialled there; null rings its phones.
    #[serde(default)]
    pub forward_all: Option<String>,
    /// Where calls go while it is busy.
    #[serde(default)]
    pub forward_busy: Option<String>,
    /// Where calls go that nobody takes there, also because no phone of it is registered.
    #[serde(default)]
    pub forward_no_answer: Option<String>,
    /// Whether it takes no calls; it counts as not there then.
    #[serde(default)]
    pub do_not_disturb: bool,
    /// Whether phones in browsers, and others that signal over WebSocket, may be its phones.
    #[serde(default = "allowed")]
    pub webrtc_allowed: bool,
    /// What it may call outside, and how much.
    #[serde(default = "ClassOfService::before")]
    pub class_of_service: ClassOfService,
    /// Whose calls it may take while they ring, and who may take its own.
    #[serde(default, skip_serializing_if = "PickupGroups::is_empty")]
    pub pickup_groups: PickupGroups,
}

/// What holds for extensions from before there was a switch.
const fn allowed() -> bool {
    true
}

/// Input for a new extension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExtension {
    /// 2-7 digits.
    pub number: String,
    /// Caller name inside the company; the number when blank.
    #[serde(default)]
    pub display_name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(default)]
    pub company: CompanyId,
    /// Language of prompts; null follows the company.
    #[serde(default)]
    pub language: Option<Language>,
    /// Defaults to true.
    #[serde(default)]
    pub enabled: Option<bool>,
    /// 1-20, default 4.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 20)]
    pub max_calls: Option<i64>,
    /// Seconds, 5-300, default 60.
    #[serde(default)]
    #[schema(minimum = 5, maximum = 300)]
    pub ring_time: Option<i64>,
    /// Default automatic.
    #[serde(default)]
    pub media_encryption: Option<MediaEncryption>,
    /// Class of music on hold; null follows the company.
    #[serde(default)]
    pub music_class: Option<MusicClassId>,
    /// Whether its calls are recorded; null follows the company.
    #[serde(default)]
    pub recording: Option<RecordingMode>,
    /// Where all its calls go, 2-20 digits as dialled there; null rings its phones.
    #[serde(default)]
    pub forward_all: Option<String>,
    /// Where calls go while it is busy.
    #[serde(default)]
    pub forward_busy: Option<String>,
    /// Where calls go that nobody takes there.
    #[serde(default)]
    pub forward_no_answer: Option<String>,
    /// Whether it takes no calls; default false.
    #[serde(default)]
    pub do_not_disturb: Option<bool>,
    /// Whether phones in browsers, and others that signal over WebSocket, may be its phones; default true.
    #[serde(default)]
    pub webrtc_allowed: Option<bool>,
    /// What it may call outside, and how much; by default no other countries and nothing that costs extra.
    #[serde(default)]
    pub class_of_service: Option<ClassOfServiceChange>,
    /// Names of pickup groups; default none.
    #[serde(default)]
    pub pickup_groups: PickupGroups,
}

/// Changes to an extension; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionChange {
    /// A new number. The secret is renewed with it, because the number is part of what digest authentication hashes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// A new caller name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Another company; an extension with a user belongs where he does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<CompanyId>,
    /// A language, or null to follow the company.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Language>)]
    pub language: Option<Option<Language>>,
    /// Whether it may register and call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// 1-20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 20)]
    pub max_calls: Option<i64>,
    /// Seconds, 5-300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 300)]
    pub ring_time: Option<i64>,
    /// Whether the media of its phones is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_encryption: Option<MediaEncryption>,
    /// A class of music on hold, or null to follow the company.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<MusicClassId>)]
    pub music_class: Option<Option<MusicClassId>>,
    /// Whether its calls are recorded, or null to follow the company.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<RecordingMode>)]
    pub recording: Option<Option<RecordingMode>>,
    /// Where all its calls go, or null for nowhere.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub forward_all: Option<Option<String>>,
    /// Where calls go while it is busy, or null for nowhere.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub forward_busy: Option<Option<String>>,
    /// Where calls go that nobody takes there, or null for nowhere.
    #[serde(
        default,
        deserialize_with = "text::nullable",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub forward_no_answer: Option<Option<String>>,
    /// Whether it takes no calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub do_not_disturb: Option<bool>,
    /// Whether phones that signal over WebSocket may be its phones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webrtc_allowed: Option<bool>,
    /// What it may call outside, and how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_of_service: Option<ClassOfServiceChange>,
    /// Names of all its pickup groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_groups: Option<PickupGroups>,
}

impl NewExtension {
    /// The extension this input makes, under the identity `id`.
    pub fn validate(
        &self,
        id: ExtensionId,
        configuration: &Configuration,
    ) -> Result<Extension, Invalid> {
        let mut problems = Problems::default();
        if configuration.extensions().len() >= MAX_EXTENSIONS {
            problems.add(
                "number",
                code::TOO_MANY,
                Some(&MAX_EXTENSIONS.to_string()),
                format!("the gateway holds at most {MAX_EXTENSIONS} extensions"),
            );
        }
        let mut extension = Extension {
            id,
            number: self.number.clone(),
            display_name: self.display_name.clone(),
            company: self.company,
            language: self.language,
            enabled: self.enabled.unwrap_or(true),
            max_calls: text::range(
                &mut problems,
                "max_calls",
                self.max_calls.unwrap_or(DEFAULT_MAX_CALLS.into()),
                1u8,
                20,
            ),
            ring_time: text::range(
                &mut problems,
                "ring_time",
                self.ring_time.unwrap_or(DEFAULT_RING_TIME.into()),
                5u16,
                300,
            ),
            media_encryption: self.media_encryption.unwrap_or_default(),
            music_class: self.music_class,
            recording: self.recording,
            forward_all: self.forward_all.clone(),
            forward_busy: self.forward_busy.clone(),
            forward_no_answer: self.forward_no_answer.clone(),
            do_not_disturb: self.do_not_disturb.unwrap_or_default(),
            webrtc_allowed: self.webrtc_allowed.unwrap_or(allowed()),
            class_of_service: ClassOfService::default()
                .changed(&mut problems, self.class_of_service.as_ref()),
            pickup_groups: self.pickup_groups.clone(),
        };
        if extension.display_name.trim().is_empty() {
            extension.display_name = extension.number.trim().to_owned();
        }
        extension.check(&mut problems, configuration);
        problems.finish(extension)
    }
}

impl ExtensionChange {
    /// `current` after this change.
    pub fn validate(
        &self,
        current: &Extension,
        configuration: &Configuration,
    ) -> Result<Extension, Invalid> {
        let mut problems = Problems::default();
        let mut extension = current.clone();
        if let Some(number) = &self.number {
            // Whoever has no name is called what his number is.
            if extension.display_name == extension.number {
                extension.display_name = number.trim().to_owned();
            }
            extension.number = number.clone();
        }
        if let Some(display_name) = &self.display_name {
            extension.display_name = display_name.clone();
        }
        if let Some(company) = self.company {
            extension.company = company;
        }
        if let Some(language) = self.language {
            extension.language = language;
        }
        if let Some(enabled) = self.enabled {
            extension.enabled = enabled;
        }
        if let Some(max_calls) = self.max_calls {
            extension.max_calls = text::range(&mut problems, "max_calls", max_calls, 1u8, 20);
        }
        if let Some(ring_time) = self.ring_time {
            extension.ring_time = text::range(&mut problems, "ring_time", ring_time, 5u16, 300);
        }
        if let Some(media_encryption) = self.media_encryption {
            extension.media_encryption = media_encryption;
        }
        if let Some(recording) = self.recording {
            extension.recording = recording;
        }
        if let Some(music_class) = self.music_class {
            extension.music_class = music_class;
        }
        if let Some(to) = &self.forward_all {
            extension.forward_all.clone_from(to);
        }
        if let Some(to) = &self.forward_busy {
            extension.forward_busy.clone_from(to);
        }
        if let Some(to) = &self.forward_no_answer {
            extension.forward_no_answer.clone_from(to);
        }
        if let Some(do_not_disturb) = self.do_not_disturb {
            extension.do_not_disturb = do_not_disturb;
        }
        if let Some(webrtc_allowed) = self.webrtc_allowed {
            extension.webrtc_allowed = webrtc_allowed;
        }
        if let Some(groups) = &self.pickup_groups {
            extension.pickup_groups = groups.clone();
        }
        let change = self.class_of_service.as_ref();
        extension.class_of_service = extension.class_of_service.changed(&mut problems, change);
        extension.check(&mut problems, configuration);
        problems.finish(extension)
    }
}

impl Extension {
    /// Whether calls may go elsewhere than to its phones.
    pub fn is_forwarded(&self) -> bool {
        let forwards = [
            &self.forward_all,
            &self.forward_busy,
            &self.forward_no_answer,
        ];
        self.do_not_disturb || forwards.iter().any(|to| to.is_some())
    }

    /// Normalises the texts and checks them, and the number against all other extensions.
    fn check(&mut self, problems: &mut Problems, configuration: &Configuration) {
        self.check_texts(problems);
        configuration.check_company(problems, ("extension", self.id.0), self.company);
        if let Some(user) = configuration.user_at(self.id)
            && user.company != self.company
        {
            let message = "the extension belongs where its user does";
            problems.add("company", code::OTHER_COMPANY, Some(&user.login), message);
        }
        check_class(problems, self.music_class, |id| {
            configuration.music_class(id).is_some()
        });
        if let Some(other) = configuration.who_has(&self.number)
            && other.object != "extension"
        {
            let message = format!("{} belongs to {other}", self.number);
            problems.add("number", code::TAKEN, Some(&other.to_string()), message);
        }
        if let Some(other) = configuration.extension_by_number(&self.number)
            && other.id != self.id
        {
            problems.add(
                "number",
                code::TAKEN,
                Some(&other.display_name),
                format!(
                    "extension {} is in use by {}",
                    self.number, other.display_name
                ),
            );
        }
    }

    /// Everything that can be said without another object; for imported documents.
    pub(crate) fn check_alone(&mut self, problems: &mut Problems) {
        self.check_texts(problems);
        self.max_calls = text::range(problems, "max_calls", self.max_calls.into(), 1u8, 20);
        self.ring_time = text::range(problems, "ring_time", self.ring_time.into(), 5u16, 300);
        self.class_of_service.check(problems);
    }

    fn check_texts(&mut self, problems: &mut Problems) {
        self.number = text::digits(problems, "number", &self.number, 2, 7);
        self.display_name = text::line(problems, "display_name", &self.display_name, 1, 64);
        self.pickup_groups.check(problems);
        let own = self.number.clone();
        for (field, to) in [
            ("forward_all", &mut self.forward_all),
            ("forward_busy", &mut self.forward_busy),
            ("forward_no_answer", &mut self.forward_no_answer),
        ] {
            if let Some(number) = to {
                *number = text::digits(problems, field, number, 2, 20);
                if *number == own {
                    let message = "calls would come back to the extension itself";
                    problems.add(field, code::CIRCLE, Some(&own), message);
                }
            }
        }
    }
}
