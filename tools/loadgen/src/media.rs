//! What each path of the media engine costs, beside the reference relay in the same run.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::relay::{self, Figures};
use crate::traffic::Voice;
use crate::{LOAD_CORE, process};

/// Packets a second that reach one end of a call.
const RATE: f64 = 50.0;
/// Largest loss allowed.
const LOSS: f64 = 0.001;
/// Largest delay added at the 99th percentile, in microseconds.
const ADDED_P99_US: f64 = 5_000.0;

/// A path, and what it has to do.
struct PathBar {
    name: &'static str,
    /// What the two ends of a call do.
    voices: [Voice; 2],
    /// Ends that are one call: two of a bridged one, one that hears music.
    ends: f64,
    /// Calls one core has to carry.
    calls_a_core: f64,
    /// Dearest packet allowed, in reference packets.
    ratio: Option<f64>,
}

const PATHS: [PathBar; 4] = [
    PathBar {
        name: "relay",
        voices: [Voice::Traced; 2],
        ends: 2.0,
        calls_a_core: 2_000.0,
        ratio: Some(1.3),
    },
    PathBar {
        name: "law",
        voices: [Voice::Plain(8), Voice::Plain(0)],
        ends: 2.0,
        calls_a_core: 1_500.0,
        ratio: None,
    },
    PathBar {
        name: "record",
        voices: [Voice::Traced; 2],
        ends: 2.0,
        calls_a_core: 1_200.0,
        ratio: None,
    },
    PathBar {
        name: "play",
        voices: [Voice::Silent; 2],
        ends: 1.0,
        calls_a_core: 3_000.0,
        ratio: None,
    },
];

/// The printed result of one path.
#[derive(Serialize)]
struct PathReport {
    path: &'static str,
    calls: usize,
    packets: u64,
    cpu_us_per_packet: f64,
    ratio: f64,
    ratio_allowed: Option<f64>,
    calls_a_core: f64,
    calls_a_core_wanted: f64,
    loss: f64,
    /// Not known where the packets come out changed.
    added_p99_us: Option<f64>,
    passed: bool,
}

/// The printed result.
#[derive(Serialize)]
struct Report {
    reference_cpu_us_per_packet: f64,
    paths: Vec<PathReport>,
    passed: bool,
}

/// Measures and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    folder: &Path,
    only: Option<&str>,
    calls: usize,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    process::request_real_time();
    let lasting = Duration::from_secs(seconds);
    let direct = relay::direct(calls, lasting / 4)?;
    let own = std::env::current_exe()?;
    let reference = || {
        let mut command = Command::new(&own);
        command.arg("reference");
        relay::pairs(&command, [Voice::Traced; 2], calls, lasting / 2, &direct)
    };
    let mut paths = Vec::new();
    // Before and after each path, so that a machine that changes its speed shows less.
    let mut before = reference()?.0;
    let first = before.cpu_us_per_packet;
    for bar in PATHS
        .iter()
        .filter(|bar| only.is_none_or(|only| only == bar.name))
    {
        let mut command = Command::new(program);
        command.arg(bar.name).arg(folder);
        let measured = relay::pairs(&command, bar.voices, calls, lasting, &direct);
        // Recordings of a bench are of no use to anybody.
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let (figures, outcome) = measured?;
        let after = reference()?.0;
        let cost = (before.cpu_us_per_packet + after.cpu_us_per_packet) / 2.0;
        paths.push(report(bar, calls, outcome.received, &figures, cost));
        before = after;
    }
    if paths.is_empty() {
        return Err("there is no such path".into());
    }
    let passed = paths.iter().all(|path| path.passed);
    let report = Report {
        reference_cpu_us_per_packet: first,
        paths,
        passed,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(passed)
}

fn report(bar: &PathBar, calls: usize, packets: u64, figures: &Figures, cost: f64) -> PathReport {
    let ratio = figures.cpu_us_per_packet / cost;
    let calls_a_core = 1e6 / (figures.cpu_us_per_packet * RATE * bar.ends);
    let added_p99_us = (bar.voices == [Voice::Traced; 2]).then_some(figures.added_p99_us);
    PathReport {
        path: bar.name,
        calls,
        packets,
        cpu_us_per_packet: figures.cpu_us_per_packet,
        ratio,
        ratio_allowed: bar.ratio,
        calls_a_core,
        calls_a_core_wanted: bar.calls_a_core,
        loss: figures.loss,
        added_p99_us,
        passed: bar.ratio.is_none_or(|allowed| ratio <= allowed)
            && calls_a_core >= bar.calls_a_core
            && figures.loss <= LOSS
            && added_p99_us.is_none_or(|added| added <= ADDED_P99_US),
    }
}
