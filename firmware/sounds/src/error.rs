//! Why sound was not taken.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Why a file or a text did not become a sound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoundError {
    /// The content is something else than sound, or sound of a kind that is not read.
    #[error("is {found}, not WAV, MP3, Ogg (Opus, Vorbis) or FLAC")]
    NotSound {
        /// What it looks like, such as `a PNG picture`.
        found: String,
    },
    /// The file says it is sound, and cannot be decoded.
    #[error("cannot be decoded as {format}: {reason}")]
    Damaged {
        /// What it says it is.
        format: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no sound in it.
    #[error("holds no sound")]
    Empty,
    /// More octets than are taken.
    #[error("is larger than {} MB", limit >> 20)]
    TooLarge {
        /// Octets that are taken.
        limit: u64,
    },
    /// It plays longer than is taken.
    #[error("plays longer than {} minutes", limit / 60)]
    TooLong {
        /// Seconds that are taken.
        limit: u32,
    },
    /// Reading it took more time or memory than is given to any file.
    #[error("could not be read within the time and memory that a file is given")]
    TooCostly,
    /// The text cannot be spoken.
    #[error("the text cannot be spoken: {0}")]
    Unspeakable(String),
    /// The image has no voice for the language.
    #[error("there is no voice for this language on this gateway: {0}")]
    NoVoice(String),
    /// Too many files wait to be read.
    #[error("too many sounds are being prepared at once; try again in some seconds")]
    Busy,
    /// The disk is full.
    #[error("no space is left on the disk; nothing was stored")]
    DiskFull,
    /// A file cannot be read or written.
    #[error("cannot {action} {}: {reason}", path.display())]
    File {
        /// What was tried, such as `write`.
        action: String,
        /// On which file.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
}

impl SoundError {
    pub(crate) fn file(action: &str, path: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::File {
                action: action.to_owned(),
                path: path.to_owned(),
                reason: error.to_string(),
            },
        }
    }

    /// Whether the sound is to blame and not the gateway.
    #[must_use]
    pub fn is_of_the_content(&self) -> bool {
        !matches!(
            self,
            Self::NoVoice(_) | Self::Busy | Self::DiskFull | Self::File { .. }
        )
    }
}
