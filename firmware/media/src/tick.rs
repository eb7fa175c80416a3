//! What happens every 20 ms: prompts, lines, and in turns the housekeeping of all channels.

use std::sync::atomic::Ordering;
use std::time::Instant;

use ramal_dsp::{FRAME_SAMPLES, Law};

use crate::channel::{ChannelState, Index, Kind, LinePort, Route};
use crate::player::Frame;
use crate::transmission::Source;
use crate::worker::Worker;
use crate::{Codec, PlayEnd, StreamEvent};

/// Housekeeping visits each channel once in this many ticks (200 ms).
const TURNS: u64 = 10;
/// 20 ms of nothing, A-law.
const SILENCE: [u8; FRAME_SAMPLES] = [Law::A.silence(); FRAME_SAMPLES];

impl Worker {
    /// One tick.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.ticks = self.ticks.wrapping_add(1);
        self.take_commands();
        let mut position = 0;
        while let Some(&index) = self.clocked.get(position) {
            let keep = self.serve(index, now);
            if keep {
                position += 1;
            } else {
                self.clocked.swap_remove(position);
            }
        }
        let mut index = (self.ticks % TURNS) as Index;
        while index < self.channels.capacity() {
            self.tidy(index, now);
            index += TURNS as Index;
        }
        if !self.departing.is_empty() {
            self.hand_over();
        }
    }

    /// Serves a clocked channel; false when it needs no more ticks.
    fn serve(&mut self, index: Index, now: Instant) -> bool {
        let Some(channel) = self.channels.get_mut(index) else {
            return false;
        };
        let heard = match &channel.kind {
            Kind::Rtp(_) => {
                channel.play_to_stream(now);
                None
            }
            Kind::Line(_) => channel.exchange_with_line(now),
        };
        let (id, route) = (channel.id, channel.route);
        channel.clocked = channel.wants_tick();
        let clocked = channel.clocked;
        if let (Some(frame), Route::Bridge(peer)) = (heard, route)
            && let Some(peer) = self
                .channels
                .get_mut(peer)
                .filter(|peer| peer.player.is_none())
        {
            let source = Source::Local { channel: id };
            match &mut peer.kind {
                Kind::Rtp(stream) => stream.send_alaw(&frame, source, now),
                Kind::Line(line) => line.hear_line(&frame, source, now),
            }
        }
        clocked
    }

    /// Looks after what time alone brings about.
    fn tidy(&mut self, index: Index, now: Instant) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        if channel.closed.load(Ordering::Acquire) {
            self.close(index);
            return;
        }
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

    fn play_to_stream(&mut self, now: Instant) {
        let (Some(player), Kind::Rtp(stream)) = (&mut self.player, &mut self.kind) else {
            return;
        };
        // On hold the list goes on unheard.
        let codec = stream.send_codec().unwrap_or(Codec::Pcma);
        let source = Source::Local { channel: self.id };
        match player.next_frame(codec) {
            Some(Frame::Encoded(frame)) => stream.send_frame(frame, source, now),
            Some(Frame::Alaw(frame)) => {
                if let Some(frame) = frame.first_chunk() {
                    stream.send_alaw(frame, source, now);
                }
            }
            Some(Frame::Silence) => stream.send_silence(source, now),
            None => self.end_play(PlayEnd::Completed),
        }
    }

    /// Exchanges 20 ms with the line and answers what it said.
    fn exchange_with_line(&mut self, now: Instant) -> Option<[u8; FRAME_SAMPLES]> {
        let mut transmit = SILENCE;
        let mut play_over = false;
        let Kind::Line(line) = &mut self.kind else {
            return None;
        };
        match (&mut self.player, self.route) {
            (Some(player), _) => match player.next_frame(Codec::Pcma) {
                Some(Frame::Encoded(frame) | Frame::Alaw(frame)) => {
                    if let Some(frame) = frame.first_chunk() {
                        transmit = *frame;
                    }
                }
                Some(Frame::Silence) => {}
                None => play_over = true,
            },
            (None, Route::Bridge(_)) => line.ring.take(&mut transmit),
            (None, Route::Echo) => transmit = line.received,
            (None, Route::Idle) => {}
        }
        line.audio.exchange(&transmit, &mut line.received);
        if let Some(tap) = &mut line.tap {
            let timestamp = (line.frames as u32).wrapping_mul(FRAME_SAMPLES as u32);
            tap.received(Codec::Pcma, 0, timestamp, &line.received, now);
            tap.sent(Codec::Pcma, timestamp, &transmit, now);
        }
        line.frames += 1;
        let received = line.received;
        if play_over {
            self.end_play(PlayEnd::Completed);
        }
        Some(received)
    }
}

impl LinePort {
    /// Takes a frame from another line on the same tick.
    fn hear_line(&mut self, frame: &[u8; FRAME_SAMPLES], source: Source, now: Instant) {
        if self.aligned_to != Some(source) {
            self.aligned_to = Some(source);
            self.ring.reset();
        }
        self.ring.append(frame, now);
    }
}
