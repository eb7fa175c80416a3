//! Conference rooms (F165-F167).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::code;
use crate::{CompanyId, Id, MusicClassId, Object, Problems, Reference, text};

/// A conference room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Conference {
    /// 1-64 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Where it is reached from inside, 2-7 digits.
    pub number: String,
    /// Whether members are asked for a PIN.
    pub use_pin: bool,
    /// The PIN, 4-10 digits; needed with `use_pin`.
    pub pin: Option<String>,
    /// The PIN that makes its member the moderator, 4-10 digits; nobody is when null.
    pub moderator_pin: Option<String>,
    /// Whether members hear music until the moderator is there.
    pub wait_for_moderator: bool,
    /// Members at a time, 2-32.
    #[schema(minimum = 2, maximum = 32)]
    pub max_members: i64,
    /// Whether a tone tells that somebody came or left.
    pub join_tone: bool,
    /// What somebody hears who is alone; null follows the company.
    pub music_class: Option<MusicClassId>,
    /// Whether it is recorded; members hear the notice first.
    pub record: bool,
}

impl Default for Conference {
    fn default() -> Self {
        Self {
            name: String::new(),
            company: CompanyId::default(),
            number: String::new(),
            use_pin: false,
            pin: None,
            moderator_pin: None,
            wait_for_moderator: false,
            max_members: 10,
            join_tone: true,
            music_class: None,
            record: false,
        }
    }
}

impl Object for Conference {
    const KIND: &'static str = "conference";
    const WORDS: &'static str = "conference";
    const LIST: &'static str = "conferences";
    const MAX: usize = 200;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.number = text::digits(problems, "number", &self.number, 2, 7);
        for (field, pin) in [
            ("pin", &mut self.pin),
            ("moderator_pin", &mut self.moderator_pin),
        ] {
            if let Some(pin) = pin {
                *pin = text::digits(problems, field, pin, 4, 10);
            }
        }
        if self.use_pin && self.pin.is_none() {
            problems.add(
                "pin",
                code::REQUIRED,
                Some("4-10"),
                "is needed with `use_pin`",
            );
        }
        if self.pin.is_some() && self.pin == self.moderator_pin {
            let message = "must differ from the PIN of the others";
            problems.add("moderator_pin", code::DUPLICATE, None, message);
        }
        if self.wait_for_moderator && self.moderator_pin.is_none() {
            let message = "is needed to wait for a moderator";
            problems.add("moderator_pin", code::REQUIRED, Some("4-10"), message);
        }
        text::range(problems, "max_members", self.max_members, 2i64, 32);
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        if let Some(class) = self.music_class {
            tell(Reference::to_music_class("music_class", class));
        }
    }

    fn number(&self) -> Option<&str> {
        Some(&self.number)
    }
}
