//! The way from call control to a media thread: a bounded queue and an eventfd.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::{mpsc, oneshot};

use crate::channel::ChannelState;
use crate::player::Player;
use crate::recording::Tap;
use crate::room::RoomState;
use crate::secure::handshake::Input;
use crate::{
    IceParameters, MediaError, Part, Remote, RoomEvent, SrtpKeys, StreamEvent, StreamStatistics,
};

/// Commands waiting for one media thread at most.
const CAPACITY: usize = 1_024;

/// Number of a channel, never used twice.
pub(crate) type ChannelId = u64;

/// What call control asks of a media thread. Commands about a channel come to the thread it lives on.
pub(crate) enum Command {
    Open(Box<ChannelState>),
    Close(ChannelId),
    SetRemote(ChannelId, Box<Remote>),
    SetFax(ChannelId, SocketAddr),
    /// Answer a browser's checks.
    Ice(ChannelId, Box<IceParameters>),
    /// Pass on what comes of a browser's handshake.
    Handshake(ChannelId, mpsc::Sender<Input>),
    /// Send a datagram of the handshake.
    SendHandshake(ChannelId, Box<[u8]>),
    /// The handshake has made keys.
    Keys(ChannelId, Box<SrtpKeys>),
    Bridge(ChannelId, ChannelId),
    Unbridge(ChannelId),
    Echo(ChannelId),
    Play(ChannelId, Box<Player>),
    StopPlay(ChannelId, u64),
    Events(ChannelId, mpsc::Sender<StreamEvent>),
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
    /// Whether the thread is woken for it. The others wait for company or for the next tick, at most
    /// 20 ms: before a far end is known nothing can be missed, and a closed channel is missed by nobody.
    fn is_urgent(&self) -> bool {
        !matches!(
            self,
            Command::Open(_) | Command::Close(_) | Command::Events(..)
        )
    }

    /// The channels it is about.
    pub(crate) fn channels(&self) -> [Option<ChannelId>; 2] {
        match self {
            Command::Bridge(a, b) | Command::Heard(_, a, b, _) => [Some(*a), Some(*b)],
            Command::Close(id)
            | Command::SetRemote(id, _)
            | Command::SetFax(id, _)
            | Command::Ice(id, _)
            | Command::Handshake(id, _)
            | Command::SendHandshake(id, _)
            | Command::Keys(id, _)
            | Command::Unbridge(id)
            | Command::Echo(id)
            | Command::Play(id, _)
            | Command::StopPlay(id, _)
            | Command::Events(id, _)
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

/// The queue of one media thread.
pub(crate) struct Mailbox {
    queue: SyncSender<Command>,
    wake: EventFd,
    /// Whether the eventfd was written since the thread last drained the queue.
    signalled: AtomicBool,
    /// Channels living on the thread, for placing new ones.
    pub(crate) load: AtomicUsize,
}

impl Mailbox {
    /// The queue and its receiving end.
    pub(crate) fn new() -> Result<(Arc<Self>, Receiver<Command>), MediaError> {
        let (queue, receiver) = sync_channel(CAPACITY);
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
            .map_err(|error| MediaError::system("create an eventfd", error))?;
        let (signalled, load) = (AtomicBool::new(false), AtomicUsize::new(0));
        Ok((
            Arc::new(Mailbox {
                queue,
                wake,
                signalled,
                load,
            }),
            receiver,
        ))
    }

    /// Enqueues without waiting; the command comes back in the error when the queue is full.
    pub(crate) fn try_post(&self, command: Command) -> Result<(), TrySendError<Command>> {
        let urgent = command.is_urgent();
        self.queue.try_send(command)?;
        if urgent && !self.signalled.swap(true, Ordering::AcqRel) {
            // Fails only when the counter would overflow, and then the thread is woken anyway.
            let _ = self.wake.write(1);
        }
        Ok(())
    }

    /// Enqueues without waiting.
    pub(crate) fn post(&self, command: Command) -> Result<(), MediaError> {
        self.try_post(command).map_err(|refused| match refused {
            TrySendError::Full(_) => MediaError::Overloaded,
            TrySendError::Disconnected(_) => MediaError::Stopped,
        })
    }

    /// Called by the thread before it drains the queue.
    pub(crate) fn awake(&self) {
        let _ = self.wake.read();
        self.signalled.store(false, Ordering::Release);
    }

    /// What the thread waits on.
    pub(crate) fn wake_descriptor(&self) -> impl AsFd + '_ {
        &self.wake
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
