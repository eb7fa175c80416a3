//! Sounds: audio files, and the classes of music on hold that are made of them.

mod audio_file;
mod music_class;
mod speech;

pub use audio_file::{
    AudioFile, AudioFileChange, AudioFileId, AudioOrigin, MAX_AUDIO_FILES, MAX_TEXT, NewAudioFile,
    Recorded, SpeechInput,
};
pub(crate) use music_class::check_class;
pub use music_class::{
    MAX_CLASS_FILES, MAX_MUSIC_CLASSES, MusicClass, MusicClassId, MusicClassInput, MusicOrder,
    MusicPosition,
};

pub use speech::Speech;

use crate::{Configuration, Language, Object};

/// An object that another one is used by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct UsedBy {
    /// Its kind, such as `company`, `extension` or `ivr`.
    pub object: String,
    /// Its id; 0 for the company.
    pub id: i64,
    /// Its name or number.
    pub name: String,
}

impl UsedBy {
    pub(crate) fn new(object: &str, id: i64, name: &str) -> Self {
        Self {
            object: object.to_owned(),
            id,
            name: name.to_owned(),
        }
    }
}

impl std::fmt::Display for UsedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.object.replace('_', " "), self.name)
    }
}

impl Configuration {
    /// What the gateway speaks because of what objects say.
    pub fn speeches(&self) -> impl Iterator<Item = Speech> {
        let catalogue = self.catalogue();
        let menus = catalogue.ivrs.iter().flat_map(|one| one.speeches(self));
        let numbers = catalogue.numbers.iter();
        let numbers = numbers.flat_map(|one| one.speeches(self));
        let queues = catalogue.queues.iter().flat_map(|one| one.speeches(self));
        menus.chain(numbers).chain(queues)
    }

    /// The language of what nothing else is said about.
    #[must_use]
    pub fn spoken_language(&self) -> Language {
        self.company()
            .map_or(Language::En, |company| company.language)
    }

    /// What plays an audio file.
    pub fn users_of_audio_file(&self, id: AudioFileId) -> Vec<UsedBy> {
        let company = self
            .company()
            .filter(|company| {
                [company.voicemail_greeting, company.recording.notice_file].contains(&Some(id))
            })
            .map(|company| UsedBy::new("company", 0, &company.legal_name));
        let users = self.users().iter();
        let users = users
            .filter(|user| user.voicedrops.contains(&id))
            .map(|user| UsedBy::new("user", user.id.0, &user.login));
        self.music_classes()
            .iter()
            .filter(|class| class.files.contains(&id))
            .map(|class| UsedBy::new("music_class", class.id.0, &class.name))
            .chain(company)
            .chain(users)
            .chain(self.referring_to("audio_file", id.0))
            .collect()
    }

    /// Who hears a class of music.
    pub fn users_of_music_class(&self, id: MusicClassId) -> Vec<UsedBy> {
        let company = self
            .company()
            .filter(|company| company.music_class == Some(id))
            .map(|company| UsedBy::new("company", 0, &company.legal_name));
        let extensions = self
            .extensions()
            .iter()
            .filter(|one| one.music_class == Some(id));
        let trunks = self
            .trunks()
            .iter()
            .filter(|one| one.music_class == Some(id));
        company
            .into_iter()
            .chain(extensions.map(|one| UsedBy::new("extension", one.id.0, &one.number)))
            .chain(trunks.map(|one| UsedBy::new("trunk", one.id.0, &one.name)))
            .chain(self.referring_to("music_class", id.0))
            .collect()
    }
}
