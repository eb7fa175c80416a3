//! What relaying a packet costs the whole gateway, beside the reference, under one load.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::call::Progress;
use crate::gateway::{CALLS_PER_EXTENSION, Gateway};
use crate::phone::Account;
use crate::phones::Phones;
use crate::process::{Measured, PairRelay};
use crate::traffic::{self, Leg, Outcome, Voice};
use crate::{LOAD_CORE, MEASURED_CORE, process};

/// Dearest relayed packet allowed, in reference packets.
const RATIO: f64 = 2.5;
/// Largest resident memory allowed before any call, in KiB.
const IDLE_KIB: u64 = 30 * 1_024;
/// Most resident memory allowed for a call: 40,000 octets, in KiB.
const CALL_KIB: f64 = 40_000.0 / 1_024.0;
/// Largest loss allowed.
const LOSS: f64 = 0.001;
/// Calls set up at the same time.
const AT_ONCE: usize = 20;

/// One relay under load.
#[derive(Serialize)]
pub struct Figures {
    pub cpu_us_per_packet: f64,
    pub loss: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub added_p99_us: f64,
    pub max_us: f64,
    pub resident_kib: u64,
}

/// The printed result.
#[derive(Serialize)]
struct Report {
    calls: usize,
    packets: u64,
    seconds: f64,
    measured: Figures,
    reference: Figures,
    direct_p99_us: f64,
    ratio: f64,
    ratio_allowed: f64,
    resident_idle_kib: u64,
    resident_per_call_kib: f64,
    resident_per_call_kib_allowed: f64,
    passed: bool,
}

/// Measures and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    calls: usize,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    process::request_real_time();
    let lasting = Duration::from_secs(seconds);
    let direct = direct(calls, lasting / 4)?;
    let own = std::env::current_exe()?;
    // Before and after, so that a machine that changes its speed shows less.
    let before = pairs(
        Command::new(&own).arg("reference"),
        calls,
        lasting / 2,
        &direct,
    )?;
    let gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let idle = gateway.process.resident_kib()?;
    let (measured, outcome) = under_calls(gateway, calls, lasting, &direct)?;
    let after = pairs(
        Command::new(&own).arg("reference"),
        calls,
        lasting / 2,
        &direct,
    )?;
    let reference = mean(before.0, &after.0);
    let ratio = measured.cpu_us_per_packet / reference.cpu_us_per_packet;
    let per_call_kib = measured.resident_kib.saturating_sub(idle) as f64 / calls as f64;
    let passed =
        ratio <= RATIO && measured.loss <= LOSS && idle <= IDLE_KIB && per_call_kib <= CALL_KIB;
    let report = Report {
        calls,
        packets: outcome.received,
        seconds: outcome.seconds,
        ratio,
        ratio_allowed: RATIO,
        resident_idle_kib: idle,
        resident_per_call_kib: per_call_kib,
        resident_per_call_kib_allowed: CALL_KIB,
        direct_p99_us: direct.p99_us,
        measured,
        reference,
        passed,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(passed)
}

pub fn open_legs(calls: usize) -> Result<Vec<Leg>, Box<dyn Error>> {
    Ok((0..calls as u32 * 2)
        .map(Leg::open)
        .collect::<Result<_, _>>()?)
}

/// The legs of each call send to each other without anything between.
pub fn direct(calls: usize, lasting: Duration) -> Result<Outcome, Box<dyn Error>> {
    let mut legs = open_legs(calls)?;
    for pair in legs.chunks_exact_mut(2) {
        if let [a, b] = pair {
            a.aim(b.port()?);
            b.aim(a.port()?);
        }
    }
    traffic::run(&mut legs, lasting, || Ok(()))
}

pub fn pairs(
    command: &Command,
    calls: usize,
    lasting: Duration,
    direct: &Outcome,
) -> Result<(Figures, Outcome), Box<dyn Error>> {
    let (relay, mut legs) = connected(command, [Voice::Traced; 2], calls)?;
    under_load(&relay.process, &mut legs, lasting, direct)
}

/// A relay that is told of pairs of ports, and the legs of its calls.
pub fn connected(
    command: &Command,
    voices: [Voice; 2],
    calls: usize,
) -> Result<(PairRelay, Vec<Leg>), Box<dyn Error>> {
    let mut relay = PairRelay::start(command, MEASURED_CORE)?;
    let mut legs = open_legs(calls)?;
    for pair in legs.chunks_exact_mut(2) {
        if let [a, b] = pair {
            let (to_a, to_b) = relay.connect(a.port()?, b.port()?)?;
            a.aim(to_a);
            b.aim(to_b);
            [a.voice, b.voice] = voices;
        }
    }
    relay.ready()?;
    Ok((relay, legs))
}

fn under_calls(
    mut gateway: Gateway,
    calls: usize,
    lasting: Duration,
    direct: &Outcome,
) -> Result<(Figures, Outcome), Box<dyn Error>> {
    let (_phones, mut legs) = connect(&mut gateway, calls)?;
    under_load(&gateway.process, &mut legs, lasting, direct)
}

/// Sets up calls through the gateway; the legs send to where it told them.
pub fn connect(gateway: &mut Gateway, calls: usize) -> Result<(Phones, Vec<Leg>), Box<dyn Error>> {
    let pairs = calls.div_ceil(CALLS_PER_EXTENSION);
    let accounts = gateway.set_up(pairs * 2)?;
    connect_accounts(gateway, &accounts, calls)
}

/// The same between accounts that there are: the first half of them calls the others.
pub fn connect_accounts(
    gateway: &Gateway,
    accounts: &[Account],
    calls: usize,
) -> Result<(Phones, Vec<Leg>), Box<dyn Error>> {
    let pairs = accounts.len() / 2;
    let mut phones = Phones::register(gateway.sip, accounts)?;
    let mut legs = open_legs(calls)?;
    let ports: Vec<u16> = legs.iter().map(Leg::port).collect::<Result<_, _>>()?;
    let (mine, theirs): (Vec<[u16; 2]>, _) =
        ports.as_chunks::<2>().0.iter().map(|p| (*p, p[1])).unzip();
    phones.ports = theirs;
    let mut begun = 0;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let talking = phones
            .calls
            .values()
            .filter(|call| call.progress == Progress::Talking)
            .count();
        if talking == calls {
            break;
        }
        for call in phones.calls.values() {
            if let Progress::Failed(status) = call.progress {
                return Err(format!("a call to {} failed: {status}", call.callee()).into());
            }
        }
        if Instant::now() > deadline {
            return Err(format!("only {talking} of {calls} calls were answered").into());
        }
        while begun < calls && begun < talking + AT_ONCE {
            let phone = begun % pairs;
            let callee = accounts
                .get(pairs + phone)
                .ok_or("no callee")?
                .number
                .clone();
            phones.call(phone, &callee, mine[begun][0]);
            begun += 1;
        }
        phones.serve(Duration::from_millis(10))?;
    }
    let targets = phones
        .calls
        .values()
        .map(|call| (call.rtp_port, call.gateway_port))
        .chain(
            phones
                .answered
                .values()
                .map(|call| (call.rtp_port, call.gateway_port)),
        )
        .collect::<std::collections::HashMap<u16, u16>>();
    for (leg, port) in legs.iter_mut().zip(&ports) {
        let target = targets.get(port).filter(|&&target| target != 0);
        leg.aim(*target.ok_or("a call without an audio port")?);
    }
    Ok((phones, legs))
}

pub fn under_load(
    process: &Measured,
    legs: &mut [Leg],
    lasting: Duration,
    direct: &Outcome,
) -> Result<(Figures, Outcome), Box<dyn Error>> {
    let mut times = Vec::with_capacity(2);
    let outcome = traffic::run(legs, lasting, || {
        times.push(process.cpu_time()?);
        Ok(())
    })?;
    let [before, after] = times[..] else {
        return Err("not measured twice".into());
    };
    let figures = Figures {
        cpu_us_per_packet: (after - before).as_secs_f64() * 1e6 / outcome.received.max(1) as f64,
        loss: outcome.loss,
        p50_us: outcome.p50_us,
        p99_us: outcome.p99_us,
        added_p99_us: outcome.p99_us - direct.p99_us,
        max_us: outcome.max_us,
        resident_kib: process.resident_kib()?,
    };
    Ok((figures, outcome))
}

pub fn mean(mut a: Figures, b: &Figures) -> Figures {
    let mean = |a: f64, b: f64| (a + b) / 2.0;
    a.cpu_us_per_packet = mean(a.cpu_us_per_packet, b.cpu_us_per_packet);
    a.loss = mean(a.loss, b.loss);
    a.p50_us = mean(a.p50_us, b.p50_us);
    a.p99_us = mean(a.p99_us, b.p99_us);
    a.added_p99_us = mean(a.added_p99_us, b.added_p99_us);
    a.max_us = a.max_us.max(b.max_us);
    a
}
