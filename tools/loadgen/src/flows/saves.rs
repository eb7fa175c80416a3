//! How long a save takes of a configuration with 10,000 extensions, and what those notice of it who talk meanwhile.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::gateway::{CALLS_PER_EXTENSION, Gateway};
use crate::{MEASURED_CORE, relay, traffic};

const EXTENSIONS: usize = 10_000;
/// Calls with voice both ways.
const CALLS: usize = 50;
/// Time between two saves.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest save allowed, the slowest twentieth left out: from the request to its answer, the disk included.
const SAVE_MS: f64 = 50.0;
/// Part of the packets that may be lost, and how late the 99th of a hundred may be.
const LOSS: f64 = 0.000_5;
const LATE_MS: f64 = 20.0;

#[derive(Serialize)]
pub struct Figures {
    extensions: usize,
    saves: usize,
    save_p50_ms: f64,
    save_p95_ms: f64,
    save_max_ms: f64,
    save_allowed_ms: f64,
    calls: usize,
    loss: f64,
    late_p99_ms: f64,
    late_max_ms: f64,
    /// The same without saves.
    quiet_late_p99_ms: f64,
    quiet_late_max_ms: f64,
    late_allowed_ms: f64,
    pub passed: bool,
}

/// Saves again and again for so long.
pub fn measure(
    program: &Path,
    prompts: Option<&Path>,
    lasting: Duration,
) -> Result<Figures, Box<dyn Error>> {
    let mut gateway = Gateway::start(program, prompts, MEASURED_CORE)?;
    let accounts = gateway.set_up_many(EXTENSIONS)?;
    gateway.restart()?;
    let ends = 2 * CALLS.div_ceil(CALLS_PER_EXTENSION);
    let ends = accounts.get(..ends).ok_or("too few accounts")?;
    let extensions = gateway.call("GET", "/extensions", &Value::Null)?;
    let last = extensions
        .as_array()
        .and_then(|all| all.last())
        .ok_or("no extensions")?;
    let path = format!("/extensions/{}", last["id"]);
    let (_phones, mut legs) = relay::connect_accounts(&gateway, ends, CALLS)?;
    let quiet = traffic::run(&mut legs, lasting / 2, || Ok(()))?;
    let (gateway, path) = (&gateway, path.as_str());
    let (outcome, times) = std::thread::scope(|scope| {
        let saving =
            scope.spawn(move || save(gateway, path, lasting).map_err(|error| error.to_string()));
        let outcome = traffic::run(&mut legs, lasting, || Ok(()));
        (outcome, saving.join())
    });
    let outcome = outcome?;
    let mut times = times.map_err(|_| "the saves broke off")??;
    times.sort_by(f64::total_cmp);
    let part = |part: f64| {
        let index = (times.len() as f64 * part) as usize;
        times
            .get(index.min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    };
    let p95 = part(0.95);
    let late = outcome.p99_us / 1e3;
    Ok(Figures {
        extensions: EXTENSIONS,
        saves: times.len(),
        save_p50_ms: part(0.5),
        save_p95_ms: p95,
        save_max_ms: part(1.0),
        save_allowed_ms: SAVE_MS,
        calls: CALLS,
        loss: outcome.loss,
        late_p99_ms: late,
        late_max_ms: outcome.max_us / 1e3,
        quiet_late_p99_ms: quiet.p99_us / 1e3,
        quiet_late_max_ms: quiet.max_us / 1e3,
        late_allowed_ms: LATE_MS,
        passed: p95 <= SAVE_MS && outcome.loss <= LOSS && late <= LATE_MS,
    })
}

/// Names an extension anew again and again; how long each took, in milliseconds.
fn save(gateway: &Gateway, path: &str, lasting: Duration) -> Result<Vec<f64>, Box<dyn Error>> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < lasting {
        let name = json!({ "display_name": format!("Name {}", times.len()) });
        let asked = Instant::now();
        gateway.call("PATCH", path, &name)?;
        times.push(asked.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(PAUSE);
    }
    Ok(times)
}
