//! The way of a received packet to where its channel is routed.

use std::time::Instant;

use crate::channel::{ChannelState, Index, Kind, Route, tell};
use crate::far::Media;
use crate::socket::Received;
use crate::stream::Accepted;
use crate::transmission::Source;
use crate::worker::Worker;
use crate::{Codec, StreamEvent};

/// How the packets of a stream come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// This one when it was due.
    Steady,
    /// Any other way.
    Irregular,
}

impl Worker {
    /// Serves what was just received on the stream at `index`.
    pub(crate) fn relay(&mut self, index: Index, received: &Received, now: Instant) -> Pace {
        let Some(channel) = self.channels.get_mut(index) else {
            return Pace::Irregular;
        };
        let Kind::Rtp(stream) = &mut channel.kind else {
            return Pace::Irregular;
        };
        if stream.is_fax() {
            self.relay_fax(index, received, now);
            return Pace::Irregular;
        }
        let datagram = self.inbox.octets(received);
        let Some(accepted) = stream.accept(datagram, received.source, now) else {
            return Pace::Irregular;
        };
        let pace = accepted.pace;
        self.pass_on(index, received, &accepted, now);
        pace
    }

    /// Brings a packet that was taken to where its channel is routed.
    fn pass_on(&mut self, index: Index, received: &Received, accepted: &Accepted, now: Instant) {
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        if accepted.latched.is_some()
            || accepted.presses[0].is_some()
            || accepted.presses[1].is_some()
        {
            report(channel, accepted);
        }
        let Some(octets) = self.inbox.octets(received) else {
            return;
        };
        if let (Some(detectors), Media::Audio(codec)) = (&mut channel.detectors, accepted.media) {
            let payload = accepted.packet.payload(octets);
            let events = &channel.events;
            detectors.hear_packet(codec, accepted.packet.timestamp, payload, |event| {
                tell(events.as_ref(), event);
            });
        }
        let source = Source::Relay {
            channel: channel.id,
            epoch: accepted.epoch,
        };
        if let Some(playout) = &mut channel.playout {
            let timestamp = accepted.packet.timestamp;
            let payload = accepted.packet.payload_mut(octets);
            if channel.heard != Some(source) {
                channel.heard = Some(source);
                playout.restart();
            }
            match accepted.media {
                // To a line, which speaks A-law, by the table that keeps double conversions transparent.
                Media::Audio(Codec::Pcmu) if matches!(channel.route, Route::Bridge(_)) => {
                    ramal_dsp::ulaw_to_alaw(payload);
                    playout.put(Codec::Pcma, timestamp, payload, now);
                }
                Media::Audio(codec) => playout.put(codec, timestamp, payload, now),
                Media::ComfortNoise => playout.put_noise(timestamp, payload),
                // Not heard as sound.
                Media::Event | Media::Unknown => {}
            }
            return;
        }
        let to = match channel.route {
            Route::Idle | Route::Room(_) => return,
            Route::Echo => index,
            Route::Bridge(peer) => peer,
        };
        let Some(channel) = self.channels.get_mut(to) else {
            return;
        };
        if channel.is_occupied() {
            return;
        }
        if let Kind::Rtp(stream) = &mut channel.kind {
            stream.relay(
                octets,
                &accepted.packet,
                accepted.media,
                source,
                now,
                &mut self.reactor,
            );
            // Noise is made by the tick; there is room for every channel in its list.
            if stream.hush.is_some() && !std::mem::replace(&mut channel.clocked, true) {
                self.clocked.push(to);
            }
        }
    }

    /// Passes on a datagram of a fax as it is; without another fax at the other end it is lost.
    fn relay_fax(&mut self, index: Index, received: &Received, now: Instant) {
        let datagram = self.inbox.octets(received);
        let Some(channel) = self.channels.get_mut(index) else {
            return;
        };
        let Kind::Rtp(stream) = &mut channel.kind else {
            return;
        };
        let Some((octets, source)) = datagram.zip(received.source) else {
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
