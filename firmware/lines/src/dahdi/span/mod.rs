//! E1 spans at work: a thread for each configures it, runs its signalling and carries its sound.
//!
//! [`start`] gives a [`Trunk`] at once. The thread looks for the span by its name, brings it to its configuration and serves
//! it until it is gone (a card pulled out, a driver that died), and then looks for it again. What it waits for is one epoll:
//! channels, a wake-up for commands, and the next timer of the signalling.

mod bearers;
mod pri;
mod r2;
mod sender;

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use self::pri::Pri;
use self::r2::R2;
use super::sysfs::alarm_names;
use super::{Control, DahdiError, Span, SpanSetup, SpanUse, configure, spans};
use crate::trunk::DriverTrunk;
use crate::{LineError, TimeslotStatus, Trunk, TrunkCommand, TrunkEvent, TrunkState};

/// How often alarms and counters are read.
const SUPERVISION: Duration = Duration::from_millis(500);
/// How often a span that is gone is looked for.
const RETURN: Duration = Duration::from_secs(1);
/// The wake-up among the epoll's numbers; the others are timeslots and the D channel.
const WAKE: u64 = 1000;
/// Alarms that leave nothing to signal over: red, blue, loss of signal and the like; yellow is the far end's.
const DEAD: i32 = 8 | 16 | 32 | 256 | 512 | 1024;
/// Cause "network out of order" (Q.850 §2.2.7.1.3).
const OUT_OF_ORDER: u8 = 38;
/// Cause "no circuit available" (Q.850 §2.2.7.1.1).
pub(super) const NO_CIRCUIT: u8 = 34;

/// What runs on a span.
#[derive(Clone, Debug)]
pub enum Signalling {
    /// ISDN primary rate.
    Pri(Box<ramal_isdn::Settings>),
    /// MFC-R2.
    R2(Arc<ramal_r2::Settings>),
}

/// An E1 span as it is to be.
#[derive(Clone, Debug)]
pub struct SpanConfig {
    /// Name for people.
    pub name: String,
    /// The driver's name of the span, such as `TE2/0/1`.
    pub device: String,
    /// Whether the multiframe with CRC-4 is used (G.704 §2.3.3).
    pub crc4: bool,
    /// Rank as a source of the clock, from 1; 0 gives the clock to the far end.
    pub clock_rank: u8,
    /// What runs on it.
    pub signalling: Signalling,
}

impl SpanConfig {
    fn setup(&self) -> SpanSetup {
        SpanSetup {
            usage: match self.signalling {
                Signalling::Pri(_) => SpanUse::Pri,
                Signalling::R2(_) => SpanUse::R2,
            },
            crc4: self.crc4,
            clock_rank: self.clock_rank,
        }
    }
}

/// A span's thread. Dropped, it ends the span's calls and stops.
#[derive(Debug)]
pub struct SpanThread {
    stop: Arc<AtomicBool>,
    wake: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for SpanThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // A counter that is full wakes as well.
        let _ = self.wake.write(1);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a span's thread has panicked");
        }
    }
}

/// Starts the thread of a span.
///
/// # Errors
/// The system gives no thread or no descriptor.
pub fn start(config: SpanConfig) -> Result<(Trunk, SpanThread), LineError> {
    let refused =
        |what: &str, error: &dyn std::fmt::Display| LineError::Start(format!("{what}: {error}"));
    let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
        .map_err(|error| refused("no wake-up", &error))?;
    let wake = Arc::new(wake);
    let waker = wake.clone();
    let (trunk, driver) = crate::trunk::trunk(
        &config.name,
        Arc::new(move || {
            let _ = waker.write(1);
        }),
    );
    let stop = Arc::new(AtomicBool::new(false));
    let worker = Worker {
        epoll: Arc::new(
            Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
                .map_err(|error| refused("no epoll", &error))?,
        ),
        wake: wake.clone(),
        stop: stop.clone(),
        trunk: driver,
        blocked: BTreeSet::new(),
    };
    worker
        .epoll
        .add(
            worker.wake.as_fd(),
            EpollEvent::new(EpollFlags::EPOLLIN, WAKE),
        )
        .map_err(|error| refused("no wake-up", &error))?;
    let thread = std::thread::Builder::new()
        .name(format!("span {}", config.name))
        .spawn(move || worker.run(&config))
        .map_err(|error| refused("no thread", &error))?;
    let thread = SpanThread {
        stop,
        wake,
        thread: Some(thread),
    };
    Ok((trunk, thread))
}

/// What the thread works with, whatever the signalling.
struct Worker {
    epoll: Arc<Epoll>,
    wake: Arc<EventFd>,
    stop: Arc<AtomicBool>,
    trunk: DriverTrunk,
    /// Timeslots taken out of use, also while the span is gone.
    blocked: BTreeSet<u8>,
}

/// Why a span is no longer served.
enum End {
    /// The thread is to stop.
    Stop,
    /// The span is gone.
    Gone,
}

/// The signalling of a span.
trait SpanSignalling {
    /// Carries out a command.
    fn command(&mut self, trunk: &DriverTrunk, command: TrunkCommand, now: Instant);
    /// Something waits at a channel. False when the span is gone.
    fn ready(&mut self, trunk: &DriverTrunk, token: u64, now: Instant) -> bool;
    /// When [`timeout`](Self::timeout) is to be called.
    fn next_timeout(&self) -> Option<Instant>;
    /// Time has passed.
    fn timeout(&mut self, trunk: &DriverTrunk, now: Instant);
    /// The line is dead or alive.
    fn line(&mut self, trunk: &DriverTrunk, alive: bool, now: Instant);
    /// Whether the far end answers.
    fn is_up(&self) -> bool;
    /// What the timeslots are doing.
    fn timeslots(&self) -> Vec<TimeslotStatus>;
    /// Ends everything because the span is gone or the service stops.
    fn end(&mut self, trunk: &DriverTrunk, cause: u8);
}

impl Worker {
    fn run(mut self, config: &SpanConfig) {
        loop {
            let end = match self.serve(config) {
                Ok(end) => end,
                Err(error) => {
                    tracing::warn!(span = config.name, %error, "a span cannot be used");
                    End::Gone
                }
            };
            if matches!(end, End::Stop) {
                return;
            }
            self.trunk.set_status(|status| {
                status.state = TrunkState::Gone;
                status.timeslots.clear();
            });
            if self.wait_for_return(config) {
                return;
            }
        }
    }

    /// Keeps what has to outlive the span.
    fn remember(&mut self, command: &TrunkCommand) {
        if let TrunkCommand::Block { timeslot, blocked } = *command {
            match blocked {
                true => self.blocked.insert(timeslot),
                false => self.blocked.remove(&timeslot),
            };
        }
    }

    /// Waits until the span is there; true when the thread is to stop.
    fn wait_for_return(&mut self, config: &SpanConfig) -> bool {
        loop {
            let mut events = [EpollEvent::empty(); 1];
            let limit = EpollTimeout::try_from(RETURN).unwrap_or(EpollTimeout::ZERO);
            // An interrupted wait is a short one.
            let _ = self.epoll.wait(&mut events, limit);
            let _ = self.wake.read();
            if self.stop.load(Ordering::Acquire) {
                return true;
            }
            while let Ok(command) = self.trunk.commands.try_recv() {
                self.remember(&command);
                refuse(&self.trunk, &command, OUT_OF_ORDER);
            }
            if find(&config.device).is_some() {
                return false;
            }
        }
    }

    /// Configures the span and serves it as long as it is there.
    fn serve(&mut self, config: &SpanConfig) -> Result<End, DahdiError> {
        let missing = || DahdiError::new(format!("find the span {}", config.device), Errno::ENXIO);
        let span = find(&config.device).ok_or_else(missing)?;
        let control = Control::open()?;
        // A card that comes back knows nothing, and nobody has calls on it.
        configure(&control, &span, &config.setup(), None)?;
        let now = Instant::now();
        match &config.signalling {
            Signalling::Pri(settings) => {
                let signalling =
                    Pri::new(&self.epoll, &span, ramal_isdn::Settings::clone(settings))?;
                Ok(self.attend(&control, &span, signalling))
            }
            Signalling::R2(settings) => {
                let signalling = R2::new(&self.epoll, &span, settings, now)?;
                Ok(self.attend(&control, &span, signalling))
            }
        }
    }

    fn attend(
        &mut self,
        control: &Control,
        span: &Span,
        mut signalling: impl SpanSignalling,
    ) -> End {
        let mut supervise_at = Instant::now();
        let mut alive = false;
        for timeslot in self.blocked.clone() {
            let command = TrunkCommand::Block {
                timeslot,
                blocked: true,
            };
            signalling.command(&self.trunk, command, supervise_at);
        }
        let end = loop {
            let now = Instant::now();
            if now >= supervise_at {
                supervise_at = now + SUPERVISION;
                let Ok(counters) = control.counters(span.number) else {
                    break End::Gone;
                };
                if (counters.alarms & DEAD == 0) != alive {
                    alive = !alive;
                    signalling.line(&self.trunk, alive, now);
                }
                self.trunk.set_status(|status| {
                    status.state = match (alive, signalling.is_up()) {
                        (false, _) => TrunkState::LineDown,
                        (true, false) => TrunkState::SignallingDown,
                        (true, true) => TrunkState::Up,
                    };
                    status.alarms = alarm_names(counters.alarms);
                    status.crc4_errors = counters.crc4_errors;
                    status.slips = counters.missed_interrupts;
                    status.timeslots = signalling.timeslots();
                });
            }
            if signalling.next_timeout().is_some_and(|due| due <= now) {
                signalling.timeout(&self.trunk, now);
            }
            let due = signalling
                .next_timeout()
                .map_or(supervise_at, |due| due.min(supervise_at));
            let wait = due.saturating_duration_since(Instant::now());
            // Rounded up, or the loop would spin through the last fraction of a millisecond.
            let wait = wait + Duration::from_micros(999);
            let limit = EpollTimeout::try_from(Duration::from_millis(wait.as_millis() as u64))
                .unwrap_or(EpollTimeout::from(500_u16));
            let mut events = [EpollEvent::empty(); 64];
            let ready = match self.epoll.wait(&mut events, limit) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => 0,
                Err(error) => {
                    tracing::error!(%error, "a span's thread cannot wait");
                    break End::Gone;
                }
            };
            let now = Instant::now();
            let mut gone = false;
            for event in events.iter().take(ready) {
                if event.data() == WAKE {
                    let _ = self.wake.read();
                } else {
                    gone |= !signalling.ready(&self.trunk, event.data(), now);
                }
            }
            while let Ok(command) = self.trunk.commands.try_recv() {
                self.remember(&command);
                signalling.command(&self.trunk, command, now);
            }
            if self.stop.load(Ordering::Acquire) {
                break End::Stop;
            }
            if gone {
                break End::Gone;
            }
        };
        signalling.end(&self.trunk, OUT_OF_ORDER);
        end
    }
}

/// The span with this name of its driver's.
fn find(device: &str) -> Option<Span> {
    let spans = spans().unwrap_or_default();
    spans
        .into_iter()
        .find(|span| span.name == device && span.first_channel > 0)
}

/// Answers a command that cannot be carried out.
fn refuse(trunk: &DriverTrunk, command: &TrunkCommand, cause: u8) {
    if let TrunkCommand::Call { call, .. } = command {
        trunk.report(TrunkEvent::Released { call: *call, cause });
    }
}
