//! The way of a received packet to where its channel is routed.

use std::time::Instant;

use crate::channel::{ChannelState, Index, Kind, LinePort, Route};
use crate::far::Media;
use crate::rtp::RtpPacket;
use crate::stream::Accepted;
use crate::transmission::Source;
use crate::worker::Worker;
use crate::{Codec, StreamEvent};

impl Worker {
    /// Serves the packet at `position` of the batch just received on the stream at `index`.
    pub(crate) fn relay(&mut self, index: Index, position: usize, now: Instant) {
        let mut datagram = self.batch.datagram(position);
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let Kind::Rtp(stream) = &mut channel.kind else {
            return;
        };
        if stream.is_fax() {
            self.relay_fax(index, position, now);
            return;
        }
        let Some(accepted) = stream.accept(datagram.octets.as_deref_mut(), datagram.source, now)
        else {
            return;
        };
        if accepted.latched.is_some()
            || accepted.presses[0].is_some()
            || accepted.presses[1].is_some()
        {
            report(channel, &accepted);
        }
        let Some(octets) = datagram.octets else {
            return;
        };
        let source = Source::Relay {
            channel: channel.id,
            epoch: accepted.epoch,
        };
        let to = match channel.route {
            Route::Idle => return,
            Route::Echo => channel,
            Route::Bridge(peer) => match self.channels.get_mut(peer) {
                Some(peer) => peer,
                None => return,
            },
        };
        if to.player.is_some() {
            return;
        }
        match &mut to.kind {
            Kind::Rtp(stream) => {
                stream.relay(octets, &accepted.packet, accepted.media, source, now);
            }
            Kind::Line(line) => {
                line.hear(octets, &accepted.packet, accepted.media, source, now);
            }
        }
    }

    /// Passes on a datagram of a fax as it is; without another fax at the other end it is lost.
    fn relay_fax(&mut self, index: Index, position: usize, now: Instant) {
        let datagram = self.batch.datagram(position);
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let Kind::Rtp(stream) = &mut channel.kind else {
            return;
        };
        let Some((octets, source)) = datagram.octets.zip(datagram.source) else {
            return;
        };
        if let Route::Bridge(peer) = channel.route
            && stream.accept_fax(source, now)
            && let Some(peer) = self.channels.get_mut(peer)
            && let Kind::Rtp(stream) = &mut peer.kind
        {
            stream.send_fax(octets);
        }
    }
}

fn report(channel: &ChannelState, accepted: &Accepted) {
    if let Some(addr) = accepted.latched {
        channel.report(StreamEvent::Latched { addr });
    }
    for press in accepted.presses.into_iter().flatten() {
        let (digit, duration_ms) = (press.digit, press.duration_ms);
        channel.report(StreamEvent::Digit { digit, duration_ms });
    }
}

impl LinePort {
    /// Puts an audio packet into the jitter buffer. Telephone events are not heard on a line.
    fn hear(
        &mut self,
        octets: &mut [u8],
        packet: &RtpPacket,
        media: Media,
        source: Source,
        now: Instant,
    ) {
        let Media::Audio(codec) = media else { return };
        if self.aligned_to != Some(source) {
            self.aligned_to = Some(source);
            self.ring.reset();
        }
        let payload = &mut octets[packet.payload_start..packet.payload_end];
        match codec {
            Codec::Pcma => {}
            Codec::Pcmu => ramal_dsp::ulaw_to_alaw(payload),
            _ => return,
        }
        self.ring.put(packet.timestamp, payload, now);
    }
}
