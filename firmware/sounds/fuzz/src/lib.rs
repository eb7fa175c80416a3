//! Fuzz target of uploads: any file is refused for a reason, or becomes sound that plays as long as it says.
//!
//! `tools/check/fuzz` runs it under libFuzzer; the test of this crate runs it over the corpus, the files of the crate's own
//! tests, and mutations of both, without a fuzzer. `corpus/sound` holds seeds and, once found and mended, what broke it.
//!
//! Decoders of others may give up by a panic: each conversion has a process of its own, and a file that ends it is refused.
//! What is written here may not.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::path::PathBuf;
use std::sync::Once;

use nix::sys::memfd::{MFdFlags, memfd_create};
use ramal_sounds::{Converted, MAX_SECONDS, SoundError, convert};

/// Where panics are ours.
const OURS: &str = "firmware/sounds";
static HOOK: Once = Once::new();

thread_local! {
    /// Whether the panic being caught is a foreign decoder's; `None` while nothing is converted.
    static FOREIGN: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Lets panics of foreign decoders pass in silence, where a fuzzer would end at once.
fn install_hook() {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let foreign = panic
                .location()
                .is_some_and(|place| !place.file().contains(OURS));
            if foreign && FOREIGN.get().is_some() {
                FOREIGN.set(Some(true));
            } else {
                before(panic);
            }
        }));
    });
}

/// A file in memory, and a path to it.
fn file(content: &[u8]) -> Option<(File, PathBuf)> {
    let mut file = File::from(memfd_create("sound", MFdFlags::MFD_CLOEXEC).ok()?);
    file.write_all(content).ok()?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Some((file, path))
}

/// The same file with true checksums on the pages of an Ogg stream (RFC 3533 §6): changed ones would all be left out.
fn with_true_checksums(input: &[u8]) -> Vec<u8> {
    let mut octets = input.to_vec();
    let mut at = 0;
    while let Some(page) = octets
        .get_mut(at..)
        .filter(|page| page.starts_with(b"OggS"))
    {
        let Some(&segments) = page.get(26) else { break };
        let header = 27 + usize::from(segments);
        let Some(table) = page.get(27..header) else {
            break;
        };
        let length = header
            + table
                .iter()
                .map(|&segment| usize::from(segment))
                .sum::<usize>();
        let Some(page) = page.get_mut(..length) else {
            break;
        };
        page[22..26].fill(0);
        let check = page.iter().fold(0u32, |check, &octet| {
            (0..8).fold(check ^ u32::from(octet) << 24, |check, _| {
                check << 1 ^ (0x04C1_1DB7 & (check >> 31).wrapping_neg())
            })
        });
        page[22..26].copy_from_slice(&check.to_le_bytes());
        at += length;
    }
    octets
}

/// What becomes of a file; `None` when a foreign decoder gave up.
fn converted(content: &[u8]) -> Option<(Result<Converted, SoundError>, Vec<u8>)> {
    let (_input, from) = file(content)?;
    let (mut output, to) = file(&[])?;
    FOREIGN.set(Some(false));
    let result = catch_unwind(AssertUnwindSafe(|| convert(&from, &to)));
    let foreign = FOREIGN.replace(None) == Some(true);
    let result = match result {
        Ok(result) => result,
        Err(_) if foreign => return None,
        Err(panic) => resume_unwind(panic),
    };
    let mut written = Vec::new();
    output.seek(SeekFrom::Start(0)).ok()?;
    output.read_to_end(&mut written).ok()?;
    Some((result, written))
}

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    install_hook();
    let Some((result, written)) = converted(&with_true_checksums(input)) else {
        return;
    };
    match result {
        Ok(done) => {
            assert!(done.samples > 0);
            assert!(done.samples <= u64::from(MAX_SECONDS + 1) * u64::from(done.stored_rate));
            assert_eq!(written.len() as u64, 44 + 2 * done.samples);
            assert_eq!(written[24..28], done.stored_rate.to_le_bytes());
            assert!(u64::from(done.stored_rate) * done.duration_ms() / 1_000 <= done.samples);
            if !done.as_it_was {
                let (samples, _) = written[44..].as_chunks::<2>();
                let peak = samples
                    .iter()
                    .map(|&pair| i16::from_le_bytes(pair).unsigned_abs())
                    .max();
                assert!(peak <= Some(29_300), "{peak:?}");
            }
        }
        Err(SoundError::File { .. }) => panic!("a file in memory was not read or written"),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
