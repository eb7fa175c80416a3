//! Archives as files: their names, and how they get onto the disk or to whoever downloads them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::ArchiveError;
use crate::settle::{rename, sync_dir};
use crate::unpack::free;

/// How files begin that are not whole yet, and how archives end.
pub const UNFINISHED: &str = "unfinished";
pub const ENDING: &str = "age";
/// What archives leave free on the disk, octets: calls are recorded and settings saved meanwhile.
const LEFT_FREE: u64 = 128 << 20;
/// How often the space is looked at, octets.
pub const STRETCH: u64 = 8 << 20;

/// Why an archive was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArchiveKind {
    /// Somebody asked for it.
    Manual,
    /// It was due.
    Scheduled,
    /// Somebody brought it along.
    Uploaded,
}

impl ArchiveKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
            Self::Uploaded => "uploaded",
        }
    }
}

/// An archive on the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ArchiveFile {
    /// Its name.
    pub file: String,
    /// Why it is there.
    pub kind: ArchiveKind,
    /// Since when, UTC milliseconds.
    pub at: i64,
    /// Its size.
    pub bytes: u64,
}

/// An archive on its way to the disk. Dropping it deletes it.
pub struct Upload {
    file: tokio::fs::File,
    unfinished: Unfinished,
    folder: PathBuf,
    name: String,
    unchecked: u64,
}

impl Upload {
    pub(crate) fn begin(folder: &Path, now: i64) -> Result<Self, ArchiveError> {
        let name = format!("{}-{now}.{ENDING}", ArchiveKind::Uploaded.name());
        let path = folder.join(format!("{UNFINISHED}-{name}"));
        Ok(Self {
            file: tokio::fs::File::from_std(new_file(&path)?),
            unfinished: Unfinished(path),
            folder: folder.to_owned(),
            name,
            unchecked: STRETCH,
        })
    }

    /// Appends what came.
    ///
    /// # Errors
    /// [`ArchiveError::DiskFull`].
    pub async fn append(&mut self, octets: &[u8]) -> Result<(), ArchiveError> {
        self.unchecked += octets.len() as u64;
        if self.unchecked >= STRETCH {
            self.unchecked = 0;
            check_space(&self.folder)?;
        }
        let written = self.file.write_all(octets).await;
        written.map_err(ArchiveError::file("write", &self.unfinished.0))
    }

    /// Keeps it.
    ///
    /// # Errors
    /// Failures to write.
    pub async fn finish(mut self) -> Result<ArchiveFile, ArchiveError> {
        let flushed = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        flushed
            .await
            .map_err(ArchiveError::file("write", &self.unfinished.0))?;
        let path = self.folder.join(&self.name);
        rename(&self.unfinished.0, &path)?;
        sync_dir(&self.folder)?;
        let bytes = fs::metadata(&path).map_or(0, |file| file.len());
        parse(&self.name, bytes).ok_or_else(|| ArchiveError::NotFound(self.name.clone()))
    }
}

/// A file that is deleted when it is not kept.
pub struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        clear(&self.0);
    }
}

/// A folder that is deleted when it is not kept.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn make(path: PathBuf) -> Result<Self, ArchiveError> {
        clear(&path);
        make_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        clear(&self.0);
    }
}

/// Writes to the disk as long as there is space for others, too.
pub struct Careful {
    pub file: File,
    pub folder: PathBuf,
    pub unchecked: u64,
}

impl Write for Careful {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        if self.unchecked >= STRETCH {
            self.unchecked = 0;
            check_space(&self.folder).map_err(|_| io::Error::from(io::ErrorKind::StorageFull))?;
        }
        let written = self.file.write(octets)?;
        self.unchecked += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Hands pieces to whoever downloads; waits while he takes none.
pub struct Pieces(pub mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(octets)));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn check_space(folder: &Path) -> Result<(), ArchiveError> {
    match free(folder) {
        Some(free) if free < LEFT_FREE => Err(ArchiveError::DiskFull),
        _ => Ok(()),
    }
}

/// Reads an archive's name.
pub fn parse(name: &str, bytes: u64) -> Option<ArchiveFile> {
    let (kind, at) = name.strip_suffix(&format!(".{ENDING}"))?.split_once('-')?;
    let kinds = [
        ArchiveKind::Manual,
        ArchiveKind::Scheduled,
        ArchiveKind::Uploaded,
    ];
    Some(ArchiveFile {
        file: name.to_owned(),
        kind: kinds.into_iter().find(|one| one.name() == kind)?,
        at: at.parse().ok()?,
        bytes,
    })
}

pub fn make_dir(path: &Path) -> Result<(), ArchiveError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(ArchiveError::file("create", path))
}

pub fn new_file(path: &Path) -> Result<File, ArchiveError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(ArchiveError::file("create", path))
}

/// Deletes a file or folder. What is still there is cleared at the next start.
pub fn clear(path: &Path) {
    let _ = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
}
