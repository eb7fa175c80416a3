//! The handle of a room.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use crate::command::Command;
use crate::mailbox::Mailbox;
use crate::room::RoomState;
use crate::{Channel, MediaError, Part, RoomEvent};

/// Events waiting for call control at most; more are dropped.
const EVENTS: usize = 64;

/// Channels that hear each other: a conference, or a call and its supervisor. Dropping it ends it;
/// the channels then hear nothing, until they are bridged or join another.
pub struct Room {
    id: u64,
    place: Mutex<Place>,
}

enum Place {
    /// Nobody has joined; events are wanted by this one.
    Nowhere(Option<mpsc::Sender<RoomEvent>>),
    At(Arc<Mailbox>),
}

impl Room {
    pub(crate) fn new(id: u64) -> Self {
        Room {
            id,
            place: Mutex::new(Place::Nowhere(None)),
        }
    }

    /// Takes a channel in, out of whatever it is in. It is heard from the next tick on, and hears.
    /// The command is given at once, in order with others; waiting only tells whether there was room.
    ///
    /// # Errors
    /// [`MediaError::RoomFull`] when 32 are in it, or the command was not accepted.
    pub async fn join(&self, channel: &Channel, part: Part) -> Result<(), MediaError> {
        let (reply, answer) = oneshot::channel();
        {
            let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
            let mailbox = match &mut *place {
                Place::At(mailbox) => Arc::clone(mailbox),
                Place::Nowhere(events) => {
                    let mut room = RoomState::new(self.id);
                    room.events = events.take();
                    let mailbox = channel.home.mailbox();
                    mailbox.post(Command::OpenRoom(room))?;
                    *place = Place::At(Arc::clone(&mailbox));
                    mailbox
                }
            };
            let join = Command::Join(self.id, channel.home.id, part, reply);
            channel.home.post_at(&mailbox, join)?;
        }
        match answer.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MediaError::RoomFull),
            Err(_) => Err(MediaError::Stopped),
        }
    }

    /// Lets a channel go; it hears nothing then.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn leave(&self, channel: &Channel) -> Result<(), MediaError> {
        channel.home.post(Command::Leave(self.id, channel.home.id))
    }

    /// Says whether `listener` hears `speaker`: for a supervisor who joined as [`Part::Listener`],
    /// true towards the agent is to whisper, true towards everybody is to barge in; false towards
    /// everybody mutes a speaker.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn set_heard(
        &self,
        speaker: &Channel,
        listener: &Channel,
        heard: bool,
    ) -> Result<(), MediaError> {
        let (speaker, listener) = (speaker.home.id, listener.home.id);
        self.post(Command::Heard(self.id, speaker, listener, heard))
    }

    /// Events from now on. A receiver handed out before gets no more.
    ///
    /// # Errors
    /// The command was not accepted.
    pub fn events(&self) -> Result<mpsc::Receiver<RoomEvent>, MediaError> {
        let (sender, receiver) = mpsc::channel(EVENTS);
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *place {
            Place::Nowhere(events) => *events = Some(sender),
            Place::At(mailbox) => mailbox.post(Command::RoomEvents(self.id, sender))?,
        }
        Ok(receiver)
    }

    /// Posts to the thread the room is on; a room nobody has joined has nothing to be told.
    fn post(&self, command: Command) -> Result<(), MediaError> {
        match &*self.place.lock().unwrap_or_else(PoisonError::into_inner) {
            Place::Nowhere(_) => Ok(()),
            Place::At(mailbox) => mailbox.post(command),
        }
    }
}

impl std::fmt::Debug for Room {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Room({})", self.id)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // A full queue leaves it open and its members in it; it goes when they have gone.
        let _ = self.post(Command::CloseRoom(self.id));
    }
}
