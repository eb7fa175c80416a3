//! One D channel with its B channels.

mod dispatch;
mod global;
mod link;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::Cause;
use crate::call::{Call, CallState, Context};
use crate::channels::{ChannelStatus, Channels, Direction};
use crate::command::{Command, CommandError, NoSuchChannel, OutgoingCall, SetupError};
use crate::event::{CallId, Event, Output};
use crate::link::{Link, LinkCounters, LinkState};
use crate::message::{CallReference, Message, Origin};
use crate::restart::Restarts;
use crate::settings::{ChannelChoice, Settings};
use crate::trace::Trace;

/// Calls an interface has had, since its making.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallCounters {
    /// Calls of the peer that were told.
    pub incoming: u64,
    /// Calls of ours.
    pub outgoing: u64,
    /// Calls of the peer that were refused before they were told: no channel, nothing the gateway carries, malformed.
    pub refused: u64,
    /// Both sides wanted the same channel, and ours gave way.
    pub collisions: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
}

/// One D channel with its B channels: layers 2 and 3 of a primary rate interface. See the crate's page for how to drive
/// it.
#[derive(Debug)]
pub struct Interface {
    settings: Settings,
    link: Link,
    layer_1_up: bool,
    link_wanted: bool,
    /// Layer 3 was told that the link is up.
    link_up: bool,
    /// When to ask for the link again.
    establish_at: Option<Instant>,
    calls: BTreeMap<CallId, Call>,
    channels: Channels,
    restarts: Restarts,
    next_id: u64,
    next_reference: u16,
    counters: CallCounters,
    trace: Trace,
    outputs: VecDeque<Output>,
    /// Kept between uses.
    messages: Vec<Message>,
    lost_channels: Vec<u8>,
}

impl Interface {
    /// An interface without layer 1: [`layer1`](Self::layer1) says when there is one.
    pub fn new(settings: Settings) -> Self {
        Self {
            link: Link::new(settings.role, settings.link.clone()),
            layer_1_up: false,
            link_wanted: true,
            link_up: false,
            establish_at: None,
            calls: BTreeMap::new(),
            channels: Channels::new(&settings),
            restarts: Restarts::default(),
            next_id: 1,
            next_reference: 1,
            counters: CallCounters::default(),
            trace: Trace::new(settings.role),
            outputs: VecDeque::new(),
            messages: Vec::new(),
            lost_channels: Vec::new(),
            settings,
        }
    }

    /// What the interface was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The next thing to do; `None` until something happens again. To be emptied after every other call.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`timeout`](Self::timeout) has to be called, at the latest.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.calls
            .values()
            .filter_map(Call::next_timeout)
            .chain(self.link.next_timeout())
            .chain(self.establish_at)
            .chain(self.restarts.next_timeout())
            .min()
    }

    /// A frame has come from the D channel: address to the end of the information, without frame check sequence. Frames
    /// whose check sequence was wrong are left out by the driver.
    pub fn receive(&mut self, frame: &[u8], now: Instant) {
        if !self.layer_1_up {
            return;
        }
        self.trace.add(false, frame, now);
        self.link.receive(frame, now);
        self.work(now);
        // Layer 3 has had its chance to answer with an I frame that acknowledges as well.
        self.link.acknowledge();
        self.work(now);
    }

    /// Lets timers run out that are due.
    pub fn timeout(&mut self, now: Instant) {
        self.link.timeout(now);
        self.work(now);
        if self.establish_at.is_some_and(|at| at <= now) {
            self.establish_at = None;
            self.link.establish(now);
        }
        let due: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(_, call)| call.next_timeout().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.with_call(id, now, |call, ctx| call.timeout(ctx));
        }
        self.restart_timeout(now);
        self.work(now);
    }

    /// Makes a call.
    ///
    /// # Errors
    /// Without data link or free channel. Everything else comes as events.
    pub fn setup(&mut self, call: OutgoingCall, now: Instant) -> Result<CallId, SetupError> {
        if !self.link_up {
            return Err(SetupError::LinkDown);
        }
        let channel = match call.channel {
            Some(channel) if self.channels.is_free(channel, Direction::Outgoing) => Some(channel),
            Some(channel) => return Err(SetupError::ChannelNotAvailable(channel)),
            None => {
                let channel = self.channels.select(Direction::Outgoing);
                let channel = channel.ok_or(SetupError::NoChannel)?;
                (self.settings.channel_choice != ChannelChoice::Any).then_some(channel)
            }
        };
        let id = self.new_id();
        let reference = self.new_reference();
        self.counters.outgoing += 1;
        let call = Call::outgoing(id, reference, channel, call, &mut self.context(now));
        self.calls.insert(id, call);
        self.work(now);
        Ok(id)
    }

    /// Does something with a call.
    ///
    /// # Errors
    /// When the call is over, or the command has no place in its state; nothing has changed then.
    pub fn command(
        &mut self,
        call: CallId,
        command: Command,
        now: Instant,
    ) -> Result<(), CommandError> {
        let result = self
            .with_call(call, now, |call, ctx| call.command(command, ctx))
            .ok_or(CommandError::NoSuchCall(call))?;
        self.work(now);
        result
    }

    /// Takes a channel out of service for new calls, or puts it back. A call that has it goes on.
    ///
    /// # Errors
    /// When there is no such channel.
    pub fn block(&mut self, channel: u8, blocked: bool) -> Result<(), NoSuchChannel> {
        match self.channels.block(channel, blocked) {
            true => Ok(()),
            false => Err(NoSuchChannel(channel)),
        }
    }

    /// Restarts a channel, or with `None` the interface (Q.931 §5.5.1): its calls are released at once on both sides.
    /// [`Event::RestartDone`] or [`Event::RestartFailed`] follows; while the link is down the restart waits for it.
    ///
    /// # Errors
    /// When there is no such channel.
    pub fn restart(&mut self, channel: Option<u8>, now: Instant) -> Result<(), NoSuchChannel> {
        if let Some(channel) = channel
            && !self.channels.exists(channel)
        {
            return Err(NoSuchChannel(channel));
        }
        self.restarts.want(channel);
        self.work(now);
        Ok(())
    }

    /// The channel of a call. `None` as well while the peer has not chosen it, or after it went to a call of the network
    /// that wanted the same.
    pub fn channel(&self, call: CallId) -> Option<u8> {
        self.calls.get(&call)?.channel()
    }

    /// The state of a call, as the standard names it.
    pub fn call_state(&self, call: CallId) -> Option<CallState> {
        Some(self.calls.get(&call)?.state(self.settings.role))
    }

    /// Calls there are, in the order they began.
    pub fn calls(&self) -> impl ExactSizeIterator<Item = CallId> + '_ {
        self.calls.keys().copied()
    }

    /// What a channel is at; `None` when there is no such channel.
    pub fn channel_status(&self, channel: u8) -> Option<ChannelStatus> {
        self.channels.status(channel)
    }

    /// Whether a channel was taken out of service by [`block`](Self::block).
    pub fn is_blocked(&self, channel: u8) -> bool {
        self.channels.is_blocked(channel)
    }

    /// Whether the peer has taken a channel out of service.
    pub fn is_blocked_by_peer(&self, channel: u8) -> bool {
        self.channels.is_blocked_by_peer(channel)
    }

    /// Whether calls can be made.
    pub fn is_up(&self) -> bool {
        self.link_up
    }

    /// The state of layer 2.
    pub fn link_state(&self) -> LinkState {
        self.link.state()
    }

    /// What layer 2 has counted.
    pub fn link_counters(&self) -> &LinkCounters {
        self.link.counters()
    }

    /// What layer 3 has counted.
    pub fn call_counters(&self) -> &CallCounters {
        &self.counters
    }

    /// The last frames in words.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    fn new_id(&mut self) -> CallId {
        let id = CallId::new(self.next_id);
        self.next_id += 1;
        id
    }

    /// A reference no call of ours has; there are many more than channels.
    fn new_reference(&mut self) -> CallReference {
        loop {
            let reference = CallReference::new(Origin::Ours, self.next_reference);
            self.next_reference = match self.next_reference {
                CallReference::MAX => 1,
                value => value + 1,
            };
            if self.call_of(reference).is_none() {
                return reference;
            }
        }
    }

    fn call_of(&self, reference: CallReference) -> Option<CallId> {
        self.calls
            .values()
            .find(|call| call.reference() == reference)
            .map(Call::id)
    }

    fn context(&mut self, now: Instant) -> Context<'_> {
        Context {
            settings: &self.settings,
            channels: &mut self.channels,
            messages: &mut self.messages,
            outputs: &mut self.outputs,
            lost_channels: &mut self.lost_channels,
            now,
        }
    }

    /// Lets something happen to a call, and forgets the call when it is over.
    fn with_call<R>(
        &mut self,
        id: CallId,
        now: Instant,
        action: impl FnOnce(&mut Call, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let mut call = self.calls.remove(&id)?;
        let result = action(&mut call, &mut self.context(now));
        if !call.is_over() {
            self.calls.insert(id, call);
        }
        Some(result)
    }

    /// The same, for all calls.
    fn with_each_call(&mut self, now: Instant, action: impl Fn(&mut Call, &mut Context<'_>)) {
        let ids: Vec<CallId> = self.calls().collect();
        for id in ids {
            self.with_call(id, now, &action);
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Releases the call that has a channel, because the channel is restarted.
    fn clear_channel(&mut self, channel: u8, now: Instant) {
        if let Some(call) = self.channels.owner(channel) {
            self.with_call(call, now, Call::restarted);
        }
    }

    /// Ends all calls as a gateway that shuts down does, each by the message that fits its state.
    pub fn disconnect_all(&mut self, cause: Cause, now: Instant) {
        self.with_each_call(now, |call, ctx| {
            let in_band = false;
            // Every state takes it.
            let _ = call.command(Command::Disconnect { cause, in_band }, ctx);
        });
        self.work(now);
    }
}
