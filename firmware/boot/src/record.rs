//! The state as two sectors of 512 octets that GRUB and this program both read: an environment block of GRUB, and the
//! line that GRUB's `hashsum --check` wants for it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::state::{Second, Slot, State};

/// Octets of one sector.
pub const SECTOR: usize = 512;
/// Octets of a record: its text and its hash.
pub const RECORD: usize = 2 * SECTOR;

/// How every environment block of GRUB begins.
const SIGNATURE: &str = "# GRUB Environment Block\n";

/// The environment block of these variables.
fn environment(variables: &[(&str, &str)]) -> [u8; SECTOR] {
    let mut sector = [b'#'; SECTOR];
    let mut text = SIGNATURE.to_owned();
    for (name, value) in variables {
        text.push_str(name);
        text.push('=');
        text.push_str(value);
        text.push('\n');
    }
    // The longest state fits: see the tests.
    let length = text.len().min(SECTOR);
    sector[..length].copy_from_slice(&text.as_bytes()[..length]);
    sector
}

/// The variables of an environment block; None when it is none.
fn variables(sector: &[u8]) -> Option<BTreeMap<&str, &str>> {
    let text = std::str::from_utf8(sector).ok()?.strip_prefix(SIGNATURE)?;
    Some(
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .collect(),
    )
}

/// What stands in a record's second sector, `first` being the number of its first one on the partition.
fn hash_line(sector: &[u8], first: u64) -> [u8; SECTOR] {
    use std::fmt::Write as _;
    let mut line = String::new();
    for octet in Sha256::digest(sector) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{octet:02x}");
    }
    let _ = writeln!(line, "  {first}+1");
    // GRUB skips blanks before a hash and takes an empty line for a wrong one: the line ends the sector.
    let mut padded = [b' '; SECTOR];
    let start = SECTOR - line.len();
    padded[start..].copy_from_slice(line.as_bytes());
    padded
}

/// A record of the state, to lie at sector `first` of the partition.
#[must_use]
pub fn encode(state: &State, first: u64) -> [u8; RECORD] {
    let (second, reason) = match &state.second {
        Second::Empty => ("empty", ""),
        Second::Trial => ("trial", ""),
        Second::Ready => ("ready", ""),
        Second::Failed(reason) => ("failed", reason.as_str()),
    };
    let sector = environment(&[
        ("generation", &state.generation.to_string()),
        ("proven", &state.proven.to_string()),
        ("second", second),
        ("reason", reason),
    ]);
    with_hash(&sector, first)
}

/// A sector with its hash behind it, to lie at sector `first` of the partition.
fn with_hash(sector: &[u8; SECTOR], first: u64) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..SECTOR].copy_from_slice(sector);
    record[SECTOR..].copy_from_slice(&hash_line(sector, first));
    record
}

/// The variables of a record that lies at sector `first`; None when it is not whole.
fn whole(record: &[u8], first: u64) -> Option<BTreeMap<&str, &str>> {
    let (sector, hash) = record.split_at_checked(SECTOR)?;
    if hash != hash_line(sector, first) {
        return None;
    }
    variables(sector)
}

/// A record of the system that has started and not ended yet, to lie at sector `first`. None: the last end was an orderly one.
#[must_use]
pub fn encode_started(started: Option<Slot>, first: u64) -> [u8; RECORD] {
    let name = started.map_or("none".to_owned(), |slot| slot.to_string());
    with_hash(&environment(&[("started", &name)]), first)
}

/// What [`encode_started`] was told; None when the record is not whole.
#[must_use]
pub fn decode_started(record: &[u8], first: u64) -> Option<Option<Slot>> {
    match *whole(record, first)?.get("started")? {
        "none" => Some(None),
        name => Some(Some(name.parse().ok()?)),
    }
}

/// The state of a record that lies at sector `first`; None when it is not whole.
#[must_use]
pub fn decode(record: &[u8], first: u64) -> Option<State> {
    let variables = whole(record, first)?;
    let second = match *variables.get("second")? {
        "empty" => Second::Empty,
        "trial" => Second::Trial,
        "ready" => Second::Ready,
        "failed" => Second::Failed((*variables.get("reason")?).to_owned()),
        _ => return None,
    };
    Some(State {
        generation: variables.get("generation")?.parse().ok()?,
        proven: variables.get("proven")?.parse().ok()?,
        second,
    })
}

/// The sector in which GRUB notes which trial it has started.
#[must_use]
pub fn no_trial() -> [u8; SECTOR] {
    environment(&[("tried", "0")])
}

/// The generation whose trial GRUB has started; None when the sector is not GRUB's.
#[must_use]
pub fn tried(sector: &[u8]) -> Option<u64> {
    variables(sector)?.get("tried")?.parse().ok()
}

/// The header of a file of so many sectors in a tar archive (POSIX.1-1988, ustar).
pub(crate) fn tar_header(name: &str, sectors: u64) -> [u8; SECTOR] {
    let mut header = [0; SECTOR];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000444\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", sectors * SECTOR as u64));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|&octet| u32::from(octet)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::{REASON_MAX, Slot};

    fn states() -> impl Strategy<Value = State> {
        (any::<u64>(), any::<bool>(), 0..4, "[ -\\[\\]-~]{0,240}").prop_map(
            |(generation, b, second, reason)| State {
                generation,
                proven: if b { Slot::B } else { Slot::A },
                second: match second {
                    0 => Second::Empty,
                    1 => Second::Trial,
                    2 => Second::Ready,
                    _ => Second::Failed(reason),
                },
            },
        )
    }

    proptest! {
        #[test]
        fn a_record_says_what_was_written(state in states(), first in 0_u64..10_000) {
            let record = encode(&state, first);
            prop_assert_eq!(decode(&record, first), Some(state));
            prop_assert_eq!(decode(&record, first + 1), None);
        }

        #[test]
        fn one_wrong_octet_spoils_a_record(state in states(), at in 0..RECORD, with in 1_u8..=255) {
            let mut record = encode(&state, 0);
            record[at] ^= with;
            prop_assert_eq!(decode(&record, 0), None);
        }

        #[test]
        fn anything_may_lie_on_the_partition(octets in prop::collection::vec(any::<u8>(), 0..=RECORD)) {
            let _ = decode(&octets, 0);
            let _ = decode_started(&octets, 0);
            let _ = tried(&octets);
        }
    }

    #[test]
    fn the_longest_state_fits() {
        let state = State {
            generation: u64::MAX,
            proven: Slot::A,
            second: Second::Failed("x".repeat(REASON_MAX)),
        };
        assert_eq!(decode(&encode(&state, 3), 3), Some(state));
    }

    #[test]
    fn a_start_is_read_as_it_was_written() {
        for started in [None, Some(Slot::A), Some(Slot::B)] {
            let mut record = encode_started(started, 16);
            assert_eq!(decode_started(&record, 16), Some(started));
            assert_eq!(decode_started(&record, 1040), None);
            assert_eq!(decode(&record, 16), None);
            record[30] ^= 1;
            assert_eq!(decode_started(&record, 16), None);
        }
    }

    #[test]
    fn the_sector_of_trials_reads_as_none_tried() {
        assert_eq!(tried(&no_trial()), Some(0));
        assert_eq!(tried(&[0; SECTOR]), None);
    }
}
