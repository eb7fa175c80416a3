//! The conference rooms that are in use: who is in them, who talks, who may be heard, and whether they are closed (F165-F167).
//!
//! A room comes about with its first member and goes with its last. Each member's own call (`call::conference`) lets it hear
//! the room or music and asks for what its keys say; what changes for all is told here by a version that every member watches.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ramal_media::{Channel, Engine, MediaError, Part, Recording, Room, RoomEvent};
use ramal_model::{CallId, Conference, Id, Party, Stored};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::clock::utc_ms;
use crate::exchange::Exchange;
use crate::live::{LiveEvent, LiveState};

/// A conference that somebody is in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConferenceRoom {
    /// Which one.
    #[schema(value_type = i64)]
    pub conference: Id<Conference>,
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: String,
    /// Whether nobody else is let in.
    pub locked: bool,
    /// Since when anybody has been in it, UTC milliseconds.
    pub since: i64,
    /// Who is in it, the longest first.
    pub members: Vec<ConferenceMember>,
}

/// Somebody in a conference.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConferenceMember {
    /// His call; it names him among the members.
    pub call: CallId,
    /// Who he is; the number is blank when it is withheld.
    pub party: Party,
    /// Whether he is its moderator.
    pub moderator: bool,
    /// Whether the others do not hear him.
    pub muted: bool,
    /// Whether he talks now.
    pub talking: bool,
    /// Since when he has been in it, UTC milliseconds.
    pub since: i64,
}

/// Why somebody does not get into a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotIn {
    Full,
    Locked,
}

/// The rooms in use.
#[derive(Default)]
pub(crate) struct Conferences {
    // Held for a few map operations only, never across an await.
    rooms: Mutex<BTreeMap<Id<Conference>, Arc<RoomInUse>>>,
}

/// A room in use.
pub(crate) struct RoomInUse {
    id: Id<Conference>,
    name: String,
    number: String,
    since: i64,
    join_tone: bool,
    wait_for_moderator: bool,
    room: Room,
    state: Mutex<State>,
    /// What each member looks at again.
    news: watch::Sender<News>,
    recording: Mutex<Option<Recording>>,
    live: Arc<LiveState>,
}

#[derive(Default)]
struct State {
    locked: bool,
    members: Vec<Member>,
}

struct Member {
    /// What events of the media call it.
    channel: u64,
    shown: ConferenceMember,
    /// Somebody put it out.
    removed: bool,
}

/// What has happened in a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Members that have come or gone so far: another figure is worth a tone.
    pub(crate) moves: u64,
    /// Anything at all.
    version: u64,
}

/// What a member hears and may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Situation {
    /// Members, himself included.
    pub(crate) members: usize,
    /// The moderator is still waited for.
    pub(crate) waiting: bool,
    /// The others do not hear him.
    pub(crate) muted: bool,
    /// Nobody else is let in.
    pub(crate) locked: bool,
    /// He was put out.
    pub(crate) removed: bool,
}

/// Somebody's place in a room, given back when it is dropped.
pub(crate) struct Place {
    exchange: Weak<Exchange>,
    pub(crate) room: Arc<RoomInUse>,
    call: CallId,
}

impl Conferences {
    fn rooms(&self) -> MutexGuard<'_, BTreeMap<Id<Conference>, Arc<RoomInUse>>> {
        // Every change is a single insertion or removal.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes somebody in who was let in by his PIN. He is heard from [`Place::enter`] on.
    pub(crate) fn join(
        exchange: &Arc<Exchange>,
        conference: &Stored<Conference>,
        call: &CallId,
        party: Party,
        moderator: bool,
        channel: &Channel,
    ) -> Result<Place, NotIn> {
        let mut rooms = exchange.conferences.rooms();
        let room = match rooms.entry(conference.id) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => {
                let (engine, live) = (&exchange.engine, &exchange.live);
                let room = Arc::new(RoomInUse::new(conference, engine, live.clone()));
                room.follow_talkers();
                entry.insert(room).clone()
            }
        };
        let most = usize::try_from(conference.max_members).unwrap_or(0);
        {
            let mut state = room.state();
            if state.locked && !moderator {
                return Err(NotIn::Locked);
            }
            if state.members.len() >= most {
                return Err(NotIn::Full);
            }
            state.members.push(Member {
                channel: channel.id(),
                shown: ConferenceMember {
                    call: call.clone(),
                    party,
                    moderator,
                    muted: false,
                    talking: false,
                    since: utc_ms(),
                },
                removed: false,
            });
        }
        drop(rooms);
        room.tell(true);
        Ok(Place {
            exchange: Arc::downgrade(exchange),
            room,
            call: call.clone(),
        })
    }

    /// All rooms in use.
    pub(crate) fn list(&self) -> Vec<ConferenceRoom> {
        self.rooms().values().map(|room| room.shown()).collect()
    }

    /// A room in use.
    pub(crate) fn get(&self, id: Id<Conference>) -> Option<Arc<RoomInUse>> {
        self.rooms().get(&id).cloned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(exchange) = self.exchange.upgrade() else {
            return;
        };
        let mut rooms = exchange.conferences.rooms();
        let is_empty = {
            let mut state = self.room.state();
            state
                .members
                .retain(|member| member.shown.call != self.call);
            state.members.is_empty()
        };
        if is_empty {
            rooms.remove(&self.room.id);
        }
        drop(rooms);
        if is_empty {
            self.room.live.announce_now(LiveEvent::ConferenceEnded {
                conference: self.room.id,
            });
        } else {
            self.room.tell(true);
        }
    }
}

impl Place {
    /// Lets the member hear, and be heard unless he is muted; to be called again when that has changed.
    pub(crate) async fn enter(&self, channel: &Channel, muted: bool) -> Result<(), MediaError> {
        let part = if muted { Part::Listener } else { Part::Speaker };
        self.room.room.join(channel, part).await
    }

    /// Lets the member hear nothing of the room any more.
    pub(crate) fn leave(&self, channel: &Channel) {
        // A command that is not taken is one of a channel that ends.
        let _ = self.room.room.leave(channel);
    }

    /// Records the conference where the member is, if it is to be recorded and nobody does, or whoever did has gone: what he
    /// says is on the left, all others are on the right. Gives whether the recording began here.
    pub(crate) fn record(
        &self,
        channel: &Channel,
        begin: impl FnOnce() -> Option<Recording>,
    ) -> bool {
        let mut place = self.room.recording();
        let began = place.is_none();
        if began {
            *place = begin();
        }
        let Some(recording) = &mut *place else {
            return false;
        };
        if (began || !self.room.is_recorded_at(recording.channel()))
            && let Err(error) = recording.tap(channel)
        {
            tracing::error!(%error, "a recording lost its conference");
        }
        began
    }

    /// How it stands for the member; none when he is not in it.
    pub(crate) fn situation(&self) -> Option<Situation> {
        let state = self.room.state();
        let member = state
            .members
            .iter()
            .find(|member| member.shown.call == self.call)?;
        Some(Situation {
            members: state.members.len(),
            waiting: self.room.is_waiting(&state),
            muted: member.shown.muted,
            locked: state.locked,
            removed: member.removed,
        })
    }

    /// Whether the member was made a moderator by his PIN.
    pub(crate) fn is_moderator(&self) -> bool {
        let state = self.room.state();
        let mut members = state.members.iter();
        members.any(|member| member.shown.call == self.call && member.shown.moderator)
    }

    /// The member's call.
    pub(crate) fn call(&self) -> &CallId {
        &self.call
    }

    /// Who came last of those who are no moderators, and is not the member himself.
    pub(crate) fn last_other(&self) -> Option<CallId> {
        let state = self.room.state();
        let mut others = state.members.iter().rev();
        others
            .find(|member| member.shown.call != self.call && !member.shown.moderator)
            .map(|member| member.shown.call.clone())
    }
}

impl RoomInUse {
    fn new(conference: &Stored<Conference>, engine: &Engine, live: Arc<LiveState>) -> Self {
        Self {
            id: conference.id,
            name: conference.name.clone(),
            number: conference.number.clone(),
            since: utc_ms(),
            join_tone: conference.join_tone,
            wait_for_moderator: conference.wait_for_moderator,
            room: engine.room(),
            state: Mutex::default(),
            news: watch::Sender::new(News::default()),
            recording: Mutex::default(),
            live,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Whole at any moment: members come and go one by one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recording(&self) -> MutexGuard<'_, Option<Recording>> {
        self.recording
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the member whom the media knows by this number is still there.
    fn is_recorded_at(&self, channel: Option<u64>) -> bool {
        let state = self.state();
        let mut members = state.members.iter();
        members.any(|member| Some(member.channel) == channel)
    }

    fn is_waiting(&self, state: &State) -> bool {
        self.wait_for_moderator && !state.members.iter().any(|member| member.shown.moderator)
    }

    /// The room as people see it.
    pub(crate) fn shown(&self) -> ConferenceRoom {
        let state = self.state();
        ConferenceRoom {
            conference: self.id,
            name: self.name.clone(),
            number: self.number.clone(),
            locked: state.locked,
            since: self.since,
            members: state
                .members
                .iter()
                .map(|member| member.shown.clone())
                .collect(),
        }
    }

    /// Whether a tone tells who comes and goes.
    pub(crate) fn has_join_tone(&self) -> bool {
        self.join_tone
    }

    /// News of the room from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    fn tell(&self, moved: bool) {
        self.news.send_modify(|news| {
            news.version += 1;
            news.moves += u64::from(moved);
        });
        self.live.announce_now(LiveEvent::ConferenceChanged {
            conference: self.shown(),
        });
    }

    /// Shows who talks, for as long as the room is there.
    fn follow_talkers(self: &Arc<Self>) {
        let mut events = match self.room.events() {
            Ok(events) => events,
            Err(error) => {
                tracing::error!(%error, "it will not be known who talks in a conference");
                return;
            }
        };
        let room = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let Some(room) = room.upgrade() else { return };
                let (channel, talking) = match event {
                    RoomEvent::TalkBegan { channel } => (channel, true),
                    RoomEvent::TalkEnded { channel } => (channel, false),
                };
                let changed = {
                    let mut state = room.state();
                    let mut members = state.members.iter_mut();
                    let member = members.find(|member| member.channel == channel);
                    member.is_some_and(|member| {
                        std::mem::replace(&mut member.shown.talking, talking) != talking
                    })
                };
                if changed {
                    room.live.announce_now(LiveEvent::ConferenceChanged {
                        conference: room.shown(),
                    });
                }
            }
        });
    }

    /// Changes a member; false when there is none, or nothing changed.
    fn change(&self, call: &CallId, change: impl FnOnce(&mut Member) -> bool) -> bool {
        let changed = {
            let mut state = self.state();
            let mut members = state.members.iter_mut();
            let member = members.find(|member| member.shown.call == *call);
            member.is_some_and(change)
        };
        if changed {
            self.tell(false);
        }
        changed
    }

    /// Whether somebody is in it.
    pub(crate) fn has(&self, call: &CallId) -> bool {
        let state = self.state();
        state
            .members
            .iter()
            .any(|member| member.shown.call == *call)
    }

    /// The others hear a member, or do not.
    pub(crate) fn mute(&self, call: &CallId, muted: bool) -> bool {
        self.change(call, |member| {
            std::mem::replace(&mut member.shown.muted, muted) != muted
        })
    }

    /// Only moderators are heard, or everybody is again. Gives whether they are muted now.
    pub(crate) fn mute_all(&self) -> bool {
        let muted = {
            let mut state = self.state();
            let muted = state
                .members
                .iter()
                .any(|member| !member.shown.moderator && !member.shown.muted);
            for member in &mut state.members {
                member.shown.muted = muted && !member.shown.moderator;
            }
            muted
        };
        self.tell(false);
        muted
    }

    /// Puts a member out.
    pub(crate) fn remove(&self, call: &CallId) -> bool {
        self.change(call, |member| !std::mem::replace(&mut member.removed, true))
    }

    /// Lets nobody else in, or lets them in again; false when that did not change anything.
    pub(crate) fn lock(&self, locked: bool) -> bool {
        let changed = std::mem::replace(&mut self.state().locked, locked) != locked;
        if changed {
            self.tell(false);
        }
        changed
    }
}
