//! The far end of a stream that carries a fax (ITU-T T.38 over UDPTL): datagrams pass as they are.

use std::net::{IpAddr, SocketAddr};

use socket2::SockAddr;

use crate::socket;

/// A far end that sends and receives UDPTL.
pub(crate) struct Udptl {
    /// Hosts it may send from: the described one, and the one its audio came from.
    hosts: [IpAddr; 2],
    source: SocketAddr,
    destination: SockAddr,
    ipv6: bool,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) foreign: u64,
}

impl Udptl {
    /// `audio` is where its audio came from, if any came.
    pub(crate) fn new(described: SocketAddr, audio: Option<SocketAddr>, ipv6: bool) -> Self {
        Udptl {
            hosts: [described.ip(), audio.unwrap_or(described).ip()],
            source: described,
            destination: socket::destination(described, ipv6),
            ipv6,
            received: 0,
            sent: 0,
            foreign: 0,
        }
    }

    /// Whether a datagram is taken. UDPTL has nothing but its source to tell it by: it has to come from the far end's
    /// host, and answers follow it through an address translation.
    pub(crate) fn accept(&mut self, source: SocketAddr) -> bool {
        if source != self.source {
            if !self.hosts.contains(&source.ip()) {
                self.foreign += 1;
                return false;
            }
            self.source = source;
            self.destination = socket::destination(source, self.ipv6);
        }
        self.received += 1;
        true
    }

    /// Sends a datagram on.
    pub(crate) fn send(&mut self, descriptor: std::os::fd::RawFd, datagram: &[u8]) {
        if socket::send(descriptor, datagram, Some(&self.destination)) {
            self.sent += 1;
        }
    }
}
