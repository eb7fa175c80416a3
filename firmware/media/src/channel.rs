//! What a media thread knows of a channel, and the table of its channels.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::mpsc;

use crate::StreamEvent;
use crate::command::ChannelId;
use crate::detection::Detectors;
use crate::keypad::Keypad;
use crate::line::LinePort;
use crate::player::Player;
use crate::playout::Playout;
use crate::prefetch::prefetch;
use crate::recording::Tap;
use crate::relay::Pace;
use crate::stream::RtpStream;
use crate::transmission::Source;

/// Index of a channel in the table of its thread.
pub(crate) type Index = u32;

/// Where the media of a channel goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Nowhere.
    Idle,
    /// Back to itself.
    Echo,
    /// To the channel at this index, which routes back here.
    Bridge(Index),
    /// To the room with this number.
    Room(u64),
}

/// What a channel is connected to the world by.
pub(crate) enum Kind {
    Rtp(Box<RtpStream>),
    Line(Box<LinePort>),
}

/// A channel on its media thread.
pub(crate) struct ChannelState {
    pub(crate) id: ChannelId,
    pub(crate) kind: Kind,
    pub(crate) route: Route,
    pub(crate) player: Option<Box<Player>>,
    /// What makes frames of the packets of a stream, where its route needs them.
    pub(crate) playout: Option<Box<Playout>>,
    /// Source the playout plays.
    pub(crate) heard: Option<Source>,
    pub(crate) events: Option<mpsc::Sender<StreamEvent>>,
    pub(crate) keypad: Option<Box<Keypad>>,
    pub(crate) detectors: Option<Box<Detectors>>,
    /// Set when the handle is gone, in case the command that says so did not fit the queue.
    pub(crate) closed: Arc<AtomicBool>,
    /// Whether it is in the list of channels served on every tick.
    pub(crate) clocked: bool,
}

impl ChannelState {
    pub(crate) fn new(id: ChannelId, kind: Kind, closed: Arc<AtomicBool>) -> Self {
        ChannelState {
            id,
            kind,
            route: Route::Idle,
            player: None,
            playout: None,
            heard: None,
            events: None,
            keypad: None,
            detectors: None,
            closed,
            clocked: false,
        }
    }

    /// Where the tap of a recording sits.
    pub(crate) fn tap(&mut self) -> &mut Option<Box<Tap>> {
        match &mut self.kind {
            Kind::Rtp(stream) => &mut stream.tap,
            Kind::Line(line) => &mut line.tap,
        }
    }

    /// Whether every tick has something to do for it.
    pub(crate) fn wants_tick(&self) -> bool {
        match &self.kind {
            Kind::Line(_) => true,
            Kind::Rtp(stream) => self.is_occupied() || stream.hush.is_some(),
        }
    }

    /// Whether it hears something made here instead of what its route brings.
    pub(crate) fn is_occupied(&self) -> bool {
        self.player.is_some() || self.keypad.is_some()
    }

    /// Reports without waiting; a receiver that does not keep up misses it.
    pub(crate) fn report(&self, event: StreamEvent) {
        tell(self.events.as_ref(), event);
    }
}

/// See [`ChannelState::report`].
pub(crate) fn tell(events: Option<&mpsc::Sender<StreamEvent>>, event: StreamEvent) {
    if let Some(events) = events {
        let _ = events.try_send(event);
    }
}

/// The channels of one thread. Indices are reused; the generation tells events of an earlier user.
#[derive(Default)]
pub(crate) struct Channels {
    places: Vec<Place>,
    free: Vec<Index>,
}

#[derive(Default)]
struct Place {
    generation: u32,
    /// Tick before the last packet, and before the last that did not come steadily. Here, where the packet path has just
    /// been, so that whoever looks after the channels need not fetch all they consist of.
    heard: u32,
    irregular: u32,
    state: Option<Box<ChannelState>>,
}

/// Ticks after the last packet that did not come steadily in which a channel is looked after as closely as any (1 s).
const CARE: u32 = 50;

impl Channels {
    pub(crate) fn insert(&mut self, state: Box<ChannelState>, tick: u32) -> (Index, u32) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            (self.places.len() - 1) as Index
        });
        let place = &mut self.places[index as usize];
        place.state = Some(state);
        (place.heard, place.irregular) = (tick, tick);
        (index, place.generation)
    }

    /// Takes note of a packet that came after this tick.
    pub(crate) fn note(&mut self, index: Index, tick: u32, pace: Pace) {
        if let Some(place) = self.places.get_mut(index as usize) {
            place.heard = tick;
            if pace == Pace::Irregular {
                place.irregular = tick;
            }
        }
    }

    /// Whether packets have come one by one, each when it was due, for a while.
    pub(crate) fn is_steady(&self, index: Index, tick: u32) -> bool {
        self.places.get(index as usize).is_some_and(|place| {
            tick.wrapping_sub(place.heard) <= 2 && tick.wrapping_sub(place.irregular) > CARE
        })
    }

    /// The first channel from `index` on whose packets came steadily and do no longer: another one may have been left
    /// behind the last. Each is told once.
    pub(crate) fn paused(&self, index: Index, tick: u32) -> Option<Index> {
        let rest = self.places.get(index as usize..)?;
        let paused = rest.iter().position(|place| {
            tick.wrapping_sub(place.heard) == 2 && place.heard != place.irregular
        })?;
        Some(index + paused as Index)
    }

    /// Takes a channel out.
    pub(crate) fn remove(&mut self, index: Index) -> Option<Box<ChannelState>> {
        let place = self.places.get_mut(index as usize)?;
        let state = place.state.take()?;
        place.generation = place.generation.wrapping_add(1) & GENERATION_MASK;
        self.free.push(index);
        Some(state)
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut ChannelState> {
        self.places.get_mut(index as usize)?.state.as_deref_mut()
    }

    /// A channel and its generation.
    pub(crate) fn with_generation(&self, index: Index) -> Option<(&ChannelState, u32)> {
        let place = self.places.get(index as usize)?;
        Some((place.state.as_deref()?, place.generation))
    }

    /// The channel an event is for, unless its place was given to another since.
    pub(crate) fn of_generation(
        &mut self,
        index: Index,
        generation: u32,
    ) -> Option<&mut ChannelState> {
        let place = self.places.get_mut(index as usize)?;
        if place.generation != generation {
            return None;
        }
        place.state.as_deref_mut()
    }

    /// Asks for the memory that a packet of each of these channels will need, with that of the other side of its bridge.
    /// Everything that can be asked for at once is, before anything is waited for.
    pub(crate) fn prefetch(&self, indices: impl Iterator<Item = Index> + Clone) {
        let known = |index: Index| self.places.get(index as usize)?.state.as_deref();
        let bridged = |index: Index| match known(index)?.route {
            Route::Bridge(peer) => Some(peer),
            _ => None,
        };
        let stream = |index: Index| match &known(index)?.kind {
            Kind::Rtp(stream) => Some(stream.as_ref()),
            Kind::Line(_) => None,
        };
        indices.clone().filter_map(known).for_each(prefetch);
        indices.clone().filter_map(stream).for_each(prefetch);
        let peers = indices.filter_map(bridged);
        peers.clone().filter_map(known).for_each(prefetch);
        peers.filter_map(stream).for_each(prefetch);
    }

    /// Two different channels at once.
    pub(crate) fn pair_mut(
        &mut self,
        a: Index,
        b: Index,
    ) -> Option<(&mut ChannelState, &mut ChannelState)> {
        let [a, b] = self
            .places
            .get_disjoint_mut([a as usize, b as usize])
            .ok()?;
        Some((a.state.as_deref_mut()?, b.state.as_deref_mut()?))
    }

    /// Indices given out so far, used or not.
    pub(crate) fn capacity(&self) -> Index {
        self.places.len() as Index
    }
}

/// Generations are 29 bits so that they fit a token beside the index.
pub(crate) const GENERATION_MASK: u32 = 0x1FFF_FFFF;
