//! SIP over TLS.

use std::sync::Arc;
use std::time::Duration;

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

    /// Shakes hands with a server, whose certificate must carry `name`.
    pub(super) async fn connect(
        &self,
        tcp: TcpStream,
        name: &str,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let connector = self.connector.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        timeout(HANDSHAKE_TIME, connector.connect(name, tcp)).await?
    }
}
