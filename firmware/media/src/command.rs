//! What call control asks of a media thread, and where each channel is to be asked.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::channel::ChannelState;
use crate::detection::Detectors;
use crate::mailbox::Mailbox;
use crate::player::Player;
use crate::recording::Tap;
use crate::room::RoomState;
use crate::secure::handshake::Input;
use crate::{
    HandshakeFault, IceParameters, MediaError, Part, Remote, RoomEvent, SrtpKeys, StreamEvent,
    StreamStatistics,
};

/// Number of a channel, never used twice.
pub(crate) type ChannelId = u64;

/// What call control asks of a media thread. Commands about a channel come to the thread it lives on.
pub(crate) enum Command {
    Open(Box<ChannelState>),
    Close(ChannelId),
    /// A session description; the last says whether there was one before.
    SetRemote(ChannelId, Box<Remote>, bool),
    SetFax(ChannelId, SocketAddr),
    /// Answer a browser's checks.
    Ice(ChannelId, Box<IceParameters>),
    /// Pass on what comes of a browser's handshake.
    Handshake(ChannelId, mpsc::Sender<Input>),
    /// Send a datagram of the handshake.
    SendHandshake(ChannelId, Box<[u8]>),
    /// There will be no keys.
    Unsecured(ChannelId, HandshakeFault),
    /// The handshake has made keys.
    Keys(ChannelId, Box<SrtpKeys>),
    Bridge(ChannelId, ChannelId),
    Unbridge(ChannelId),
    Echo(ChannelId),
    Play(ChannelId, Box<Player>),
    StopPlay(ChannelId, u64),
    Press(ChannelId, char),
    Events(ChannelId, mpsc::Sender<StreamEvent>),
    /// Listens for what these detectors find, instead of those before; none: no longer.
    Detect(ChannelId, Option<Box<Detectors>>),
    /// Copies what the channel hears and says, instead of the tap before.
    Tap(ChannelId, Box<Tap>),
    /// Takes away the tap of this number.
    Untap(ChannelId, u64),
    Statistics(ChannelId, oneshot::Sender<StreamStatistics>),
    /// The channel is about to come from another thread; commands for it wait until then.
    Expect(ChannelId),
    /// The channel goes to another thread.
    Depart(ChannelId, Arc<Mailbox>),
    OpenRoom(Box<RoomState>),
    CloseRoom(u64),
    /// A channel joins a room; the answer is whether there was a place.
    Join(u64, ChannelId, Part, oneshot::Sender<bool>),
    Leave(u64, ChannelId),
    /// In a room, the first is heard by the second, or no longer.
    Heard(u64, ChannelId, ChannelId, bool),
    RoomEvents(u64, mpsc::Sender<RoomEvent>),
    Stop,
}

impl Command {
    /// Whether the thread is woken for it. The others wait for the next tick, at most 20 ms, which is how
    /// long a frame takes: what a far end sends meanwhile waits in its socket, and nobody misses a closed
    /// channel. Waking a real-time thread interrupts whoever does it, for each command of each call. Those
    /// who are heard already and shall be by others are not kept waiting, nor are those who moved or hold.
    pub(crate) fn is_urgent(&self) -> bool {
        matches!(
            self,
            Command::Bridge(..)
                | Command::SetRemote(_, _, true)
                | Command::Expect(_)
                | Command::Depart(..)
                | Command::Join(..)
                | Command::Leave(..)
                | Command::Stop
        )
    }

    /// The channels it is about.
    pub(crate) fn channels(&self) -> [Option<ChannelId>; 2] {
        match self {
            Command::Bridge(a, b) | Command::Heard(_, a, b, _) => [Some(*a), Some(*b)],
            Command::Close(id)
            | Command::SetRemote(id, ..)
            | Command::SetFax(id, _)
            | Command::Ice(id, _)
            | Command::Handshake(id, _)
            | Command::SendHandshake(id, _)
            | Command::Unsecured(id, _)
            | Command::Keys(id, _)
            | Command::Unbridge(id)
            | Command::Echo(id)
            | Command::Play(id, _)
            | Command::StopPlay(id, _)
            | Command::Press(id, _)
            | Command::Events(id, _)
            | Command::Detect(id, _)
            | Command::Tap(id, _)
            | Command::Untap(id, _)
            | Command::Statistics(id, _)
            | Command::Join(_, id, ..)
            | Command::Leave(_, id)
            | Command::Depart(id, _) => [Some(*id), None],
            Command::Open(_)
            | Command::Expect(_)
            | Command::OpenRoom(_)
            | Command::CloseRoom(_)
            | Command::RoomEvents(..)
            | Command::Stop => [None, None],
        }
    }
}

/// Where a channel lives. Commands are posted under its lock, which only the control side takes, so
/// that those before and after a move arrive in order.
pub(crate) struct Home {
    pub(crate) id: ChannelId,
    mailbox: Mutex<Arc<Mailbox>>,
}

impl Home {
    pub(crate) fn new(id: ChannelId, mailbox: Arc<Mailbox>) -> Self {
        Home {
            id,
            mailbox: Mutex::new(mailbox),
        }
    }

    /// Posts to the thread the channel lives on.
    pub(crate) fn post(&self, command: Command) -> Result<(), MediaError> {
        self.mailbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .post(command)
    }

    /// Posts `Bridge` for two channels, bringing `other` to the thread of `self` first.
    pub(crate) fn post_bridge(&self, other: &Home) -> Result<(), MediaError> {
        if self.id == other.id {
            return self.post(Command::Echo(self.id));
        }
        // Always locked in the order of their numbers, so that two bridges cannot wait for each other.
        let (mine, mut theirs);
        if self.id < other.id {
            mine = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
            theirs = other.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        } else {
            theirs = other.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
            mine = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        }
        other.move_to(&mut theirs, &mine)?;
        mine.post(Command::Bridge(self.id, other.id))
    }

    /// Brings the channel to the thread of `mailbox` and posts there.
    pub(crate) fn post_at(
        &self,
        mailbox: &Arc<Mailbox>,
        command: Command,
    ) -> Result<(), MediaError> {
        let mut mine = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        self.move_to(&mut mine, mailbox)?;
        mine.post(command)
    }

    /// The thread it lives on.
    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.mailbox.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends the channel from one thread to another.
    fn move_to(&self, from: &mut Arc<Mailbox>, to: &Arc<Mailbox>) -> Result<(), MediaError> {
        if !Arc::ptr_eq(from, to) {
            to.post(Command::Expect(self.id))?;
            from.post(Command::Depart(self.id, Arc::clone(to)))?;
            from.load.fetch_sub(1, Ordering::Relaxed);
            to.load.fetch_add(1, Ordering::Relaxed);
            *from = Arc::clone(to);
        }
        Ok(())
    }

    /// Says that the channel no longer counts on its thread.
    pub(crate) fn leave(&self) {
        let mailbox = self.mailbox.lock().unwrap_or_else(PoisonError::into_inner);
        mailbox.load.fetch_sub(1, Ordering::Relaxed);
        // When the queue is full the thread finds out by the channel's closed flag.
        let _ = mailbox.post(Command::Close(self.id));
    }
}
