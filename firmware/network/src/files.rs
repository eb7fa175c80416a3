//! The folder through which the service tells the system what is wanted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::settings::NetworkSettings;

/// What is in force, and what is tried instead.
pub const CONFIRMED: &str = "confirmed.json";
pub const TRIAL: &str = "trial.json";
/// Octets of settings.
const MOST: u64 = 16 << 10;

/// Reads settings; `None` when there are none. A link is not followed: whoever reads may be root.
pub fn read(path: &Path) -> io::Result<Option<NetworkSettings>> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is not a file"));
    }
    let mut text = String::new();
    if file.take(MOST + 1).read_to_string(&mut text)? as u64 > MOST {
        return Err(io::Error::other("is too long"));
    }
    let settings: NetworkSettings = serde_json::from_str(&text).map_err(io::Error::other)?;
    Ok(Some(settings))
}

/// Writes a file so that others see the old or the new one; whether it changed.
pub fn replace(path: &Path, content: &str, mode: u32) -> io::Result<bool> {
    if fs::read_to_string(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    let new = path.with_extension("new");
    // One that a power cut left.
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync(path)?;
    Ok(true)
}

/// Deletes a file if it is there; whether it was.
pub fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => sync(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
