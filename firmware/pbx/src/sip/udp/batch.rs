//! Many datagrams by one system call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;
use std::{array, mem, ptr};

use bytes::Bytes;
use nix::errno::Errno;
use nix::libc;
use ramal_sip::Flow;
use socket2::SockAddr;

/// Datagrams received or sent by one system call.
pub(super) const BATCH: usize = 32;
/// The largest datagram there can be.
const DATAGRAM: usize = 65_535;
/// Room for what the kernel tells about a datagram: one `in6_pktinfo` and its header, or an `in_pktinfo`.
const CONTROL: usize = 64;

/// Control data, aligned as their headers must be.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Control([u8; CONTROL]);

/// Where datagrams are received. Of its buffers, 2 MiB, only those pages are in memory that datagrams have filled.
pub(super) struct Inbox {
    buffers: Box<[u8]>,
    names: Box<[libc::sockaddr_storage; BATCH]>,
    controls: Box<[Control; BATCH]>,
    about: [About; BATCH],
}

/// What is known of a datagram received.
#[derive(Clone, Copy, Default)]
struct About {
    length: usize,
    to: Option<IpAddr>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            buffers: vec![0; BATCH * DATAGRAM].into(),
            // SAFETY: all-zero octets are an address of no family.
            names: Box::new(unsafe { mem::zeroed() }),
            controls: Box::new([Control([0; CONTROL]); BATCH]),
            about: [About::default(); BATCH],
        }
    }

    /// Receives the datagrams that wait, [`BATCH`] at most, and gives their number.
    pub(super) fn receive(&mut self, socket: RawFd) -> Result<usize, Errno> {
        let mut buffers = self.buffers.chunks_exact_mut(DATAGRAM);
        let mut parts: [libc::iovec; BATCH] = array::from_fn(|_| {
            let buffer = buffers.next().unwrap_or_default();
            libc::iovec {
                iov_base: buffer.as_mut_ptr().cast(),
                iov_len: buffer.len(),
            }
        });
        let mut headers: [libc::mmsghdr; BATCH] = array::from_fn(|at| {
            let mut header = empty();
            header.msg_hdr.msg_name = (&raw mut self.names[at]).cast();
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_hdr.msg_iov = &raw mut parts[at];
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = (&raw mut self.controls[at]).cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
            header
        });
        // SAFETY: each header names memory of `self` as long as it says, which nothing else uses meanwhile; there are as many
        // headers as is said.
        let received = unsafe {
            libc::recvmmsg(
                socket,
                headers.as_mut_ptr(),
                BATCH as _,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        let count = usize::try_from(received).map_err(|_| Errno::last())?;
        for (about, header) in self.about.iter_mut().zip(&headers).take(count) {
            *about = About {
                length: header.msg_len as usize,
                to: received_by(&header.msg_hdr),
            };
        }
        Ok(count)
    }

    /// Of the datagram received as number `at`: where it came from, which of our addresses it came to if the kernel tells,
    /// and what it says. `None` for address families that are not IP.
    pub(super) fn datagram(&self, at: usize) -> Option<(SocketAddr, Option<IpAddr>, &[u8])> {
        let About { length, to } = *self.about.get(at)?;
        let start = at * DATAGRAM;
        let datagram = self.buffers.get(start..start + length.min(DATAGRAM))?;
        Some((address(self.names.get(at)?)?, to, datagram))
    }
}

/// What datagrams are sent by.
pub(super) struct Outbox {
    controls: Box<[Control; BATCH]>,
}

impl Outbox {
    pub(super) fn new() -> Self {
        Self {
            controls: Box::new([Control([0; CONTROL]); BATCH]),
        }
    }

    /// Sends messages in order from a socket bound to `local`, each from our address of its flow where the socket has all
    /// addresses. One that cannot be sent is told of and passed over.
    pub(super) fn send(
        &mut self,
        socket: RawFd,
        local: SocketAddr,
        messages: &[(Flow, Bytes)],
        mut failed: impl FnMut(Flow, Errno),
    ) {
        for batch in messages.chunks(BATCH) {
            let mut rest = batch;
            // Whether the first of the rest goes from any address because its own is gone.
            let mut from_any = false;
            while let [(flow, _), others @ ..] = rest {
                let own = own_address(local, flow).is_some() && !from_any;
                match self.try_send(socket, local, rest, from_any) {
                    Ok(sent) => {
                        rest = rest.get(sent.max(1)..).unwrap_or_default();
                        from_any = false;
                    }
                    Err(Errno::EINTR) => {}
                    // The address is not ours any more; whoever waits for the answer may take it from another one.
                    Err(Errno::EINVAL | Errno::EADDRNOTAVAIL | Errno::ENETUNREACH) if own => {
                        from_any = true;
                    }
                    Err(error) => {
                        failed(*flow, error);
                        rest = others;
                        from_any = false;
                    }
                }
            }
        }
    }

    /// Sends as many of the messages as can be sent in a row, [`BATCH`] at most, and gives their number; the error is that
    /// of the first.
    fn try_send(
        &mut self,
        socket: RawFd,
        local: SocketAddr,
        messages: &[(Flow, Bytes)],
        first_from_any: bool,
    ) -> Result<usize, Errno> {
        let count = messages.len().min(BATCH);
        let nobody = SockAddr::from(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let names: [SockAddr; BATCH] = array::from_fn(|at| match messages.get(at) {
            Some((flow, _)) => SockAddr::from(seen_from(local, flow.remote)),
            None => nobody.clone(),
        });
        let mut parts: [libc::iovec; BATCH] = array::from_fn(|at| {
            let message = messages.get(at).map_or(&[][..], |(_, message)| message);
            libc::iovec {
                iov_base: message.as_ptr().cast_mut().cast(),
                iov_len: message.len(),
            }
        });
        let mut headers: [libc::mmsghdr; BATCH] = array::from_fn(|at| {
            let mut header = empty();
            header.msg_hdr.msg_name = names[at].as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = names[at].len();
            header.msg_hdr.msg_iov = &raw mut parts[at];
            header.msg_hdr.msg_iovlen = 1;
            let from_any = at == 0 && first_from_any;
            let own = messages
                .get(at)
                .filter(|_| !from_any)
                .and_then(|(flow, _)| own_address(local, flow));
            if let Some(own) = own {
                header.msg_hdr.msg_control = (&raw mut self.controls[at]).cast();
                header.msg_hdr.msg_controllen = CONTROL as _;
                send_from(&mut header.msg_hdr, own, local.is_ipv6());
            }
            header
        });
        // SAFETY: the first `count` headers name messages and addresses that live through the call and are only read, and
        // control data of `self`, as long as they say.
        let sent = unsafe {
            libc::sendmmsg(
                socket,
                headers.as_mut_ptr(),
                count as _,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        usize::try_from(sent).map_err(|_| Errno::last())
    }
}

/// The address of the flow that has to be asked for; none where the socket has one only, or the flow none.
fn own_address(local: SocketAddr, flow: &Flow) -> Option<IpAddr> {
    let own = flow.local.ip();
    (local.ip().is_unspecified() && !own.is_unspecified())
        .then_some(own)
        // A socket of IPv4 has no others.
        .filter(|own| local.is_ipv6() || own.is_ipv4())
}

/// A socket for both families takes IPv4 addresses mapped (RFC 4291 §2.5.5.2).
fn seen_from(local: SocketAddr, remote: SocketAddr) -> SocketAddr {
    match (remote.ip(), local) {
        (IpAddr::V4(ip), SocketAddr::V6(_)) => {
            SocketAddr::new(ip.to_ipv6_mapped().into(), remote.port())
        }
        _ => remote,
    }
}

fn empty() -> libc::mmsghdr {
    // SAFETY: all-zero octets are a header that names nothing.
    unsafe { mem::zeroed() }
}

/// Which of our addresses a datagram came to, when the kernel was asked to tell.
fn received_by(header: &libc::msghdr) -> Option<IpAddr> {
    // SAFETY: the kernel has filled in the header, whose control data are still there.
    let first = unsafe { libc::CMSG_FIRSTHDR(header).as_ref() }?;
    // SAFETY: it follows the header it is of.
    let data = unsafe { libc::CMSG_DATA(first) };
    match (first.cmsg_level, first.cmsg_type) {
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            // SAFETY: the data are of this type, as level and type say; the kernel cuts off no part of them, as there is room.
            let info = unsafe { data.cast::<libc::in_pktinfo>().read_unaligned() };
            // In network order whatever the machine's is.
            Some(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes()).into())
        }
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            // SAFETY: as above.
            let info = unsafe { data.cast::<libc::in6_pktinfo>().read_unaligned() };
            Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)).to_canonical())
        }
        _ => None,
    }
}

/// Has a datagram sent from one of our addresses; the header's control data have [`CONTROL`] octets.
fn send_from(header: &mut libc::msghdr, own: IpAddr, ipv6: bool) {
    match own {
        IpAddr::V4(own) if !ipv6 => {
            let information = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from_ne_bytes(own.octets()),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            put_control(header, libc::IPPROTO_IP, libc::IP_PKTINFO, information);
        }
        own => {
            let own = match own {
                IpAddr::V4(own) => own.to_ipv6_mapped(),
                IpAddr::V6(own) => own,
            };
            let information = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: own.octets(),
                },
                ipi6_ifindex: 0,
            };
            put_control(header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, information);
        }
    }
}

/// Makes `data` the only control data of a header that has room for [`CONTROL`] octets of them.
fn put_control<T: Copy>(header: &mut libc::msghdr, level: libc::c_int, kind: libc::c_int, data: T) {
    let size = size_of::<T>() as libc::c_uint;
    // SAFETY: these only compute lengths.
    let (space, length) = unsafe { (libc::CMSG_SPACE(size), libc::CMSG_LEN(size)) };
    const { assert!(size_of::<T>() + size_of::<libc::cmsghdr>() + 16 <= CONTROL) };
    header.msg_controllen = space as _;
    // SAFETY: the header has room for this and is aligned for it, as its type is.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        (*first).cmsg_level = level;
        (*first).cmsg_type = kind;
        (*first).cmsg_len = length as _;
        libc::CMSG_DATA(first).cast::<T>().write_unaligned(data);
    }
}

/// The address in a name that the kernel has given.
fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel wrote an IPv4 address, as its family says; storage is larger.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = name.sin_addr.s_addr.to_ne_bytes();
            Some(SocketAddr::from((ip, u16::from_be(name.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: the kernel wrote an IPv6 address, as its family says; storage is larger.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in6>() };
            Some(SocketAddr::V6(std::net::SocketAddrV6::new(
                name.sin6_addr.s6_addr.into(),
                u16::from_be(name.sin6_port),
                name.sin6_flowinfo,
                name.sin6_scope_id,
            )))
        }
        _ => None,
    }
}
