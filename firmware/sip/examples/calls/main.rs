//! What the SIP stack alone costs for a call between two phones, on one core, by how many calls are in progress.
//!
//! Run with `tools/bench calls`, which pins it to a processor. Prints JSON; exit code 1 when a bar is not met.
//!
//! The gateway between two phones is an [`Endpoint`](ramal_sip::Endpoint) used as the product uses it: see `gateway`. A call is
//! the INVITE with its challenge (401, ACK, INVITE with credentials, 100), the second leg's INVITE, 180, 200 and ACK on both,
//! a talk, and BYE on both, with the SDP of both legs read and made; every message comes and goes as bytes, and every
//! timer runs out in simulated time. The phones (`phones`) are endpoints, too; their time is not counted: the clock
//! is that of the thread, read before and after the gateway's turns only.
//!
//! Calls begin at the same simulated pace whatever number of them is in progress, so that as many finished transactions
//! linger beside each number, and the numbers take turns with each other and with the references:
//!
//! - `scan` copies the datagrams of a call and finds their line ends by SIMD: what touching every byte costs at least.
//! - `rsip` is the Rust crate of that name, reading the messages that come to the gateway and printing those that go, as a
//!   whole, their header fields unread: no transaction, no dialog, no timer, no credentials, no SDP.
//!
//! Medians of all turns count: what grows now and then (a table, the queue of timers) belongs to the price of a call.

mod allocations;
mod gateway;
mod phones;
mod reference;
mod world;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use reference::Reference;
use world::World;

/// Bar of the product: milliseconds of processor time of a call, both legs, set up and torn down.
const CPU_MS: f64 = 0.3;
/// The dearest number of calls in progress may cost this much more than the cheapest.
const FLAT: f64 = 1.25;
/// A call may cost this many times what the other crate takes to read and print its messages.
const RATIO: f64 = 6.0;
/// Calls in progress.
const AT_ONCE: [usize; 4] = [10, 100, 1_000, 5_000];
/// Turns of each.
const TURNS: usize = 60;

/// Processor time of this thread so far.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One number of calls in progress, measured.
struct Course {
    world: World,
    /// Microseconds of a call, by turn.
    costs: Vec<f64>,
    allocations: usize,
    calls: usize,
}

fn measure() -> Result<bool, Box<dyn Error>> {
    let mut courses = Vec::new();
    for at_once in AT_ONCE {
        let mut world = World::new(at_once)?;
        world.fill()?;
        courses.push(Course {
            world,
            costs: Vec::new(),
            allocations: 0,
            calls: 0,
        });
    }
    let mut reference = Reference::new(World::new(AT_ONCE[0])?.datagrams_of_a_call()?)?;
    for _ in 0..TURNS {
        for course in &mut courses {
            let turn = course.world.turn()?;
            course
                .costs
                .push(turn.time.as_secs_f64() * 1e6 / turn.calls as f64);
            course.allocations += turn.allocations;
            course.calls += turn.calls;
        }
        reference.turn();
    }
    let mut rows = Vec::new();
    let mut costs = Vec::new();
    for course in courses {
        let (at_once, lingering) = (course.world.at_once(), course.world.lingering());
        course.world.empty()?;
        let cost = median(course.costs);
        costs.push(cost);
        rows.push(format!(
            "    {{ \"in_progress\": {}, \"calls\": {}, \"cpu_us_per_call\": {cost:.1}, \"allocations_per_call\": {:.1}, \
             \"transactions\": {lingering} }}",
            at_once,
            course.calls,
            course.allocations as f64 / course.calls as f64,
        ));
    }
    let dearest = costs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let cheapest = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let (scan, rsip) = reference.medians();
    let met = dearest <= CPU_MS * 1e3 && dearest <= cheapest * FLAT && dearest <= rsip * RATIO;
    println!("{{");
    println!("  \"messages_per_call\": {},", reference.messages());
    println!("  \"courses\": [\n{}\n  ],", rows.join(",\n"));
    println!("  \"cpu_ms_per_call\": {:.4},", dearest / 1e3);
    println!("  \"dearest_to_cheapest\": {:.3},", dearest / cheapest);
    println!("  \"scan_us\": {scan:.1},");
    println!("  \"rsip_us\": {rsip:.1},");
    println!("  \"ratio_to_scan\": {:.1},", dearest / scan);
    println!("  \"ratio_to_rsip\": {:.3},", dearest / rsip);
    println!("  \"bar_cpu_ms_per_call\": {CPU_MS},");
    println!("  \"bar_dearest_to_cheapest\": {FLAT},");
    println!("  \"bar_ratio_to_rsip\": {RATIO},");
    println!("  \"met\": {met}");
    println!("}}");
    Ok(met)
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("calls: {error}");
            ExitCode::from(2)
        }
    }
}
