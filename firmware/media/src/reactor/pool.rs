//! Buffers that the kernel puts datagrams into as they come: nobody asks it for each of them.
//!
//! They are offered to it in a ring that it takes them out of (`struct io_uring_buf`, IORING_REGISTER_PBUF_RING of
//! io_uring_register(2)). What it has taken belongs to whoever holds the [`Delivered`] it was told of by, until it is given back.

use std::cell::UnsafeCell;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

use nix::libc;

/// Room for one datagram; longer ones are cut, and refused.
pub(crate) const ROOM: usize = 2_048;

/// Buffers of a thread. Where all are taken, datagrams wait on their sockets.
pub(super) const BUFFERS: usize = 256;
/// The only group of a ring.
pub(super) const GROUP: u16 = 0;

/// What comes before a datagram in its buffer: `struct io_uring_recvmsg_out`, and an address.
const HEADER: usize = 16;
/// Room for the address, which is that of an IPv6 socket at most.
pub(super) const NAME: usize = 32;
const PAYLOAD: usize = HEADER + NAME;

/// One buffer. It begins on a cache line of its own, and of a number of them that is odd, so that not all buffers compete for the
/// same places of a cache.
#[repr(C, align(64))]
struct Buffer(UnsafeCell<[u8; PAYLOAD + ROOM]>);
const _: () = assert!((size_of::<Buffer>() / 64) % 2 == 1);

/// A place of the ring. In the first, `tail` counts what was offered; in others it means nothing.
#[repr(C)]
#[derive(Default)]
struct Offer {
    address: AtomicU64,
    length: AtomicU32,
    id: AtomicU16,
    tail: AtomicU16,
}

/// The kernel wants it to begin on a page.
#[repr(C, align(4096))]
struct Offers([Offer; BUFFERS]);
const _: () = assert!(BUFFERS.is_power_of_two() && size_of::<Offer>() == 16);

/// What the kernel is told the address of: it stays where it is for as long as somebody holds it.
pub(super) struct Memory {
    offers: Box<Offers>,
    buffers: Box<[Buffer]>,
}

/// See the module.
pub(crate) struct Pool {
    memory: Rc<Memory>,
    tail: u16,
}

/// A buffer with a datagram in it.
#[derive(Debug)]
pub(crate) struct Delivered {
    id: u16,
    /// Octets of the buffer that were written.
    written: usize,
}

impl Delivered {
    /// As a completion tells of it.
    pub(super) fn new(id: u16, result: i32) -> Self {
        let written = usize::try_from(result).unwrap_or_default();
        Delivered { id, written }
    }
}

impl Memory {
    /// Where the kernel finds the ring of offers.
    pub(super) fn address(&self) -> u64 {
        (&raw const *self.offers).expose_provenance() as u64
    }
}

impl Pool {
    /// All buffers are on offer, to a kernel that has yet to be told where.
    pub(super) fn new() -> Self {
        let empty = || Buffer(UnsafeCell::new([0; PAYLOAD + ROOM]));
        let memory = Memory {
            offers: Box::new(Offers(std::array::from_fn(|_| Offer::default()))),
            buffers: (0..BUFFERS).map(|_| empty()).collect(),
        };
        let mut pool = Pool {
            memory: Rc::new(memory),
            tail: 0,
        };
        for id in 0..BUFFERS {
            pool.offer(id as u16);
        }
        pool
    }

    /// For the ring to hold as long as the kernel may write there.
    pub(super) fn memory(&self) -> Rc<Memory> {
        Rc::clone(&self.memory)
    }

    /// The datagram: how long it is, unless it was cut, and where it came from, unless that is no address of IP.
    pub(crate) fn read(&self, delivered: &Delivered) -> (Option<usize>, Option<SocketAddr>) {
        let Some(octets) = self.written(delivered) else {
            return (None, None);
        };
        let Some((header, rest)) = octets.split_first_chunk::<HEADER>() else {
            return (None, None);
        };
        let [_, _, _, _, _, _, _, _, l0, l1, l2, l3, f0, f1, f2, f3] = *header;
        let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let cut = i32::from_ne_bytes([f0, f1, f2, f3]) & libc::MSG_TRUNC != 0;
        let whole = !cut && PAYLOAD + length <= delivered.written;
        let name = rest.get(..NAME).unwrap_or_default();
        (whole.then_some(length), source(name))
    }

    /// The octets of the datagram, writable so that a header can be replaced in place.
    pub(crate) fn octets(&mut self, delivered: &Delivered, length: usize) -> Option<&mut [u8]> {
        let buffer = self.memory.buffers.get(usize::from(delivered.id))?;
        // SAFETY: as in `written`; and `self` is borrowed alone.
        let octets = unsafe { &mut *buffer.0.get() };
        octets.get_mut(PAYLOAD..PAYLOAD + length)
    }

    fn written(&self, delivered: &Delivered) -> Option<&[u8]> {
        let buffer = self.memory.buffers.get(usize::from(delivered.id))?;
        // SAFETY: the buffer was taken by the kernel and not given back, so the kernel writes to it no more; and nobody here does
        // as long as `self` is borrowed.
        let octets = unsafe { &*buffer.0.get() };
        octets.get(..delivered.written)
    }

    /// Lets the kernel have the buffer for another datagram.
    pub(crate) fn give_back(&mut self, delivered: Delivered) {
        self.offer(delivered.id);
    }

    fn offer(&mut self, id: u16) {
        let place = usize::from(self.tail) % BUFFERS;
        let Memory { offers, buffers } = &*self.memory;
        let (Some(buffer), Some(offer)) = (buffers.get(usize::from(id)), offers.0.get(place))
        else {
            return;
        };
        offer
            .address
            .store(buffer.0.get().expose_provenance() as u64, Ordering::Relaxed);
        let length = (PAYLOAD + ROOM) as u32;
        offer.length.store(length, Ordering::Relaxed);
        offer.id.store(id, Ordering::Relaxed);
        self.tail = self.tail.wrapping_add(1);
        // The kernel reads what was written before it sees the tail.
        offers.0[0].tail.store(self.tail, Ordering::Release);
    }
}

/// An address as the kernel writes it (`struct sockaddr_in`, `struct sockaddr_in6`).
fn source(name: &[u8]) -> Option<SocketAddr> {
    let (&[f0, f1, p0, p1], rest) = name.split_first_chunk()?;
    let port = u16::from_be_bytes([p0, p1]);
    match i32::from(u16::from_ne_bytes([f0, f1])) {
        libc::AF_INET => {
            let address: [u8; 4] = *rest.first_chunk()?;
            Some(SocketAddr::from((Ipv4Addr::from(address), port)))
        }
        libc::AF_INET6 => {
            // Behind the flow label.
            let address: [u8; 16] = *rest.get(4..)?.first_chunk()?;
            let address = Ipv6Addr::from(address).to_canonical();
            Some(SocketAddr::new(address, port))
        }
        _ => None,
    }
}
