//! What E1 spans cost the gateway, and how long sound and calls take through it and through analogue lines: drivers, ISDN and
//! media engine as they are, on spans and a line card in memory with an exchange in software at the far end. `tools/bench lines` runs it; see there for the bars.
//!
//! What is measured runs on processor 0. The exchanges and the phones, on processor 1, make samples and RTP all the time.
//! Beside it runs, for the same time and on the same processors, a bare copy of each block from and to the same kind of
//! socket: what moving the sound costs at least on this machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement stops at the first surprise"
)]

mod e1_load {
    pub mod analogue;
    pub mod clock;
    pub mod exchange;
    pub mod gateway;
    pub mod phones;
    pub mod reference;
}

use std::process::ExitCode;
use std::time::{Duration, Instant};

use e1_load::analogue::Telephones;
use e1_load::clock::{Load, pin};
use e1_load::exchange::Exchange;
use e1_load::gateway::{Gateway, tandem};
use e1_load::reference::Reference;
use serde_json::{Value, json};

/// Processor of what is measured, and of the load.
const MEASURED: usize = 0;
/// What a load may cost: half of a processor.
const HALF: f64 = 0.5;
/// Between a line and RTP, beyond the 20 ms that a packet takes to fill.
const DELAY_MS: f64 = 30.0;
/// From SETUP in to SETUP out.
const SETUP_MS: f64 = 5.0;
/// How long each load lasts, and how long it settles before.
const LASTING: Duration = Duration::from_secs(10);
const SETTLING: Duration = Duration::from_secs(3);
/// Calls that are passed on, one after the other.
const TANDEM_CALLS: usize = 200;

fn main() -> ExitCode {
    pin(MEASURED);
    let folder = std::env::args().nth(1).expect("a folder for recordings");
    let recorded = recorded(&folder);
    let conference = conference();
    let analogue = analogue();
    let setup = setup();
    let passed = [&recorded, &conference, &analogue, &setup]
        .iter()
        .all(|report| report["passed"] == true);
    let report = json!({
        "recorded": recorded, "conference": conference, "analogue": analogue, "setup": setup,
        "passed": passed,
    });
    println!("{}", serde_json::to_string_pretty(&report).expect("JSON"));
    ExitCode::from(u8::from(!passed))
}

/// A load's processor time in processors, and that of the bare copy of as many blocks at the same time.
fn measured(load: &mut Load, spans: usize) -> (f64, f64) {
    let reference = Reference::start(spans, load);
    std::thread::sleep(SETTLING);
    let (begin, at, before) = (load.begin(), Instant::now(), reference.spent());
    std::thread::sleep(LASTING);
    let used = load.used_since(&begin);
    let copied = reference.spent().saturating_sub(before);
    (used, copied.as_secs_f64() / at.elapsed().as_secs_f64())
}

/// One E1: 30 calls between its timeslots and phones, each with echo cancelling and recorded.
fn recorded(folder: &str) -> Value {
    let mut load = Load::default();
    let exchange = Exchange::start(1, &mut load);
    let mut gateway = Gateway::start(&exchange, Some(folder));
    let phones = gateway.answer_with_phones(&mut load);
    let (cores, reference) = measured(&mut load, 1);
    let to_rtp = phones.delays_from(exchange.marks());
    let to_line = exchange.delays_from(phones.marks());
    let passed = cores <= HALF && worst(&to_rtp) <= DELAY_MS && worst(&to_line) <= DELAY_MS;
    json!({
        "calls": gateway.calls(), "cores": cores, "cores_allowed": HALF,
        "reference_cores": reference, "ratio": cores / reference,
        "line_to_rtp_ms": spread(&to_rtp), "rtp_to_line_ms": spread(&to_line), "delay_allowed_ms": DELAY_MS,
        "passed": passed,
    })
}

/// Four E1: 120 timeslots in twelve conferences, with detection of keys, progress tones and fax on each.
fn conference() -> Value {
    let mut load = Load::default();
    let exchange = Exchange::start(4, &mut load);
    let mut gateway = Gateway::start(&exchange, None);
    gateway.confer(10);
    let (cores, reference) = measured(&mut load, 4);
    json!({
        "calls": gateway.calls(), "cores": cores, "cores_allowed": HALF,
        "reference_cores": reference, "ratio": cores / reference, "passed": cores <= HALF,
    })
}

/// Telephones on a line card in calls with phones: how long their sound takes.
fn analogue() -> Value {
    let mut load = Load::default();
    let telephones = Telephones::start(&mut load);
    std::thread::sleep(SETTLING);
    let settled = Instant::now();
    std::thread::sleep(LASTING);
    let (to_rtp, to_line) = telephones.delays(settled);
    let passed = worst(&to_rtp) <= DELAY_MS && worst(&to_line) <= DELAY_MS;
    json!({
        "calls": telephones.calls(), "line_to_rtp_ms": spread(&to_rtp), "rtp_to_line_ms": spread(&to_line),
        "delay_allowed_ms": DELAY_MS, "passed": passed,
    })
}

/// Calls that come in on one E1 and go out on another.
fn setup() -> Value {
    let times = tandem(TANDEM_CALLS);
    json!({
        "calls": times.len(), "setup_to_setup_ms": spread(&times), "allowed_ms": SETUP_MS,
        "passed": times.len() == TANDEM_CALLS && percentile(&times, 99) <= SETUP_MS,
    })
}

/// The 99th of a hundred: what a machine does that is busy with something else is not the gateway's.
fn worst(times: &[f64]) -> f64 {
    percentile(times, 99)
}

fn percentile(times: &[f64], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::INFINITY)
}

fn spread(times: &[f64]) -> Value {
    json!({
        "measured": times.len(), "p50": percentile(times, 50), "p99": percentile(times, 99),
        "most": percentile(times, 100),
    })
}
