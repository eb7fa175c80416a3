//! What calls notice of a flood at the RTP ports of one of them.

use std::error::Error;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::traffic::{Load, Voice};
use crate::{LOAD_CORE, process, relay};

/// Largest loss allowed.
const LOSS: f64 = 0.001;
/// Longest time on the way at the 99th percentile, in microseconds.
const P99_US: f64 = 5_000.0;
/// A stream takes three seconds to trust its far end.
const SETTLING: Duration = Duration::from_secs(4);
/// Time between two bursts of the flood.
const BURST: Duration = Duration::from_millis(1);

/// Who floods, and what with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Flood {
    /// A stranger, with RTP, at a call whose telephone speaks and goes on speaking.
    StrangerAtCall,
    /// A stranger, with garbage, at a call whose telephone never spoke.
    GarbageAtSilentCall,
    /// The telephone itself, with RTP in sequence.
    Telephone,
}

#[derive(Serialize)]
struct FloodReport {
    flood: Flood,
    datagrams_per_second: f64,
    packets: u64,
    loss: f64,
    p99_us: f64,
    max_us: f64,
    cpu_share: f64,
    passed: bool,
}

/// The printed result.
#[derive(Serialize)]
struct Report {
    calls: usize,
    loss_allowed: f64,
    p99_us_allowed: f64,
    floods: Vec<FloodReport>,
    passed: bool,
}

/// Floods with `rate` datagrams a second while `calls` talk, and prints; the answer is whether every bar was met.
pub fn measure(
    program: &Path,
    calls: usize,
    rate: u32,
    seconds: u64,
) -> Result<bool, Box<dyn Error>> {
    process::pin(LOAD_CORE)?;
    process::request_real_time();
    let lasting = Duration::from_secs(seconds);
    let mut command = Command::new(program);
    command.arg("relay");
    // One call more, whose telephones are silent.
    let (relay, mut legs) = relay::connected(&command, [Voice::Traced; 2], calls + 1)?;
    let silent = legs.split_off(calls * 2);
    let [silent, _] = &silent[..] else {
        return Err("no call to flood".into());
    };
    let speaking = legs.first().and_then(|leg| leg.target()).ok_or("no call")?;
    let mut load = Load::new(&mut legs)?;
    load.go_on(SETTLING)?;
    let mut floods = Vec::new();
    for flood in [
        Flood::StrangerAtCall,
        Flood::GarbageAtSilentCall,
        Flood::Telephone,
    ] {
        let (socket, target) = match flood {
            Flood::StrangerAtCall => (stranger()?, speaking),
            Flood::GarbageAtSilentCall => (stranger()?, silent.target().ok_or("no call")?),
            Flood::Telephone => (silent.socket()?, silent.target().ok_or("no call")?),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let flooding = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut number = 0_u64;
                let begun = Instant::now();
                while !stop.load(Ordering::Relaxed) {
                    let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u64;
                    while number < due {
                        let datagram = datagram(flood, number);
                        // What is refused was dropped on the way already.
                        let _ = socket.send_to(&datagram, target);
                        number += 1;
                    }
                    thread::sleep(BURST);
                }
                number as f64 / begun.elapsed().as_secs_f64()
            }
        });
        load.discard()?;
        load.begin();
        let before = relay.process.cpu_time()?;
        load.go_on(lasting)?;
        let cpu = relay.process.cpu_time()? - before;
        load.linger(Duration::from_millis(500))?;
        stop.store(true, Ordering::Relaxed);
        let datagrams_per_second = flooding.join().map_err(|_| "the flood has panicked")?;
        let outcome = load.outcome();
        floods.push(FloodReport {
            flood,
            datagrams_per_second,
            packets: outcome.received,
            loss: outcome.loss,
            p99_us: outcome.p99_us,
            max_us: outcome.max_us,
            cpu_share: cpu.as_secs_f64() / outcome.seconds,
            passed: outcome.loss <= LOSS
                && outcome.p99_us <= P99_US
                && datagrams_per_second >= f64::from(rate) * 0.95,
        });
    }
    let passed = floods.iter().all(|flood| flood.passed);
    let report = Report {
        calls,
        loss_allowed: LOSS,
        p99_us_allowed: P99_US,
        floods,
        passed,
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(passed)
}

fn stranger() -> Result<UdpSocket, Box<dyn Error>> {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 9, 9, 9), 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn datagram(flood: Flood, number: u64) -> [u8; 172] {
    let mut datagram = [0xD5_u8; 172];
    if flood == Flood::GarbageAtSilentCall {
        return datagram;
    }
    let sequence = number as u16;
    let timestamp = (number as u32).wrapping_mul(160);
    datagram[..2].copy_from_slice(&[0x80, 8]);
    datagram[2..4].copy_from_slice(&sequence.to_be_bytes());
    datagram[4..8].copy_from_slice(&timestamp.to_be_bytes());
    datagram[8..12].copy_from_slice(&[7; 4]);
    datagram
}
