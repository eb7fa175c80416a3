//! Deleting everything of the user.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::ArchiveError;
use crate::settle::sync_dir;

/// While this file is there, everything else is to be deleted.
pub const MARKER: &str = "factory-reset";
/// Held by whoever works on the folder.
const LOCK: &str = "ramal.lock";

/// Orders a factory reset: the next start does it, however often it is broken off.
///
/// # Errors
/// The marker cannot be written.
pub fn request(dir: &Path) -> Result<(), ArchiveError> {
    let marker = dir.join(MARKER);
    let failed = |action| ArchiveError::file(action, &marker);
    let file = File::create(&marker).map_err(failed("create"))?;
    file.sync_all().map_err(failed("sync"))?;
    sync_dir(dir)
}

/// Whether a factory reset is ordered.
pub fn is_ordered(dir: &Path) -> bool {
    dir.join(MARKER).exists()
}

/// Does what was ordered; whether something was.
pub fn go_on(dir: &Path) -> Result<bool, ArchiveError> {
    let marker = dir.join(MARKER);
    if !is_ordered(dir) {
        return Ok(false);
    }
    tracing::warn!("factory reset: everything that was set up is deleted");
    delete_all(dir).map_err(ArchiveError::file("delete", dir))?;
    // On the disk before the marker goes: a half of it must not look like a whole.
    sync_dir(dir)?;
    fs::remove_file(&marker).map_err(ArchiveError::file("delete", &marker))?;
    sync_dir(dir)?;
    Ok(true)
}

fn delete_all(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == MARKER || name == LOCK {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}
