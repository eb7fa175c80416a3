//! The three doors: HTTPS, plain HTTP that redirects, and the local Unix socket.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::stop::Stop;
use axum::Router;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::admission::{Admission, Admitted};
use crate::connection::{Limits, Peer, Protocol, serve};

/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every listener needs.
#[derive(Clone)]
pub struct Door {
    /// Handles the requests.
    pub router: Router,
    /// Bounds.
    pub limits: Limits,
    /// Places for connections.
    pub admission: Arc<Admission>,
    /// Turns true when the service stops.
    pub stop: Stop,
}

/// Accepts TCP connections, with TLS when `tls` is given, until the service stops; returns when all have ended.
pub async fn tcp(listener: TcpListener, tls: Option<TlsAcceptor>, door: Door) {
    let mut stop = door.stop.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.requested() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, source)) => {
                    if let Some(place) = door.admission.admit(source.ip().to_canonical()) {
                        connections.spawn(connection(stream, tls.clone(), door.clone(), place));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.join_all().await;
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, door: Door, place: Admitted) {
    // Answers are whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let (Ok(remote), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        return;
    };
    let peer = Peer::Network {
        source: remote.ip().to_canonical(),
        port: remote.port(),
        local,
    };
    match tls {
        None => {
            serve(
                stream,
                Protocol::Http1,
                peer,
                door.router,
                door.limits,
                door.stop,
            )
            .await
        }
        Some(tls) => match tokio::time::timeout(door.limits.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                serve(stream, protocol, peer, door.router, door.limits, door.stop).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, source = %remote, "TLS handshake failed"),
            Err(_) => tracing::debug!(source = %remote, "TLS handshake took too long"),
        },
    }
    drop(place);
}

/// Opens the local socket for its owner only. A socket file nobody listens on is left over from a crash and replaced.
pub fn bind_local(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another service answers on this socket",
            ));
        }
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Accepts local connections until the service stops, then removes the socket file.
pub async fn local(listener: UnixListener, path: PathBuf, door: Door) {
    let mut stop = door.stop.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.requested() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => local_connection(stream, &door, &mut connections),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a local connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    if let Err(error) = std::fs::remove_file(&path) {
        tracing::debug!(%error, "the local socket was already gone");
    }
    connections.join_all().await;
}

fn local_connection(stream: UnixStream, door: &Door, connections: &mut JoinSet<()>) {
    match stream.peer_cred() {
        Ok(credentials) if may_enter(credentials.uid()) => {
            if connections.len() >= door.limits.connections_per_source {
                return;
            }
            let door = door.clone();
            let peer = Peer::Local {
                uid: credentials.uid(),
            };
            connections.spawn(serve(
                stream,
                Protocol::Http1,
                peer,
                door.router,
                door.limits,
                door.stop,
            ));
        }
        Ok(credentials) => tracing::warn!(
            uid = credentials.uid(),
            "local connection of another user refused"
        ),
        Err(error) => tracing::warn!(%error, "local connection without credentials refused"),
    }
}

/// The socket is trusted without a password, so only root and our own user may use it.
fn may_enter(uid: u32) -> bool {
    uid == 0 || uid == nix::unistd::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_and_the_own_user_may_enter() {
        let own = nix::unistd::geteuid().as_raw();
        assert!(may_enter(0));
        assert!(may_enter(own));
        assert!(!may_enter(own + 12345));
    }

    #[tokio::test]
    async fn a_left_over_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/api.sock");
        let first = bind_local(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            bind_local(&path).unwrap_err().kind(),
            io::ErrorKind::AddrInUse
        );
        drop(first);
        bind_local(&path).unwrap();
    }
}
