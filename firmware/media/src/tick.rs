//! What happens every 20 ms: prompts, lines, and in turns the housekeeping of all channels.

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::channel::{ChannelState, Index, Kind, Route, tell};
use crate::player::Frame;
use crate::reactor::Reactor;
use crate::transmission::Source;
use crate::worker::Worker;
use crate::{Codec, PlayEnd, SampleRate, StreamEvent};

/// Housekeeping visits each channel once in this many ticks (200 ms).
const TURNS: u64 = 10;
/// One whose packets come steadily only every so many times (1 s): what each visit fetches from memory would be a
/// twentieth of what those packets cost.
const STEADY_TURNS: u64 = 5;

impl Worker {
    /// One tick.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.ticks = self.ticks.wrapping_add(1);
        self.beat = now;
        let mut position = 0;
        while let Some(&index) = self.clocked.get(position) {
            let keep = self.is_followed(index, now) || self.serve(index, now);
            if keep {
                position += 1;
            } else {
                self.clocked.swap_remove(position);
            }
        }
        for room in &mut self.rooms {
            room.mix(&mut self.channels, now, &mut self.reactor);
        }
        self.receive_rests();
        // Sockets are connected to their far ends and opened again as time goes by.
        self.reactor.flush();
        self.tidy_in_turn(now);
        if !self.departing.is_empty() {
            self.hand_over();
        }
    }

    /// The line at `index` has said something: in a bridge with a stream that is when sound goes over it, both ways.
    pub(crate) fn follow_line(&mut self, index: Index, generation: u32, now: Instant) {
        let Some(channel) = self.channels.of_generation(index, generation) else {
            return;
        };
        let Kind::Line(line) = &mut channel.kind else {
            return;
        };
        let frames = line.beaten(now);
        if frames == 0 || !self.is_followed(index, now) {
            return;
        }
        for _ in 0..frames {
            self.serve(index, now);
        }
        if let Some(channel) = self.channels.get_mut(index)
            && let Kind::Line(line) = &mut channel.kind
        {
            line.answered();
        }
    }

    /// Whether what is bridged here goes by the clock of a line.
    fn is_followed(&mut self, index: Index, now: Instant) -> bool {
        let Some(channel) = self.channels.get_mut(index) else {
            return false;
        };
        match (&channel.kind, channel.route) {
            (Kind::Line(line), Route::Bridge(peer)) if line.last_beat(now).is_some() => {
                let peer = self.channels.get_mut(peer);
                peer.is_some_and(|peer| matches!(peer.kind, Kind::Rtp(_)))
            }
            _ => false,
        }
    }

    /// Serves a clocked channel; false when it needs no more ticks.
    fn serve(&mut self, index: Index, now: Instant) -> bool {
        let out = &mut self.reactor;
        let Some(channel) = self.channels.get_mut(index) else {
            return false;
        };
        match (&channel.kind, channel.route) {
            (Kind::Rtp(_), _) => {
                if !channel.press(now, out) {
                    channel.play_to_stream(now, out);
                }
            }
            (Kind::Line(_), Route::Bridge(peer)) => {
                if let Some((line, peer)) = self.channels.pair_mut(index, peer) {
                    line.exchange_with_peer(peer, now, out);
                }
            }
            (Kind::Line(_), _) => channel.exchange_with_line(now, out),
        }
        let Some(channel) = self.channels.get_mut(index) else {
            return false;
        };
        channel.clocked = channel.wants_tick();
        channel.clocked
    }

    /// Looks after the channels whose turn it is.
    fn tidy_in_turn(&mut self, now: Instant) {
        let (round, tick) = (self.ticks / TURNS, self.ticks as u32);
        let mut index = (self.ticks % TURNS) as Index;
        while index < self.channels.capacity() {
            let thorough = round
                .wrapping_add(u64::from(index) / TURNS)
                .is_multiple_of(STEADY_TURNS);
            if thorough || !self.channels.is_steady(index, tick) {
                self.tidy(index, thorough, now);
            }
            index += TURNS as Index;
        }
    }

    /// Looks after what time alone brings about.
    fn tidy(&mut self, index: Index, thorough: bool, now: Instant) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        if channel.closed.load(Ordering::Acquire) {
            self.close(index);
            return;
        }
        if thorough && !self.reactor.delivers() && matches!(channel.kind, Kind::Rtp(_)) {
            self.receive_rest(index);
            self.reactor.flush();
        }
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let Kind::Rtp(stream) = &mut channel.kind else {
            return;
        };
        stream.settle(now);
        stream.send_due_report(now);
        let press = stream.expired_press(now);
        let timed_out = stream.timed_out(now);
        if let Some(press) = press {
            let (digit, duration_ms) = (press.digit, press.duration_ms);
            channel.report(StreamEvent::Digit { digit, duration_ms });
        }
        if timed_out {
            channel.report(StreamEvent::MediaTimeout);
        }
    }
}

impl ChannelState {
    /// Ends the play list.
    pub(crate) fn end_play(&mut self, end: PlayEnd) {
        let Some(player) = self.player.take() else {
            return;
        };
        player.finish(end);
        if let Kind::Rtp(stream) = &mut self.kind {
            stream.transmission.interrupt();
        }
        if end == PlayEnd::Completed {
            self.report(StreamEvent::PlayEnded);
        }
    }

    fn play_to_stream(&mut self, now: Instant, out: &mut Reactor) {
        let Kind::Rtp(stream) = &mut self.kind else {
            return;
        };
        let Some(player) = &mut self.player else {
            return stream.send_hush(Source::Local { channel: self.id }, now, out);
        };
        // On hold the list goes on unheard.
        let prepared = stream.takes_prepared();
        let codec = stream.send_codec().filter(|_| prepared);
        let source = Source::Local { channel: self.id };
        match player.next_frame(codec.unwrap_or(Codec::Pcma)) {
            Some(Frame::Encoded(frame)) if prepared => stream.send_frame(frame, source, now, out),
            Some(Frame::Alaw(frame) | Frame::Encoded(frame)) => {
                if let Some(frame) = frame.first_chunk() {
                    stream.send_alaw(frame, source, now, out);
                }
            }
            Some(Frame::Silence) => stream.send_silence(source, now, out),
            None => self.end_play(PlayEnd::Completed),
        }
    }

    /// Exchanges 20 ms with the line, which hears its play list or what waits for it.
    fn exchange_with_line(&mut self, now: Instant, out: &mut Reactor) {
        let pressed = self.press(now, out);
        let Kind::Line(line) = &mut self.kind else {
            return;
        };
        match &mut self.player {
            _ if pressed => {}
            None => line.exchange(None, now),
            Some(player) => match player.next_frame(Codec::Pcma) {
                Some(frame) => line.exchange(Some(frame), now),
                None => {
                    line.exchange(None, now);
                    self.end_play(PlayEnd::Completed);
                }
            },
        }
        if let (Kind::Line(line), Some(detectors)) = (&mut self.kind, &mut self.detectors) {
            let events = &self.events;
            detectors.hear_line(&mut line.received, |event| tell(events.as_ref(), event));
        }
        if let (Kind::Line(line), Route::Echo) = (&mut self.kind, self.route) {
            let received = line.received;
            line.hear(&received);
        }
    }

    /// The same for a line in a bridge: hears the other side, and is heard by it.
    fn exchange_with_peer(&mut self, peer: &mut ChannelState, now: Instant, out: &mut Reactor) {
        if let (Kind::Line(line), Some(playout)) = (&mut self.kind, &mut peer.playout) {
            let mut room = [0i16; SampleRate::Wide.frame()];
            let frame = &mut room[..playout.rate().frame()];
            playout.pull(now, frame);
            line.hear_samples(frame, playout.rate());
        }
        self.exchange_with_line(now, out);
        let Kind::Line(line) = &self.kind else { return };
        if peer.is_occupied() {
            return;
        }
        match &mut peer.kind {
            Kind::Rtp(stream) => {
                stream.send_alaw(&line.received, Source::Local { channel: self.id }, now, out);
            }
            Kind::Line(peer) => peer.hear(&line.received),
        }
    }
}
