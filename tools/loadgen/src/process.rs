//! A measured process: pinned to a core, its processor time and memory read from outside.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::libc;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// A child process; killed when dropped.
pub struct Measured {
    pub child: Child,
}

impl Measured {
    /// Starts `command` on processor `core` alone; `talks` when its standard input and output are used.
    pub fn start(command: &Command, core: usize, talks: bool) -> Result<Measured, Box<dyn Error>> {
        let mut pinned = Command::new("taskset");
        pinned
            .arg("-c")
            .arg(core.to_string())
            .arg(command.get_program())
            .args(command.get_args());
        let stream = || if talks { Stdio::piped() } else { Stdio::null() };
        let child = pinned.stdin(stream()).stdout(stream()).spawn()?;
        Ok(Measured { child })
    }

    /// Asks it to end and waits until it has.
    pub fn end(&mut self) -> Result<(), Box<dyn Error>> {
        kill(self.pid(), Signal::SIGTERM)?;
        self.child.wait()?;
        Ok(())
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Processor time of all its threads so far, user and system, in nanoseconds.
    pub fn cpu_time(&self) -> Result<Duration, Box<dyn Error>> {
        Ok(clock_gettime(clock_getcpuclockid(self.pid())?)?.into())
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line
            .and_then(|line| line.split_whitespace().next())
            .ok_or("no VmRSS")?;
        Ok(kib.parse()?)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A relay that is told pairs of ports on its standard input and answers where to send to.
pub struct PairRelay {
    pub process: Measured,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl PairRelay {
    /// Starts one on processor `core`.
    pub fn start(command: &Command, core: usize) -> Result<PairRelay, Box<dyn Error>> {
        let mut process = Measured::start(command, core, true)?;
        let input = process.child.stdin.take().ok_or("no standard input")?;
        let output = process.child.stdout.take().ok_or("no standard output")?;
        Ok(PairRelay {
            process,
            input,
            output: BufReader::new(output),
        })
    }

    /// Makes a call between two ports; the answer is where each has to send to.
    pub fn connect(&mut self, a: u16, b: u16) -> Result<(u16, u16), Box<dyn Error>> {
        writeln!(self.input, "{a} {b}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let (a, b) = line
            .trim()
            .split_once(' ')
            .ok_or("the relay did not answer")?;
        Ok((a.parse()?, b.parse()?))
    }

    /// Says that there are no more calls.
    pub fn ready(&mut self) -> Result<(), Box<dyn Error>> {
        Ok(writeln!(self.input)?)
    }
}

/// Keeps the calling thread on processor `core`.
pub fn pin(core: usize) -> Result<(), Box<dyn Error>> {
    let mut set = CpuSet::new();
    set.set(core)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Asks for real-time scheduling, so that other work on the machine delays the load as little as the
/// relays, which ask for it too.
pub fn request_real_time() {
    let parameters = libc::sched_param { sched_priority: 5 };
    // SAFETY: the parameter block lives through the call; 0 is the calling thread.
    let refused = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) };
    if refused != 0 {
        eprintln!("loadgen: no real-time priority; latencies include other work on this machine");
    }
}
