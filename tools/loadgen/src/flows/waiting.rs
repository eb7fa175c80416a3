//! What callers cost who wait in a queue and hear music.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::wav;
use crate::MEASURED_CORE;
use crate::call::Progress;
use crate::gateway::{CALLS_PER_EXTENSION, Gateway};
use crate::phones::Phones;
use crate::traffic::{self, Leg, Voice};

/// Callers who wait.
const CALLERS: usize = 200;
/// Part of a processor they may take.
const CPU: f64 = 0.25;
/// Resident memory allowed for each, in KiB: 40,000 octets, as for a call.
const CALLER_KIB: f64 = 40_000.0 / 1_024.0;
/// Part of the packets of music that may be missing.
const LOSS: f64 = 0.002;
/// Calls set up at the same time.
const AT_ONCE: usize = 20;

#[derive(Serialize)]
pub struct Figures {
    callers: usize,
    cpu_of_a_processor: f64,
    cpu_allowed: f64,
    loss: f64,
    resident_idle_kib: u64,
    resident_kib: u64,
    resident_per_caller_kib: f64,
    resident_per_caller_kib_allowed: f64,
    pub passed: bool,
}

/// Lets them wait for so long.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    lasting: Duration,
) -> Result<Figures, Box<dyn Error>> {
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let accounts = gateway.set_up(CALLERS.div_ceil(CALLS_PER_EXTENSION))?;
    // The limits of the seed end at 25 callers.
    let mut company = gateway.call("GET", "/company", &Value::Null)?;
    if let Some(fields) = company.as_object_mut() {
        fields.insert("limits".to_owned(), json!("open"));
        fields.insert("legal_name".to_owned(), json!("Bench"));
    }
    gateway.call("PUT", "/company", &company)?;
    let music = json!({ "name": "Music", "files": [gateway.upload("music", &wav(600.0, 60))?] });
    let queue = json!({
        "name": "Sales", "number": "600", "max_callers": CALLERS, "max_wait": 14_400, "members": [],
        "music_class": gateway.make("/music-classes", &music)?, "announce_every": 30,
    });
    gateway.make("/queues", &queue)?;
    let idle = gateway.process.resident_kib()?;
    let mut phones = Phones::register(gateway.sip, &accounts)?;
    let mut legs = wait(&mut phones, accounts.len())?;
    let mut cpu = Vec::with_capacity(2);
    let outcome = traffic::run(&mut legs, lasting, || {
        cpu.push((gateway.process.cpu_time()?, Instant::now()));
        Ok(())
    })?;
    let [(cpu_before, before), (cpu_after, after)] = cpu[..] else {
        return Err("not measured twice".into());
    };
    let used = (cpu_after - cpu_before).as_secs_f64() / (after - before).as_secs_f64();
    let resident = gateway.process.resident_kib()?;
    let each = resident.saturating_sub(idle) as f64 / CALLERS as f64;
    Ok(Figures {
        callers: CALLERS,
        cpu_of_a_processor: used,
        cpu_allowed: CPU,
        loss: outcome.loss,
        resident_idle_kib: idle,
        resident_kib: resident,
        resident_per_caller_kib: each,
        resident_per_caller_kib_allowed: CALLER_KIB,
        passed: used <= CPU && outcome.loss <= LOSS && each <= CALLER_KIB,
    })
}

/// All call the queue; the legs of those who wait.
fn wait(phones: &mut Phones, callers: usize) -> Result<Vec<Leg>, Box<dyn Error>> {
    let mut legs = (0..CALLERS as u32)
        .map(Leg::open)
        .collect::<Result<Vec<_>, _>>()?;
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut begun = 0;
    loop {
        let mut waiting = 0;
        for call in phones.calls.values() {
            match call.progress {
                Progress::Talking => waiting += 1,
                Progress::Failed(status) => return Err(format!("a caller got {status}").into()),
                _ => {}
            }
        }
        if waiting == CALLERS {
            break;
        }
        if Instant::now() > deadline {
            return Err(format!("only {waiting} callers wait").into());
        }
        while begun < CALLERS && begun < waiting + AT_ONCE {
            let port = legs.get(begun).ok_or("no leg")?.port()?;
            phones.call(begun % callers, "600", port);
            begun += 1;
        }
        phones.serve(Duration::from_millis(10))?;
    }
    for leg in &mut legs {
        let port = leg.port()?;
        let call = phones.calls.values().find(|call| call.rtp_port == port);
        leg.aim(call.ok_or("a leg without a call")?.gateway_port);
        leg.voice = Voice::Plain(8);
    }
    Ok(legs)
}
