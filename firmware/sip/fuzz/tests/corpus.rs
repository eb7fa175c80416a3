//! Every target over its corpus, the torture messages, and mutations of both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::path::Path;

use ramal_sip_fuzz::{differential, endpoint, framing, header, message, sdp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Mutated inputs a target gets beside the corpus; a second or so in all.
const MUTATIONS: usize = 4_000;

fn folder(path: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        panic!("{} is missing", folder.display());
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn torture() -> Vec<Vec<u8>> {
    let mut all = folder("../tests/torture/rfc4475");
    all.extend(folder("../tests/torture/rfc5118"));
    all
}

/// Some bytes overwritten, put in, left out or taken from another input.
fn mutated(random: &mut StdRng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = inputs[random.random_range(0..inputs.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        let odd = match random.random_range(0..2) {
            0 => random.random(),
            _ => b"\r\n \t\";,<>=:@%?*\\/[]0\0"[random.random_range(0..21)],
        };
        match random.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] = odd,
            1 => bytes.insert(at, odd),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                let other = &inputs[random.random_range(0..inputs.len())];
                let from = random.random_range(0..=other.len());
                let to = (from + random.random_range(0..40)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

fn over_all(inputs: &[Vec<u8>], run: impl Fn(&[u8])) {
    inputs.iter().for_each(|input| run(input));
    let mut random = StdRng::seed_from_u64(4475);
    for _ in 0..MUTATIONS {
        run(&mutated(&mut random, inputs));
    }
}

#[test]
fn messages() {
    over_all(
        &[torture(), folder("corpus/message")].concat(),
        message::run,
    );
}

#[test]
fn header_values() {
    over_all(&folder("corpus/header"), header::run);
}

#[test]
fn descriptions() {
    over_all(&folder("corpus/sdp"), sdp::run);
}

#[test]
fn streams() {
    over_all(
        &[torture(), folder("corpus/framing")].concat(),
        framing::run,
    );
}

#[test]
fn endpoints() {
    over_all(&folder("corpus/endpoint"), endpoint::run);
}

#[test]
fn differences_from_rsip_are_all_looked_into() {
    let mut new = BTreeMap::new();
    let found = std::cell::RefCell::new(&mut new);
    over_all(
        &[torture(), folder("corpus/differential")].concat(),
        |input| {
            for kind in differential::differences(input) {
                if !differential::is_looked_into(&kind) {
                    let example = String::from_utf8_lossy(input).into_owned();
                    found.borrow_mut().entry(kind).or_insert(example);
                }
            }
        },
    );
    assert!(new.is_empty(), "{new:#?}");
}
