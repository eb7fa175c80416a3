//! Where recordings are written: the file system, or in tests one that loses what was not synced.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::MediaError;

/// What the writer needs of a disk.
pub(super) trait Disk {
    type File;

    /// A new, empty file.
    fn create(&mut self, path: &Path) -> io::Result<Self::File>;

    /// Writes octets at a place of the file.
    fn write_at(&mut self, file: &Self::File, octets: &[u8], at: u64) -> io::Result<()>;

    /// Bytes that may still be written.
    fn free(&mut self) -> io::Result<u64>;

    /// Begins to bring everything written so far to the disk; asked for again only after it ended.
    fn begin_sync(&mut self);

    /// How that ended, once it has.
    fn synced(&mut self) -> Option<io::Result<()>>;
}

/// A folder of the file system. Syncs are waited for by a thread of their own.
pub(super) struct Folder {
    path: PathBuf,
    begin: Sender<()>,
    done: Receiver<io::Result<()>>,
}

impl Folder {
    /// Makes the folder, readable for the service only, and starts the thread.
    pub(super) fn open(path: &Path) -> Result<Folder, MediaError> {
        let failed = |what: &'static str| move |error: io::Error| MediaError::system(what, error);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed("make the folder of the recordings"))?;
        let folder = File::open(path).map_err(failed("open the folder of the recordings"))?;
        let (begin, begun) = channel::<()>();
        let (ended, done) = channel();
        thread::Builder::new()
            .name("recording-sync".into())
            .spawn(move || {
                while begun.recv().is_ok() {
                    // One call for all files: each of its own would wait for the journal anew.
                    let result = nix::unistd::syncfs(&folder).map_err(io::Error::from);
                    if ended.send(result).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| MediaError::system("start the thread that syncs recordings", error))?;
        Ok(Folder {
            path: path.to_owned(),
            begin,
            done,
        })
    }
}

impl Disk for Folder {
    type File = File;

    fn create(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    }

    fn write_at(&mut self, file: &File, octets: &[u8], at: u64) -> io::Result<()> {
        file.write_all_at(octets, at)
    }

    fn free(&mut self) -> io::Result<u64> {
        free_space(&self.path)
    }

    fn begin_sync(&mut self) {
        // The thread ends only with this value.
        let _ = self.begin.send(());
    }

    fn synced(&mut self) -> Option<io::Result<()>> {
        self.done.try_recv().ok()
    }
}

/// Bytes that may still be written to the file system `path` lies on.
///
/// # Errors
/// What the system says.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let space = nix::sys::statvfs::statvfs(path)?;
    // Their types differ between machines.
    #[allow(clippy::unnecessary_cast, reason = "u32 on some machines")]
    Ok(space.blocks_available() as u64 * space.fragment_size() as u64)
}
