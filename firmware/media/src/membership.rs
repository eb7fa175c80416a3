//! Rooms and frames as commands bring them about.

use std::time::Instant;

use crate::SampleRate;
use crate::channel::{ChannelState, Kind, Route};
use crate::command::ChannelId;
use crate::playout::Playout;
use crate::room::{Part, RoomState};
use crate::worker::Worker;

impl Worker {
    pub(crate) fn room(&mut self, id: u64) -> Option<&mut RoomState> {
        let mut rooms = self.rooms.iter_mut();
        rooms.find(|room| room.id == id)
    }

    /// Takes a channel into a room; false when there is no place.
    pub(crate) fn join(&mut self, room: u64, id: ChannelId, part: Part) -> bool {
        let Some(&index) = self.index_of.get(&id) else {
            return false;
        };
        self.unroute(index);
        if !self
            .room(room)
            .is_some_and(|room| room.join(id, index, part))
        {
            return false;
        }
        if let Some(channel) = self.channels.get_mut(index) {
            channel.route = Route::Room(room);
        }
        self.prepare(id);
        true
    }

    /// Ends a room; its members hear nothing then.
    pub(crate) fn close_room(&mut self, id: u64) {
        let Some(position) = self.rooms.iter().position(|room| room.id == id) else {
            return;
        };
        let room = self.rooms.swap_remove(position);
        for index in room.channels() {
            self.unroute(index);
        }
    }
}

impl ChannelState {
    /// Makes what this channel needs by itself.
    pub(crate) fn prepare(&mut self, beat: Instant) {
        if matches!(self.route, Route::Room(_)) {
            self.prepare_frames(SampleRate::Wide, beat);
        }
        if let Kind::Rtp(stream) = &self.kind
            && let (Some(detectors), Some(codec)) = (&mut self.detectors, stream.negotiated())
        {
            detectors.prepare(codec);
        }
        if let Kind::Rtp(stream) = &mut self.kind
            && (self.player.is_some() || self.keypad.is_some())
        {
            stream.prepare_encoder(SampleRate::Narrow);
        }
    }

    /// Makes a stream ready to give and take frames instead of packets; `band` is that of what it is sent,
    /// `beat` when the last tick was.
    pub(crate) fn prepare_frames(&mut self, band: SampleRate, beat: Instant) {
        let Kind::Rtp(stream) = &mut self.kind else {
            return;
        };
        let Some(codec) = stream.negotiated() else {
            return;
        };
        let fits = |playout: &Playout| {
            let laws = playout.codec().law().is_some() && codec.law().is_some();
            playout.codec() == codec || laws
        };
        if !self.playout.as_deref().is_some_and(fits) {
            self.playout = Playout::new(codec, beat);
            self.heard = None;
        }
        stream.prepare_encoder(band);
    }
}
