//! What objects refer to, so that nothing that is in use can be deleted and nothing leads nowhere or round in a circle.

use super::{Id, Object};
use crate::{AudioFileId, ExtensionId, MusicClassId, TrunkId, UserId};

/// That an object refers to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The field that does, such as `keys[2].destination`.
    pub field: String,
    /// The kind of the other object, such as `extension`.
    pub kind: &'static str,
    /// Its id.
    pub id: i64,
    /// Whether a call goes on there by itself: such references must not lead round in a circle.
    pub leads: bool,
}

impl Reference {
    /// A reference to an object of the catalogue that calls do not follow.
    pub fn to<T: Object>(field: impl Into<String>, id: Id<T>) -> Self {
        Self::new(field, T::KIND, id.number())
    }

    /// A reference to an object of the catalogue where a call goes on.
    pub fn leading_to<T: Object>(field: impl Into<String>, id: Id<T>) -> Self {
        Self {
            leads: true,
            ..Self::to(field, id)
        }
    }

    /// A reference to an extension.
    pub fn to_extension(field: impl Into<String>, id: ExtensionId) -> Self {
        Self::new(field, "extension", id.0)
    }

    /// A reference to a user.
    pub fn to_user(field: impl Into<String>, id: UserId) -> Self {
        Self::new(field, "user", id.0)
    }

    /// A reference to a SIP trunk or an E1 trunk.
    pub fn to_trunk(field: impl Into<String>, id: TrunkId) -> Self {
        Self::new(field, "trunk", id.0)
    }

    /// A reference to an audio file.
    pub fn to_audio_file(field: impl Into<String>, id: AudioFileId) -> Self {
        Self::new(field, "audio_file", id.0)
    }

    /// A reference to a class of music.
    pub fn to_music_class(field: impl Into<String>, id: MusicClassId) -> Self {
        Self::new(field, "music_class", id.0)
    }

    fn new(field: impl Into<String>, kind: &'static str, id: i64) -> Self {
        Self {
            field: field.into(),
            kind,
            id,
            leads: false,
        }
    }

    /// The same, its field inside this one.
    #[must_use]
    pub fn within(mut self, path: &str) -> Self {
        self.field = match self.field.as_str() {
            "" => path.to_owned(),
            field => format!("{path}.{field}"),
        };
        self
    }
}
