//! What each path of the media engine costs, beside the reference relay in the same run.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::relay;
use crate::traffic::{Load, Outcome, Voice};
use crate::{LOAD_CORE, process};

/// Packets a second that reach one end of a call.
const RATE: f64 = 50.0;
/// Largest loss allowed.
const LOSS: f64 = 0.001;
/// Largest delay added at the 99th percentile, in microseconds.
const ADDED_P99_US: f64 = 5_000.0;

/// What a packet of the reference costs on the slowest machine that the bars in calls were set against, in microseconds.
/// A slower machine is given what it lacks: its calls are counted as that one would carry them.
const REFERENCE_US: f64 = 4.9;

/// How long one relay is loaded before it is the other one's turn.
const TURN: Duration = Duration::from_millis(250);
/// Turns of so long go before: a stream takes three seconds to trust its far end.
const SETTLING: Duration = Duration::from_secs(4);
/// Late packets are waited for so long at the end of a turn.
const PATIENCE: Duration = Duration::from_millis(20);

/// A path, and what it has to do.
struct PathBar {
    name: &'static str,
    /// What the two ends of a call do.
    voices: [Voice; 2],
    /// Ends that are one call: two of a bridged one, one that hears music.
    ends: f64,
    bar: Bar,
}

/// What a path is held to.
#[derive(Clone, Copy)]
enum Bar {
    /// Dearest packet allowed, in reference packets.
    Ratio(f64),
    /// Calls one core has to carry where a reference packet costs [`REFERENCE_US`].
    CallsACore(f64),
}

impl Bar {
    /// Whether it is met by packets of this cost in reference packets, and so many calls a core.
    fn is_met(self, ratio: f64, calls_a_core: f64) -> bool {
        match self {
            Bar::Ratio(allowed) => ratio <= allowed,
            Bar::CallsACore(wanted) => calls_a_core >= wanted,
        }
    }
}

const PATHS: [PathBar; 5] = [
    PathBar {
        name: "relay",
        voices: [Voice::Traced; 2],
        ends: 2.0,
        bar: Bar::Ratio(1.3),
    },
    PathBar {
        name: "law",
        voices: [Voice::Plain(8), Voice::Plain(0)],
        ends: 2.0,
        bar: Bar::CallsACore(1_500.0),
    },
    PathBar {
        name: "srtp",
        voices: [Voice::Sealed; 2],
        ends: 2.0,
        bar: Bar::CallsACore(1_000.0),
    },
    PathBar {
        name: "record",
        voices: [Voice::Traced; 2],
        ends: 2.0,
        bar: Bar::CallsACore(1_200.0),
    },
    PathBar {
        name: "play",
        voices: [Voice::Silent; 2],
        ends: 1.0,
        bar: Bar::CallsACore(3_000.0),
    },
];

/// The printed result of one path.
#[derive(Serialize)]
struct PathReport {
    path: &'static str,
    calls: usize,
    packets: u64,
    cpu_us_per_packet: f64,
    reference_cpu_us_per_packet: f64,
    ratio: f64,
    ratio_allowed: Option<f64>,
    /// As this machine carries them.
    calls_a_core: f64,
    /// As a machine would on which a reference packet costs [`REFERENCE_US`].
    calls_a_core_judged: f64,
    calls_a_core_wanted: Option<f64>,
    loss: f64,
    /// Not known where the packets come out changed.
    added_p99_us: Option<f64>,
    passed: bool,
}

/// The printed result.
#[derive(Serialize)]
struct Report {
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
    let mut paths = Vec::new();
    for bar in PATHS
        .iter()
        .filter(|bar| only.is_none_or(|only| only == bar.name))
    {
        let mut reference = Command::new(&own);
        reference.arg("reference");
        let mut command = Command::new(program);
        command.arg(bar.name).arg(folder);
        let parties = [(&reference, [Voice::Traced; 2]), (&command, bar.voices)];
        let measured = in_turns(parties, calls, lasting);
        // Recordings of a bench are of no use to anybody.
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        paths.push(report(bar, calls, &measured?, &direct));
    }
    if paths.is_empty() {
        return Err("there is no such path".into());
    }
    let passed = paths.iter().all(|path| path.passed);
    let report = Report { paths, passed };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(passed)
}

/// What one of two relays did in its turns.
struct Turns {
    cpu: Duration,
    outcome: Outcome,
}

impl Turns {
    fn cpu_us_per_packet(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.outcome.received.max(1) as f64
    }
}

/// Loads two relays in turns, so that whatever else goes on in this machine, and changes its speed, meets both alike.
fn in_turns(
    parties: [(&Command, [Voice; 2]); 2],
    calls: usize,
    lasting: Duration,
) -> Result<[Turns; 2], Box<dyn Error>> {
    let [a, b] = parties;
    let (a_relay, mut a_legs) = relay::connected(a.0, a.1, calls)?;
    let (b_relay, mut b_legs) = relay::connected(b.0, b.1, calls)?;
    let mut loads = [Load::new(&mut a_legs)?, Load::new(&mut b_legs)?];
    let processes = [&a_relay.process, &b_relay.process];
    let mut cpu = [Duration::ZERO; 2];
    let turns = |duration: Duration| duration.div_duration_f64(TURN).ceil() as usize;
    for turn in 0..turns(SETTLING) + turns(lasting) {
        for ((load, process), cpu) in loads.iter_mut().zip(processes).zip(&mut cpu) {
            if turn == turns(SETTLING) {
                load.begin();
                *cpu = Duration::ZERO;
            }
            load.discard()?;
            let before = process.cpu_time()?;
            load.go_on(TURN)?;
            load.linger(PATIENCE)?;
            *cpu += process.cpu_time()? - before;
        }
    }
    let [a, b] = loads;
    let outcome = [a.outcome(), b.outcome()];
    if outcome.iter().any(|outcome| outcome.received == 0) {
        return Err("a relay carried nothing".into());
    }
    let [a, b] = outcome;
    Ok([
        Turns {
            cpu: cpu[0],
            outcome: a,
        },
        Turns {
            cpu: cpu[1],
            outcome: b,
        },
    ])
}

fn report(bar: &PathBar, calls: usize, measured: &[Turns; 2], direct: &Outcome) -> PathReport {
    let [reference, path] = measured;
    let cpu_us_per_packet = path.cpu_us_per_packet();
    let ratio = cpu_us_per_packet / reference.cpu_us_per_packet();
    let calls_a_core = 1e6 / (cpu_us_per_packet * RATE * bar.ends);
    let calls_a_core_judged = 1e6 / (ratio * REFERENCE_US * RATE * bar.ends);
    let (ratio_allowed, calls_a_core_wanted) = match bar.bar {
        Bar::Ratio(allowed) => (Some(allowed), None),
        Bar::CallsACore(wanted) => (None, Some(wanted)),
    };
    let loss = path.outcome.loss;
    let added_p99_us = matches!(bar.voices, [Voice::Traced | Voice::Sealed, _])
        .then_some(path.outcome.p99_us - direct.p99_us);
    PathReport {
        path: bar.name,
        calls,
        packets: path.outcome.received,
        cpu_us_per_packet,
        reference_cpu_us_per_packet: reference.cpu_us_per_packet(),
        ratio,
        ratio_allowed,
        calls_a_core,
        calls_a_core_judged,
        calls_a_core_wanted,
        loss,
        added_p99_us,
        passed: bar.bar.is_met(ratio, calls_a_core_judged)
            && loss <= LOSS
            && added_p99_us.is_none_or(|added| added <= ADDED_P99_US),
    }
}
