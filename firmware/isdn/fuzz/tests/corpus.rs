//! Every target over its corpus and mutations of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

use std::path::Path;

use ramal_isdn_fuzz::{interface, message};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Mutated sequences and messages beside the corpus.
const MUTATIONS: usize = 100_000;

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

/// Some bytes overwritten, put in, left out or taken from another input.
fn mutated(random: &mut StdRng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = inputs[random.random_range(0..inputs.len())].clone();
    for _ in 0..random.random_range(1..8) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] = random.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.insert(at, random.random()),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                let other = &inputs[random.random_range(0..inputs.len())];
                let from = random.random_range(0..=other.len());
                let to = (from + random.random_range(0..60)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

fn over_all(inputs: &[Vec<u8>], run: impl Fn(&[u8])) {
    inputs.iter().for_each(|input| run(input));
    let mut random = StdRng::seed_from_u64(931);
    for _ in 0..MUTATIONS {
        let input = mutated(&mut random, inputs);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&input)));
        assert!(outcome.is_ok(), "broken by {input:02x?}");
    }
}

#[test]
fn messages() {
    over_all(&folder("corpus/isdn_message"), message::run);
}

#[test]
fn interfaces() {
    over_all(&folder("corpus/isdn_interface"), interface::run);
}
