//! Waiting by epoll, past the C library as `socket` does.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::{EVENTS, Event};
use crate::token::Token;

pub(crate) struct EpollSet {
    epoll: Epoll,
    events: Box<[EpollEvent; EVENTS]>,
}

impl EpollSet {
    pub(super) fn new() -> io::Result<Self> {
        Ok(EpollSet {
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            events: Box::new([EpollEvent::empty(); EVENTS]),
        })
    }

    pub(super) fn watch(&self, descriptor: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, token.pack());
        Ok(self.epoll.add(descriptor, event)?)
    }

    pub(super) fn unwatch(&self, watched: &[(BorrowedFd<'_>, Token)]) {
        for (descriptor, _) in watched {
            // It may not be there: a failure to add it was reported.
            let _ = self.epoll.delete(descriptor);
        }
    }

    pub(super) fn wait(&mut self, block: bool, events: &mut VecDeque<Event>) -> io::Result<()> {
        let timeout = if block { -1 } else { 0 };
        // SAFETY: an `EpollEvent` has the layout of the kernel's, and there is room for as many as is said; no signal mask
        // is given.
        let ready = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait,
                self.epoll.0.as_raw_fd(),
                self.events.as_mut_ptr(),
                EVENTS,
                timeout,
                std::ptr::null::<libc::sigset_t>(),
                size_of::<libc::sigset_t>(),
            )
        };
        let ready = match Errno::result(ready) {
            Ok(ready) => usize::try_from(ready).unwrap_or_default(),
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        let tokens = self.events.iter().take(ready);
        let tokens = tokens.filter_map(|event| Token::unpack(event.data()));
        events.extend(tokens.map(|token| Event {
            token,
            datagram: None,
        }));
        Ok(())
    }
}
