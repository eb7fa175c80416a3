//! The phone's signalling socket: UDP, or one TCP connection to the gateway.

use crate::PhoneError;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::Mutex;

/// Signalling transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Datagrams; requests are retransmitted by the phone.
    Udp,
    /// One connection to the gateway.
    Tcp,
}

impl Protocol {
    /// As it stands in Via.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Udp => "UDP",
            Protocol::Tcp => "TCP",
        }
    }
}

/// Sending half, shared by all calls of a phone.
#[derive(Debug, Clone)]
pub struct Sender {
    half: Half,
    local: SocketAddr,
    /// Second handle of a TCP connection, to end it while calls still hold the first.
    connection: Option<Arc<std::net::TcpStream>>,
}

#[derive(Debug, Clone)]
enum Half {
    Udp(Arc<UdpSocket>),
    Tcp(Arc<Mutex<OwnedWriteHalf>>),
}

/// Receiving half.
#[derive(Debug)]
pub enum Receiver {
    Udp(Arc<UdpSocket>),
    Tcp {
        read: OwnedReadHalf,
        buffer: Vec<u8>,
    },
}

/// Opens the socket, bound to `local`, towards `server`.
pub async fn open(
    protocol: Protocol,
    local: SocketAddr,
    server: SocketAddr,
) -> Result<(Sender, Receiver), PhoneError> {
    match protocol {
        Protocol::Udp => {
            let socket = Arc::new(UdpSocket::bind(local).await?);
            socket.connect(server).await?;
            let local = socket.local_addr()?;
            Ok((
                Sender {
                    half: Half::Udp(socket.clone()),
                    local,
                    connection: None,
                },
                Receiver::Udp(socket),
            ))
        }
        Protocol::Tcp => {
            let socket = if local.is_ipv4() {
                TcpSocket::new_v4()?
            } else {
                TcpSocket::new_v6()?
            };
            socket.bind(local)?;
            let stream = socket.connect(server).await?;
            let local = stream.local_addr()?;
            let stream = stream.into_std()?;
            let connection = Some(Arc::new(stream.try_clone()?));
            let (read, write) = TcpStream::from_std(stream)?.into_split();
            Ok((
                Sender {
                    half: Half::Tcp(Arc::new(Mutex::new(write))),
                    local,
                    connection,
                },
                Receiver::Tcp {
                    read,
                    buffer: Vec::new(),
                },
            ))
        }
    }
}

impl Sender {
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Ends a TCP connection at once, whoever still waits on it; a datagram socket has none.
    pub fn disconnect(&self) {
        if let Some(connection) = &self.connection {
            // Fails only on a connection that has ended by itself.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub fn is_reliable(&self) -> bool {
        matches!(self.half, Half::Tcp(_))
    }

    pub async fn send(&self, bytes: &[u8]) -> Result<(), PhoneError> {
        match &self.half {
            Half::Udp(socket) => {
                socket.send(bytes).await?;
            }
            Half::Tcp(write) => write.lock().await.write_all(bytes).await?,
        }
        Ok(())
    }
}

impl Receiver {
    /// The next whole message; `None` when the connection is closed.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Receiver::Udp(socket) => {
                let mut buffer = vec![0; 65536];
                loop {
                    // A refused datagram shows up as an error on the next read: the phone goes on.
                    if let Ok(n) = socket.recv(&mut buffer).await {
                        buffer.truncate(n);
                        return Some(buffer);
                    }
                }
            }
            Receiver::Tcp { read, buffer } => loop {
                if let Some(message) = take_message(buffer) {
                    return Some(message);
                }
                let mut chunk = [0; 8192];
                let n = read.read(&mut chunk).await.ok().filter(|n| *n > 0)?;
                buffer.extend_from_slice(&chunk[..n]);
            },
        }
    }
}

/// Takes one message off the front of a stream (RFC 3261 §18.3).
fn take_message(buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let blank = buffer
        .iter()
        .take_while(|b| **b == b'\r' || **b == b'\n')
        .count();
    buffer.drain(..blank);
    let head = buffer.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|l| {
            l.strip_prefix("content-length:")
                .or_else(|| l.strip_prefix("l:"))
        })
        .and_then(|v| v.trim().parse::<usize>().ok())
        .unwrap_or(0);
    (buffer.len() >= head + length).then(|| buffer.drain(..head + length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_by_content_length() {
        let mut buffer = b"\r\n\r\nA\r\nContent-Length: 3\r\n\r\nxyzB\r\nl: 0\r\n\r\nC".to_vec();
        assert_eq!(
            take_message(&mut buffer).unwrap(),
            b"A\r\nContent-Length: 3\r\n\r\nxyz"
        );
        assert_eq!(take_message(&mut buffer).unwrap(), b"B\r\nl: 0\r\n\r\n");
        assert_eq!(take_message(&mut buffer), None);
        assert_eq!(buffer, b"C");
    }
}
