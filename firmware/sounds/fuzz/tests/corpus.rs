//! The target over its corpus, the files of the crate's own tests, and mutations of the corpus.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;

use ramal_sounds_fuzz::run;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Mutated inputs beside the corpus; some seconds in all.
const MUTATIONS: usize = 400;

fn folder(path: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

/// Some octets overwritten, put in, left out or taken from another input.
fn mutated(random: &mut StdRng, inputs: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = inputs[random.random_range(0..inputs.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=octets.len());
        match random.random_range(0..4) {
            0 if at < octets.len() => octets[at] = random.random(),
            1 => octets.insert(at, random.random()),
            2 if at < octets.len() => drop(octets.remove(at)),
            _ => {
                let other = &inputs[random.random_range(0..inputs.len())];
                let from = random.random_range(0..=other.len());
                let to = (from + random.random_range(0..40)).min(other.len());
                octets.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    octets
}

#[test]
fn uploads() {
    let corpus = folder("corpus/sound");
    folder("../tests/fixtures")
        .iter()
        .chain(&corpus)
        .for_each(|file| run(file));
    let mut random = StdRng::seed_from_u64(3533);
    for _ in 0..MUTATIONS {
        run(&mutated(&mut random, &corpus));
    }
}
