//! The queue of a media thread: bounded, with an eventfd to wake it.
//!
//! The thread takes everything at once and never waits for whoever is posting: it may well have interrupted him, and
//! then waiting would be for ever where both share a processor. What it could not take waits for the next tick.

use std::mem;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::MediaError;
use crate::command::Command;
use crate::socket;

/// Commands waiting for one media thread at most.
const CAPACITY: usize = 1_024;
/// With so many waiting, the thread is woken for whichever comes next.
const MANY: usize = CAPACITY / 4;

/// See the module.
pub(crate) struct Mailbox {
    // Held for one push or one swap.
    queue: Mutex<Queue>,
    wake: EventFd,
    /// Whether the eventfd was written since the thread last looked.
    signalled: AtomicBool,
    /// Channels living on the thread, for placing new ones.
    pub(crate) load: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    commands: Vec<Command>,
    /// Whether the thread has ended.
    closed: bool,
}

/// Why a command was not taken.
pub(crate) enum Refused {
    /// Too many are waiting; it is given back.
    Full(Command),
    /// The thread has ended.
    Stopped,
}

impl Mailbox {
    /// An empty queue.
    pub(crate) fn new() -> Result<Arc<Self>, MediaError> {
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
            .map_err(|error| MediaError::system("create an eventfd", error))?;
        Ok(Arc::new(Mailbox {
            queue: Mutex::default(),
            wake,
            signalled: AtomicBool::new(false),
            load: AtomicUsize::new(0),
        }))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A push or a swap leaves it whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enqueues without waiting for room.
    pub(crate) fn try_post(&self, command: Command) -> Result<(), Refused> {
        let mut urgent = command.is_urgent();
        {
            let mut queue = self.queue();
            if queue.closed {
                return Err(Refused::Stopped);
            }
            if queue.commands.len() >= CAPACITY {
                return Err(Refused::Full(command));
            }
            queue.commands.push(command);
            urgent |= queue.commands.len() > MANY;
        }
        if urgent && !self.signalled.swap(true, Ordering::AcqRel) {
            // Fails only when the counter would overflow, and then the thread is woken anyway.
            let _ = self.wake.write(1);
        }
        Ok(())
    }

    /// Enqueues without waiting for room.
    pub(crate) fn post(&self, command: Command) -> Result<(), MediaError> {
        self.try_post(command).map_err(|refused| match refused {
            Refused::Full(_) => MediaError::Overloaded,
            Refused::Stopped => MediaError::Stopped,
        })
    }

    /// Called by the thread when it was woken.
    pub(crate) fn awake(&self) {
        let _ = socket::read_count(self.wake.as_fd());
        self.signalled.store(false, Ordering::Release);
    }

    /// Takes everything into an empty `batch`, unless somebody is posting right now.
    pub(crate) fn take(&self, batch: &mut Vec<Command>) {
        if let Ok(mut queue) = self.queue.try_lock() {
            mem::swap(&mut queue.commands, batch);
        }
    }

    /// Takes nothing any more.
    pub(crate) fn close(&self) {
        let left = {
            let mut queue = self.queue();
            queue.closed = true;
            mem::take(&mut queue.commands)
        };
        // What hangs on them is dropped outside of the lock.
        drop(left);
    }

    /// What the thread waits on.
    pub(crate) fn wake_descriptor(&self) -> impl AsFd + '_ {
        &self.wake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_does_not_wait_for_whoever_is_posting() {
        let mailbox = Mailbox::new().unwrap();
        mailbox.post(Command::Unbridge(1)).unwrap();
        let mut batch = Vec::new();
        let posting = mailbox.queue();
        mailbox.take(&mut batch);
        assert!(batch.is_empty());
        drop(posting);
        mailbox.take(&mut batch);
        assert_eq!(batch.len(), 1);
    }

    #[test]
    fn a_full_queue_and_an_ended_thread_are_told() {
        let mailbox = Mailbox::new().unwrap();
        for _ in 0..CAPACITY {
            mailbox.post(Command::Unbridge(1)).unwrap();
        }
        assert!(mailbox.signalled.load(Ordering::Acquire));
        let full = mailbox.post(Command::Unbridge(1));
        assert!(matches!(full, Err(MediaError::Overloaded)), "{full:?}");
        mailbox.close();
        let stopped = mailbox.post(Command::Unbridge(1));
        assert!(matches!(stopped, Err(MediaError::Stopped)), "{stopped:?}");
    }
}
