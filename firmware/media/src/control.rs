//! Commands carried out on the media thread.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::channel::{ChannelState, Index, Kind, Route};
use crate::command::{ChannelId, Command};
use crate::keypad::Keypad;
use crate::line::LinePort;
use crate::mailbox::Refused;
use crate::stream::RtpStream;
use crate::token::Token;
use crate::worker::Worker;
use crate::{PlayEnd, SampleRate, StreamEvent, StreamStatistics};

impl Worker {
    /// Carries out everything in the queue.
    pub(crate) fn obey(&mut self) {
        self.mailbox.awake();
        self.take_commands();
    }

    /// Carries out what is in the queue, also on every tick: few commands wake the thread.
    pub(crate) fn take_commands(&mut self) {
        let mut batch = std::mem::take(&mut self.taken);
        self.mailbox.take(&mut batch);
        if !batch.is_empty() {
            // What was sent before goes by what the sockets were before.
            self.reactor.flush();
        }
        for command in batch.drain(..) {
            self.carry_out(command);
        }
        // Its room is used again.
        self.taken = batch;
    }

    fn carry_out(&mut self, command: Command) {
        if !self.expected.is_empty() {
            let absent = |id: &ChannelId| self.expected.contains_key(id);
            if let Some(id) = command.channels().into_iter().flatten().find(absent) {
                if let Some(waiting) = self.expected.get_mut(&id) {
                    waiting.push(command);
                }
                return;
            }
        }
        let now = Instant::now();
        match command {
            Command::Open(state) => self.open(state),
            Command::Close(id) => {
                if let Some(&index) = self.index_of.get(&id) {
                    self.close(index);
                }
            }
            Command::SetRemote(id, remote, _) => {
                self.with(id, |channel| {
                    if let Kind::Rtp(stream) = &mut channel.kind {
                        stream.set_remote(*remote, now);
                    }
                });
                self.prepare(id);
            }
            Command::SetFax(id, described) => self.with(id, |channel| {
                if let Kind::Rtp(stream) = &mut channel.kind {
                    stream.set_fax(described, now);
                }
            }),
            Command::Ice(id, ice) => self.with_stream(id, |stream| stream.set_ice(&ice)),
            Command::Handshake(id, inputs) => self.with_stream(id, |stream| stream.hand_to(inputs)),
            Command::SendHandshake(id, datagram) => {
                self.with_stream(id, |stream| stream.send_handshake(&datagram));
            }
            Command::Unsecured(id, fault) => {
                self.with(id, |channel| channel.report(StreamEvent::Unsecured(fault)));
            }
            Command::Keys(id, keys) => self.with_stream(id, |stream| stream.set_keys(&keys)),
            Command::Bridge(a, b) => self.bridge(a, b),
            Command::Unbridge(id) => self.route(id, Route::Idle),
            Command::Echo(id) => self.route(id, Route::Echo),
            Command::Play(id, player) => {
                self.with(id, |channel| {
                    channel.end_play(PlayEnd::Interrupted);
                    channel.player = Some(player);
                });
                self.prepare(id);
                self.clock(id);
            }
            Command::StopPlay(id, number) => self.with(id, |channel| {
                if channel
                    .player
                    .as_ref()
                    .is_some_and(|player| player.number == number)
                {
                    channel.end_play(PlayEnd::Interrupted);
                }
            }),
            Command::Press(id, key) => {
                self.with(id, |channel| {
                    let keypad = channel
                        .keypad
                        .get_or_insert_with(|| Box::new(Keypad::new()));
                    keypad.push(key);
                });
                self.prepare(id);
                self.clock(id);
            }
            Command::Events(id, events) => self.with(id, |channel| channel.events = Some(events)),
            Command::Detect(id, detectors) => {
                self.with(id, |channel| channel.detectors = detectors);
                self.prepare(id);
            }
            Command::Tap(id, tap) => self.with(id, |channel| *channel.tap() = Some(tap)),
            Command::Untap(id, number) => self.with(id, |channel| {
                channel.tap().take_if(|tap| tap.number == number);
            }),
            Command::Statistics(id, reply) => self.with(id, |channel| {
                let statistics = match &channel.kind {
                    Kind::Rtp(stream) => StreamStatistics {
                        late: channel.playout.as_ref().map_or(0, |playout| playout.late),
                        playout_delay_ms: channel
                            .playout
                            .as_ref()
                            .map(|playout| playout.delay_ms()),
                        concealed: channel
                            .playout
                            .as_ref()
                            .map_or(0, |playout| playout.made_up),
                        ..stream.statistics()
                    },
                    Kind::Line(line) => StreamStatistics {
                        packets_received: line.frames,
                        packets_sent: line.frames,
                        ..StreamStatistics::default()
                    },
                };
                // The one who asked may have gone.
                let _ = reply.send(statistics);
            }),
            Command::Expect(id) => {
                self.expected.entry(id).or_default();
            }
            Command::Depart(id, mailbox) => {
                if let Some(&index) = self.index_of.get(&id)
                    && let Some(state) = self.detach(index)
                {
                    self.departing.push((mailbox, Command::Open(state)));
                    self.hand_over();
                }
            }
            Command::OpenRoom(room) => self.rooms.push(*room),
            Command::CloseRoom(id) => self.close_room(id),
            Command::Join(room, id, part, reply) => {
                // The one who asked may have gone.
                let _ = reply.send(self.join(room, id, part));
            }
            Command::Leave(room, id) => {
                if let Some(&index) = self.index_of.get(&id)
                    && let Some(channel) = self.channels.get_mut(index)
                    && channel.route == Route::Room(room)
                {
                    self.unroute(index);
                }
            }
            Command::Heard(room, speaker, listener, heard) => {
                if let Some(room) = self.room(room) {
                    room.set_heard(speaker, listener, heard);
                }
            }
            Command::RoomEvents(room, events) => {
                if let Some(room) = self.room(room) {
                    room.events = Some(events);
                }
            }
            Command::Stop => self.running = false,
        }
    }

    fn with(&mut self, id: ChannelId, act: impl FnOnce(&mut ChannelState)) {
        if let Some(&index) = self.index_of.get(&id)
            && let Some(channel) = self.channels.get_mut(index)
        {
            act(channel);
        }
    }

    fn with_stream(&mut self, id: ChannelId, act: impl FnOnce(&mut RtpStream)) {
        self.with(id, |channel| {
            if let Kind::Rtp(stream) = &mut channel.kind {
                act(stream);
            }
        });
    }

    fn open(&mut self, state: Box<ChannelState>) {
        let id = state.id;
        let (index, generation) = self.channels.insert(state, self.ticks as u32);
        self.index_of.insert(id, index);
        // So that no packet which puts a channel on the list has to make room.
        let known = self.channels.capacity() as usize;
        self.clocked
            .reserve(known.saturating_sub(self.clocked.len()));
        match self
            .channels
            .get_mut(index)
            .map(|channel| &mut channel.kind)
        {
            Some(Kind::Rtp(stream)) => {
                stream.token = Token::Rtp(index, generation);
                let [rtp, rtcp] = stream.watched(index, generation);
                let watched = self
                    .reactor
                    .watch(rtp.0, rtp.1)
                    .and_then(|()| self.reactor.watch(rtcp.0, rtcp.1));
                if let Err(error) = watched {
                    tracing::error!(%error, "stream cannot receive: the system watches no more sockets");
                }
            }
            Some(Kind::Line(line)) => {
                let token = Token::Line(index, generation);
                if let Some(beat) = line.beat()
                    && let Err(error) = self.reactor.watch(beat.as_fd(), token)
                {
                    tracing::warn!(%error, "a line goes by ticks: the system watches no more descriptors");
                }
            }
            None => {}
        }
        self.clock(id);
        for command in self.expected.remove(&id).unwrap_or_default() {
            self.carry_out(command);
        }
    }

    /// Puts a channel on the list of the tick if it has something to do there.
    fn clock(&mut self, id: ChannelId) {
        if let Some(&index) = self.index_of.get(&id)
            && let Some(channel) = self.channels.get_mut(index)
            && channel.wants_tick()
            && !std::mem::replace(&mut channel.clocked, true)
        {
            self.clocked.push(index);
        }
    }

    pub(crate) fn close(&mut self, index: Index) {
        if let Some(mut state) = self.detach(index) {
            state.end_play(PlayEnd::Interrupted);
            if let Kind::Rtp(stream) = &mut state.kind {
                stream.leave(Instant::now());
            }
        }
    }

    /// Takes a channel off this thread.
    fn detach(&mut self, index: Index) -> Option<Box<ChannelState>> {
        self.unwatch(index);
        self.unroute(index);
        let mut state = self.channels.remove(index)?;
        self.index_of.remove(&state.id);
        self.clocked.retain(|&clocked| clocked != index);
        state.clocked = false;
        Some(state)
    }

    /// Hears no more of a channel than what has come.
    fn unwatch(&mut self, index: Index) {
        let Some((channel, generation)) = self.channels.with_generation(index) else {
            return;
        };
        match &channel.kind {
            Kind::Rtp(stream) => self.reactor.unwatch(&stream.watched(index, generation)),
            Kind::Line(line) => {
                if let Some(beat) = line.beat() {
                    let token = Token::Line(index, generation);
                    self.reactor.unwatch(&[(beat.as_fd(), token)]);
                }
            }
        }
        while let Some(event) = self.reactor.left_behind(Token::Rtp(index, generation)) {
            if let Some(delivered) = event.datagram {
                self.take(index, generation, delivered, Instant::now());
            }
        }
        // By its own sockets, which go with it.
        self.reactor.flush();
    }

    /// Hands channels to the threads they move to.
    pub(crate) fn hand_over(&mut self) {
        for (mailbox, command) in std::mem::take(&mut self.departing) {
            match mailbox.try_post(command) {
                Ok(()) => {}
                // Tried again on the next tick.
                Err(Refused::Full(command)) => self.departing.push((mailbox, command)),
                Err(Refused::Stopped) => {
                    mailbox.load.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
    }

    fn bridge(&mut self, a: ChannelId, b: ChannelId) {
        let (Some(&a), Some(&b)) = (self.index_of.get(&a), self.index_of.get(&b)) else {
            return;
        };
        self.unroute(a);
        self.unroute(b);
        if let Some((first, second)) = self.channels.pair_mut(a, b) {
            first.route = Route::Bridge(b);
            second.route = Route::Bridge(a);
            let id = first.id;
            self.prepare(id);
        }
    }

    /// Makes what the route of a channel needs beyond relaying: after every command that changes its
    /// route, its codec or what it plays, so that no packet has to.
    pub(crate) fn prepare(&mut self, id: ChannelId) {
        let Some(&index) = self.index_of.get(&id) else {
            return;
        };
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let beat = self.beat;
        channel.prepare(beat);
        let followed = |line: &LinePort| line.last_beat(beat).unwrap_or(beat);
        if let Route::Bridge(peer) = channel.route
            && let Some((a, b)) = self.channels.pair_mut(index, peer)
        {
            match (&mut a.kind, &mut b.kind) {
                (Kind::Rtp(a), Kind::Rtp(b)) => {
                    a.prepare_transcoder(b.negotiated());
                    b.prepare_transcoder(a.negotiated());
                }
                (Kind::Rtp(_), Kind::Line(line)) => {
                    let beat = followed(line);
                    a.prepare_frames(SampleRate::Narrow, beat);
                }
                (Kind::Line(line), Kind::Rtp(_)) => {
                    let beat = followed(line);
                    b.prepare_frames(SampleRate::Narrow, beat);
                }
                (Kind::Line(_), Kind::Line(_)) => {}
            }
        }
    }

    fn route(&mut self, id: ChannelId, route: Route) {
        let Some(&index) = self.index_of.get(&id) else {
            return;
        };
        self.unroute(index);
        if let Some(channel) = self.channels.get_mut(index) {
            channel.route = route;
        }
    }

    /// Ends the bridge or echo of a channel, on both sides.
    pub(crate) fn unroute(&mut self, index: Index) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let route = std::mem::replace(&mut channel.route, Route::Idle);
        channel.interrupt();
        match route {
            Route::Bridge(peer) => {
                if let Some(peer) = self.channels.get_mut(peer) {
                    peer.route = Route::Idle;
                    peer.interrupt();
                }
            }
            Route::Room(room) => {
                if let Some(room) = self.room(room) {
                    room.leave(index);
                }
            }
            Route::Idle | Route::Echo => {}
        }
    }
}

impl ChannelState {
    /// What is heard next comes from another source, even when it is the same channel again.
    fn interrupt(&mut self) {
        self.playout = None;
        match &mut self.kind {
            Kind::Rtp(stream) => {
                stream.transcoder = None;
                stream.hush = None;
                // A prompt goes on over a change of the bridge.
                if self.player.is_none() {
                    stream.transmission.interrupt();
                }
            }
            Kind::Line(line) => line.interrupt(),
        }
    }
}
