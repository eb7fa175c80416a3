//! The corpus, and a hundred thousand mutations of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may stop at the first surprise"
)]

use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const MUTATIONS: usize = 100_000;

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/channel");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| (file.display().to_string(), std::fs::read(file).unwrap()))
        .collect()
}

/// Some steps overwritten, put in, left out, swapped, or taken from another input.
fn mutated(random: &mut StdRng, inputs: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut steps = inputs[random.random_range(0..inputs.len())].1.clone();
    if random.random_range(0..4) == 0 {
        steps[0] = random.random();
        steps[1] = random.random();
    }
    for _ in 0..random.random_range(1..8) {
        let at = random.random_range(0..=steps.len());
        match random.random_range(0..5) {
            0 if at < steps.len() => steps[at] = random.random(),
            1 => steps.insert(at, random.random()),
            2 if at < steps.len() => drop(steps.remove(at)),
            3 if at + 1 < steps.len() => steps.swap(at, at + 1),
            _ => {
                let other = &inputs[random.random_range(0..inputs.len())].1;
                let from = random.random_range(0..=other.len());
                let to = (from + random.random_range(0..12)).min(other.len());
                steps.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    steps
}

#[test]
fn every_input_of_the_corpus_and_its_mutations_leave_the_channel_idle() {
    let inputs = corpus();
    assert!(inputs.len() >= 10);
    for (_, steps) in &inputs {
        ramal_r2_fuzz::channel::run(steps);
    }
    let mut random = StdRng::seed_from_u64(2_441);
    for count in 0..MUTATIONS {
        let steps = mutated(&mut random, &inputs);
        let done = std::panic::catch_unwind(|| ramal_r2_fuzz::channel::run(&steps));
        assert!(done.is_ok(), "mutation {count}: {steps:02x?}");
    }
}
