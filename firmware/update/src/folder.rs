//! The folder on the data partition: the bundle while it waits, and the record.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use crate::record::Record;

/// This much of the data partition stays free for everything else.
const RESERVE: u64 = 32 << 20;

/// Where things lie.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// The bundle that was verified.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.0.join("bundle.raucb")
    }

    /// The bundle while it comes.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.0.join("incoming.raucb")
    }

    /// Octets that a bundle may take.
    pub(crate) fn room(&self) -> io::Result<u64> {
        let space = statvfs(self.0.as_path())?;
        #[allow(clippy::unnecessary_cast, reason = "u32 on some machines")]
        let free = space.blocks_available() as u64 * space.fragment_size() as u64;
        Ok(free.saturating_sub(RESERVE))
    }

    /// The record; an empty one when there is none or it makes no sense.
    pub(crate) fn record(&self) -> io::Result<Record> {
        let text = match fs::read(self.0.join("record.json")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
            Err(error) => return Err(error),
        };
        Ok(serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::error!(%error, "the record of updates makes no sense and is begun anew");
            Record::default()
        }))
    }

    /// Writes the record, so that a power cut leaves the one before or this one.
    pub(crate) fn keep(&self, record: &Record) -> io::Result<()> {
        write_whole(&self.0.join("record.json"), &serde_json::to_vec(record)?)
    }
}

/// Puts `content` in the place of the file, on the disk when it returns.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file that may not be there.
pub(crate) fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %error, "a file is not removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Failed;

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_broken_one_begun_anew() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(place.path().join("update")).unwrap();
        assert_eq!(folder.record().unwrap(), Record::default());
        let mut record = Record::default();
        record.failed.push_back(Failed {
            version: "2.0.0".into(),
            manifest_hash: String::new(),
            reason: "hangs".into(),
            at: 1,
        });
        folder.keep(&record).unwrap();
        assert_eq!(folder.record().unwrap(), record);
        fs::write(place.path().join("update/record.json"), "{\"failed\":[").unwrap();
        assert_eq!(folder.record().unwrap(), Record::default());
        assert!(folder.room().unwrap() > 0);
    }
}
