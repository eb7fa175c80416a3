//! What is done before anything of the data is opened.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use ramal_store::archive::{self, Parts, Restored};
use serde::{Deserialize, Serialize};

use crate::ArchiveError;
use crate::manifest::folders;
use crate::reset;

/// Where a restore is prepared, what is ready to take the place of what is there, and what had to make room.
pub const RESTORE: &str = "restore";
pub const INCOMING: &str = "incoming";
pub const READY: &str = "ready";
const REPLACED: &str = "replaced";
/// What is to be done with what is ready.
pub const PLAN: &str = "plan.json";

/// What is to be done with an archive that is unpacked and checked.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// What it has.
    pub parts: Parts,
    /// What is written down about it.
    pub restored: Restored,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// There was nothing to do.
    Nothing,
    /// Everything was deleted.
    Reset,
    /// An archive was restored.
    Restored(Box<Restored>),
}

/// Does what was ordered while the gateway ran last, or what a power cut kept from being done. Call it before the store is
/// opened.
///
/// # Errors
/// [`ramal_store::StoreError::InUse`] inside of [`ArchiveError::Store`]; and failures to write, which leave the order
/// as it was.
pub fn settle(dir: &Path) -> Result<Settled, ArchiveError> {
    let _lock = archive::lock(dir)?;
    if reset::go_on(dir)? {
        return Ok(Settled::Reset);
    }
    let restore = dir.join(RESTORE);
    let ready = restore.join(READY);
    let plan = ready.join(PLAN);
    let settled = match fs::read(&plan) {
        Ok(text) => {
            let plan: Plan = serde_json::from_slice(&text)
                .map_err(|error| ArchiveError::Foreign(error.to_string()))?;
            put_in_place(dir, &restore, &ready, &plan)?;
            Settled::Restored(Box::new(plan.restored))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Settled::Nothing,
        Err(error) => return Err(ArchiveError::file("read", &plan)(error)),
    };
    match fs::remove_dir_all(&restore) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(ArchiveError::file("delete", &restore)(error))
        }
        _ => Ok(settled),
    }
}

fn put_in_place(dir: &Path, restore: &Path, ready: &Path, plan: &Plan) -> Result<(), ArchiveError> {
    let replaced = restore.join(REPLACED);
    fs::create_dir_all(&replaced).map_err(ArchiveError::file("create", &replaced))?;
    if ready.join(archive::DATABASE).exists() {
        archive::take_over(ready, dir, plan.parts, &plan.restored)?;
    }
    for folder in folders(plan.parts) {
        let (new, place, old) = (ready.join(folder), dir.join(folder), replaced.join(folder));
        if !new.exists() {
            continue;
        }
        if place.exists() {
            rename(&place, &old)?;
        }
        rename(&new, &place)?;
    }
    sync_dir(dir)?;
    archive::put_in_place(ready, dir)?;
    // From here on there is nothing more to put in place, however often it is begun again.
    let plan = ready.join(PLAN);
    fs::remove_file(&plan).map_err(ArchiveError::file("delete", &plan))?;
    sync_dir(ready)
}

pub fn rename(from: &Path, to: &Path) -> Result<(), ArchiveError> {
    fs::rename(from, to).map_err(ArchiveError::file("rename", from))
}

/// Waits until the names in a folder are on the disk.
pub fn sync_dir(dir: &Path) -> Result<(), ArchiveError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(ArchiveError::file("sync", dir))
}
