//! TCP connections from and to others, with TLS over them or without.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ramal_sip::{Flow, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::connections::Connections;
use super::destination::RequestError;
use super::hop::ConnectionKey;
use super::stream::{self, Input};
use super::tls::{self, Tls};

/// Time for a connection to stand: two attempts of TCP, and callers are not kept waiting for a server that is not there.
const CONNECT_TIME: Duration = Duration::from_millis(2500);

/// What connections are made with.
#[derive(Clone)]
pub(crate) struct Connector {
    /// Where connections are served.
    pub(super) runtime: Handle,
    pub(super) connections: Arc<Connections>,
    pub(super) input: mpsc::Sender<Input>,
    pub(super) tls: Tls,
}

impl Connector {
    /// Accepts connections for as long as the agent listens.
    pub(super) async fn accept(self, listener: TcpListener, transport: Transport) {
        loop {
            let (tcp, remote) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, most likely: give connections time to close.
                        tracing::warn!(%error, "cannot accept a SIP connection");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        continue;
                    }
                },
                () = self.input.closed() => return,
            };
            let Some(slot) = self.connections.take(remote.ip().to_canonical()) else {
                tracing::debug!(%remote, "too many SIP connections; closed");
                continue;
            };
            let connector = self.clone();
            tokio::spawn(async move {
                let _slot = slot;
                if let Err(error) = connector.serve(tcp, remote, transport).await {
                    tracing::debug!(%remote, %transport, %error, "SIP connection lost at once");
                }
            });
        }
    }

    async fn serve(
        &self,
        tcp: TcpStream,
        remote: SocketAddr,
        transport: Transport,
    ) -> io::Result<()> {
        prepare(&tcp)?;
        let flow = self.flow(&tcp, canonical(remote), transport)?;
        if transport == Transport::Tls {
            let source = flow.remote.ip();
            let handshake = self.connections.shake_hands(source);
            let handshake = handshake.ok_or_else(|| io::Error::other("too many handshakes"))?;
            let tls = self.tls.accept(tcp).await;
            drop(handshake);
            let tls = tls.inspect_err(|_| self.connections.handshake_failed())?;
            stream::serve(tls, flow, None, &self.input).await;
        } else {
            stream::serve(tcp, flow, None, &self.input).await;
        }
        Ok(())
    }

    /// Opens a connection and serves it.
    pub(super) async fn connect(self, key: ConnectionKey) {
        if let Err(error) = self.open(&key).await {
            tracing::info!(remote = %key.remote, transport = %key.transport, %error, "cannot connect to a SIP server");
            let why = match tls::is_distrust(&error) {
                true => RequestError::NotTrusted,
                false => RequestError::Unreachable,
            };
            // The agent is gone when this fails.
            let _ = self.input.send(Input::ConnectFailed { key, why }).await;
        }
    }

    async fn open(&self, key: &ConnectionKey) -> io::Result<()> {
        let tcp = timeout(CONNECT_TIME, TcpStream::connect(key.remote)).await??;
        prepare(&tcp)?;
        let flow = self.flow(&tcp, key.remote, key.transport)?;
        match (key.transport, &key.name) {
            (Transport::Tcp, _) => {
                stream::serve(tcp, flow, Some(key.clone()), &self.input).await;
            }
            (Transport::Tls, Some(name)) => {
                let tls = self.tls.connect(tcp, name, &key.trusted).await?;
                stream::serve(tls, flow, Some(key.clone()), &self.input).await;
            }
            // The gateway is a server of WebSockets only.
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(())
    }

    fn flow(&self, tcp: &TcpStream, remote: SocketAddr, transport: Transport) -> io::Result<Flow> {
        Ok(Flow {
            transport,
            local: canonical(tcp.local_addr()?),
            remote,
            connection: self.connections.number(),
        })
    }
}

/// An IPv4 peer of a socket for both families is an IPv4 peer.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Finds peers that vanished without closing.
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(20))
        .with_retries(3);
    socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)
}
