//! Audio files: uploaded or spoken sound that other objects play.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Configuration, Invalid, Language,
    problem::{Problems, code},
    text,
};

/// Audio files in one gateway.
pub const MAX_AUDIO_FILES: usize = 1_000;
/// Characters of a text to be spoken.
pub const MAX_TEXT: usize = 2_000;

/// Identifies an audio file for as long as it exists. Never used again after deletion.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct AudioFileId(pub i64);

impl std::fmt::Display for AudioFileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Where the sound comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum AudioOrigin {
    /// A file that somebody uploaded.
    Upload {
        /// What it was called, at most 200 characters; blank when that was not said.
        file_name: String,
        /// What it was by its content: `wav`, `mp3`, `ogg`, `flac`.
        format: String,
    },
    /// A text that the gateway spoke.
    Speech {
        /// 1-2,000 characters.
        text: String,
        /// Language it was spoken in.
        language: Language,
    },
}

/// An audio file. The sound itself lies beside the database, under its `key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudioFile {
    /// Stays the same when name or sound change.
    pub id: AudioFileId,
    /// 1-64 characters, unique.
    pub name: String,
    /// At most 200 characters.
    pub description: String,
    /// Where the sound comes from.
    pub origin: AudioOrigin,
    /// What the sound is found by: another one with every new sound.
    pub key: String,
    /// How long it plays, in milliseconds.
    pub duration_ms: u64,
    /// Octets on the disk, the original's included.
    pub octets: u64,
}

/// A sound that lies on the disk already, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Where it comes from.
    pub origin: AudioOrigin,
    /// What it is found by.
    pub key: String,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Octets on the disk.
    pub octets: u64,
}

/// What a new audio file is called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAudioFile {
    /// 1-64 characters, unique.
    pub name: String,
    /// At most 200 characters.
    #[serde(default)]
    pub description: String,
}

/// A text to be spoken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpeechInput {
    /// 1-2,000 characters.
    pub text: String,
    /// Language to speak it in.
    pub language: Language,
}

/// Changes to an audio file; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AudioFileChange {
    /// A new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Another text, spoken in place of the sound there was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech: Option<SpeechInput>,
}

impl SpeechInput {
    /// The text without blanks around it.
    ///
    /// # Errors
    /// It is blank, too long, or holds control characters beside line breaks.
    pub fn validate(&self) -> Result<AudioOrigin, Invalid> {
        let mut problems = Problems::default();
        let text = spoken(&mut problems, "text", &self.text);
        problems.finish(AudioOrigin::Speech {
            text,
            language: self.language,
        })
    }
}

/// Line breaks are blanks to a speaker.
fn spoken(problems: &mut Problems, field: &str, value: &str) -> String {
    let value = value.replace(['\r', '\n', '\t'], " ");
    text::line(problems, field, &value, 1, MAX_TEXT)
}

impl NewAudioFile {
    /// Checks the name before the sound is there.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn check(&self, configuration: &Configuration) -> Result<(), Invalid> {
        let mut problems = Problems::default();
        if configuration.audio_files().len() >= MAX_AUDIO_FILES {
            problems.add(
                "name",
                code::TOO_MANY,
                Some(&MAX_AUDIO_FILES.to_string()),
                format!("the gateway holds at most {MAX_AUDIO_FILES} audio files"),
            );
        }
        let (mut name, mut description) = (self.name.clone(), self.description.clone());
        check_texts(&mut problems, &mut name, &mut description);
        check_unique(&mut problems, None, &name, configuration);
        problems.finish(())
    }

    /// The audio file this input and a sound make.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate(
        &self,
        id: AudioFileId,
        sound: Recorded,
        configuration: &Configuration,
    ) -> Result<AudioFile, Invalid> {
        self.check(configuration)?;
        let mut file = AudioFile {
            id,
            name: self.name.clone(),
            description: self.description.clone(),
            origin: sound.origin,
            key: sound.key,
            duration_ms: sound.duration_ms,
            octets: sound.octets,
        };
        let mut problems = Problems::default();
        file.check_alone(&mut problems);
        problems.finish(file)
    }
}

impl AudioFileChange {
    /// `current` after this change, with another sound if there is one.
    ///
    /// # Errors
    /// Every rule that it breaks.
    pub fn validate(
        &self,
        current: &AudioFile,
        sound: Option<Recorded>,
        configuration: &Configuration,
    ) -> Result<AudioFile, Invalid> {
        let mut file = current.clone();
        if let Some(name) = &self.name {
            file.name.clone_from(name);
        }
        if let Some(description) = &self.description {
            file.description.clone_from(description);
        }
        if let Some(sound) = sound {
            file.origin = sound.origin;
            file.key = sound.key;
            file.duration_ms = sound.duration_ms;
            file.octets = sound.octets;
        }
        let mut problems = Problems::default();
        file.check_alone(&mut problems);
        check_unique(&mut problems, Some(file.id), &file.name, configuration);
        problems.finish(file)
    }
}

impl AudioFile {
    /// Everything that can be said without another object.
    pub(crate) fn check_alone(&mut self, problems: &mut Problems) {
        check_texts(problems, &mut self.name, &mut self.description);
        match &mut self.origin {
            AudioOrigin::Upload { file_name, format } => {
                // A name from somewhere else: whatever it holds is shown, and nothing more.
                *file_name = file_name
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(200)
                    .collect();
                *format = text::line(problems, "origin.format", format, 1, 16);
            }
            AudioOrigin::Speech { text, .. } => *text = spoken(problems, "origin.text", text),
        }
        // It becomes the name of a file.
        let plain = self.key.len() == 32 && self.key.bytes().all(|octet| octet.is_ascii_hexdigit());
        if !plain {
            problems.add("key", code::INVALID, None, "must be 32 hexadecimal digits");
        }
    }
}

fn check_texts(problems: &mut Problems, name: &mut String, description: &mut String) {
    *name = text::line(problems, "name", name, 1, 64);
    *description = text::line(problems, "description", description, 0, 200);
}

fn check_unique(
    problems: &mut Problems,
    id: Option<AudioFileId>,
    name: &str,
    configuration: &Configuration,
) {
    let name = name.trim().to_lowercase();
    let other = configuration
        .audio_files()
        .iter()
        .find(|other| Some(other.id) != id && other.name.to_lowercase() == name);
    if let Some(other) = other {
        problems.add(
            "name",
            code::TAKEN,
            Some(&other.name),
            format!("there is an audio file {} already", other.name),
        );
    }
}
