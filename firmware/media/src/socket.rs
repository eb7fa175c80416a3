//! The UDP sockets of streams and the system calls on them.
//!
//! Those that media threads make go past the C library: each of its functions makes the thread cancellable for as long as it
//! lasts, by two locked instructions.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::slice;

use nix::libc;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::MediaError;
use crate::reactor::{Delivered, Pool, ROOM};

/// DSCP EF (46, RFC 3246) in the upper six bits of the traffic class octet.
const EXPEDITED_FORWARDING: u32 = 46 << 2;

/// Opens a socket of a stream; `Ok(None)` when the port is taken.
pub(crate) fn bind(address: IpAddr, port: u16) -> Result<Option<UdpSocket>, MediaError> {
    let address = SocketAddr::new(address, port);
    let failed = |source: io::Error| MediaError::system(format!("open UDP port {address}"), source);
    let kind = Type::DGRAM.nonblocking();
    let socket =
        Socket::new(Domain::for_address(address), kind, Some(Protocol::UDP)).map_err(failed)?;
    match address {
        SocketAddr::V4(_) => socket.set_tos_v4(EXPEDITED_FORWARDING).map_err(failed)?,
        SocketAddr::V6(_) => {
            socket.set_tclass_v6(EXPEDITED_FORWARDING).map_err(failed)?;
            // For those reached by mapped addresses; a kernel without IPv4 has none.
            let _ = socket.set_tos_v4(EXPEDITED_FORWARDING);
        }
    }
    match socket.bind(&SockAddr::from(address)) {
        Ok(()) => Ok(Some(socket.into())),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Whether a socket is an IPv6 one.
pub(crate) fn is_ipv6(socket: &UdpSocket) -> bool {
    socket.local_addr().is_ok_and(|address| address.is_ipv6())
}

/// The address to send to; an IPv6 socket reaches IPv4 by mapped addresses (RFC 4291 §2.5.5.2).
pub(crate) fn destination(address: SocketAddr, ipv6: bool) -> SockAddr {
    match address.ip() {
        IpAddr::V4(ip) if ipv6 => {
            SockAddr::from(SocketAddr::from((ip.to_ipv6_mapped(), address.port())))
        }
        _ => SockAddr::from(address),
    }
}

/// Fixes a socket on one far end: the kernel need not find the way to it for every packet, and drops what
/// comes from elsewhere. `None` opens it to all again; its port stays, having been bound by number.
pub(crate) fn connect(socket: &UdpSocket, far_end: Option<&SockAddr>) -> io::Result<()> {
    // All-zero octets are a valid address of the family AF_UNSPEC, whatever its length.
    let nobody = [0; size_of::<libc::sockaddr>()];
    let name = far_end.map_or(&nobody[..], |far_end| name(Some(far_end)));
    // SAFETY: the address is valid for the length given for the whole call, which copies it.
    let connected = unsafe {
        libc::syscall(
            libc::SYS_connect,
            socket.as_raw_fd(),
            name.as_ptr(),
            name.len(),
        )
    };
    match connected {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends one datagram; `to` may be left out on a socket that is connected. An error the network reported about an earlier datagram (ICMP) is taken off the
/// socket and the datagram sent again.
pub(crate) fn send(socket: RawFd, datagram: &[u8], to: Option<&SockAddr>) -> bool {
    send_to_name(socket, datagram, name(to))
}

/// An address as system calls take it; empty for none.
pub(crate) fn name(address: Option<&SockAddr>) -> &[u8] {
    let Some(address) = address else { return &[] };
    // SAFETY: an address is initialised for its length, and borrowed as long as the octets are.
    unsafe { slice::from_raw_parts(address.as_ptr().cast(), address.len() as usize) }
}

/// [`send`] to an address as [`name`] gives it.
pub(crate) fn send_to_name(socket: RawFd, datagram: &[u8], name: &[u8]) -> bool {
    let address = match name {
        [] => std::ptr::null(),
        name => name.as_ptr(),
    };
    for _ in 0..2 {
        // SAFETY: the datagram and the address are valid for the lengths given for the whole call; the kernel copies both.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_sendto,
                socket,
                datagram.as_ptr(),
                datagram.len(),
                libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                address,
                name.len(),
            )
        };
        if sent >= 0 {
            return true;
        }
        match nix::errno::Errno::last() {
            nix::errno::Errno::ECONNREFUSED | nix::errno::Errno::EINTR => {}
            _ => return false,
        }
    }
    false
}

/// Where datagrams are received, set up once for each thread.
pub(crate) struct Inbox {
    buffer: Box<[u8; ROOM]>,
    name: libc::sockaddr_storage,
    /// Where the kernel puts them unasked.
    pool: Option<Pool>,
}

/// What was received.
#[derive(Debug)]
pub(crate) struct Received {
    /// Octets of it; `None` when they did not fit.
    length: Option<usize>,
    /// Where it came from; `None` for an address family that is not IP.
    pub(crate) source: Option<SocketAddr>,
    /// The buffer it is in, if that is one of the pool.
    delivered: Option<Delivered>,
}

impl Inbox {
    pub(crate) fn new(pool: Option<Pool>) -> Self {
        Inbox {
            buffer: Box::new([0; ROOM]),
            // SAFETY: all-zero octets are a valid address of no family.
            name: unsafe { mem::zeroed() },
            pool,
        }
    }

    /// Reads what came unasked.
    pub(crate) fn open(&self, delivered: Delivered) -> Received {
        let read = self.pool.as_ref().map(|pool| pool.read(&delivered));
        let (length, source) = read.unwrap_or_default();
        Received {
            length,
            source,
            delivered: Some(delivered),
        }
    }

    /// Has done with what came unasked.
    pub(crate) fn give_back(&mut self, received: Received) {
        if let (Some(pool), Some(delivered)) = (&mut self.pool, received.delivered) {
            pool.give_back(delivered);
        }
    }

    /// Receives the datagram that waits longest; `None` when none does. Where the source is known already, the kernel is
    /// spared telling it.
    pub(crate) fn receive(&mut self, socket: RawFd, known: Option<SocketAddr>) -> Option<Received> {
        for _ in 0..2 {
            let mut length = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            let (name, name_length): (*mut libc::sockaddr, *mut libc::socklen_t) = match known {
                Some(_) => (std::ptr::null_mut(), std::ptr::null_mut()),
                None => ((&raw mut self.name).cast(), &raw mut length),
            };
            // SAFETY: buffer and name are owned by `self` and as long as is said; no name is asked for by null.
            let received = unsafe {
                libc::syscall(
                    libc::SYS_recvfrom,
                    socket,
                    self.buffer.as_mut_ptr(),
                    ROOM,
                    // Tells the whole length of a datagram that was cut.
                    libc::MSG_DONTWAIT | libc::MSG_TRUNC,
                    name,
                    name_length,
                )
            };
            if let Ok(received) = usize::try_from(received) {
                return Some(Received {
                    length: (received <= ROOM).then_some(received),
                    source: known.or_else(|| to_socket_addr(&self.name)),
                    delivered: None,
                });
            }
            // A pending ICMP error is reported once and then gone.
            if nix::errno::Errno::last() == nix::errno::Errno::EAGAIN {
                return None;
            }
        }
        None
    }

    /// The octets of what was received last or came unasked, writable so that a header can be replaced in place.
    pub(crate) fn octets(&mut self, received: &Received) -> Option<&mut [u8]> {
        let length = received.length?;
        match &received.delivered {
            Some(delivered) => self.pool.as_mut()?.octets(delivered, length),
            None => self.buffer.get_mut(..length),
        }
    }
}

fn to_socket_addr(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel wrote an IPv4 address, as its family says; storage is larger.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let address = name.sin_addr.s_addr.to_ne_bytes();
            Some(SocketAddr::from((address, u16::from_be(name.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the kernel wrote an IPv6 address, as its family says; storage is larger.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            let address = IpAddr::from(name.sin6_addr.s6_addr);
            Some(SocketAddr::new(
                address.to_canonical(),
                u16::from_be(name.sin6_port),
            ))
        }
        _ => None,
    }
}

/// Reads a timer or an eventfd: what it has counted since it was read last; `None` when that is nothing.
pub(crate) fn read_count(descriptor: BorrowedFd<'_>) -> Option<u64> {
    let mut count = 0u64;
    let room = size_of_val(&count);
    // SAFETY: the count is valid for the call, and as long as is said.
    let read =
        unsafe { libc::syscall(libc::SYS_read, descriptor.as_raw_fd(), &raw mut count, room) };
    (usize::try_from(read) == Ok(room)).then_some(count)
}

/// Number of the socket for system calls.
pub(crate) fn descriptor(socket: &UdpSocket) -> RawFd {
    socket.as_raw_fd()
}

/// Random octets from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], MediaError> {
    let mut octets = [0u8; N];
    getrandom::fill(&mut octets)
        .map_err(|error| MediaError::system("read random numbers", io::Error::other(error)))?;
    Ok(octets)
}
