//! What a call costs that comes by a menu and a queue to somebody who takes it, and is recorded.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::line::Line;
use super::wav;
use crate::call::Progress;
use crate::gateway::Gateway;
use crate::phones::Phones;
use crate::process::{Measured, PairRelay};
use crate::setup::exchange;
use crate::traffic::Outcome;
use crate::{MEASURED_CORE, relay};

/// Dearest call allowed, compared with moving as many datagrams and packets barely.
const RATIO: f64 = 2.5;
/// Telephones that call, and as many that are called.
const PHONES: usize = 60;
/// How long a call lasts after the menu has answered it.
const LASTING: Duration = Duration::from_secs(5);
/// The menu is heard for half a second before the key is pressed.
const KEY: (u8, u32) = (1, 25);
/// Longest wait for what is still going on when no more calls are begun.
const END: Duration = Duration::from_secs(40);

#[derive(Serialize)]
pub struct Figures {
    calls: usize,
    failed: usize,
    recorded: usize,
    talk_seconds: f64,
    cpu_ms_per_call: f64,
    packets_per_call: f64,
    reference_cpu_ms_per_call: f64,
    ratio: f64,
    ratio_allowed: f64,
    pub passed: bool,
}

/// Begins `rate` calls a second for so long.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    rate: u32,
    lasting: Duration,
) -> Result<Figures, Box<dyn Error>> {
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let accounts = gateway.set_up(PHONES * 2)?;
    configure(
        &gateway,
        accounts.iter().skip(PHONES).map(|one| one.number.as_str()),
    )?;
    let mut desk = Desk::new(Phones::register(gateway.sip, &accounts)?);
    let wanted = (f64::from(rate) * lasting.as_secs_f64()) as usize;
    let cpu = gateway.process.cpu_time()?;
    let (begun, mut calls) = (Instant::now(), 0);
    while calls < wanted || desk.is_busy() {
        if begun.elapsed() > lasting + END {
            return Err("calls did not end".into());
        }
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        while calls < due.min(wanted) {
            desk.call(calls % PHONES)?;
            calls += 1;
        }
        desk.serve()?;
    }
    let cpu = gateway.process.cpu_time()? - cpu;
    let recorded = recordings(&gateway)?;
    drop(gateway);
    let packets = desk.packets() as f64 / calls.max(1) as f64;
    let reference = reference(rate, packets)?;
    let cpu_ms_per_call = cpu.as_secs_f64() * 1e3 / calls.max(1) as f64;
    let ratio = cpu_ms_per_call / reference;
    let failed = desk.failed + calls.saturating_sub(desk.taken);
    Ok(Figures {
        calls,
        failed,
        recorded,
        talk_seconds: LASTING.as_secs_f64(),
        cpu_ms_per_call,
        packets_per_call: packets,
        reference_cpu_ms_per_call: reference,
        ratio,
        ratio_allowed: RATIO,
        passed: failed == 0 && recorded == calls && ratio <= RATIO,
    })
}

/// A menu whose key leads to a queue with these members.
fn configure<'a>(
    gateway: &Gateway,
    members: impl Iterator<Item = &'a str>,
) -> Result<(), Box<dyn Error>> {
    let extensions = gateway.call("GET", "/extensions", &Value::Null)?;
    let extensions = extensions.as_array().ok_or("no extensions")?;
    let members: Vec<_> = members
        .filter_map(|number| extensions.iter().find(|one| one["number"] == number))
        .map(|one| json!({ "member": "extension", "id": one["id"] }))
        .collect();
    let queue = json!({
        "name": "Sales", "number": "600", "strategy": "round_robin", "members": members, "wrap_up": 0,
        "announce_every": null, "recording": "all",
    });
    let queue = gateway.make("/queues", &queue)?;
    let ivr = json!({
        "name": "Main", "number": "690", "menu": gateway.upload("menu", &wav(700.0, 10))?,
        "keys": [{ "key": "1", "label": "Sales", "destination": { "to": "queue", "id": queue } }],
    });
    gateway.make("/ivrs", &ivr)?;
    let all = json!({ "mode": "all" });
    gateway.call("PATCH", "/recording-settings", &all)?;
    Ok(())
}

/// How many recordings can be listened to.
fn recordings(gateway: &Gateway) -> Result<usize, Box<dyn Error>> {
    let deadline = Instant::now() + END;
    loop {
        let (mut whole, mut open) = (0, 0);
        let mut before = String::new();
        loop {
            let path = format!("/recordings?limit=500{before}");
            let page = gateway.call("GET", &path, &Value::Null)?;
            for one in page["recordings"].as_array().into_iter().flatten() {
                open += usize::from(one["ended_at"].is_null());
                let is_whole = one["bytes"].as_i64() > Some(0) && one["problem"].is_null();
                whole += usize::from(is_whole && one["ended_at"].is_i64());
            }
            match page["next"].as_i64() {
                Some(next) => before = format!("&before={next}"),
                None => break,
            }
        }
        if open == 0 || Instant::now() > deadline {
            return Ok(whole);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What it costs to move a call's datagrams and packets without any telephony, in milliseconds.
fn reference(rate: u32, packets: f64) -> Result<f64, Box<dyn Error>> {
    let lasting = Duration::from_secs(5);
    let own = std::env::current_exe()?;
    let mut echo = PairRelay::start(Command::new(&own).arg("echo"), MEASURED_CORE)?;
    let port = echo.connect(0, 0)?.0;
    let cpu = |process: &Measured| process.cpu_time();
    let before = cpu(&echo.process)?;
    // The caller's datagrams, and as many for the member who is rung.
    let exchanges = exchange(port, rate * 2, lasting)?;
    let exchanged = (cpu(&echo.process)? - before).as_secs_f64() * 1e3 / exchanges.max(1) as f64;
    let calls = (f64::from(rate) * LASTING.as_secs_f64()) as usize;
    let direct = Outcome {
        sent: 0,
        received: 0,
        loss: 0.0,
        p50_us: 0.0,
        p99_us: 0.0,
        max_us: 0.0,
        seconds: 0.0,
    };
    let (figures, _) = relay::pairs(Command::new(&own).arg("reference"), calls, lasting, &direct)?;
    // A packet that is relayed was counted where it went out and where it came in.
    Ok(exchanged * 2.0 + figures.cpu_us_per_packet * packets / 2.0 / 1e3)
}

/// The telephones and the voice at both ends of their calls.
struct Desk {
    phones: Phones,
    /// By port.
    lines: HashMap<u16, Line>,
    /// Ports of lines without a call.
    free: Vec<u16>,
    taken: usize,
    failed: usize,
}

impl Desk {
    fn new(phones: Phones) -> Self {
        Self {
            phones,
            lines: HashMap::new(),
            free: Vec::new(),
            taken: 0,
            failed: 0,
        }
    }

    fn line(&mut self) -> Result<u16, Box<dyn Error>> {
        if let Some(port) = self.free.pop() {
            return Ok(port);
        }
        let line = Line::open()?;
        let port = line.port()?;
        self.lines.insert(port, line);
        Ok(port)
    }

    fn call(&mut self, phone: usize) -> Result<(), Box<dyn Error>> {
        let (mine, theirs) = (self.line()?, self.line()?);
        self.phones.ports.push(theirs);
        self.phones.call(phone, "690", mine);
        Ok(())
    }

    fn is_busy(&self) -> bool {
        !self.phones.calls.is_empty() || !self.phones.answered.is_empty()
    }

    fn serve(&mut self) -> Result<(), Box<dyn Error>> {
        self.phones.serve(Duration::from_millis(2))?;
        self.phones.hang_up_after(LASTING);
        for call in self.phones.calls.values() {
            if let (Progress::Talking, Some(line)) =
                (call.progress, self.lines.get_mut(&call.rtp_port))
            {
                line.begin(call.gateway_port, Some(KEY));
            }
        }
        for call in self.phones.answered.values().filter(|call| !call.ended) {
            if let Some(line) = self.lines.get_mut(&call.rtp_port) {
                line.begin(call.gateway_port, None);
            }
        }
        for line in self.lines.values_mut() {
            line.serve()?;
        }
        let mut over = Vec::new();
        self.phones.calls.retain(|_, call| {
            let failed = matches!(call.progress, Progress::Failed(_));
            self.failed += usize::from(failed);
            let ends = failed || call.progress == Progress::Ended;
            if ends {
                over.push(call.rtp_port);
            }
            !ends
        });
        self.phones.answered.retain(|_, call| {
            if call.ended {
                over.push(call.rtp_port);
                self.taken += 1;
            }
            !call.ended
        });
        for port in over {
            if let Some(line) = self.lines.get_mut(&port) {
                line.end();
                self.free.push(port);
            }
        }
        Ok(())
    }

    /// Packets that went and came at all ends.
    fn packets(&self) -> u64 {
        self.lines.values().map(|line| line.packets).sum()
    }
}
