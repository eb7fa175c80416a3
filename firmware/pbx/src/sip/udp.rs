//! SIP over UDP: one socket, drained and written to in batches.
//!
//! A socket on all addresses learns from the kernel which of them a datagram came to (`IP_PKTINFO`), and answers from the
//! same one: a phone that asked one address does not take an answer from another.

mod batch;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use ramal_sip::{Flow, Transport};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use self::batch::{BATCH, Inbox, Outbox};
use super::tcp::canonical;

/// Room for datagrams that arrive while the agent is busy: a burst of some thousand messages.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The listening socket.
pub(super) struct UdpTransport {
    /// Watched for what comes only: being told of every datagram that has left is a wake-up for nothing.
    socket: AsyncFd<StdUdpSocket>,
    local: SocketAddr,
    inbox: Inbox,
    outbox: Outbox,
    /// What waits to be sent, [`BATCH`] at most.
    waiting: Vec<(Flow, Bytes)>,
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
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            waiting: Vec::with_capacity(BATCH),
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

    /// Adds the datagrams that are there to `received`, [`BATCH`] at most.
    ///
    /// # Errors
    /// An ICMP error of an earlier send, or a fault of the socket.
    pub(super) fn receive(&mut self, received: &mut Vec<(Flow, Bytes)>) -> io::Result<()> {
        let inbox = &mut self.inbox;
        let count = self.socket.try_io(Interest::READABLE, |socket| {
            Ok(inbox.receive(socket.as_raw_fd())?)
        });
        let count = match count {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        for at in 0..count {
            let Some((remote, to, datagram)) = self.inbox.datagram(at) else {
                continue;
            };
            let remote = canonical(remote);
            // Most messages are short, and some are kept for long: each gets memory of its own.
            let datagram = Bytes::copy_from_slice(datagram);
            let flow = match to {
                Some(to) => self.flow_between(SocketAddr::new(to, self.local.port()), remote),
                None => self.flow(remote),
            };
            received.push((flow, datagram));
        }
        Ok(())
    }

    /// Notes a datagram to be sent, from our address of the flow; whether it is time to [`flush`](Self::flush).
    pub(super) fn push(&mut self, flow: Flow, message: Bytes) -> bool {
        self.waiting.push((flow, message));
        self.waiting.len() >= BATCH
    }

    /// Sends what was noted. Gives what could not be sent, and why: no route, too large, or no room in the send buffer.
    pub(super) fn flush(&mut self) -> Vec<(Flow, Errno)> {
        let mut failed = Vec::new();
        if self.waiting.is_empty() {
            return failed;
        }
        let socket = self.socket.as_raw_fd();
        self.outbox
            .send(socket, self.local, &self.waiting, |flow, error| {
                failed.push((flow, error));
            });
        self.waiting.clear();
        failed
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

    impl UdpTransport {
        async fn next(&mut self) -> (Flow, Bytes) {
            let mut received = Vec::new();
            while received.is_empty() {
                self.readable().await.unwrap();
                self.receive(&mut received).unwrap();
            }
            assert_eq!(received.len(), 1);
            received.remove(0)
        }

        fn answer(&mut self, flow: Flow) {
            self.push(flow, Bytes::from_static(b"answer"));
            assert!(self.flush().is_empty());
        }
    }

    #[tokio::test]
    async fn one_socket_takes_both_families() {
        let mut transport = UdpTransport::bind("[::]:0".parse().unwrap()).unwrap();
        let port = transport.local().port();
        for (ours, theirs) in [("127.0.0.1", "127.0.0.1:0"), ("::1", "[::1]:0")] {
            let ours: IpAddr = ours.parse().unwrap();
            let peer = StdUdpSocket::bind(theirs).unwrap();
            peer.send_to(b"hello", (ours, port)).unwrap();
            let (flow, _) = transport.next().await;
            assert_eq!(flow.local.ip(), ours);
            assert_eq!(flow.remote, peer.local_addr().unwrap());
            transport.answer(flow);
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
            let (flow, _) = transport.next().await;
            assert_eq!(flow.local, asked);
            transport.answer(flow);
            let mut buffer = [0; 16];
            assert_eq!(peer.recv_from(&mut buffer).unwrap(), (6, asked));
            // An address that is gone is no reason to say nothing.
            let mut gone = flow;
            gone.local.set_ip([192, 0, 2, 77].into());
            transport.answer(gone);
            assert_eq!(peer.recv(&mut buffer).unwrap(), 6);
        }
    }

    #[tokio::test]
    async fn a_socket_on_all_addresses_knows_which_one_a_peer_sees() {
        let mut transport = UdpTransport::bind(([0, 0, 0, 0], 0).into()).unwrap();
        let peer = StdUdpSocket::bind("127.0.0.1:0").unwrap();
        peer.send_to(b"hello", ("127.0.0.1", transport.local().port()))
            .unwrap();
        let (flow, datagram) = transport.next().await;
        assert_eq!(&datagram[..], b"hello");
        assert_eq!(flow.local.ip(), Ipv4Addr::LOCALHOST);
        assert_eq!(flow.remote, peer.local_addr().unwrap());
        let mut more = Vec::new();
        transport.receive(&mut more).unwrap();
        assert!(more.is_empty());
    }

    #[tokio::test]
    async fn batches_keep_their_order_and_their_lengths() {
        for (bound, theirs) in [("127.0.0.1:0", "127.0.0.1:0"), ("[::]:0", "[::1]:0")] {
            let mut transport = UdpTransport::bind(bound.parse().unwrap()).unwrap();
            let peer = StdUdpSocket::bind(theirs).unwrap();
            let to = SocketAddr::new(peer.local_addr().unwrap().ip(), transport.local().port());
            let count = 2 * BATCH + 5;
            for number in 0..count {
                peer.send_to(&vec![number as u8; number + 1], to).unwrap();
            }
            let mut received = Vec::new();
            while received.len() < count {
                transport.readable().await.unwrap();
                let before = received.len();
                transport.receive(&mut received).unwrap();
                assert!(received.len() - before <= BATCH);
            }
            for (number, (flow, datagram)) in received.into_iter().enumerate() {
                assert_eq!(datagram[..], vec![number as u8; number + 1]);
                if transport.push(flow, datagram) {
                    assert!(transport.flush().is_empty());
                }
            }
            assert!(transport.flush().is_empty());
            assert!(transport.flush().is_empty(), "nothing is sent twice");
            let mut buffer = [0; 256];
            for number in 0..count {
                let length = peer.recv(&mut buffer).unwrap();
                assert_eq!(buffer[..length], vec![number as u8; number + 1]);
            }
        }
    }

    #[tokio::test]
    async fn what_cannot_be_sent_keeps_nothing_else_from_being_sent() {
        let mut transport = UdpTransport::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let peer = StdUdpSocket::bind("127.0.0.1:0").unwrap();
        let good = transport.flow(peer.local_addr().unwrap());
        let no_family = transport.flow("[2001:db8::1]:5060".parse().unwrap());
        let too_large = Bytes::from(vec![0; 70_000]);
        transport.push(good, Bytes::from_static(b"first"));
        transport.push(no_family, Bytes::from_static(b"nowhere"));
        transport.push(good, too_large);
        transport.push(good, Bytes::from_static(b"last"));
        let failed = transport.flush();
        let flows: Vec<Flow> = failed.iter().map(|(flow, _)| *flow).collect();
        assert_eq!(flows, [no_family, good]);
        assert_eq!(failed[1].1, Errno::EMSGSIZE);
        let mut buffer = [0; 16];
        for said in [&b"first"[..], b"last"] {
            let length = peer.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], said);
        }
    }
}
