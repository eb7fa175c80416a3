//! Why something cannot be archived or restored.

use std::io;
use std::path::{Path, PathBuf};

use ramal_age::AgeError;
use ramal_store::StoreError;
use thiserror::Error;

/// Why something cannot be archived or restored. Whatever it is, the gateway is as it was.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The file cannot be opened with what was given, or is not whole.
    #[error(transparent)]
    Age(#[from] AgeError),
    /// It is an age file, and nothing of ours in it.
    #[error("this is not an archive of this product ({0}): choose a file that a backup made")]
    Foreign(String),
    /// A newer version of the product made it.
    #[error(
        "the archive was made by version {product} with schema {found}, this version knows schemas up to {known}: \
         update the gateway first"
    )]
    Newer {
        /// Version that made it.
        product: String,
        /// Its schema.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// A file in it is not what was put in.
    #[error("{0} in the archive is damaged: take another copy of it")]
    Damaged(String),
    /// Something is in it that has no place there.
    #[error("the archive holds {0:?}, which has no place in one: it was not made by this product")]
    Unexpected(String),
    /// No space.
    #[error("the disk has too little space left for this: delete archives or recordings first")]
    DiskFull,
    /// There is no such archive.
    #[error("there is no archive {0}")]
    NotFound(String),
    /// Something is being archived or restored already.
    #[error("another archive is being made or restored: wait until that is done")]
    Busy,
    /// The database cannot be copied, or that of the archive not be used.
    #[error(transparent)]
    Store(StoreError),
    /// A file cannot be used.
    #[error("cannot {action} {}: {error}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl ArchiveError {
    pub(crate) fn file(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| match error.kind() {
            io::ErrorKind::StorageFull => Self::DiskFull,
            _ => Self::File {
                action,
                path,
                error,
            },
        }
    }

    /// What a reader or writer of ours wrapped into an error of input and output.
    pub(crate) fn from_io(error: io::Error, path: &Path) -> Self {
        let kind = error.kind();
        match AgeError::from_io(error) {
            AgeError::Io(error) if kind != io::ErrorKind::Other => {
                Self::file("read or write", path)(error)
            }
            // What the tar reader says of content that is no tar file.
            AgeError::Io(error) => Self::Foreign(error.to_string()),
            other => Self::Age(other),
        }
    }
}

impl From<StoreError> for ArchiveError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull(_) => Self::DiskFull,
            StoreError::Corrupt { detail, .. } => Self::Damaged(format!("the database ({detail})")),
            StoreError::NotSetUp => Self::Foreign("its database holds no settings".into()),
            other => Self::Store(other),
        }
    }
}
