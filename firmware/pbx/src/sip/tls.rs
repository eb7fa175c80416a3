//! SIP over TLS.

use std::sync::Arc;
use std::time::Duration;

use ramal_model::TrustedCertificate;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Time for the handshake, either way.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);

/// Both directions' settings.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: Option<TlsAcceptor>,
    connector: Option<TlsConnector>,
}

impl Tls {
    pub(super) fn new(
        server: Option<Arc<ServerConfig>>,
        client: Option<Arc<ClientConfig>>,
    ) -> Self {
        Self {
            acceptor: server.map(TlsAcceptor::from),
            connector: client.map(TlsConnector::from),
        }
    }

    /// Shakes hands with a client.
    pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<server::TlsStream<TcpStream>> {
        let acceptor = self.acceptor.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        timeout(HANDSHAKE_TIME, acceptor.accept(tcp)).await?
    }

    /// Shakes hands with a server that claims to be `name`.
    pub(super) async fn connect(
        &self,
        tcp: TcpStream,
        name: &str,
        trusted: &TrustedCertificate,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let connector = self.connector.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        // Connections to carriers last long: making their settings anew for each is nothing.
        let connector = match trusted {
            TrustedCertificate::System => connector.clone(),
            TrustedCertificate::Fingerprint(octets) => {
                let config = ramal_tls::client_config_pinned(*octets).map_err(io::Error::other)?;
                TlsConnector::from(Arc::new(config))
            }
            TrustedCertificate::Authorities(pem) => {
                let config = ramal_tls::client_config_of(pem).map_err(io::Error::other)?;
                TlsConnector::from(Arc::new(config))
            }
        };
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        timeout(HANDSHAKE_TIME, connector.connect(name, tcp)).await?
    }
}

/// Whether a handshake failed for the other side's certificate.
pub(super) fn is_distrust(error: &io::Error) -> bool {
    let reason = error.get_ref().and_then(|error| error.downcast_ref());
    matches!(reason, Some(rustls::Error::InvalidCertificate(_)))
}
