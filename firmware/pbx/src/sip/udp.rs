//! SIP over UDP: one socket, drained in batches.
//!
//! A socket on all addresses learns from the kernel which of them a datagram came to (`IP_PKTINFO`), and answers from the
//! same one: a phone that asked one address does not take an answer from another.

use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt,
    sockopt,
};
use ramal_sip::{Flow, Transport};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::tcp::canonical;

/// The largest datagram there can be.
const DATAGRAM: usize = 65_535;
/// Room for datagrams that arrive while the agent is busy: a burst of some thousand messages.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The listening socket.
#[derive(Debug)]
pub(super) struct UdpTransport {
    /// Watched for what comes only: being told of every datagram that has left is a wake-up for nothing.
    socket: AsyncFd<StdUdpSocket>,
    local: SocketAddr,
    buffer: Box<[u8]>,
    /// Room for what the kernel tells about a datagram.
    control: Vec<u8>,
    sources: SourceAddresses,
}

impl UdpTransport {
    /// Binds the socket.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = StdUdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        // The kernel may grant less; that is no reason not to start.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
        let local = socket.local_addr()?;
        if local.ip().is_unspecified() {
            match local {
                SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
                SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
            }
        }
        // SAFETY: the socket is open, and stays so and the same until the `AsyncFd` that owns it is dropped.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?;
        Ok(Self {
            socket,
            local,
            buffer: vec![0; DATAGRAM].into(),
            control: cmsg_space!(in6_pktinfo, in_pktinfo),
            sources: SourceAddresses::default(),
        })
    }

    /// The bound address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Waits until a datagram can be received.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await?.retain_ready();
        Ok(())
    }

    /// The next datagram, if one is there.
    ///
    /// # Errors
    /// An ICMP error of an earlier send, or a fault of the socket.
    pub(super) fn receive(&mut self) -> io::Result<Option<(Flow, Bytes)>> {
        let Self {
            socket,
            buffer,
            control,
            ..
        } = self;
        let received = socket.try_io(Interest::READABLE, |socket| {
            let mut room = [IoSliceMut::new(buffer)];
            let flags = MsgFlags::MSG_DONTWAIT;
            let message =
                recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut room, Some(control), flags)?;
            let remote = message.address.as_ref().and_then(address);
            let to = message.cmsgs()?.find_map(|about| match about {
                ControlMessageOwned::Ipv4PacketInfo(info) => Some(ipv4(info.ipi_addr).into()),
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    Some(IpAddr::V6(info.ipi6_addr.s6_addr.into()).to_canonical())
                }
                _ => None,
            });
            Ok((message.bytes, remote, to))
        });
        let (length, remote, to) = match received {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let remote = remote.ok_or_else(|| io::Error::other("a datagram from nowhere"))?;
        // Most messages are short, and some are kept for long: each gets memory of its own.
        let datagram = Bytes::copy_from_slice(self.buffer.get(..length).unwrap_or_default());
        let flow = match to {
            Some(to) => self.flow_between(SocketAddr::new(to, self.local.port()), remote),
            None => self.flow(remote),
        };
        Ok(Some((flow, datagram)))
    }

    /// Sends a datagram, from our address of the flow.
    ///
    /// # Errors
    /// No route, too large, or no room in the send buffer.
    pub(super) fn send(&self, flow: &Flow, message: &[u8]) -> io::Result<()> {
        let from = Some(flow.local.ip())
            .filter(|from| self.local.ip().is_unspecified() && !from.is_unspecified());
        match self.send_from(from, flow.remote, message) {
            // The address is not ours any more; whoever waits for the answer may take it from another one.
            Err(Errno::EINVAL | Errno::EADDRNOTAVAIL | Errno::ENETUNREACH) if from.is_some() => {
                Ok(self.send_from(None, flow.remote, message)?)
            }
            sent => Ok(sent?),
        }
    }

    fn send_from(
        &self,
        from: Option<IpAddr>,
        remote: SocketAddr,
        message: &[u8],
    ) -> Result<(), Errno> {
        // A socket for both families takes IPv4 addresses mapped (RFC 4291 §2.5.5.2).
        let remote = match (remote.ip(), self.local) {
            (IpAddr::V4(ip), SocketAddr::V6(_)) => {
                SocketAddr::new(ip.to_ipv6_mapped().into(), remote.port())
            }
            _ => remote,
        };
        let (v4, v6);
        let control: &[ControlMessage<'_>] = match (from, self.local) {
            (Some(IpAddr::V4(from)), SocketAddr::V4(_)) => {
                v4 = in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: in_addr {
                        s_addr: u32::from_ne_bytes(from.octets()),
                    },
                    ipi_addr: in_addr { s_addr: 0 },
                };
                &[ControlMessage::Ipv4PacketInfo(&v4)]
            }
            (Some(from), SocketAddr::V6(_)) => {
                let from = match from {
                    IpAddr::V4(from) => from.to_ipv6_mapped(),
                    IpAddr::V6(from) => from,
                };
                v6 = in6_pktinfo {
                    ipi6_addr: in6_addr {
                        s6_addr: from.octets(),
                    },
                    ipi6_ifindex: 0,
                };
                &[ControlMessage::Ipv6PacketInfo(&v6)]
            }
            _ => &[],
        };
        sendmsg(
            self.socket.as_raw_fd(),
            &[IoSlice::new(message)],
            control,
            MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
            Some(&SockaddrStorage::from(remote)),
        )
        .map(drop)
    }

    /// The flow to a remote address that has not sent anything yet.
    pub(super) fn flow(&mut self, remote: SocketAddr) -> Flow {
        let mut local = self.local;
        if local.ip().is_unspecified() {
            local.set_ip(self.sources.towards(remote, local.ip()));
        }
        self.flow_between(local, remote)
    }

    fn flow_between(&self, local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow {
            transport: Transport::Udp,
            local,
            remote,
            connection: 0,
        }
    }
}

/// Where a datagram came from; none for address families that are not IP.
fn address(name: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = name.as_sockaddr_in().map(|v4| SocketAddr::from(*v4));
    v4.or_else(|| name.as_sockaddr_in6().map(|v6| SocketAddr::from(*v6)))
        .map(canonical)
}

fn ipv4(address: in_addr) -> Ipv4Addr {
    // In network order whatever the machine's is.
    address.s_addr.to_ne_bytes().into()
}

/// Which of our addresses the kernel uses towards a remote one, remembered for a while.
#[derive(Debug, Default)]
struct SourceAddresses {
    known: HashMap<IpAddr, (IpAddr, Instant)>,
}

impl SourceAddresses {
    /// Routes may change, seldom.
    const KEEP: Duration = Duration::from_secs(60);
    const CAPACITY: usize = 16_384;

    fn towards(&mut self, remote: SocketAddr, unknown: IpAddr) -> IpAddr {
        let now = Instant::now();
        if let Some(&(local, at)) = self.known.get(&remote.ip())
            && now.duration_since(at) < Self::KEEP
        {
            return local;
        }
        if self.known.len() >= Self::CAPACITY {
            self.known.clear();
        }
        let local = route(remote).unwrap_or(unknown);
        self.known.insert(remote.ip(), (local, now));
        local
    }
}

/// Asks the kernel; connecting a UDP socket sends nothing.
fn route(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = StdUdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_socket_takes_both_families() {
        let mut transport = UdpTransport::bind("[::]:0".parse().unwrap()).unwrap();
        let port = transport.local().port();
        for (ours, theirs) in [("127.0.0.1", "127.0.0.1:0"), ("::1", "[::1]:0")] {
            let ours: IpAddr = ours.parse().unwrap();
            let peer = StdUdpSocket::bind(theirs).unwrap();
            peer.send_to(b"hello", (ours, port)).unwrap();
            transport.readable().await.unwrap();
            let (flow, _) = transport.receive().unwrap().unwrap();
            assert_eq!(flow.local.ip(), ours);
            assert_eq!(flow.remote, peer.local_addr().unwrap());
            transport.send(&flow, b"answer").unwrap();
            let mut buffer = [0; 16];
            assert_eq!(peer.recv(&mut buffer).unwrap(), 6);
        }
    }

    #[tokio::test]
    async fn an_answer_comes_from_the_address_that_was_asked() {
        for bound in ["0.0.0.0:0", "[::]:0"] {
            let mut transport = UdpTransport::bind(bound.parse().unwrap()).unwrap();
            // The kernel by itself would answer 127.0.0.1 from 127.0.0.1.
            let asked = SocketAddr::from(([127, 0, 0, 7], transport.local().port()));
            let peer = StdUdpSocket::bind("127.0.0.1:0").unwrap();
            peer.send_to(b"hello", asked).unwrap();
            transport.readable().await.unwrap();
            let (flow, _) = transport.receive().unwrap().unwrap();
            assert_eq!(flow.local, asked);
            transport.send(&flow, b"answer").unwrap();
            let mut buffer = [0; 16];
            assert_eq!(peer.recv_from(&mut buffer).unwrap(), (6, asked));
            // An address that is gone is no reason to say nothing.
            let mut gone = flow;
            gone.local.set_ip([192, 0, 2, 77].into());
            transport.send(&gone, b"answer").unwrap();
            assert_eq!(peer.recv(&mut buffer).unwrap(), 6);
        }
    }

    #[tokio::test]
    async fn a_socket_on_all_addresses_knows_which_one_a_peer_sees() {
        let mut transport = UdpTransport::bind(([0, 0, 0, 0], 0).into()).unwrap();
        let peer = StdUdpSocket::bind("127.0.0.1:0").unwrap();
        peer.send_to(b"hello", ("127.0.0.1", transport.local().port()))
            .unwrap();
        transport.readable().await.unwrap();
        let (flow, datagram) = transport.receive().unwrap().unwrap();
        assert_eq!(&datagram[..], b"hello");
        assert_eq!(flow.local.ip(), Ipv4Addr::LOCALHOST);
        assert_eq!(flow.remote, peer.local_addr().unwrap());
        assert!(transport.receive().unwrap().is_none());
    }
}
