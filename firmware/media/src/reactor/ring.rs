//! Waiting, receiving and sending by io_uring: RTP is put into buffers of a pool as it comes, other descriptors are polled until
//! further notice, datagrams gathered and sent together. No system call is a single packet's.
//!
//! Sends take place within the system call that submits them, as they are told never to wait; only failures are told of.
//! Task work, which receiving is, is deferred to that call, too, so that nothing interrupts the thread.
//!
//! Where much comes, the thread lets it come for a moment before it looks: to be woken costs as much as some packets do.

mod sending;
mod trial;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;

use io_uring::squeue::Flags;
use io_uring::{IoUring, cqueue, opcode, squeue, types};
use nix::errno::Errno;
use nix::libc;

use super::pool::{self, Delivered, Memory, Pool};
use super::{EVENTS, Event, Unsent};
use crate::token::Token;

use sending::Gathered;

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
/// Datagrams between two ticks (20 ms) from which on they are let come for a moment: those of 50 calls.
const MUCH: u32 = 100;
/// That moment, and how many datagrams it ends with at the latest.
const MOMENT_US: u32 = 1_000;
const BATCH: usize = 128;
/// Without anything at all a wait lasts so long; the tick comes earlier.
const PATIENCE: types::Timespec = types::Timespec::new().sec(1);
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

/// See the module.
pub(crate) struct Ring {
    ring: IoUring,
    /// Of the pool; let go of after the ring.
    _memory: Rc<Memory>,
    /// What a datagram's buffer has room for beside it. Read by the kernel when a request is submitted.
    layout: Box<libc::msghdr>,
    /// Descriptors that are polled or received from, by packed token.
    watched: HashMap<u64, RawFd>,
    /// Those of them whose request has ended, to be made again.
    ended: VecDeque<u64>,
    /// Requests that shall end and have not.
    leaving: usize,
    /// What was told of and not taken yet.
    ready: VecDeque<Event>,
    /// Whether the system can let things come for a moment (Linux 6.12).
    waits_for_many: bool,
    /// Datagrams since the last tick, and whether there were many between the two before.
    arrived: u32,
    busy: bool,
    arena: Box<[u8]>,
    used: usize,
    gathered: Vec<Gathered>,
    /// Counts the fillings of the arena, so that a failure told late is not taken for one of a later datagram.
    round: u32,
    unsent: Vec<Unsent>,
}

impl Ring {
    fn set_up() -> io::Result<IoUring> {
        IoUring::builder()
            .dontfork()
            .setup_cqsize(COMPLETIONS)
            .setup_submit_all()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .build(SUBMISSIONS)
    }

    /// With the pool that datagrams are put into.
    pub(super) fn new() -> io::Result<(Self, Pool)> {
        let ring = Self::set_up()?;
        let pool = Pool::new();
        let memory = pool.memory();
        // SAFETY: the memory stays where it is, and is held for longer than the ring.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                memory.address(),
                pool::BUFFERS as u16,
                pool::GROUP,
                0,
            )?;
        }
        // SAFETY: all-zero octets are a message header that refers to nothing.
        let mut layout: Box<libc::msghdr> = Box::new(unsafe { mem::zeroed() });
        layout.msg_namelen = pool::NAME as libc::socklen_t;
        let ring = Ring {
            waits_for_many: ring.params().is_feature_min_timeout(),
            ring,
            _memory: memory,
            layout,
            watched: HashMap::new(),
            ended: VecDeque::new(),
            leaving: 0,
            ready: VecDeque::with_capacity(COMPLETIONS as usize),
            arrived: 0,
            busy: false,
            arena: vec![0; ARENA].into_boxed_slice(),
            used: 0,
            gathered: Vec::with_capacity(GATHERED),
            round: 0,
            unsent: Vec::with_capacity(FAILURES),
        };
        Ok((ring, pool))
    }

    pub(super) fn watch(&mut self, descriptor: BorrowedFd<'_>, token: Token) -> io::Result<()> {
        let (packed, descriptor) = (token.pack(), descriptor.as_raw_fd());
        self.push(&self.request(descriptor, packed))?;
        self.watched.insert(packed, descriptor);
        // So that no end of a request has to make room.
        let missing = self.watched.len().saturating_sub(self.ended.len());
        self.ended.reserve(missing);
        Ok(())
    }

    pub(super) fn unwatch(&mut self, watched: &[(BorrowedFd<'_>, Token)]) {
        for (_, token) in watched {
            let packed = token.pack();
            // A failure to watch it was reported.
            if self.watched.remove(&packed).is_none() {
                continue;
            }
            if let Some(place) = self.ended.iter().position(|&ended| ended == packed) {
                self.ended.remove(place);
                continue;
            }
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

    pub(super) fn wait(&mut self, block: bool, events: &mut VecDeque<Event>) -> io::Result<()> {
        if self.ready.is_empty() {
            // Everything told of was served, so that there are buffers again for requests that ended for want of them.
            self.renew()?;
            match block && self.busy {
                true => self.wait_for_many()?,
                false => self.enter(usize::from(block), true)?,
            }
        } else {
            self.flush();
        }
        let taken = self.ready.len().min(EVENTS);
        events.extend(self.ready.drain(..taken));
        Ok(())
    }

    /// What came to `token` and was not told of yet.
    pub(super) fn left_behind(&mut self, token: Token) -> Option<Event> {
        let place = self.ready.iter().position(|event| event.token == token)?;
        self.ready.remove(place)
    }

    /// Makes requests again that ended.
    fn renew(&mut self) -> io::Result<()> {
        // Those that end again meanwhile have to wait for the next time.
        for _ in 0..self.ended.len() {
            if let Some(packed) = self.ended.pop_front()
                && let Some(&descriptor) = self.watched.get(&packed)
            {
                self.push(&self.request(descriptor, packed))?;
            }
        }
        Ok(())
    }

    /// Tells of everything that comes to a descriptor until it is cancelled: of datagrams with the datagram, of the rest that it
    /// is there.
    fn request(&self, descriptor: RawFd, packed: u64) -> squeue::Entry {
        let descriptor = types::Fd(descriptor);
        match Token::unpack(packed) {
            Some(Token::Rtp(..)) => {
                opcode::RecvMsgMulti::new(descriptor, &raw const *self.layout, pool::GROUP).build()
            }
            _ => opcode::PollAdd::new(descriptor, libc::POLLIN as u32)
                .multi(true)
                .build(),
        }
        .user_data(packed)
    }

    /// Adds a request to those to be submitted.
    fn push(&mut self, request: &squeue::Entry) -> io::Result<()> {
        if self.ring.submission().is_full() {
            self.enter(0, false)?;
        }
        // SAFETY: what the request refers to is a descriptor, which the kernel checks, the layout, which stays where it is and as
        // it is, and a part of the arena, which is neither moved nor written again before the request was submitted; by then the
        // kernel has done with it.
        let pushed = unsafe { self.ring.submission().push(request) };
        pushed.map_err(io::Error::other)
    }

    /// Submits what there is, and waits for `wanted` completions. What comes is looked after only where it `listens`.
    fn enter(&mut self, wanted: usize, listens: bool) -> io::Result<()> {
        let requests = self.ring.submission().len() as u32;
        let flags = if listens { GET_EVENTS } else { 0 };
        let submitter = self.ring.submitter();
        // SAFETY: no signal mask is given.
        let entered =
            unsafe { submitter.enter::<libc::sigset_t>(requests, wanted as u32, flags, None) };
        self.conclude(entered)
    }

    /// Submits what there is and lets things come for a moment; waits on if there was nothing.
    fn wait_for_many(&mut self) -> io::Result<()> {
        let arguments = types::SubmitArgs::new()
            .min_wait_usec(MOMENT_US)
            .timespec(&PATIENCE);
        let entered = self.ring.submitter().submit_with_args(BATCH, &arguments);
        self.conclude(entered)
    }

    fn conclude(&mut self, entered: io::Result<usize>) -> io::Result<()> {
        let submitted = self.ring.submission().is_empty();
        self.take_completions();
        if submitted {
            // All that was gathered has been sent, or told of.
            self.gathered.clear();
            self.used = 0;
            self.round = self.round.wrapping_add(1);
        }
        match entered.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0))) {
            // Interrupted, out of time, or out of memory or of room for completions for a moment: what is left will be submitted.
            Ok(_) | Err(Errno::EINTR | Errno::ETIME | Errno::EBUSY | Errno::EAGAIN) => Ok(()),
            // Told once. What waits on a socket is found when its channel is looked after.
            Err(Errno::EBADR) => {
                tracing::error!("the system had no memory to tell of packets");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn take_completions(&mut self) {
        while self.ready.len() < self.ready.capacity()
            && let Some(completion) = self.completion()
        {
            let (about, result) = (completion.user_data(), completion.result());
            let Some(token) = Token::unpack(about) else {
                if about >> Token::KIND_SHIFT == SEND {
                    self.take_failure(about, Errno::from_raw(-result));
                }
                continue;
            };
            let flags = completion.flags();
            let datagram = cqueue::buffer_select(flags).map(|id| Delivered::new(id, result));
            match token {
                Token::Rtp(..) => self.arrived += 1,
                Token::Tick => {
                    self.busy = self.arrived >= MUCH && self.waits_for_many;
                    self.arrived = 0;
                }
                _ => {}
            }
            if datagram.is_some() || (result > 0 && !matches!(token, Token::Rtp(..))) {
                self.ready.push_back(Event { token, datagram });
            }
            if cqueue::more(flags) {
                continue;
            }
            // The request is over, as it should be; or for want of room or of buffers, for the fate of an earlier datagram (ICMP)
            // or for an empty one.
            if !self.watched.contains_key(&about) {
                self.leaving = self.leaving.saturating_sub(1);
            } else if result >= 0 || is_passing(Errno::from_raw(-result)) {
                self.ended.push_back(about);
            } else {
                self.watched.remove(&about);
                let error = io::Error::from_raw_os_error(-result);
                tracing::error!(%error, ?token, "the system watches a descriptor no longer");
            }
        }
    }

    fn completion(&mut self) -> Option<cqueue::Entry> {
        self.ring.completion().next()
    }
}

/// Whether the next request may succeed where one ended by this: what the network says of an earlier datagram, or what the system
/// lacks for a moment. The rest says that the request itself is wrong.
fn is_passing(error: Errno) -> bool {
    !matches!(
        error,
        Errno::EBADF | Errno::ECANCELED | Errno::EFAULT | Errno::EINVAL | Errno::ENOTSOCK
    )
}
