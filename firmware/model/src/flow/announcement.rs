//! Announcements: sounds played one after the other, and where the call goes then (F151-F153).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Destination, nested};
use crate::problem::code;
use crate::{AudioFileId, CompanyId, Id, Object, Problems, Reference, text};

/// An announcement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Announcement {
    /// 1-64 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// The audio files it plays, 1-20, one after the other.
    pub files: Vec<AudioFileId>,
    /// Whether callers hear it before the call is answered, where their line can do that. It costs them nothing then, and
    /// what comes after it may still ring unanswered.
    pub early: bool,
    /// The key that skips it; none when left out.
    pub skip_key: Option<String>,
    /// Where the call goes afterwards.
    pub after: Destination,
}

impl Object for Announcement {
    const KIND: &'static str = "announcement";
    const WORDS: &'static str = "announcement";
    const LIST: &'static str = "announcements";
    const MAX: usize = 500;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        text::at_most(problems, "files", self.files.len(), 20);
        if self.files.is_empty() {
            problems.add("files", code::REQUIRED, Some("1-20"), "needs an audio file");
        }
        if let Some(key) = &self.skip_key {
            super::check_key(problems, "skip_key", key);
        }
        nested(problems, "after", |inner| self.after.check(inner));
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        for (index, file) in self.files.iter().enumerate() {
            tell(Reference::to_audio_file(format!("files[{index}]"), *file));
        }
        self.after.references("after", tell);
    }
}
