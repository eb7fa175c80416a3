//! What a media thread waits by and sends by: io_uring, or epoll and a system call for each datagram.
//!
//! Epoll tells of arrivals only (edge-triggered); datagrams are taken off their sockets by whoever is told. With io_uring, those of
//! RTP come along with the news, and what a round of arrivals makes the thread send is gathered and handed over by the system call
//! that waits for the next.

mod epoll;
mod pool;
mod ring;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use socket2::SockAddr;

use crate::socket::{self, Inbox};
use crate::token::Token;

use epoll::EpollSet;
pub(crate) use pool::{Delivered, Pool, ROOM};
use ring::Ring;

/// Events told of for each wait at most.
pub(crate) const EVENTS: usize = 256;

/// How media threads wait for packets and send them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Multiplexing {
    /// By io_uring where the system has it and lets this process use it, else by epoll.
    #[default]
    Automatic,
    /// By epoll.
    Epoll,
}

impl Multiplexing {
    /// Whether io_uring is used; says so in the log.
    pub(crate) fn uses_ring(self) -> bool {
        match self {
            Multiplexing::Epoll => {
                tracing::info!("media threads use epoll, as they are told");
                false
            }
            Multiplexing::Automatic => match Ring::try_out() {
                Ok(()) => {
                    tracing::info!("media threads use io_uring");
                    true
                }
                Err(error) => {
                    tracing::info!(%error, "media threads use epoll: there is no io_uring for them");
                    false
                }
            },
        }
    }
}

/// What a wait tells of.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) token: Token,
    /// What came, where it comes along with the news; else it waits on its descriptor. To be given back to the inbox.
    pub(crate) datagram: Option<Delivered>,
}

/// A datagram of a stream.
pub(crate) struct Datagram<'a> {
    /// The RTP port of the stream.
    pub(crate) sender: Token,
    pub(crate) socket: RawFd,
    pub(crate) octets: &'a [u8],
    /// Where to, unless the socket is connected.
    pub(crate) to: Option<&'a SockAddr>,
    /// Octets of RTP payload in it.
    pub(crate) payload: usize,
}

/// A datagram that was taken for sent, and could not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unsent {
    pub(crate) sender: Token,
    pub(crate) payload: usize,
}

/// See the module.
pub(crate) enum Reactor {
    Epoll(EpollSet),
    Ring(Box<Ring>),
}

impl Reactor {
    /// For the calling thread, and no other, with where datagrams come to. Nothing is watched yet.
    pub(crate) fn new(ring: bool) -> io::Result<(Reactor, Inbox)> {
        Ok(match ring {
            true => {
                let (ring, pool) = Ring::new()?;
                (Reactor::Ring(Box::new(ring)), Inbox::new(Some(pool)))
            }
            false => (Reactor::Epoll(EpollSet::new()?), Inbox::new(None)),
        })
    }

    /// Whether datagrams of RTP come along with the news of them.
    pub(crate) fn delivers(&self) -> bool {
        matches!(self, Reactor::Ring(_))
    }

    /// Tells of `token` when something comes to the descriptor, also of what is there already.
    pub(crate) fn watch(&mut self, descriptor: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        match self {
            Reactor::Epoll(epoll) => epoll.watch(descriptor, token),
            Reactor::Ring(ring) => ring.watch(descriptor, token),
        }
    }

    /// Ends that. Before it returns, the system lets go of the descriptors, which nothing but their owners keeps open then.
    pub(crate) fn unwatch(&mut self, watched: &[(BorrowedFd<'_>, Token)]) {
        match self {
            Reactor::Epoll(epoll) => epoll.unwatch(watched),
            Reactor::Ring(ring) => ring.unwatch(watched),
        }
    }

    /// Sends what was gathered, and adds to `events` what has come, [`EVENTS`] at most. Waits until something has if it may
    /// `block`. All that was told of before has to be given back.
    pub(crate) fn wait(&mut self, block: bool, events: &mut VecDeque<Event>) -> io::Result<()> {
        match self {
            Reactor::Epoll(epoll) => epoll.wait(block, events),
            Reactor::Ring(ring) => ring.wait(block, events),
        }
    }

    /// The next of what came to a descriptor before it was unwatched, and was not told of.
    pub(crate) fn left_behind(&mut self, token: Token) -> Option<Event> {
        match self {
            Reactor::Epoll(_) => None,
            Reactor::Ring(ring) => ring.left_behind(token),
        }
    }

    /// Sends a datagram behind those before, now or by the next call of [`Self::wait`] or [`Self::flush`]; the answer is
    /// whether it is taken for sent.
    pub(crate) fn send(&mut self, datagram: &Datagram<'_>) -> bool {
        match self {
            Reactor::Epoll(_) => socket::send(datagram.socket, datagram.octets, datagram.to),
            Reactor::Ring(ring) => ring.send(datagram),
        }
    }

    /// Sends what was gathered: before what its sockets are changed by, and before other ways of sending.
    pub(crate) fn flush(&mut self) {
        match self {
            Reactor::Epoll(_) => {}
            Reactor::Ring(ring) => ring.flush(),
        }
    }

    /// The next datagram that could not be sent after all.
    pub(crate) fn unsent(&mut self) -> Option<Unsent> {
        match self {
            Reactor::Epoll(_) => None,
            Reactor::Ring(ring) => ring.unsent(),
        }
    }
}

#[cfg(test)]
mod tests;
