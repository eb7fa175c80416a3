//! Reading an archive into a folder of its own, and checking it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use ramal_age::{Decryptor, Identity};
use ramal_store::archive::{DATABASE, KEY};
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use crate::ArchiveError;
use crate::manifest::{ABOUT, About, SUMS};
use crate::pack::{Contents, hexadecimal};

/// Octets of what an archive says of itself.
const MAX_ABOUT: u64 = 64 << 10;
/// What unpacking leaves free on the disk.
const LEFT_FREE: u64 = 64 << 20;
/// How often the space is looked at, octets.
const STRETCH: u64 = 8 << 20;
/// The list as it comes out of what was unpacked.
const OWN_SUMS: &str = "unpacked.sha256";

/// Unpacks an archive into `into`, an empty folder, and checks that it is what was packed.
pub fn unpack(
    from: impl Read,
    identity: &Identity,
    into: &Path,
) -> Result<(About, Contents), ArchiveError> {
    let decrypted = Decryptor::new(from, identity)?;
    let mut archive = Archive::new(decrypted);
    let broken = |error| ArchiveError::from_io(error, into);
    let own = into.join(OWN_SUMS);
    let mut sums = BufWriter::new(new_file(&own)?);
    let mut about: Option<About> = None;
    let mut contents = Contents::default();
    let mut space = Space::of(into);
    let mut is_complete = false;
    let mut singles = BTreeSet::new();
    for entry in archive.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = String::from_utf8(entry.path_bytes().into_owned())
            .map_err(|_| ArchiveError::Unexpected("a name that is not text".into()))?;
        if entry.header().entry_type() != EntryType::Regular || is_complete {
            return Err(ArchiveError::Unexpected(name));
        }
        let length = entry.size();
        match &about {
            None if name == ABOUT && length <= MAX_ABOUT => {}
            None => {
                return Err(ArchiveError::Foreign(format!(
                    "it does not begin with {ABOUT}"
                )));
            }
            Some(about) => place(&name, about, into, &mut singles)?,
        }
        space.take(length)?;
        let path = into.join(&name);
        let sum = write(entry, &path)?;
        if name == SUMS {
            is_complete = true;
            continue;
        }
        writeln!(sums, "{sum}  {name}").map_err(ArchiveError::file("write", &own))?;
        contents.files += 1;
        contents.bytes += length;
        if about.is_none() {
            let text = fs::read(&path).map_err(ArchiveError::file("read", &path))?;
            about = Some(About::read(&text)?);
        }
    }
    // The end of the tar file is not yet that of what was encrypted.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(broken)?;
    sums.flush().map_err(ArchiveError::file("write", &own))?;
    let about = about.ok_or_else(|| ArchiveError::Foreign("it is empty".into()))?;
    for needed in [DATABASE, KEY, SUMS] {
        if !singles.contains(needed) {
            return Err(ArchiveError::Foreign(format!("it lacks {needed}")));
        }
    }
    compare(&into.join(SUMS), &own)?;
    for list in [into.join(SUMS), own] {
        fs::remove_file(&list).map_err(ArchiveError::file("delete", &list))?;
    }
    Ok((about, contents))
}

/// Refuses what has no place in an archive, and makes the folder it lies in.
fn place(
    name: &str,
    about: &About,
    into: &Path,
    singles: &mut BTreeSet<String>,
) -> Result<(), ArchiveError> {
    let unexpected = || ArchiveError::Unexpected(name.to_owned());
    if [DATABASE, KEY, SUMS].contains(&name) {
        return singles
            .insert(name.to_owned())
            .then_some(())
            .ok_or_else(unexpected);
    }
    let (folder, file) = name.split_once('/').ok_or_else(unexpected)?;
    if !about.folders().contains(&folder) || !is_plain(file) {
        return Err(unexpected());
    }
    let folder = into.join(folder);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(ArchiveError::file("create", &folder))
}

/// Whether it is the name of one file and of nothing else.
pub fn is_plain(name: &str) -> bool {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
    !name.is_empty() && name.len() <= 200 && !name.starts_with('.') && name.bytes().all(plain)
}

fn new_file(path: &Path) -> Result<File, ArchiveError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                ArchiveError::Unexpected(format!("{} twice", path.display()))
            }
            _ => ArchiveError::file("create", path)(error),
        })
}

/// Writes a file to the disk; its sum.
fn write(mut from: impl Read, path: &Path) -> Result<String, ArchiveError> {
    let mut file = new_file(path)?;
    let mut sum = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = from
            .read(&mut piece)
            .map_err(|error| ArchiveError::from_io(error, path))?;
        if read == 0 {
            break;
        }
        let piece = piece.get(..read).unwrap_or_default();
        sum.update(piece);
        file.write_all(piece)
            .map_err(ArchiveError::file("write", path))?;
    }
    file.sync_all().map_err(ArchiveError::file("sync", path))?;
    Ok(hexadecimal(sum))
}

/// Compares the list of the archive with that of what came out of it.
fn compare(theirs: &Path, own: &Path) -> Result<(), ArchiveError> {
    let open = |path: &Path| {
        File::open(path)
            .map(BufReader::new)
            .map_err(ArchiveError::file("read", path))
    };
    let (mut theirs, mut own) = (open(theirs)?.lines(), open(own)?.lines());
    loop {
        match (theirs.next(), own.next()) {
            (None, None) => return Ok(()),
            (Some(Ok(wanted)), Some(Ok(found))) if wanted == found => {}
            (wanted, found) => {
                let line = found.or(wanted).and_then(Result::ok).unwrap_or_default();
                let name = line.split("  ").nth(1).unwrap_or("a file");
                return Err(ArchiveError::Damaged(name.to_owned()));
            }
        }
    }
}

/// The space that is left to unpack into.
struct Space<'a> {
    folder: &'a Path,
    unchecked: u64,
}

impl<'a> Space<'a> {
    fn of(folder: &'a Path) -> Self {
        Self {
            folder,
            unchecked: STRETCH,
        }
    }

    fn take(&mut self, octets: u64) -> Result<(), ArchiveError> {
        self.unchecked += octets;
        if self.unchecked < STRETCH {
            return Ok(());
        }
        self.unchecked = 0;
        match free(self.folder) {
            Some(free) if free < octets.saturating_add(LEFT_FREE) => Err(ArchiveError::DiskFull),
            _ => Ok(()),
        }
    }
}

/// Free octets of the disk that a folder is on.
pub fn free(folder: &Path) -> Option<u64> {
    let space = nix::sys::statvfs::statvfs(folder).ok()?;
    #[allow(clippy::unnecessary_cast, reason = "u32 on some machines")]
    let free = space.blocks_available() as u64 * space.fragment_size() as u64;
    Some(free)
}
