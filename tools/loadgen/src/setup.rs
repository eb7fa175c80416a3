//! What setting up and tearing down a call costs, with digest authentication on every call, beside a bare exchange of as
//! many datagrams at the same pace.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::batch::BatchSocket;
use crate::call::Progress;
use crate::gateway::{CALLS_PER_EXTENSION, Gateway};
use crate::phone::Account;
use crate::phones::Phones;
use crate::process::{Measured, PairRelay};
use crate::{LOAD_CORE, MEASURED_CORE, process};

/// Dearest call allowed, in milliseconds of processor time.
const CPU_MS: f64 = 1.0;
/// Largest resident memory allowed before any call, in KiB.
const IDLE_KIB: u64 = 30 * 1_024;
/// Pairs of a calling and an answering extension.
const PAIRS: usize = 20;
/// How long a call lasts once answered.
const TALK: Duration = Duration::from_millis(200);
/// Calls under way at most; more are not begun.
const UNDER_WAY: usize = PAIRS * CALLS_PER_EXTENSION;
/// Gateway and exchange are measured in turns, so that both meet the same machine.
const TURN: Duration = Duration::from_secs(2);
/// Datagrams that the gateway gets and sends in one call: twice INVITE with its challenge, ringing, answer, BYE.
const DATAGRAMS: usize = 9;
/// Their size, about that of the messages.
const DATAGRAM: usize = 600;

/// The printed result.
#[derive(Serialize)]
struct Report {
    calls: usize,
    failed: usize,
    calls_per_second: f64,
    cpu_ms_per_call: f64,
    cpu_ms_allowed: f64,
    cpu_ms_per_exchange: f64,
    ratio: f64,
    answer_p50_ms: f64,
    answer_p99_ms: f64,
    resident_idle_kib: u64,
    resident_after_kib: u64,
    passed: bool,
}

/// What the calls came to.
#[derive(Default)]
struct Tally {
    begun: usize,
    ended: usize,
    failed: usize,
    answers: Vec<f64>,
    cpu: Duration,
    lasted: Duration,
}

/// Makes `rate` calls a second for `seconds` and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    rate: u32,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    let mut echo = PairRelay::start(
        Command::new(std::env::current_exe()?).arg("echo"),
        MEASURED_CORE,
    )?;
    let (port, _) = echo.connect(0, 0)?;
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let resident_idle_kib = gateway.process.resident_kib()?;
    let accounts = gateway.set_up(PAIRS * 2)?;
    let mut phones = Phones::register(gateway.sip, &accounts)?;

    let mut tally = Tally::default();
    let (mut exchanges, mut bare) = (0, Duration::ZERO);
    for _ in 0..seconds.div_ceil(TURN.as_secs()) {
        call(&gateway.process, &mut phones, &accounts, rate, &mut tally)?;
        let cpu = echo.process.cpu_time()?;
        exchanges += exchange(port, rate)?;
        bare += echo.process.cpu_time()? - cpu;
    }
    tally.answers.sort_by(f64::total_cmp);
    let percentile = |part: f64| {
        let last = tally.answers.len().saturating_sub(1);
        let index = (tally.answers.len() as f64 * part) as usize;
        let answer = tally.answers.get(index.min(last));
        answer.copied().unwrap_or(f64::NAN)
    };
    let cpu_ms_per_call = tally.cpu.as_secs_f64() * 1e3 / tally.ended.max(1) as f64;
    let cpu_ms_per_exchange = bare.as_secs_f64() * 1e3 / exchanges.max(1) as f64;
    let ratio = cpu_ms_per_call / cpu_ms_per_exchange;
    let report = Report {
        calls: tally.ended,
        failed: tally.failed,
        calls_per_second: tally.ended as f64 / tally.lasted.as_secs_f64(),
        cpu_ms_per_call,
        cpu_ms_allowed: CPU_MS,
        cpu_ms_per_exchange,
        ratio,
        answer_p50_ms: percentile(0.5),
        answer_p99_ms: percentile(0.99),
        resident_idle_kib,
        resident_after_kib: gateway.process.resident_kib()?,
        passed: tally.failed == 0 && cpu_ms_per_call <= CPU_MS && resident_idle_kib <= IDLE_KIB,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(report.passed)
}

/// Begins calls for one turn and waits until all are over at both ends.
fn call(
    gateway: &Measured,
    phones: &mut Phones,
    accounts: &[Account],
    rate: u32,
    tally: &mut Tally,
) -> Result<(), Box<dyn Error>> {
    let wanted = (f64::from(rate) * TURN.as_secs_f64()) as usize;
    let deadline = TURN + Duration::from_secs(40);
    let cpu = gateway.cpu_time()?;
    let start = Instant::now();
    let mut begun = 0;
    while begun < wanted
        || !phones.calls.is_empty()
        || phones.answered.values().any(|call| !call.ended)
    {
        if start.elapsed() > deadline {
            return Err(format!("{} calls did not end", phones.calls.len()).into());
        }
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        while begun < due.min(wanted) && phones.calls.len() < UNDER_WAY {
            let phone = (tally.begun + begun) % PAIRS;
            let callee = accounts.get(PAIRS + phone).ok_or("no callee")?;
            // The port is only written down: no media flows.
            phones.call(phone, &callee.number, 9);
            begun += 1;
        }
        phones.serve(Duration::from_millis(2))?;
        phones.hang_up_after(TALK);
        phones.calls.retain(|_, call| {
            match call.progress {
                Progress::Ended => {
                    tally.ended += 1;
                    let answer = call.answer_time().map(|time| time.as_secs_f64() * 1e3);
                    tally.answers.extend(answer);
                }
                Progress::Failed(status) => {
                    tally.failed += 1;
                    eprintln!("loadgen: a call to {} failed: {status}", call.callee());
                }
                _ => return true,
            }
            false
        });
    }
    phones.answered.clear();
    tally.begun += begun;
    tally.lasted += start.elapsed();
    tally.cpu += gateway.cpu_time()? - cpu;
    Ok(())
}

/// Exchanges as many datagrams with the echo as half a turn of calls has, one at a time; the answer is how many calls' worth.
fn exchange(port: u16, rate: u32) -> Result<usize, Box<dyn Error>> {
    let mut socket = BatchSocket::open(port)?;
    let calls = (f64::from(rate) * TURN.as_secs_f64() / 2.0) as usize;
    let pace = 1.0 / (f64::from(rate) * DATAGRAMS as f64);
    let start = Instant::now();
    let mut answered = 0;
    for index in 0..calls * DATAGRAMS {
        let due = Duration::from_secs_f64(index as f64 * pace);
        while let Some(left) = due.checked_sub(start.elapsed()) {
            socket.receive(left, |_| answered += 1)?;
        }
        socket.push(&[b'x'; DATAGRAM]);
        socket.flush()?;
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while answered < calls * DATAGRAMS {
        if Instant::now() > deadline {
            return Err("the bare exchange lost datagrams".into());
        }
        socket.receive(Duration::from_millis(100), |_| answered += 1)?;
    }
    Ok(calls)
}
