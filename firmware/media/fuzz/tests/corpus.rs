//! Every target over its corpus and mutations of it.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;

use ramal_media::fuzzing::{rtp, srtp, stun};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Mutated inputs a target gets beside the corpus; a second or so in all.
const MUTATIONS: usize = 3_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
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

fn over_all(inputs: &[Vec<u8>], run: impl Fn(&[u8])) {
    inputs.iter().for_each(|input| run(input));
    let mut random = StdRng::seed_from_u64(3711);
    for _ in 0..MUTATIONS {
        run(&mutated(&mut random, inputs));
    }
}

#[test]
fn connectivity_checks() {
    over_all(&corpus("stun"), stun::run);
}

#[test]
fn protected_packets() {
    over_all(&corpus("srtp"), srtp::run);
}

#[test]
fn plain_packets() {
    over_all(&corpus("rtp"), rtp::run);
}
