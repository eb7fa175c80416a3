//! Voicemail boxes (F088-F092).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plays;
use crate::{AudioFileId, CompanyId, ExtensionId, Id, Language, Object, Problems, Reference, text};

/// A voicemail box: of one extension, or shared by several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VoicemailBox {
    /// 1-64 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Whose it is, at most 50: their message lamps show what is new, and they hear it without a PIN.
    pub extensions: Vec<ExtensionId>,
    /// Numbers of telephones on lines of the gateway whose it is as well, at most 50.
    pub stations: Vec<String>,
    /// What others enter to hear it, 4-10 digits; nobody else can when null.
    pub pin: Option<String>,
    /// What callers hear before the tone; null is what the company says.
    pub greeting: Option<AudioFileId>,
    /// Language of the built-in greeting; null is that of the call.
    pub language: Option<Language>,
    /// Seconds a message may have, 10-600.
    #[schema(minimum = 10, maximum = 600)]
    pub max_seconds: i64,
    /// Shorter messages are dropped: seconds, 0-30.
    #[schema(minimum = 0, maximum = 30)]
    pub min_seconds: i64,
    /// Seconds of silence that end a message, 3-60.
    #[schema(minimum = 3, maximum = 60)]
    pub silence_seconds: i64,
    /// Messages it holds, 1-1000; callers are told when it is full.
    #[schema(minimum = 1, maximum = 1000)]
    pub max_messages: i64,
    /// Days messages are kept that were heard, 1-3650; null keeps them.
    #[schema(minimum = 1, maximum = 3650)]
    pub keep_days: Option<i64>,
    /// Where new messages are sent by mail; nowhere when null.
    pub email: Option<String>,
    /// Whether the mail carries the sound.
    pub attach_audio: bool,
    /// Whether a message counts as heard once its mail was taken.
    pub heard_when_mailed: bool,
}

impl Default for VoicemailBox {
    fn default() -> Self {
        Self {
            name: String::new(),
            company: CompanyId::default(),
            extensions: Vec::new(),
            stations: Vec::new(),
            pin: None,
            greeting: None,
            language: None,
            max_seconds: 180,
            min_seconds: 3,
            silence_seconds: 10,
            max_messages: 100,
            keep_days: None,
            email: None,
            attach_audio: true,
            heard_when_mailed: false,
        }
    }
}

impl Object for VoicemailBox {
    const KIND: &'static str = "voicemail_box";
    const WORDS: &'static str = "voicemail box";
    const LIST: &'static str = "voicemail_boxes";
    const MAX: usize = 20_000;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        text::at_most(problems, "extensions", self.extensions.len(), 50);
        text::at_most(problems, "stations", self.stations.len(), 50);
        for (index, number) in self.stations.iter_mut().enumerate() {
            *number = text::digits(problems, &format!("stations[{index}]"), number, 1, 20);
        }
        if let Some(pin) = &mut self.pin {
            *pin = text::digits(problems, "pin", pin, 4, 10);
        }
        text::range(problems, "max_seconds", self.max_seconds, 10i64, 600);
        text::range(problems, "min_seconds", self.min_seconds, 0i64, 30);
        text::range(problems, "silence_seconds", self.silence_seconds, 3i64, 60);
        text::range(problems, "max_messages", self.max_messages, 1i64, 1000);
        if let Some(days) = self.keep_days {
            text::range(problems, "keep_days", days, 1i64, 3650);
        }
        if let Some(email) = &mut self.email {
            *email = text::email(problems, "email", email);
        }
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        for (index, extension) in self.extensions.iter().enumerate() {
            tell(Reference::to_extension(
                format!("extensions[{index}]"),
                *extension,
            ));
        }
        plays(tell, "greeting", self.greeting);
    }
}
