//! Writing an archive, file by file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ramal_age::{Encryptor, Recipient};
use ramal_store::archive::{DATABASE, KEY};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use utoipa::ToSchema;

use crate::ArchiveError;
use crate::manifest::{ABOUT, About, SUMS};

/// How a file is called that is being written still, and does not belong into an archive.
const UNFINISHED: &str = "new";

/// What went into an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Contents {
    /// Files.
    pub files: u64,
    /// Octets of them together.
    pub bytes: u64,
}

/// Where files come from.
pub struct Source<'a> {
    /// The data folder.
    pub dir: &'a Path,
    /// The folder with the copy of the database, its key, and room for the list of sums.
    pub copy: &'a Path,
}

/// Writes an archive; `to` gets it encrypted, piece by piece.
pub fn pack<W: Write>(
    source: &Source<'_>,
    about: &About,
    recipient: &Recipient,
    to: W,
) -> Result<(W, Contents), ArchiveError> {
    let sums = source.copy.join(SUMS);
    let failed = |error| ArchiveError::from_io(error, &sums);
    let mut packing = Packing {
        tar: Builder::new(Encryptor::new(to, recipient)?),
        list: io::BufWriter::new(File::create(&sums).map_err(failed)?),
        made_at: about.made_at,
        contents: Contents::default(),
    };
    let text = serde_json::to_vec_pretty(about)
        .map_err(|error| ArchiveError::Foreign(error.to_string()))?;
    packing.put(ABOUT, text.len() as u64, text.as_slice())?;
    for name in [DATABASE, KEY] {
        packing.put_file(name, &source.copy.join(name))?;
    }
    for folder in about.folders() {
        for file in files(&source.dir.join(folder)) {
            let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            packing.put_file(&format!("{folder}/{name}"), &file)?;
        }
    }
    let Packing {
        mut tar,
        mut list,
        contents,
        ..
    } = packing;
    list.flush().map_err(failed)?;
    drop(list);
    let mut list = File::open(&sums).map_err(failed)?;
    let length = list.metadata().map_err(failed)?.len();
    tar.append_data(&mut header(length, about.made_at), SUMS, &mut list)
        .map_err(failed)?;
    let encryptor = tar.into_inner().map_err(failed)?;
    Ok((encryptor.finish()?, contents))
}

struct Packing<W: Write> {
    tar: Builder<Encryptor<W>>,
    list: io::BufWriter<File>,
    made_at: i64,
    contents: Contents,
}

impl<W: Write> Packing<W> {
    /// A file may be deleted while others are packed; one that was there first and is gone now is left out.
    fn put_file(&mut self, name: &str, path: &Path) -> Result<(), ArchiveError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(ArchiveError::file("read", path)(error)),
        };
        let length = file
            .metadata()
            .map_err(ArchiveError::file("read", path))?
            .len();
        self.put(name, length, file)
    }

    fn put(&mut self, name: &str, length: u64, from: impl Read) -> Result<(), ArchiveError> {
        let mut from = Summed {
            from: from.take(length),
            sum: Sha256::new(),
            left: length,
        };
        let mut header = header(length, self.made_at);
        self.tar
            .append_data(&mut header, name, &mut from)
            .and_then(|()| writeln!(self.list, "{}  {name}", hexadecimal(from.sum)))
            .map_err(|error| ArchiveError::from_io(error, Path::new(name)))?;
        self.contents.files += 1;
        self.contents.bytes += length;
        Ok(())
    }
}

fn header(length: u64, made_at: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(length);
    header.set_mode(0o600);
    header.set_mtime(made_at.max(0).unsigned_abs() / 1_000);
    header
}

/// Reads exactly as much as was announced: recordings grow, and one may be cut short meanwhile.
struct Summed<R> {
    from: io::Take<R>,
    sum: Sha256,
    left: u64,
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut read = self.from.read(into)?;
        if read == 0 && self.left > 0 && !into.is_empty() {
            // Silence in G.711 is not zero, but the recording's own length says where it ends.
            let missing = usize::try_from(self.left)
                .unwrap_or(usize::MAX)
                .min(into.len());
            if let Some(rest) = into.get_mut(..missing) {
                rest.fill(0);
            }
            read = missing;
        }
        self.left -= read as u64;
        self.sum.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// The finished files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            crate::unpack::is_plain(name) && path.extension().is_none_or(|end| end != UNFINISHED)
        })
        .collect();
    files.sort();
    files
}

/// A sum as `sha256sum` writes it.
pub fn hexadecimal(sum: Sha256) -> String {
    sum.finalize()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// A tar file of what is in memory already; for a few small files.
///
/// # Errors
/// A name that is too long for one.
pub fn tar_of(made_at: i64, files: &[(&str, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = header(content.len() as u64, made_at);
        tar.append_data(&mut header, name, content.as_slice())?;
    }
    tar.into_inner()
}
