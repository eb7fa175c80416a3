//! What can go wrong, and what to do about it.

use std::path::{Path, PathBuf};

use ramal_model::{FieldProblem, Invalid};
use rusqlite::{ErrorCode, ffi};

/// Result of the store's calls.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store refused or failed. Whatever it is, the call changed nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The input breaks rules, each of them named.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// There is no such object.
    #[error("{object} {id} does not exist")]
    NotFound {
        /// Kind of object, such as `extension`.
        object: &'static str,
        /// What was asked for.
        id: String,
    },
    /// Other objects lead to this one; they have to be changed first.
    #[error("{object} {id} is used by {}", .by.join(", "))]
    Referenced {
        /// Kind of object, such as `extension`.
        object: &'static str,
        /// Which one.
        id: String,
        /// The objects that lead to it, such as `trunk Carrier`.
        by: Vec<String>,
    },
    /// The configuration is not as it was when the change was thought out, or would break rules by it.
    #[error("{detail}")]
    Conflict {
        /// What cannot be done.
        detail: String,
        /// What stands in its way, object by object.
        problems: Vec<FieldProblem>,
    },
    /// The first set-up can be done once only.
    #[error("the gateway is set up already; log in to change it")]
    AlreadySetUp,
    /// Something that needs a company was asked for before the first set-up.
    #[error("the gateway is not set up yet; open its web page or import a configuration")]
    NotSetUp,
    /// Too many passwords wait to be hashed.
    #[error("too many passwords are being checked at once; try again in some seconds")]
    Overloaded,
    /// The disk is full. The service goes on; nothing new is stored until there is space.
    #[error("no space left on the disk of {}: nothing was stored; free some space and try again", .0.display())]
    DiskFull(PathBuf),
    /// The database file is damaged.
    #[error(
        "the database {} is damaged ({detail}); it was left untouched. Restore a backup, or move it aside to begin \
         with an empty one", .path.display()
    )]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What the check found.
        detail: String,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "the database {} has schema {found}, this version knows schemas up to {known}; run the newer version, or \
         restore a backup made with this one", .path.display()
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Schema of the file.
        found: i64,
        /// Newest schema this version knows.
        known: i64,
    },
    /// Another process has the database open.
    #[error("{} is in use by another process; stop that one first", .0.display())]
    InUse(PathBuf),
    /// A file or directory could not be used.
    #[error("cannot {action} {}: {detail}", .path.display())]
    File {
        /// What was tried, such as `create`.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's message.
        detail: String,
    },
    /// The database failed in another way.
    #[error("database error: {0}")]
    Database(String),
    /// The store was closed, or its thread ended.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn not_found(object: &'static str, id: impl ToString) -> Self {
        StoreError::NotFound {
            object,
            id: id.to_string(),
        }
    }

    pub(crate) fn file(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return StoreError::DiskFull(path.to_owned());
        }
        StoreError::File {
            action,
            path: path.to_owned(),
            detail: error.to_string(),
        }
    }

    /// Gives the database's error the file it happened to.
    pub(crate) fn at(self, path: &Path) -> Self {
        match self {
            StoreError::DiskFull(_) => StoreError::DiskFull(path.to_owned()),
            StoreError::Corrupt { detail, .. } => StoreError::Corrupt {
                path: path.to_owned(),
                detail,
            },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error() else {
            return StoreError::Database(error.to_string());
        };
        match code.code {
            ErrorCode::DiskFull => StoreError::DiskFull(PathBuf::new()),
            // A full disk shows here when the shared-memory index of the WAL cannot grow.
            _ if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
                StoreError::DiskFull(PathBuf::new())
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt {
                path: PathBuf::new(),
                detail: error.to_string(),
            },
            _ => StoreError::Database(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        StoreError::Database(format!("a stored document cannot be read: {error}"))
    }
}
