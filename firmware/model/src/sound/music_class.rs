//! Classes of music on hold.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AudioFileId;
use crate::{
    Configuration, Invalid,
    problem::{Problems, code},
    text,
};

/// Classes in one gateway.
pub const MAX_MUSIC_CLASSES: usize = 100;
/// Audio files of one class.
pub const MAX_CLASS_FILES: usize = 100;

/// Identifies a class for as long as it exists. Never used again after deletion.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct MusicClassId(pub i64);

impl std::fmt::Display for MusicClassId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// In which order the files of a class are played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MusicOrder {
    /// As they are listed.
    #[default]
    Listed,
    /// Shuffled: each once, in an order of chance.
    Shuffled,
}

/// Where in the music somebody is who begins to listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MusicPosition {
    /// At the beginning; when held again in the same call, where it stopped.
    #[default]
    OwnOfCaller,
    /// Where everybody else is, as with a radio.
    Shared,
}

/// A class of music on hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MusicClass {
    /// Stays the same when the name changes.
    pub id: MusicClassId,
    /// 1-64 characters, unique.
    pub name: String,
    /// At most 200 characters.
    pub description: String,
    /// What is played, at most 100; the gateway's own music when there is none.
    #[schema(max_items = 100)]
    pub files: Vec<AudioFileId>,
    /// In which order.
    pub order: MusicOrder,
    /// From where on.
    pub position: MusicPosition,
}

/// Input for a class. A new one needs a name; in a change, what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MusicClassInput {
    /// 1-64 characters, unique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Audio files by id, at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 100)]
    pub files: Option<Vec<AudioFileId>>,
    /// Defaults to `listed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<MusicOrder>,
    /// Defaults to `own_of_caller`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<MusicPosition>,
}

impl MusicClassInput {
    /// The class this input makes.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate_new(
        &self,
        id: MusicClassId,
        configuration: &Configuration,
    ) -> Result<MusicClass, Invalid> {
        let mut problems = Problems::default();
        if configuration.music_classes().len() >= MAX_MUSIC_CLASSES {
            problems.add(
                "name",
                code::TOO_MANY,
                Some(&MAX_MUSIC_CLASSES.to_string()),
                format!("the gateway holds at most {MAX_MUSIC_CLASSES} classes of music"),
            );
        }
        let blank = MusicClass {
            id,
            name: String::new(),
            description: String::new(),
            files: Vec::new(),
            order: MusicOrder::default(),
            position: MusicPosition::default(),
        };
        self.apply(blank, configuration, problems)
    }

    /// `current` after this change.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate_change(
        &self,
        current: &MusicClass,
        configuration: &Configuration,
    ) -> Result<MusicClass, Invalid> {
        self.apply(current.clone(), configuration, Problems::default())
    }

    fn apply(
        &self,
        mut class: MusicClass,
        configuration: &Configuration,
        mut problems: Problems,
    ) -> Result<MusicClass, Invalid> {
        if let Some(name) = &self.name {
            class.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            class.description.clone_from(description);
        }
        if let Some(files) = &self.files {
            class.files.clone_from(files);
        }
        class.order = self.order.unwrap_or(class.order);
        class.position = self.position.unwrap_or(class.position);
        class.check_alone(&mut problems);
        class.check_references(&mut problems, |id| configuration.audio_file(id).is_some());
        let name = class.name.to_lowercase();
        let other = configuration
            .music_classes()
            .iter()
            .find(|other| other.id != class.id && other.name.to_lowercase() == name);
        if let Some(other) = other {
            problems.add(
                "name",
                code::TAKEN,
                Some(&other.name),
                format!("there is a class of music {} already", other.name),
            );
        }
        problems.finish(class)
    }
}

impl MusicClass {
    /// Everything that can be said without another object.
    pub(crate) fn check_alone(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        self.description = text::line(problems, "description", &self.description, 0, 200);
        if self.files.len() > MAX_CLASS_FILES {
            problems.add(
                "files",
                code::TOO_MANY,
                Some(&MAX_CLASS_FILES.to_string()),
                format!("holds more than {MAX_CLASS_FILES} entries"),
            );
        }
    }

    /// Checks that what is played exists.
    pub(crate) fn check_references(
        &self,
        problems: &mut Problems,
        known: impl Fn(AudioFileId) -> bool,
    ) {
        for (index, id) in self.files.iter().enumerate() {
            if !known(*id) {
                problems.add(
                    &format!("files[{index}]"),
                    code::NO_SUCH_OBJECT,
                    None,
                    format!("there is no audio file with id {id}"),
                );
            }
        }
    }
}

/// Checks that a class that somebody hears exists.
pub(crate) fn check_class(
    problems: &mut Problems,
    class: Option<MusicClassId>,
    known: impl Fn(MusicClassId) -> bool,
) {
    if let Some(id) = class.filter(|id| !known(*id)) {
        problems.add(
            "music_class",
            code::NO_SUCH_OBJECT,
            None,
            format!("there is no class of music with id {id}"),
        );
    }
}
