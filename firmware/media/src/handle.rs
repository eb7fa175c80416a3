//! Handles that call control holds: dropping one closes what it stands for.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::command::{Command, Home};
use crate::detection::Detectors;
use crate::player::Player;
use crate::secure::handshake::{self, Handshake, Identity};
use crate::{
    Detection, IceParameters, MediaError, PlayEnd, Remote, Repeat, Sound, StreamEvent,
    StreamStatistics,
};

/// Events waiting for call control at most; more are dropped.
const EVENTS: usize = 64;

/// What RTP streams and lines have in common. Commands return at once and are carried out in order by
/// the media thread; each may fail with [`MediaError::Overloaded`] or [`MediaError::Stopped`].
pub struct Channel {
    pub(crate) home: Arc<Home>,
    closed: Arc<AtomicBool>,
}

impl Channel {
    pub(crate) fn new(home: Arc<Home>, closed: Arc<AtomicBool>) -> Self {
        Channel { home, closed }
    }

    /// Number of the channel, never used twice in an engine; events of a room name it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.home.id
    }

    /// Sends everything the channel says back to it, ending a bridge it is in.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn echo(&self) -> Result<(), MediaError> {
        self.home.post(Command::Echo(self.home.id))
    }

    /// Plays to the channel from the next tick on, instead of what its bridge sends; a play list
    /// before it is interrupted. While the far end holds the call the list goes on unheard.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn play(&self, sounds: Vec<Sound>, repeat: Repeat) -> Result<PlayHandle, MediaError> {
        self.start(|number, done| Player::new(number, sounds, repeat, done))
    }

    fn start(
        &self,
        player: impl FnOnce(u64, oneshot::Sender<PlayEnd>) -> Player,
    ) -> Result<PlayHandle, MediaError> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (done, end) = oneshot::channel();
        let player = player(number, done);
        self.home
            .post(Command::Play(self.home.id, Box::new(player)))?;
        Ok(PlayHandle {
            home: Some(Arc::clone(&self.home)),
            number,
            end,
        })
    }

    /// Plays a list round and round as [`Self::play`] does, as if it had begun `before` ago. What is not encoded yet is
    /// passed over, so that all who hear the same list from the same moment hear the same.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn play_round(
        &self,
        sounds: Vec<Sound>,
        before: Duration,
    ) -> Result<PlayHandle, MediaError> {
        let frames = u64::try_from(before.as_millis() / 20).unwrap_or(u64::MAX);
        self.start(|number, done| Player::new(number, sounds, Repeat::Forever, done).from(frames))
    }

    /// Presses a key towards the far end for 100 ms: as a telephone event (RFC 4733) where that was agreed, else as
    /// its tones, as always on a line. Keys follow each other; meanwhile nothing else is heard there. Anything but `0`-`9`, `*`, `#` and
    /// `A`-`D` is left out.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn press(&self, key: char) -> Result<(), MediaError> {
        self.home.post(Command::Press(self.home.id, key))
    }

    /// Listens for what `detection` says from now on; what is found comes as [`StreamEvent::Detected`]. Nothing
    /// asked for ends what was asked before.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn detect(&self, detection: Detection) -> Result<(), MediaError> {
        let detectors = Detectors::new(detection);
        self.home.post(Command::Detect(self.home.id, detectors))
    }

    /// Events from now on. A receiver handed out before gets no more.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn events(&self) -> Result<mpsc::Receiver<StreamEvent>, MediaError> {
        let (sender, receiver) = mpsc::channel(EVENTS);
        self.home.post(Command::Events(self.home.id, sender))?;
        Ok(receiver)
    }

    /// Figures since the channel was opened: asked for now, here within 20 ms.
    ///
    /// # Errors
    /// The command was not accepted, or the engine stopped before it answered.
    pub fn statistics(
        &self,
    ) -> impl Future<Output = Result<StreamStatistics, MediaError>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let asked = self.home.post(Command::Statistics(self.home.id, reply));
        async {
            asked?;
            answer.await.map_err(|_| MediaError::Stopped)
        }
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Channel({})", self.home.id)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Release);
        self.home.leave();
    }
}

/// Our certificate for browsers, made when it is wanted first.
#[derive(Default)]
pub(crate) struct OurIdentity(OnceLock<Identity>);

impl OurIdentity {
    pub(crate) fn get(&self) -> Result<&Identity, MediaError> {
        if let Some(identity) = self.0.get() {
            return Ok(identity);
        }
        let made = Identity::new()?;
        Ok(self.0.get_or_init(|| made))
    }
}

impl std::fmt::Debug for OurIdentity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("OurIdentity")
    }
}

/// An RTP stream with its own pair of ports. Dropping it closes them.
#[derive(Debug)]
pub struct Stream {
    pub(crate) channel: Channel,
    pub(crate) local_port: u16,
    /// Whether the far end was described.
    pub(crate) described: AtomicBool,
    pub(crate) identity: Arc<OurIdentity>,
}

impl Stream {
    /// The even port RTP is received on; RTCP is on the next one.
    #[must_use]
    pub fn local_port(&self) -> u16 {
        self.local_port
    }

    /// Takes the far end's session description, at first and after every re-offer. Nothing is sent or
    /// received before.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn set_remote(&self, remote: Remote) -> Result<(), MediaError> {
        let id = self.channel.home.id;
        let again = self.described.swap(true, Ordering::Relaxed);
        self.channel
            .home
            .post(Command::SetRemote(id, Box::new(remote), again))
    }

    /// The far end sends and takes a fax (T.38 over UDPTL) at this address from now on, until the next
    /// [`Self::set_remote`]. Datagrams pass to the other end of the bridge as they are, once both ends fax.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn set_fax(&self, far_end: SocketAddr) -> Result<(), MediaError> {
        let id = self.channel.home.id;
        self.channel.home.post(Command::SetFax(id, far_end))
    }

    /// Answers the checks of a browser with these credentials from now on, and lets it choose the addresses.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn answer_checks(&self, ice: IceParameters) -> Result<(), MediaError> {
        let id = self.channel.home.id;
        self.channel.home.post(Command::Ice(id, Box::new(ice)))
    }

    /// Makes the keys of [`crate::Protection::Dtls`] by a handshake with whoever has the certificate with this SHA-256
    /// fingerprint, as its client when `active`. To be called once, after [`Self::answer_checks`], within a tokio runtime.
    ///
    /// # Errors
    /// There is no certificate or no runtime, or the command was not accepted.
    pub fn shake_hands(&self, fingerprint: [u8; 32], active: bool) -> Result<(), MediaError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| {
            MediaError::system("begin a handshake", std::io::Error::other(error))
        })?;
        let identity = self.identity.get()?;
        let home = &self.channel.home;
        let (sender, inputs) = mpsc::channel(handshake::QUEUE);
        home.post(Command::Handshake(home.id, sender))?;
        let handshake = Handshake::new(identity, active, fingerprint, Arc::clone(home));
        runtime.spawn(handshake.run(inputs));
        Ok(())
    }
}

impl Deref for Stream {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

/// A line clocked by the media thread. Dropping it ends the exchange and drops the
/// [`crate::LineAudio`].
#[derive(Debug)]
pub struct Line {
    pub(crate) channel: Channel,
}

impl Deref for Line {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.channel
    }
}

/// A play list being heard. Dropping it stops the list, so that a `select!` over it and a digit
/// behaves as barge-in; [`Self::detach`] lets it go on.
#[derive(Debug)]
pub struct PlayHandle {
    home: Option<Arc<Home>>,
    number: u64,
    end: oneshot::Receiver<PlayEnd>,
}

impl std::fmt::Debug for Home {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Home({})", self.id)
    }
}

impl PlayHandle {
    /// Waits until the list is over. May be called again after being cancelled.
    pub async fn wait(&mut self) -> PlayEnd {
        if self.home.is_none() {
            return PlayEnd::Completed;
        }
        let end = (&mut self.end).await.unwrap_or(PlayEnd::Interrupted);
        self.home = None;
        end
    }

    /// Stops the list; the channel hears its bridge again.
    pub fn stop(self) {}

    /// Lets the list play without the handle.
    pub fn detach(mut self) {
        self.home = None;
    }
}

impl Drop for PlayHandle {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            // A full queue leaves the list playing; the channel's end stops it.
            let _ = home.post(Command::StopPlay(home.id, self.number));
        }
    }
}
