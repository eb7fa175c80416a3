//! E1 spans at work: a thread for each configures it, runs its signalling and carries its sound.
//!
//! [`start`] gives a [`Trunk`] at once. The thread looks for the span by its name, brings it to its configuration and serves
//! it until it is gone (a card pulled out, a driver that died), and then looks for it again. What it waits for is one epoll:
//! channels, a wake-up for commands, and the next timer of the signalling. Told to stop, it takes leave of the far end first.
//!
//! The thread sees its span as a [`SpanHardware`]: the kernel's, or with [`start_on`] any other.

mod bearers;
mod diagnosis;
mod echo;
mod hardware;
mod pri;
mod r2;
mod sender;
mod worker;

use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};

use self::hardware::KernelSpan;
use self::worker::{WAKE, Worker};
use super::{SpanSetup, SpanUse};
use crate::{LineError, Trunk};

pub use self::hardware::{SpanChannel, SpanHardware};

/// Cause "no circuit available" (Q.850 §2.2.7.1.1).
const NO_CIRCUIT: u8 = 34;

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
    /// Whether the echo of far ends is taken out of calls.
    pub echo_cancellation: bool,
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

/// A span's thread. Dropped, it ends the span's calls, tells the far end, and is waited for: at most about a second.
#[derive(Debug)]
pub struct SpanThread {
    stop: Arc<AtomicBool>,
    wake: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
}

impl SpanThread {
    /// Tells it to come to its end, without waiting for that.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        // A counter that is full wakes as well.
        let _ = self.wake.write(1);
    }
}

impl Drop for SpanThread {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a span's thread has panicked");
        }
    }
}

/// Starts the thread of a span of the kernel's. If another thread has the span, it is the `predecessor`, whose end the
/// new one awaits.
///
/// # Errors
/// The system gives no thread or no descriptor.
pub fn start(
    config: SpanConfig,
    predecessor: Option<SpanThread>,
) -> Result<(Trunk, SpanThread), LineError> {
    start_on(KernelSpan::default(), config, predecessor)
}

/// Like [`start`], on other hardware.
///
/// # Errors
/// As [`start`].
pub fn start_on(
    hardware: impl SpanHardware + 'static,
    config: SpanConfig,
    predecessor: Option<SpanThread>,
) -> Result<(Trunk, SpanThread), LineError> {
    let refused =
        |what: &str, error: &dyn std::fmt::Display| LineError::Start(format!("{what}: {error}"));
    let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
        .map_err(|error| refused("no wake-up", &error))?;
    let wake = Arc::new(wake);
    let waker = wake.clone();
    let (trunk, driver) = crate::trunk::trunk(
        &config.name,
        Arc::new(move || {
            // A counter that is full wakes as well.
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
    if let Some(predecessor) = &predecessor {
        predecessor.stop();
    }
    let thread = std::thread::Builder::new()
        .name(format!("span {}", config.name))
        .spawn(move || worker.run(hardware, &config, predecessor))
        .map_err(|error| refused("no thread", &error))?;
    let thread = SpanThread {
        stop,
        wake,
        thread: Some(thread),
    };
    Ok((trunk, thread))
}
