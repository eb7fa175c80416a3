//! Datagrams gathered in an arena, to be sent together.

use std::ops::Range;
use std::os::fd::RawFd;

use io_uring::squeue::Flags;
use io_uring::{opcode, types};
use nix::errno::Errno;
use nix::libc;

use super::{ARENA, FAILURES, GATHERED, LINE, PLACE_BITS, Ring, SEND};
use crate::reactor::{Datagram, Unsent};
use crate::socket;
use crate::token::Token;

/// A datagram in the arena.
pub(super) struct Gathered {
    sender: Token,
    socket: RawFd,
    octets: Range<usize>,
    /// The address; empty on a connected socket.
    name: Range<usize>,
    payload: usize,
}

impl Ring {
    pub(in super::super) fn send(&mut self, datagram: &Datagram<'_>) -> bool {
        let name = socket::name(datagram.to);
        let needed = datagram.octets.len() + name.len();
        if !self.has_room(needed) || self.ring.submission().is_full() {
            self.submit();
        }
        // Too long a datagram, or a system that takes nothing now.
        if !self.has_room(needed) {
            return socket::send_to_name(datagram.socket, datagram.octets, name);
        }
        let octets = self.used..self.used + datagram.octets.len();
        let name_room = octets.end..octets.end + name.len();
        self.arena[octets.clone()].copy_from_slice(datagram.octets);
        self.arena[name_room.clone()].copy_from_slice(name);
        let start = self.arena.as_ptr();
        let place = u64::from(self.round) << PLACE_BITS | self.gathered.len() as u64;
        let request = opcode::Send::new(
            types::Fd(datagram.socket),
            start.wrapping_add(octets.start),
            octets.len() as u32,
        )
        .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
        let request = match name.len() {
            0 => request,
            length => request
                .dest_addr(start.wrapping_add(name_room.start).cast())
                .dest_addr_len(length as libc::socklen_t),
        };
        let request = request.build();
        let request = request
            .flags(Flags::SKIP_SUCCESS)
            .user_data(SEND << Token::KIND_SHIFT | place);
        if self.push(&request).is_err() {
            return socket::send_to_name(datagram.socket, datagram.octets, name);
        }
        self.used = name_room.end.next_multiple_of(LINE);
        self.gathered.push(Gathered {
            sender: datagram.sender,
            socket: datagram.socket,
            octets,
            name: name_room,
            payload: datagram.payload,
        });
        true
    }

    fn has_room(&self, needed: usize) -> bool {
        self.gathered.len() < GATHERED && self.used + needed <= ARENA
    }

    pub(in super::super) fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.submit();
        }
    }

    fn submit(&mut self) {
        if let Err(error) = self.enter(0, false) {
            tracing::debug!(%error, "packets wait: the system does not take them");
        }
    }

    pub(in super::super) fn unsent(&mut self) -> Option<Unsent> {
        self.unsent.pop()
    }

    /// A datagram could not be sent.
    pub(super) fn take_failure(&mut self, about: u64, error: Errno) {
        let place = about as usize & ((1 << PLACE_BITS) - 1);
        let late = (about >> PLACE_BITS) as u32 != self.round;
        if let Some(gathered) = self.gathered.get(place).filter(|_| !late)
            && !gathered.is_sent_again(&self.arena, error)
            && self.unsent.len() < FAILURES
        {
            let (sender, payload) = (gathered.sender, gathered.payload);
            self.unsent.push(Unsent { sender, payload });
        }
    }
}

impl Gathered {
    /// Sends it once more if what kept it was the fate of an earlier one (ICMP), as [`socket::send`] does.
    fn is_sent_again(&self, arena: &[u8], error: Errno) -> bool {
        let parts = arena
            .get(self.octets.clone())
            .zip(arena.get(self.name.clone()));
        matches!(error, Errno::ECONNREFUSED | Errno::EINTR)
            && parts.is_some_and(|(octets, name)| socket::send_to_name(self.socket, octets, name))
    }
}
