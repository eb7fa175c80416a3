//! The engine: starts the media threads and opens channels on them.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::channel::{ChannelState, Kind};
use crate::command::{Command, Home};
use crate::conference::Room;
use crate::handle::{Channel, Line, OurIdentity, Stream};
use crate::line::{LineAudio, LinePort};
use crate::mailbox::{Mailbox, Refused};
use crate::ports::PortRange;
use crate::stream::{RtpStream, Sockets};
use crate::worker::Worker;
use crate::{
    Encoding, MediaError, Multiplexing, Prompt, PromptLibrary, StreamParameters, rtcp, socket,
};

/// How to start an engine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Address the RTP and RTCP sockets are bound to; unspecified for all.
    pub bind: IpAddr,
    /// Ports to take pairs from, first and last included.
    pub ports: RangeInclusive<u16>,
    /// Media threads, at least 1. Channels are spread over them; bridged ones share one.
    pub threads: usize,
    /// Prompts for everyone.
    pub prompts: Arc<PromptLibrary>,
    /// How the threads wait for packets and send them.
    pub multiplexing: Multiplexing,
}

/// The running media engine. Clones are the same engine; it stops when the last one is dropped.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    uses_ring: bool,
    bind: IpAddr,
    ports: Arc<PortRange>,
    mailboxes: Vec<Arc<Mailbox>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    prompts: Arc<PromptLibrary>,
    encoding: Encoding,
    cname: [u8; rtcp::CNAME_LENGTH],
    next_id: AtomicU64,
    identity: Arc<OurIdentity>,
}

impl Engine {
    /// Starts the threads.
    ///
    /// # Errors
    /// The port range holds no pair, or the system refuses a thread, a timer or a descriptor.
    pub fn start(config: EngineConfig) -> Result<Engine, MediaError> {
        let ports = Arc::new(PortRange::new(&config.ports)?);
        let mut name = [0u8; rtcp::CNAME_LENGTH];
        for (octet, random) in name
            .iter_mut()
            .zip(socket::random::<{ rtcp::CNAME_LENGTH }>()?)
        {
            *octet = b"0123456789abcdef"[usize::from(random % 16)];
        }
        let encoding = match config.prompts.encoding() {
            Some(encoding) => encoding.clone(),
            None => Encoding::start()?,
        };
        let uses_ring = config.multiplexing.uses_ring();
        let shared = Shared {
            uses_ring,
            bind: config.bind,
            ports,
            mailboxes: Vec::new(),
            threads: Mutex::new(Vec::new()),
            prompts: config.prompts,
            encoding,
            cname: name,
            next_id: AtomicU64::new(1),
            identity: Arc::default(),
        };
        let mut engine = Engine {
            shared: Arc::new(shared),
        };
        for number in 0..config.threads.max(1) {
            engine.start_thread(number, uses_ring)?;
        }
        Ok(engine)
    }

    fn start_thread(&mut self, number: usize, ring: bool) -> Result<(), MediaError> {
        let mailbox = Mailbox::new()?;
        let its = Arc::clone(&mailbox);
        let (tell, told) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name(format!("media-{number}"))
            .spawn(move || match Worker::new(its, ring) {
                // Whoever starts it is waiting to be told.
                Ok(worker) => {
                    let _ = tell.send(Ok(()));
                    worker.run();
                }
                Err(error) => {
                    let _ = tell.send(Err(error));
                }
            })
            .map_err(|error| MediaError::system("start a media thread", error))?;
        told.recv().map_err(|_| MediaError::Stopped)??;
        // Not shared with anybody yet.
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.mailboxes.push(mailbox);
            shared
                .threads
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .push(thread);
        }
        Ok(())
    }

    /// Whether the threads wait and send by io_uring.
    #[must_use]
    pub fn uses_io_uring(&self) -> bool {
        self.shared.uses_ring
    }

    /// The prompts given at start.
    #[must_use]
    pub fn prompts(&self) -> &Arc<PromptLibrary> {
        &self.shared.prompts
    }

    /// A recording in a file, to be played as prompts are. Reads the file's header: blocks for as long as the disk takes.
    ///
    /// # Errors
    /// As [`Prompt::open`].
    pub fn open_prompt(&self, path: &Path) -> Result<Arc<Prompt>, MediaError> {
        Prompt::open(path, &self.shared.encoding).map(Arc::new)
    }

    /// Opens an RTP stream: takes a free pair of ports and hands the sockets to a media thread. Takes
    /// some ten microseconds and never waits for the thread.
    ///
    /// # Errors
    /// [`MediaError::PortsExhausted`] when every pair is taken, [`MediaError::Overloaded`] or
    /// [`MediaError::Stopped`], or what the system says.
    pub fn open_stream(&self, parameters: StreamParameters) -> Result<Stream, MediaError> {
        let random: [u8; 14] = socket::random()?;
        let [p0, p1, p2, p3, identifiers @ ..] = random;
        let (lease, (rtp, rtcp)) =
            self.shared
                .ports
                .claim(u32::from_le_bytes([p0, p1, p2, p3]), |port| {
                    let Some(rtp) = socket::bind(self.shared.bind, port)? else {
                        return Ok(None);
                    };
                    let Some(rtcp) = socket::bind(self.shared.bind, port + 1)? else {
                        return Ok(None);
                    };
                    Ok(Some((rtp, rtcp)))
                })?;
        let local_port = lease.rtp_port();
        let sockets = Sockets {
            rtp,
            rtcp,
            _lease: lease,
        };
        let stream = RtpStream::new(
            sockets,
            parameters,
            identifiers,
            self.shared.cname,
            Instant::now(),
        );
        let channel = self.open(Kind::Rtp(Box::new(stream)))?;
        Ok(Stream {
            channel,
            local_port,
            described: AtomicBool::new(false),
            identity: Arc::clone(&self.shared.identity),
        })
    }

    /// SHA-256 fingerprint of our certificate, which browsers are told.
    ///
    /// # Errors
    /// No certificate can be made.
    pub fn fingerprint(&self) -> Result<[u8; 32], MediaError> {
        Ok(self.shared.identity.get()?.fingerprint)
    }

    /// Opens a line: its audio is exchanged on every 20 ms tick of a media thread from now on.
    ///
    /// # Errors
    /// [`MediaError::Overloaded`] or [`MediaError::Stopped`].
    pub fn open_line(&self, audio: Box<dyn LineAudio>) -> Result<Line, MediaError> {
        let channel = self.open(Kind::Line(Box::new(LinePort::new(audio))))?;
        Ok(Line { channel })
    }

    fn open(&self, kind: Kind) -> Result<Channel, MediaError> {
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let mailbox = self
            .shared
            .mailboxes
            .iter()
            .min_by_key(|mailbox| mailbox.load.load(Ordering::Relaxed))
            .ok_or(MediaError::Stopped)?;
        let closed = Arc::new(AtomicBool::new(false));
        let state = ChannelState::new(id, kind, Arc::clone(&closed));
        mailbox.post(Command::Open(Box::new(state)))?;
        mailbox.load.fetch_add(1, Ordering::Relaxed);
        Ok(Channel::new(
            Arc::new(Home::new(id, Arc::clone(mailbox))),
            closed,
        ))
    }

    /// Connects two channels so that each hears the other; bridges they were in end. With one channel
    /// given twice it is an echo.
    ///
    /// # Errors
    /// [`MediaError::Overloaded`] or [`MediaError::Stopped`].
    pub fn bridge(&self, a: &Channel, b: &Channel) -> Result<(), MediaError> {
        a.home.post_bridge(&b.home)
    }

    /// Opens a room for up to 32 channels. It lives on the thread of the first that joins; the others
    /// move there.
    #[must_use]
    pub fn room(&self) -> Room {
        Room::new(self.shared.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends the bridge or echo the channel is in; both sides hear nothing.
    ///
    /// # Errors
    /// [`MediaError::Overloaded`] or [`MediaError::Stopped`].
    pub fn unbridge(&self, channel: &Channel) -> Result<(), MediaError> {
        channel.home.post(Command::Unbridge(channel.home.id))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for mailbox in &self.mailboxes {
            let mut command = Command::Stop;
            // The thread drains its queue within one tick.
            while let Err(Refused::Full(back)) = mailbox.try_post(command) {
                command = back;
                thread::yield_now();
            }
        }
        let threads = self
            .threads
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Engine({} threads)", self.shared.mailboxes.len())
    }
}
