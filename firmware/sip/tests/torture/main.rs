//! The messages of RFC 4475 and RFC 5118, byte for byte, through the whole endpoint.
//!
//! `answers` sends each by UDP and by TCP and looks at what comes out: the news for the endpoint's user, the answer, or
//! nothing. `contents` reads the well-formed ones and looks into their odd parts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

mod answers;
mod contents;
mod ipv6;
mod receiver;

use std::path::Path;

use bytes::Bytes;

/// A message of the archive in a folder beside this file.
fn archived(archive: &str, name: &str) -> Bytes {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let path = folder.join(archive).join(name).with_extension("dat");
    match std::fs::read(&path) {
        Ok(bytes) => bytes.into(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

/// The names of all messages of an archive, in order.
fn names(archive: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut names: Vec<String> = std::fs::read_dir(folder.join(archive))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
