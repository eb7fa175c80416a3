//! What setting up and tearing down a call costs, with digest authentication on every call, beside a bare exchange of as
//! many datagrams at the same pace: at several paces, the last of which is judged.
//!
//! At a low pace every datagram finds the gateway asleep, and most of what a call costs is waking up: the bare exchange, which
//! does nothing else, shows how much. What calls cost a gateway that is busy is seen at a high pace.

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
/// Pairs of a calling and an answering extension: many more than the calls need, so that no extension ever has as many as it may.
const PAIRS: usize = 100;
/// How long a call lasts once answered.
const TALK: Duration = Duration::from_millis(200);
/// Calls under way at most, a fifth of what the extensions may have; more are not begun.
const UNDER_WAY: usize = PAIRS * CALLS_PER_EXTENSION / 5;
/// How often the gateway's time and memory are looked at while calls are made.
const SAMPLE: Duration = Duration::from_secs(1);
/// The exchange takes half as long as the calls before it, and no longer than this.
const LONGEST_EXCHANGE: Duration = Duration::from_secs(10);
/// Datagrams that the gateway gets and sends in one call: twice INVITE with its challenge, ringing, answer, BYE.
const DATAGRAMS: usize = 9;
/// Their size, about that of the messages.
const DATAGRAM: usize = 600;

/// The printed result.
#[derive(Serialize)]
struct Report {
    paces: Vec<Pace>,
    cpu_ms_per_call: f64,
    cpu_ms_allowed: f64,
    failed: usize,
    resident_idle_kib: u64,
    resident_idle_allowed_kib: u64,
    passed: bool,
}

/// What calls came to at one pace.
#[derive(Serialize)]
struct Pace {
    rate: u32,
    calls: usize,
    failed: usize,
    calls_per_second: f64,
    cpu_ms_per_call: f64,
    /// The same of the first and of the last quarter of the time.
    cpu_ms_per_call_first: f64,
    cpu_ms_per_call_last: f64,
    cpu_ms_per_exchange: f64,
    ratio: f64,
    answer_p50_ms: f64,
    answer_p99_ms: f64,
    /// After the first quarter of the time, and at the end.
    resident_first_kib: u64,
    resident_last_kib: u64,
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
    samples: Vec<Sample>,
}

/// The gateway at one time, since the first call at this pace.
#[derive(Clone, Copy, Default)]
struct Sample {
    ended: usize,
    cpu: Duration,
    resident_kib: u64,
}

impl Sample {
    fn cpu_ms_per_call(self, since: Self) -> f64 {
        let calls = self.ended - since.ended;
        (self.cpu - since.cpu).as_secs_f64() * 1e3 / calls.max(1) as f64
    }
}

/// Makes calls for `seconds` at each of `rates` (calls a second) and prints; the answer is whether every bar was met.
/// Gateway and exchange are measured in turns of at most `turn`, so that both meet the same machine.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    rates: &[u32],
    seconds: u64,
    turn: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let resident_idle_kib = gateway.process.resident_kib()?;
    let accounts = gateway.set_up(PAIRS * 2)?;
    let mut phones = Phones::register(gateway.sip, &accounts)?;
    let mut echo = PairRelay::start(
        Command::new(std::env::current_exe()?).arg("echo"),
        MEASURED_CORE,
    )?;
    let mut load = Load {
        gateway: &gateway.process,
        phones: &mut phones,
        accounts: &accounts,
        port: echo.connect(0, 0)?.0,
        echo: &echo.process,
    };
    let paces = rates
        .iter()
        .map(|&rate| load.keep_pace(rate, seconds, turn.clamp(1, seconds)))
        .collect::<Result<Vec<_>, _>>()?;
    let failed = paces.iter().map(|pace| pace.failed).sum();
    let cpu_ms_per_call = paces.last().map_or(f64::NAN, |pace| pace.cpu_ms_per_call);
    let report = Report {
        paces,
        cpu_ms_per_call,
        cpu_ms_allowed: CPU_MS,
        failed,
        resident_idle_kib,
        resident_idle_allowed_kib: IDLE_KIB,
        passed: failed == 0 && cpu_ms_per_call <= CPU_MS && resident_idle_kib <= IDLE_KIB,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(report.passed)
}

/// The phones, what they call through, and what it is compared with.
struct Load<'a> {
    gateway: &'a Measured,
    phones: &'a mut Phones,
    accounts: &'a [Account],
    echo: &'a Measured,
    /// Of the echo.
    port: u16,
}

impl Load<'_> {
    fn keep_pace(&mut self, rate: u32, seconds: u64, turn: u64) -> Result<Pace, Box<dyn Error>> {
        let mut tally = Tally::default();
        let (mut exchanges, mut bare) = (0, Duration::ZERO);
        for _ in 0..seconds.div_ceil(turn) {
            self.call(rate, Duration::from_secs(turn), &mut tally)?;
            let cpu = self.echo.cpu_time()?;
            let lasting = (Duration::from_secs(turn) / 2).min(LONGEST_EXCHANGE);
            exchanges += exchange(self.port, rate, lasting)?;
            bare += self.echo.cpu_time()? - cpu;
        }
        tally.answers.sort_by(f64::total_cmp);
        let percentile = |part: f64| {
            let last = tally.answers.len().saturating_sub(1);
            let index = (tally.answers.len() as f64 * part) as usize;
            let answer = tally.answers.get(index.min(last));
            answer.copied().unwrap_or(f64::NAN)
        };
        let sample = |index: usize| tally.samples.get(index).copied().unwrap_or_default();
        let (start, count) = (Sample::default(), tally.samples.len());
        let (first, last) = (sample(count / 4), sample(count.saturating_sub(1)));
        let cpu_ms_per_call = last.cpu_ms_per_call(start);
        let cpu_ms_per_exchange = bare.as_secs_f64() * 1e3 / exchanges.max(1) as f64;
        Ok(Pace {
            rate,
            calls: tally.ended,
            failed: tally.failed,
            calls_per_second: tally.ended as f64 / tally.lasted.as_secs_f64(),
            cpu_ms_per_call,
            cpu_ms_per_call_first: first.cpu_ms_per_call(start),
            cpu_ms_per_call_last: last.cpu_ms_per_call(sample(count * 3 / 4)),
            cpu_ms_per_exchange,
            ratio: cpu_ms_per_call / cpu_ms_per_exchange,
            answer_p50_ms: percentile(0.5),
            answer_p99_ms: percentile(0.99),
            resident_first_kib: first.resident_kib,
            resident_last_kib: last.resident_kib,
        })
    }

    /// Begins calls for one turn and waits until all are over at both ends.
    fn call(&mut self, rate: u32, turn: Duration, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
        let wanted = (f64::from(rate) * turn.as_secs_f64()) as usize;
        let deadline = turn + Duration::from_secs(40);
        let (cpu_before, cpu) = (tally.cpu, self.gateway.cpu_time()?);
        let start = Instant::now();
        let mut sampled = start;
        let mut begun = 0;
        while begun < wanted
            || !self.phones.calls.is_empty()
            || self.phones.answered.values().any(|call| !call.ended)
        {
            if start.elapsed() > deadline {
                return Err(format!("{} calls did not end", self.phones.calls.len()).into());
            }
            let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as usize;
            while begun < due.min(wanted) && self.phones.calls.len() < UNDER_WAY {
                let phone = (tally.begun + begun) % PAIRS;
                let callee = self.accounts.get(PAIRS + phone).ok_or("no callee")?;
                // The port is only written down: no media flows.
                self.phones.call(phone, &callee.number, 9);
                begun += 1;
            }
            self.phones.serve(Duration::from_millis(2))?;
            self.phones.hang_up_after(TALK);
            self.reap(tally);
            if sampled.elapsed() > SAMPLE {
                sampled = Instant::now();
                tally.cpu = cpu_before + (self.gateway.cpu_time()? - cpu);
                self.sample(tally)?;
            }
        }
        tally.begun += begun;
        tally.lasted += start.elapsed();
        tally.cpu = cpu_before + (self.gateway.cpu_time()? - cpu);
        self.sample(tally)
    }

    /// Forgets the calls that are over.
    fn reap(&mut self, tally: &mut Tally) {
        self.phones.calls.retain(|_, call| {
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

    fn sample(&mut self, tally: &mut Tally) -> Result<(), Box<dyn Error>> {
        self.phones.answered.retain(|_, call| !call.ended);
        tally.samples.push(Sample {
            ended: tally.ended,
            cpu: tally.cpu,
            resident_kib: self.gateway.resident_kib()?,
        });
        Ok(())
    }
}

/// Exchanges as many datagrams with the echo as calls have within `lasting`, one at a time; the answer is how many calls' worth.
pub fn exchange(port: u16, rate: u32, lasting: Duration) -> Result<usize, Box<dyn Error>> {
    let mut socket = BatchSocket::open(port)?;
    let calls = (f64::from(rate) * lasting.as_secs_f64()) as usize;
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
