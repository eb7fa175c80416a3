//! Processor time, and which thread runs where.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Processor of the load.
const LOAD: usize = 1;

/// Keeps the calling thread, and those it starts, on a processor.
pub fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor).expect("a processor");
    sched_setaffinity(Pid::from_raw(0), &set).expect("two processors");
}

fn spent(clock: ClockId) -> Duration {
    clock_gettime(clock).expect("a clock").into()
}

/// The threads of the load: their processor time is not the gateway's.
#[derive(Clone, Default)]
pub struct Load {
    threads: Arc<Mutex<Vec<Arc<Mutex<Duration>>>>>,
}

/// A moment of a measurement.
pub struct Begin {
    at: Instant,
    gateway: Duration,
}

impl Load {
    /// A thread of the load on its processor. It calls what it is given again and again, each time 20 ms after the last.
    pub fn every_frame(&mut self, mut work: impl FnMut() -> bool + Send + 'static) {
        let mut due = Instant::now();
        self.thread(move || {
            let goes_on = work();
            due += Duration::from_millis(20);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            goes_on
        });
    }

    /// One that waits by itself in what it is given.
    pub fn thread(&mut self, work: impl FnMut() -> bool + Send + 'static) {
        self.on(LOAD, work);
    }

    /// One on the processor of what is measured, that is not part of it: the processor time it has used.
    pub fn beside(&mut self, work: impl FnMut() -> bool + Send + 'static) -> Arc<Mutex<Duration>> {
        self.on(super::super::MEASURED, work)
    }

    fn on(
        &mut self,
        processor: usize,
        mut work: impl FnMut() -> bool + Send + 'static,
    ) -> Arc<Mutex<Duration>> {
        let time = Arc::<Mutex<Duration>>::default();
        self.threads.lock().expect("threads").push(time.clone());
        let shown = time.clone();
        std::thread::spawn(move || {
            pin(processor);
            while work() {
                *time.lock().expect("time") = spent(ClockId::CLOCK_THREAD_CPUTIME_ID);
            }
        });
        shown
    }

    fn gateway(&self) -> Duration {
        let threads = self.threads.lock().expect("threads");
        let load: Duration = threads.iter().map(|time| *time.lock().expect("time")).sum();
        spent(ClockId::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(load)
    }

    /// From here on it is measured.
    pub fn begin(&self) -> Begin {
        Begin {
            at: Instant::now(),
            gateway: self.gateway(),
        }
    }

    /// How many processors the gateway has used since.
    pub fn used_since(&self, begin: &Begin) -> f64 {
        let used = self.gateway().saturating_sub(begin.gateway);
        used.as_secs_f64() / begin.at.elapsed().as_secs_f64()
    }
}
