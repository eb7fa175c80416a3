//! Calls as lists of steps, one after the other on each channel, all channels at once.

use std::time::{Duration, Instant};

use ramal_r2::{Command, Event, LineState};

use crate::rig::Rig;

pub type Wanted = Box<dyn Fn(&Event) -> bool>;

pub enum Step {
    /// A command to our channel.
    Do(Command),
    /// A command to the other side.
    Tell(String),
    /// An event of ours; what comes before it is passed over.
    Expect(&'static str, Wanted),
    /// A line of the other side; what comes before it is passed over.
    Hear(String),
    Pause(Duration),
    /// Both ends are free, and the other side said so since this step or before.
    Free,
}

pub struct Script {
    pub name: &'static str,
    pub steps: Vec<Step>,
    /// Whether the other side is expected to break the protocol.
    pub errors: bool,
}

pub fn expect(name: &'static str, wanted: impl Fn(&Event) -> bool + 'static) -> Step {
    Step::Expect(name, Box::new(wanted))
}

pub fn hear(line: &str) -> Step {
    Step::Hear(line.to_owned())
}

pub fn tell(line: &str) -> Step {
    Step::Tell(line.to_owned())
}

struct Running {
    script: Script,
    at: usize,
    since: Instant,
}

/// Longest that one step may take, of the simulated time.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs all scripts on the channels of the rig; how many of each name were run.
pub fn run(rig: &mut Rig, scripts: Vec<Script>) -> usize {
    let total = scripts.len();
    let mut scripts = scripts.into_iter();
    let mut running: Vec<Option<Running>> = rig.lines.iter().map(|_| None).collect();
    loop {
        for (index, slot) in running.iter_mut().enumerate() {
            if slot.is_none()
                && let Some(script) = scripts.next()
            {
                rig.lines[index].log.clear();
                rig.lines[index].events.clear();
                rig.lines[index].said.clear();
                *slot = Some(Running {
                    script,
                    at: 0,
                    since: rig.now,
                });
            }
            if let Some(call) = slot {
                while advance(rig, index, call) {
                    call.at += 1;
                    call.since = rig.now;
                }
                if call.at == call.script.steps.len() {
                    *slot = None;
                }
            }
        }
        if running.iter().all(Option::is_none) {
            return total;
        }
        rig.tick();
    }
}

/// Whether the present step is done.
fn advance(rig: &mut Rig, index: usize, call: &Running) -> bool {
    let Some(step) = call.script.steps.get(call.at) else {
        return false;
    };
    let now = rig.now;
    let fail = |rig: &Rig, why: &str| -> ! {
        let line = &rig.lines[index];
        let trace = line.channel.trace();
        let code = line.channel.settings().variant.code;
        let at = call.at;
        panic!(
            "{code} '{}' step {at}: {why}\n{}\n{trace}",
            call.script.name, line.log
        );
    };
    let done = match step {
        Step::Do(command) => {
            let line = &mut rig.lines[index];
            if let Err(error) = line.channel.command(*command, now) {
                fail(rig, &error.to_string());
            }
            line.carry_out();
            true
        }
        Step::Tell(line) => {
            rig.tell(index, line);
            true
        }
        Step::Expect(_, wanted) => {
            let mut found = false;
            while !found && let Some(event) = rig.lines[index].events.pop_front() {
                found = wanted(&event);
                if !found && !call.script.errors && matches!(event, Event::Error(_)) {
                    fail(rig, "an error");
                }
            }
            found
        }
        Step::Hear(wanted) => {
            let mut found = false;
            while !found && let Some(line) = rig.lines[index].said.pop_front() {
                found = line == *wanted;
                if !found && (line.starts_with("error") || line.starts_with("refused")) {
                    fail(rig, &format!("the peer says '{line}'"));
                }
            }
            found
        }
        Step::Pause(time) => now - call.since >= *time,
        Step::Free => rig.lines[index].channel.line_state() == LineState::Idle,
    };
    if !done && now - call.since > LIMIT {
        let what = match step {
            Step::Expect(name, _) => (*name).to_owned(),
            Step::Hear(line) => format!("'{line}' of the peer"),
            _ => "the end".to_owned(),
        };
        fail(rig, &format!("no {what}"));
    }
    done
}
