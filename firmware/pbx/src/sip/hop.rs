//! One server to try, and the connection to it.

use std::net::SocketAddr;
use std::sync::Arc;

use ramal_model::TrustedCertificate;
use ramal_sip::Transport;

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Hop {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    /// The name its certificate must carry: the one looked up first (RFC 5922 §4); none without TLS.
    pub(super) name: Option<String>,
    /// What its certificate is checked by.
    pub(super) trusted: Arc<TrustedCertificate>,
    /// Whether the transport may not be changed for large requests.
    pub(super) is_fixed: bool,
}

/// Which requests may share a connection: the same transport and address and, with TLS, the same name verified in the same
/// way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ConnectionKey {
    pub(super) transport: Transport,
    pub(super) remote: SocketAddr,
    pub(super) name: Option<String>,
    pub(super) trusted: Arc<TrustedCertificate>,
}

impl Hop {
    /// How a request too large for a datagram is sent to it (RFC 3261 §18.1.1): over TCP, and if that is refused as it is.
    pub(super) fn for_large(self) -> [Self; 2] {
        let udp = Self {
            is_fixed: true,
            ..self
        };
        let tcp = Self {
            transport: Transport::Tcp,
            ..udp.clone()
        };
        [tcp, udp]
    }

    /// The connection to it.
    pub(super) fn key(&self) -> ConnectionKey {
        ConnectionKey {
            transport: self.transport,
            remote: self.address,
            name: self.name.clone(),
            trusted: self.trusted.clone(),
        }
    }
}
