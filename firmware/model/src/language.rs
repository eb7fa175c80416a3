//! The four languages of prompts and of the web UI.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A language the gateway speaks, named by its BCP 47 tag.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
pub enum Language {
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    PtBr,
    /// Spanish.
    #[serde(rename = "es")]
    Es,
    /// Indonesian.
    #[serde(rename = "id")]
    Id,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Language {
    /// What stands for the number of somebody who withholds it (AT-40).
    #[must_use]
    pub const fn anonymous(self) -> &'static str {
        match self {
            Self::PtBr => "Anônimo",
            Self::Es => "Anónimo",
            Self::Id => "Anonim",
            Self::En => "Anonymous",
        }
    }

    /// Every language, in the order in which choices are shown.
    pub const ALL: [Language; 4] = [Language::PtBr, Language::Es, Language::Id, Language::En];

    /// The BCP 47 tag, which is also the name of the prompt folder.
    pub const fn tag(self) -> &'static str {
        match self {
            Language::PtBr => "pt-BR",
            Language::Es => "es",
            Language::Id => "id",
            Language::En => "en",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// The text is none of `pt-BR`, `es`, `id`, `en`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("language `{0}` is not known; use pt-BR, es, id or en")]
pub struct UnknownLanguage(pub String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Language::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}
