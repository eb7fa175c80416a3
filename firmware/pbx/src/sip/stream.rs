//! SIP over one byte stream, TCP or TLS: frames messages (RFC 3261 §18.3), answers keep-alives and sends our own (RFC 5626
//! §3.5.1), and writes what the agent sends.
//!
//! A connection costs at most one decoder buffer and one bounded queue; one that stays silent after connecting, stalls in
//! the middle of a message, or does not read what is sent to it is closed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ramal_sip::Flow;
use ramal_sip::framing::{Frame, PING, PONG, StreamDecoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::attempt::{AttemptId, Waiting};
use super::destination::RequestError;
use super::hop::{ConnectionKey, Hop};

/// Time for the first message, and for the rest of one once it has begun.
const MESSAGE_TIME: Duration = Duration::from_secs(30);
/// Silence after which a connection is closed: longer than any registration lasts.
const IDLE_TIME: Duration = Duration::from_secs(3900);
/// Time for the other end to take one message.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// Messages waiting to be written to one connection.
const WRITE_QUEUE: usize = 64;
/// The longest time between our keep-alives; the shortest is 80% of it (RFC 5626 §4.4.1).
const PING_INTERVAL: Duration = Duration::from_secs(120);
/// Time for the answer to a keep-alive (RFC 5626 §4.4.1).
const PONG_TIME: Duration = Duration::from_secs(10);

/// What connections, and tasks of the agent, tell it.
#[derive(Debug)]
pub(super) enum Input {
    /// A connection stands; messages for it go into `writes`.
    Opened {
        flow: Flow,
        writes: mpsc::Sender<Bytes>,
        /// What it was asked for as; none when it came from outside.
        key: Option<ConnectionKey>,
    },
    /// A connection that was asked for cannot be made.
    ConnectFailed {
        key: ConnectionKey,
        why: RequestError,
    },
    /// Names were looked up; without hops they have no address.
    Resolved { id: AttemptId, hops: Vec<Hop> },
    /// Something has waited for its first response.
    Waited(Waiting),
    /// A whole message arrived.
    Message { flow: Flow, message: Bytes },
    /// The connection is gone.
    Closed { flow: Flow },
}

/// Serves a connection until it ends, and says so.
pub(super) async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    flow: Flow,
    key: Option<ConnectionKey>,
    input: &mpsc::Sender<Input>,
) {
    let (writes, queue) = mpsc::channel(WRITE_QUEUE);
    let pongs = writes.downgrade();
    let ours = key.is_some();
    if input
        .send(Input::Opened { flow, writes, key })
        .await
        .is_err()
    {
        return;
    }
    let asked = Arc::new(AtomicBool::new(false));
    let (reader, writer) = tokio::io::split(stream);
    let end = tokio::select! {
        end = read(reader, flow, input, pongs.clone(), asked.clone(), ours) => end,
        end = write(writer, queue) => end,
        end = keep_alive(pongs, asked), if ours => end,
    };
    if let Err(error) = end {
        tracing::debug!(remote = %flow.remote, transport = %flow.transport, %error, "SIP connection closed");
    }
    // The agent is gone when this fails.
    let _ = input.send(Input::Closed { flow }).await;
}

async fn read<S: AsyncRead>(
    mut reader: ReadHalf<S>,
    flow: Flow,
    input: &mpsc::Sender<Input>,
    pongs: mpsc::WeakSender<Bytes>,
    asked: Arc<AtomicBool>,
    ours: bool,
) -> io::Result<()> {
    let mut decoder = StreamDecoder::new();
    let mut buffer = [0; 4096];
    // One that we have opened need not speak first.
    let mut deadline = Instant::now() + if ours { IDLE_TIME } else { MESSAGE_TIME };
    loop {
        let length = match timeout_at(deadline, reader.read(&mut buffer)).await {
            Ok(read) => read?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        if length == 0 {
            return Ok(());
        }
        let was_partial = decoder.is_partial();
        if asked.load(Ordering::Relaxed) {
            decoder.expect_pong();
        }
        decoder.push(buffer.get(..length).unwrap_or_default());
        let mut complete = false;
        while let Some(frame) = decoder.next_frame().map_err(io::Error::other)? {
            complete = true;
            match frame {
                Frame::Message(message) => {
                    if input.send(Input::Message { flow, message }).await.is_err() {
                        return Ok(());
                    }
                }
                Frame::Pong => asked.store(false, Ordering::Relaxed),
                Frame::Ping => {
                    if let Some(writes) = pongs.upgrade() {
                        // A full queue needs no pong on top.
                        let _ = writes.try_send(Bytes::from_static(PONG));
                    }
                }
            }
        }
        if !decoder.is_partial() {
            deadline = Instant::now() + IDLE_TIME;
        } else if complete || !was_partial {
            // A message has begun; trickling bytes do not extend its time.
            deadline = Instant::now() + MESSAGE_TIME;
        }
    }
}

async fn write<S: AsyncWrite>(
    mut writer: WriteHalf<S>,
    mut queue: mpsc::Receiver<Bytes>,
) -> io::Result<()> {
    while let Some(message) = queue.recv().await {
        timeout(WRITE_TIME, async {
            writer.write_all(&message).await?;
            // TLS keeps records back until then.
            writer.flush().await
        })
        .await??;
    }
    // Says goodbye in TLS.
    timeout(WRITE_TIME, writer.shutdown()).await?
}

/// Keeps a connection of ours open through NATs, and finds out when it does not work any more. `asked` is true from our
/// question to its answer.
async fn keep_alive(writes: mpsc::WeakSender<Bytes>, asked: Arc<AtomicBool>) -> io::Result<()> {
    // Nobody is obliged to answer who has never done so: TCP servers without RFC 5626 ignore line ends.
    let mut answers = false;
    loop {
        sleep(PING_INTERVAL.mul_f64(rand::random_range(0.8..1.0))).await;
        asked.store(true, Ordering::Relaxed);
        let Some(writes) = writes.upgrade() else {
            return Ok(());
        };
        // A full queue keeps the connection open by itself.
        let _ = writes.try_send(Bytes::from_static(PING));
        drop(writes);
        sleep(PONG_TIME).await;
        if !asked.load(Ordering::Relaxed) {
            answers = true;
        } else if answers {
            return Err(io::Error::other("keep-alive not answered"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use ramal_model::TrustedCertificate;
    use ramal_sip::Transport;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A connection of ours that is served, its far end, and what the agent is told. Time runs when nothing else does.
    async fn connected() -> (TcpStream, mpsc::Receiver<Input>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote: SocketAddr = listener.local_addr().unwrap();
        let ours = TcpStream::connect(remote).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        let flow = Flow {
            transport: Transport::Tcp,
            local: ours.local_addr().unwrap(),
            remote,
            connection: 1,
        };
        let key = ConnectionKey {
            transport: Transport::Tcp,
            remote,
            name: None,
            trusted: Arc::new(TrustedCertificate::System),
        };
        let (input, inputs) = mpsc::channel(8);
        tokio::spawn(async move { serve(ours, flow, Some(key), &input).await });
        (peer, inputs)
    }

    async fn pinged(peer: &mut TcpStream) -> Instant {
        let mut ping = [0; 4];
        peer.read_exact(&mut ping).await.unwrap();
        assert_eq!(ping, PING);
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_answering_keep_alives_is_left() {
        let (mut peer, mut inputs) = connected().await;
        let Some(Input::Opened { writes, .. }) = inputs.recv().await else {
            panic!("not open");
        };
        let began = Instant::now();
        for _ in 0..3 {
            pinged(&mut peer).await;
            peer.write_all(PONG).await.unwrap();
        }
        // RFC 5626 §4.4.1: between 80% and all of the interval, and the time for the answer.
        let rounds = began.elapsed() / 3;
        let interval = Duration::from_secs(96)..=Duration::from_secs(131);
        assert!(interval.contains(&rounds), "{rounds:?}");
        let asked = pinged(&mut peer).await;
        assert!(matches!(inputs.recv().await, Some(Input::Closed { .. })));
        let waited = asked.elapsed();
        assert!((9..=11).contains(&waited.as_secs()), "{waited:?}");
        assert_eq!(peer.read(&mut [0; 16]).await.unwrap(), 0, "it is closed");
        drop(writes);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_answered_keep_alives_is_not() {
        let (mut peer, mut inputs) = connected().await;
        let opened = inputs.recv().await;
        for _ in 0..5 {
            pinged(&mut peer).await;
        }
        assert!(inputs.try_recv().is_err());
        drop(opened);
    }
}
