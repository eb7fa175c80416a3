//! What setting up and tearing down a call costs, with digest authentication on every call.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::call::Progress;
use crate::gateway::{CALLS_PER_EXTENSION, Gateway};
use crate::phones::Phones;
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

/// The printed result.
#[derive(Serialize)]
struct Report {
    calls: usize,
    failed: usize,
    calls_per_second: f64,
    cpu_ms_per_call: f64,
    cpu_ms_allowed: f64,
    answer_p50_ms: f64,
    answer_p99_ms: f64,
    resident_idle_kib: u64,
    resident_after_kib: u64,
    passed: bool,
}

/// Makes `rate` calls a second for `seconds` and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    rate: u32,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let resident_idle_kib = gateway.process.resident_kib()?;
    let accounts = gateway.set_up(PAIRS * 2)?;
    let mut phones = Phones::register(gateway.sip, &accounts)?;

    let wanted = rate as usize * seconds as usize;
    let (mut begun, mut ended, mut failed) = (0, 0, 0);
    let mut answers: Vec<f64> = Vec::with_capacity(wanted);
    let start = Instant::now();
    let cpu_before = gateway.process.cpu_time()?;
    let deadline = Duration::from_secs(seconds + 40);
    while ended + failed < wanted {
        if start.elapsed() > deadline {
            return Err(format!("{} calls did not end", wanted - ended - failed).into());
        }
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        while begun < due.min(wanted) && phones.calls.len() < UNDER_WAY {
            let phone = begun % PAIRS;
            let callee = accounts
                .get(PAIRS + phone)
                .ok_or("no callee")?
                .number
                .clone();
            // The port is only written down: no media flows.
            phones.call(phone, &callee, 9);
            begun += 1;
        }
        phones.serve(Duration::from_millis(2))?;
        phones.hang_up_after(TALK);
        phones.calls.retain(|_, call| {
            match call.progress {
                Progress::Ended => {
                    ended += 1;
                    answers.extend(call.answer_time().map(|time| time.as_secs_f64() * 1e3));
                }
                Progress::Failed(status) => {
                    failed += 1;
                    eprintln!("loadgen: a call to {} failed: {status}", call.callee());
                }
                _ => return true,
            }
            false
        });
    }
    let elapsed = start.elapsed().as_secs_f64();
    // Until the far sides are hung up too, the calls are not over.
    while phones.answered.values().any(|call| !call.ended) && start.elapsed() < deadline {
        phones.serve(Duration::from_millis(2))?;
    }
    let cpu = gateway.process.cpu_time()? - cpu_before;
    answers.sort_by(f64::total_cmp);
    let percentile = |part: f64| {
        let index = (answers.len() as f64 * part) as usize;
        answers
            .get(index.min(answers.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    };
    let cpu_ms_per_call = cpu.as_secs_f64() * 1e3 / ended.max(1) as f64;
    let report = Report {
        calls: ended,
        failed,
        calls_per_second: ended as f64 / elapsed,
        cpu_ms_per_call,
        cpu_ms_allowed: CPU_MS,
        answer_p50_ms: percentile(0.5),
        answer_p99_ms: percentile(0.99),
        resident_idle_kib,
        resident_after_kib: gateway.process.resident_kib()?,
        passed: failed == 0 && cpu_ms_per_call <= CPU_MS && resident_idle_kib <= IDLE_KIB,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(report.passed)
}
