//! Waiting and sending by io_uring: descriptors are polled until further notice, datagrams gathered and sent together.
//!
//! Sends take place within the system call that submits them, as they are told never to wait; only failures are told of.
//! Task work is deferred to that call, too, so that nothing interrupts the thread.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::thread;

use io_uring::squeue::Flags;
use io_uring::{IoUring, Probe, cqueue, opcode, squeue, types};
use nix::errno::Errno;
use nix::libc;

use super::{Datagram, EVENTS, Unsent};
use crate::socket;
use crate::token::Token;

/// Requests submitted together at most.
const SUBMISSIONS: u32 = 256;
/// Completions that find room; the kernel keeps what is beyond.
const COMPLETIONS: u32 = 4_096;
/// Datagrams gathered at most: few enough that the processor's cache still holds the first when the last was written.
const GATHERED: usize = 128;
/// Room for their octets and addresses.
const ARENA: usize = 64 * 1_024;
/// Each begins on a cache line of its own.
const LINE: usize = 64;
/// Failures remembered until they are asked for; more are not counted.
const FAILURES: usize = 1_024;
/// How often the kernel is asked to let go of descriptors. It does so at once, but after other work that waits.
const REMINDERS: usize = 64;

/// Kinds of requests beside those of tokens.
const SEND: u64 = Token::KINDS;
const REMOVAL: u64 = Token::KINDS + 1;
/// Bits for the place of a datagram among those gathered, below the round.
const PLACE_BITS: u32 = 8;
const _: () = assert!(GATHERED <= 1 << PLACE_BITS && PLACE_BITS + u32::BITS <= Token::KIND_SHIFT);

/// `IORING_ENTER_GETEVENTS` of io_uring_enter(2).
const GET_EVENTS: u32 = 1;

/// A datagram in the arena.
struct Gathered {
    sender: Token,
    socket: RawFd,
    octets: Range<usize>,
    /// The address; empty on a connected socket.
    name: Range<usize>,
    payload: usize,
}

/// See the module.
pub(crate) struct Ring {
    ring: IoUring,
    /// Descriptors that are polled, by packed token.
    watched: HashMap<u64, RawFd>,
    /// Polls that shall end and have not.
    leaving: usize,
    /// What was told of and not taken yet.
    ready: VecDeque<Token>,
    arena: Box<[u8]>,
    used: usize,
    gathered: Vec<Gathered>,
    /// Counts the fillings of the arena, so that a failure told late is not taken for one of a later datagram.
    round: u32,
    unsent: Vec<Unsent>,
}

impl Ring {
    /// Whether the system has what is needed and every system call of it is allowed. Asks in a thread of its own: the end of
    /// a ring interrupts what the thread that set it up is waiting for.
    pub(super) fn try_out() -> io::Result<()> {
        let thread = thread::Builder::new().name("media-trial".to_owned());
        let tried = thread.spawn(Self::try_out_here)?;
        tried
            .join()
            .map_err(|_| io::Error::other("a thread ended early"))?
    }

    fn try_out_here() -> io::Result<()> {
        let mut ring = Self::set_up()?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        let needed = [
            opcode::PollAdd::CODE,
            opcode::AsyncCancel::CODE,
            opcode::Send::CODE,
        ];
        if !needed.into_iter().all(|code| probe.is_supported(code))
            || !ring.params().is_feature_skip_cqe_on_success()
            || !ring.params().is_feature_nodrop()
        {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // SAFETY: the request refers to nothing.
        let pushed = unsafe { ring.submission().push(&opcode::Nop::new().build()) };
        pushed.map_err(io::Error::other)?;
        ring.submit_and_wait(1).map(|_| ())
    }

    fn set_up() -> io::Result<IoUring> {
        IoUring::builder()
            .dontfork()
            .setup_cqsize(COMPLETIONS)
            .setup_submit_all()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .build(SUBMISSIONS)
    }

    pub(super) fn new() -> io::Result<Self> {
        Ok(Ring {
            ring: Self::set_up()?,
            watched: HashMap::new(),
            leaving: 0,
            ready: VecDeque::with_capacity(COMPLETIONS as usize),
            arena: vec![0; ARENA].into_boxed_slice(),
            used: 0,
            gathered: Vec::with_capacity(GATHERED),
            round: 0,
            unsent: Vec::with_capacity(FAILURES),
        })
    }

    pub(super) fn watch(&mut self, descriptor: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let (packed, descriptor) = (token.pack(), descriptor.as_raw_fd());
        self.push(&poll(descriptor, packed))?;
        self.watched.insert(packed, descriptor);
        Ok(())
    }

    pub(super) fn unwatch(&mut self, watched: &[(BorrowedFd<'_>, Token)]) {
        for (_, token) in watched {
            let packed = token.pack();
            // A failure to watch it was reported.
            if self.watched.remove(&packed).is_some() {
                self.leaving += 1;
                // Unlike the removal of a poll, this ends one that has just been told of something, too.
                let removal = opcode::AsyncCancel::new(packed).build();
                let removal = removal
                    .flags(Flags::SKIP_SUCCESS)
                    .user_data(REMOVAL << Token::KIND_SHIFT);
                if let Err(error) = self.push(&removal) {
                    tracing::error!(%error, "a port stays taken: the system does not let go of it");
                    self.leaving -= 1;
                }
            }
        }
        for _ in 0..REMINDERS {
            if self.leaving == 0 {
                return;
            }
            if let Err(error) = self.enter(0, true) {
                tracing::error!(%error, "a port may stay taken: the system does not let go of it");
                return;
            }
        }
    }

    pub(super) fn wait(&mut self, block: bool, events: &mut [Token; EVENTS]) -> io::Result<usize> {
        if self.ready.is_empty() {
            self.enter(usize::from(block), true)?;
        } else {
            self.flush();
        }
        let taken = self.ready.len().min(EVENTS);
        let places = events.iter_mut().zip(self.ready.drain(..taken));
        Ok(places.map(|(place, token)| *place = token).count())
    }

    pub(super) fn send(&mut self, datagram: &Datagram<'_>) -> bool {
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

    pub(super) fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.submit();
        }
    }

    fn submit(&mut self) {
        if let Err(error) = self.enter(0, false) {
            tracing::debug!(%error, "packets wait: the system does not take them");
        }
    }

    pub(super) fn unsent(&mut self) -> Option<Unsent> {
        self.unsent.pop()
    }

    /// Adds a request to those to be submitted.
    fn push(&mut self, request: &squeue::Entry) -> io::Result<()> {
        if self.ring.submission().is_full() {
            self.enter(0, false)?;
        }
        // SAFETY: what the request refers to is a descriptor, which the kernel checks, and a part of the arena, which is
        // neither moved nor written again before the request was submitted; by then the kernel has done with it.
        let pushed = unsafe { self.ring.submission().push(request) };
        pushed.map_err(io::Error::other)
    }

    /// Submits what there is, and waits for `wanted` completions. Polls are looked after only where it `listens`.
    fn enter(&mut self, wanted: usize, listens: bool) -> io::Result<()> {
        let requests = self.ring.submission().len() as u32;
        let flags = if listens { GET_EVENTS } else { 0 };
        let submitter = self.ring.submitter();
        // SAFETY: no signal mask is given.
        let entered =
            unsafe { submitter.enter::<libc::sigset_t>(requests, wanted as u32, flags, None) };
        let submitted = self.ring.submission().is_empty();
        self.take_completions();
        if submitted {
            // All that was gathered has been sent, or told of.
            self.gathered.clear();
            self.used = 0;
            self.round = self.round.wrapping_add(1);
        }
        match entered.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0))) {
            // Interrupted, or out of memory or of room for completions for a moment: what is left will be submitted.
            Ok(_) | Err(Errno::EINTR | Errno::EBUSY | Errno::EAGAIN) => Ok(()),
            // Told once. What waits on a socket is found when its channel is looked after.
            Err(Errno::EBADR) => {
                tracing::error!("the system had no memory to tell of packets");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn take_completions(&mut self) {
        let (_, mut requests, mut completions) = self.ring.split();
        while self.ready.len() < self.ready.capacity()
            && let Some(completion) = completions.next()
        {
            let (about, result) = (completion.user_data(), completion.result());
            let Some(token) = Token::unpack(about) else {
                if about >> Token::KIND_SHIFT == SEND {
                    let place = about as usize & ((1 << PLACE_BITS) - 1);
                    let late = (about >> PLACE_BITS) as u32 != self.round;
                    let failed = self.gathered.get(place).filter(|_| !late);
                    if let Some(gathered) = failed
                        && !gathered.is_sent_again(&self.arena, Errno::from_raw(-result))
                        && self.unsent.len() < FAILURES
                    {
                        let (sender, payload) = (gathered.sender, gathered.payload);
                        self.unsent.push(Unsent { sender, payload });
                    }
                }
                continue;
            };
            if result > 0 {
                self.ready.push_back(token);
            }
            if cqueue::more(completion.flags()) {
                continue;
            }
            // The poll is over, as it should be or for want of room.
            let Some(&descriptor) = self.watched.get(&about) else {
                self.leaving = self.leaving.saturating_sub(1);
                continue;
            };
            // SAFETY: the request refers to nothing but a descriptor, which the kernel checks.
            let renewed = result >= 0 && unsafe { requests.push(&poll(descriptor, about)) }.is_ok();
            if !renewed {
                self.watched.remove(&about);
                let error = io::Error::from_raw_os_error(-result);
                tracing::error!(%error, ?token, "the system watches a descriptor no longer");
            }
        }
    }
}

/// Tells of everything that comes to a descriptor until it is removed.
fn poll(descriptor: RawFd, packed: u64) -> squeue::Entry {
    opcode::PollAdd::new(types::Fd(descriptor), libc::POLLIN as u32)
        .multi(true)
        .build()
        .user_data(packed)
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
