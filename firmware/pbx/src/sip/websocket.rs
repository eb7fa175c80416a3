//! SIP over WebSocket (RFC 7118), seen from the agent: a connection that carries whole messages. The WebSocket itself is
//! the web service's, which has the port, the certificate and the origin of the web phone.

use std::net::SocketAddr;

use bytes::Bytes;
use ramal_sip::{Flow, MAX_MESSAGE, Transport};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::connections::Slot;
use super::stream::Input;
use super::tcp::{Connector, canonical};

/// Messages waiting to be written to one connection.
const WRITE_QUEUE: usize = 64;

/// One WebSocket, open until this is dropped.
#[derive(Debug)]
pub struct WebSocketLink {
    flow: Flow,
    input: mpsc::Sender<Input>,
    queue: mpsc::Receiver<Bytes>,
    _slot: Slot,
}

impl WebSocketLink {
    /// The largest message taken, in bytes.
    pub const MAX_MESSAGE: usize = MAX_MESSAGE;

    /// Opens one from `remote`, over TLS or in clear; `None` when there are too many from there, or SIP has stopped.
    pub(crate) async fn open(
        connector: &Connector,
        local: SocketAddr,
        remote: SocketAddr,
        secure: bool,
    ) -> Option<Self> {
        let remote = canonical(remote);
        let slot = connector.connections.take(remote.ip())?;
        let flow = Flow {
            transport: if secure {
                Transport::Wss
            } else {
                Transport::Ws
            },
            local: canonical(local),
            remote,
            connection: connector.connections.number(),
        };
        let (writes, queue) = mpsc::channel(WRITE_QUEUE);
        let opened = Input::Opened {
            flow,
            writes,
            key: None,
        };
        connector.input.send(opened).await.ok()?;
        Some(Self {
            flow,
            input: connector.input.clone(),
            queue,
            _slot: slot,
        })
    }

    /// Takes what one WebSocket message carried, which is one SIP message (RFC 7118 §5.2). False when SIP has stopped.
    pub async fn received(&self, message: Bytes) -> bool {
        let flow = self.flow;
        self.input
            .send(Input::Message { flow, message })
            .await
            .is_ok()
    }

    /// The next SIP message to send; `None` when the WebSocket is to be closed.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.queue.recv().await
    }
}

impl Drop for WebSocketLink {
    fn drop(&mut self) {
        let closed = Input::Closed { flow: self.flow };
        if let Err(TrySendError::Full(closed)) = self.input.try_send(closed) {
            // It must not be lost; outside of a runtime nobody is left to hear it.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                let input = self.input.clone();
                runtime.spawn(async move { input.send(closed).await });
            }
        }
    }
}
