//! One connection: HTTP/1.1 or HTTP/2 over a byte stream, with every wait bounded.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::stop::Stop;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, MissedTickBehavior};
use tower::ServiceExt;

use crate::stall::WriteDeadline;

/// Bounds of connections and requests. The defaults suit a gateway with some dozens of browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in all.
    pub connections: usize,
    /// Open connections from one source address.
    pub connections_per_source: usize,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time for the whole header of a request, counted from the end of the answer before it.
    pub header: Duration,
    /// Bytes of a request's header.
    pub header_bytes: u32,
    /// Number of fields in a request's header.
    pub header_fields: usize,
    /// Time for a request, from its header to the header of its answer.
    pub request: Duration,
    /// The same for one that brings a sound, which also has to be decoded, or an archive.
    pub upload: Duration,
    /// Time without any request after which a connection is closed.
    pub idle: Duration,
    /// Time a client may leave sent bytes unread.
    pub write_stall: Duration,
    /// Clients of the event stream.
    pub event_clients: usize,
    /// Time between keep-alive comments of the event stream.
    pub event_keep_alive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_source: 64,
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(20),
            header_bytes: 16 * 1024,
            header_fields: 64,
            request: Duration::from_secs(60),
            upload: Duration::from_secs(600),
            idle: Duration::from_secs(90),
            write_stall: Duration::from_secs(30),
            event_clients: 64,
            event_keep_alive: Duration::from_secs(15),
        }
    }
}

/// Who is at the other end; every request carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// A TCP client.
    Network {
        /// Its address.
        source: IpAddr,
        /// Its port.
        port: u16,
        /// Our end.
        local: SocketAddr,
    },
    /// A process on the gateway, root or of our own user.
    Local {
        /// Its user id.
        uid: u32,
    },
}

/// What the two ends agreed on (ALPN, RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Time left for running requests when the service stops or an idle connection is closed.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves `router` on `stream` until the client leaves, a limit is reached or `stop` turns true.
pub async fn serve<S>(
    stream: S,
    protocol: Protocol,
    peer: Peer,
    router: Router,
    limits: Limits,
    stop: Stop,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let service = service_fn({
        let activity = Arc::clone(&activity);
        move |mut request: hyper::Request<Incoming>| {
            let busy = Activity::begin(&activity);
            let router = router.clone();
            request.extensions_mut().insert(peer);
            async move {
                let response = router.oneshot(request.map(Body::new)).await?;
                Ok::<_, Infallible>(response.map(|body| Answer { body, _busy: busy }))
            }
        }
    });
    let io = TokioIo::new(WriteDeadline::new(stream, limits.write_stall));
    match protocol {
        Protocol::Http1 => {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.header)
                .max_headers(limits.header_fields)
                .max_header_size(limits.header_bytes as usize)
                .max_buf_size(64 * 1024)
                .serve_connection(io, service)
                .with_upgrades();
            drive(
                connection,
                |connection| connection.graceful_shutdown(),
                &activity,
                limits.idle,
                stop,
            )
            .await;
        }
        Protocol::Http2 => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(64)
                .max_header_list_size(limits.header_bytes)
                .max_send_buf_size(64 * 1024)
                .initial_stream_window_size(64 * 1024)
                .initial_connection_window_size(256 * 1024)
                .keep_alive_interval(Duration::from_secs(30))
                .keep_alive_timeout(Duration::from_secs(20))
                .serve_connection(io, service);
            drive(
                connection,
                |connection| connection.graceful_shutdown(),
                &activity,
                limits.idle,
                stop,
            )
            .await;
        }
    }
}

async fn drive<C>(
    connection: C,
    shut_down: impl Fn(Pin<&mut C>),
    activity: &Activity,
    idle: Duration,
    mut stop: Stop,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = pin!(connection);
    let mut check = tokio::time::interval((idle / 4).max(Duration::from_millis(10)));
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut farewell: Option<Instant> = None;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(%error, "connection ended");
                }
                return;
            }
            () = stop.requested(), if farewell.is_none() => {
                shut_down(connection.as_mut());
                farewell = Some(Instant::now() + FAREWELL);
            }
            () = until(farewell) => return,
            _ = check.tick(), if farewell.is_none() => {
                if activity.idle_for() >= idle {
                    shut_down(connection.as_mut());
                    farewell = Some(Instant::now() + FAREWELL);
                }
            }
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Requests running on a connection, and since when there is none.
struct Activity(Mutex<(usize, Instant)>);

impl Activity {
    fn new() -> Self {
        Self(Mutex::new((0, Instant::now())))
    }

    fn begin(this: &Arc<Self>) -> Busy {
        this.0.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
        Busy(Arc::clone(this))
    }

    fn idle_for(&self) -> Duration {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            (0, since) => since.elapsed(),
            _ => Duration::ZERO,
        }
    }
}

/// A request that is running; dropped when its answer is sent.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (state.0.saturating_sub(1), Instant::now());
    }
}

/// The body of an answer; keeps the connection from counting as idle.
struct Answer {
    body: Body,
    _busy: Busy,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
