//! Where messages come from and go to.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::Transport;

/// One path between this endpoint and a peer: a UDP address pair or one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Transport protocol.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Number of the connection, given by whoever owns the sockets; 0 for UDP.
    pub connection: u64,
}

impl Flow {
    /// Whether the transport delivers in order and without loss, so that nothing need be retransmitted.
    pub fn is_reliable(&self) -> bool {
        self.transport != Transport::Udp
    }
}

/// A message to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub flow: Flow,
    /// One datagram, or one message of a stream.
    pub message: Bytes,
}
