//! What flows of calls cost: a menu, a queue and a recording in each call (`calls`), callers who wait with music (`waiting`),
//! and saves of a configuration with 10,000 extensions while people talk (`saves`).

mod calls;
mod line;
mod saves;
mod waiting;

use std::error::Error;
use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::{LOAD_CORE, process};

/// The printed result.
#[derive(Serialize)]
struct Report {
    calls: calls::Figures,
    waiting: waiting::Figures,
    saves: saves::Figures,
    passed: bool,
}

/// Measures each part for `seconds` and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    rate: u32,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    process::request_real_time();
    let lasting = Duration::from_secs(seconds);
    let calls = calls::measure(program, prompts, rate, lasting)?;
    let waiting = waiting::measure(program, prompts, lasting)?;
    let saves = saves::measure(program, prompts, lasting)?;
    let passed = calls.passed && waiting.passed && saves.passed;
    let report = Report {
        calls,
        waiting,
        saves,
        passed,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(passed)
}

/// A WAV file of a tone.
fn wav(frequency: f64, seconds: u32) -> Vec<u8> {
    let samples = (0..seconds * 8_000)
        .map(|n| ((TAU * frequency * f64::from(n) / 8_000.0).sin() * 8_000.0) as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut octets =
        b"RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data".to_vec();
    octets.extend_from_slice(&(data.len() as u32).to_le_bytes());
    octets.extend_from_slice(&data);
    octets
}
