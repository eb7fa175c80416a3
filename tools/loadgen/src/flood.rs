//! What calls notice of a flood of garbage: from strangers, and from the very addresses the phones are registered from.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::call::Progress;
use crate::gateway::Gateway;
use crate::{LOAD_CORE, MEASURED_CORE, phone, process, relay, traffic};

/// Largest loss of voice allowed.
const LOSS: f64 = 0.001;
/// Largest growth of resident memory allowed, in KiB.
const GROWTH_KIB: u64 = 16 * 1_024;
/// Most answers allowed, as a part of what was sent.
const ANSWERED: f64 = 0.01;
/// Strangers, each with an address of its own.
const STRANGERS: u8 = 200;
/// Datagrams sent in a row.
const BURST: Duration = Duration::from_millis(1);

/// The printed result.
#[derive(Serialize)]
struct Report {
    calls: usize,
    calls_lost: usize,
    seconds: f64,
    garbage_sent: u64,
    garbage_per_second: f64,
    answers: u64,
    answered_allowed: f64,
    packets: u64,
    loss: f64,
    loss_allowed: f64,
    p99_us: f64,
    cpu_share_quiet: f64,
    cpu_share_flooded: f64,
    resident_before_kib: u64,
    resident_after_kib: u64,
    growth_allowed_kib: u64,
    passed: bool,
}

/// Floods the gateway with `rate` datagrams a second while `calls` talk, and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    calls: usize,
    rate: u32,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let (mut phones, mut legs) = relay::connect(&mut gateway, calls)?;
    let lasting = Duration::from_secs(seconds);
    let process = &gateway.process;
    let share =
        |before: Duration, after: Duration, seconds: f64| (after - before).as_secs_f64() / seconds;
    let before = process.cpu_time()?;
    let quiet = traffic::run(&mut legs, lasting / 4, || Ok(()))?;
    let cpu_share_quiet = share(before, process.cpu_time()?, quiet.seconds);

    let resident_before_kib = process.resident_kib()?;
    let stop = Arc::new(AtomicBool::new(false));
    let flood = thread::spawn({
        let stop = stop.clone();
        let target = gateway.sip;
        move || send(target, rate, &stop).map_err(|error| error.to_string())
    });
    let before = process.cpu_time()?;
    let outcome = traffic::run(&mut legs, lasting, || Ok(()))?;
    let cpu_share_flooded = share(before, process.cpu_time()?, outcome.seconds);
    stop.store(true, Ordering::Relaxed);
    let (garbage_sent, answers, flooded) = flood.join().map_err(|_| "the flood has panicked")??;
    let resident_after_kib = process.resident_kib()?;

    // A call stands when it can be hung up.
    phones.hang_up_after(Duration::ZERO);
    let deadline = Instant::now() + Duration::from_secs(20);
    let ended = |progress: &Progress| matches!(progress, Progress::Ended);
    while !phones.calls.values().all(|call| ended(&call.progress)) && Instant::now() < deadline {
        phones.serve(Duration::from_millis(20))?;
    }
    let calls_lost = phones
        .calls
        .values()
        .filter(|call| !ended(&call.progress))
        .count();
    let growth = resident_after_kib.saturating_sub(resident_before_kib);
    let report = Report {
        calls,
        calls_lost,
        seconds: outcome.seconds,
        garbage_sent,
        garbage_per_second: garbage_sent as f64 / flooded,
        answers,
        answered_allowed: ANSWERED,
        packets: outcome.received,
        loss: outcome.loss,
        loss_allowed: LOSS,
        p99_us: outcome.p99_us,
        cpu_share_quiet,
        cpu_share_flooded,
        resident_before_kib,
        resident_after_kib,
        growth_allowed_kib: GROWTH_KIB,
        passed: calls_lost == 0
            && outcome.loss <= LOSS
            && growth <= GROWTH_KIB
            && answers as f64 <= garbage_sent as f64 * ANSWERED
            && garbage_sent as f64 / flooded >= f64::from(rate) * 0.95,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(report.passed)
}

/// Sends until `stop`; gives datagrams sent, answers received, and seconds.
fn send(
    target: SocketAddr,
    rate: u32,
    stop: &AtomicBool,
) -> Result<(u64, u64, f64), Box<dyn Error>> {
    let mut sockets = Vec::new();
    for stranger in 1..=STRANGERS {
        let strange = UdpSocket::bind((Ipv4Addr::new(127, 9, 9, stranger), 0))?;
        // As many from where two of the phones are.
        let known = UdpSocket::bind((phone::address(u16::from(stranger % 2)), 0))?;
        for socket in [strange, known] {
            socket.set_nonblocking(true)?;
            sockets.push(socket);
        }
    }
    let begun = Instant::now();
    let (mut sent, mut answers) = (0_u64, 0_u64);
    let mut buffer = [0_u8; 2_048];
    while !stop.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        while sent < due {
            let socket = &sockets[(sent % sockets.len() as u64) as usize];
            let datagram = garbage(sent / sockets.len() as u64);
            if socket.send_to(&datagram, target).is_err() {
                break;
            }
            sent += 1;
        }
        for socket in &sockets {
            while socket.recv_from(&mut buffer).is_ok() {
                answers += 1;
            }
        }
        thread::sleep(BURST);
    }
    Ok((sent, answers, begun.elapsed().as_secs_f64()))
}

/// One of the kinds of garbage a gateway on the internet gets.
fn garbage(number: u64) -> Vec<u8> {
    let random = rand::random::<u64>();
    match number % 5 {
        0 => random.to_le_bytes().repeat(40),
        1 => format!("GET /{random:x} HTTP/1.1\r\nHost: gateway\r\n\r\n").into_bytes(),
        // Can be answered, and is not worth it.
        2 => format!(
            "INVITE sip:{random}@gateway SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{random:x};rport\r\n\
             From: <sip:1@1>;tag={random:x}\r\nTo: <sip:{random}@gateway\r\nCall-ID: {random:x}\r\nCSeq: one INVITE\r\n\r\n"
        )
        .into_bytes(),
        3 => format!("INVITE sip:{random}@gateway SIP/2.0\r\nVia: SIP/2.0/UDP 192.0").into_bytes(),
        _ => format!(
            "OPTIONS sip:100@gateway SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{random:x};rport\r\n\
             From: \"sipvicious\" <sip:100@1.1.1.1>;tag={random:x}\r\nTo: <sip:100@1.1.1.1>\r\nCall-ID: {random:x}\r\n\
             CSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n"
        )
        .into_bytes(),
    }
}
