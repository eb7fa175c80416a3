//! What comes to a stream: opened, checked, believed or not, and counted.

use std::net::SocketAddr;
use std::time::Instant;

use ramal_dsp::TelephoneEvent;

use super::RtpStream;
use crate::digits::Press;
use crate::far::Media;
use crate::latch::Verdict;
use crate::reception::Arrival;
use crate::relay::Pace;
use crate::rtp::RtpPacket;
use crate::secure::Refusal;
use crate::socket;

/// A packet that was taken.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) packet: RtpPacket,
    pub(crate) media: Media,
    /// Counts the sources the stream has had.
    pub(crate) epoch: u32,
    pub(crate) latched: Option<SocketAddr>,
    pub(crate) presses: [Option<Press>; 2],
    pub(crate) pace: Pace,
}

impl RtpStream {
    /// Opens and checks a datagram of the RTP port and takes note of it; `None` when it is dropped.
    pub(crate) fn accept(
        &mut self,
        datagram: Option<&mut [u8]>,
        source: Option<SocketAddr>,
        now: Instant,
    ) -> Option<Accepted> {
        let Some((datagram, source)) = datagram.zip(source) else {
            self.malformed += 1;
            return None;
        };
        if self.link.is_some() && !self.is_media(datagram, source, now) {
            return None;
        }
        if self.security.is_protected() && self.far.as_ref()?.latch.ignores(source, now) {
            self.foreign += 1;
            return None;
        }
        let datagram = match self.security.open_rtp(datagram) {
            Ok(datagram) => datagram,
            Err(refusal) => {
                self.count_refused(refusal);
                return None;
            }
        };
        let Some(packet) = RtpPacket::parse(datagram) else {
            self.malformed += 1;
            return None;
        };
        let far = self.far.as_mut()?;
        let media = self.payload_types.media(packet.payload_type & 0x7F);
        if media == Media::Unknown {
            self.unknown_payload += 1;
            // It belongs to the sequence of the source that is heard, but brings about nothing else.
            if far.latch.source() != Some(source) || !self.reception.is_from(packet.ssrc) {
                return None;
            }
        }
        let mut latched = None;
        match far.latch.judge(source, packet.ssrc, packet.sequence, now) {
            Verdict::Accept => {}
            Verdict::Latched => {
                latched = Some(source);
                far.aim();
                self.reports
                    .follow(far, socket::is_ipv6(&self.sockets.rtcp));
            }
            Verdict::Refuse => {
                self.foreign += 1;
                return None;
            }
        }
        self.heard = now;
        self.timeout_reported = false;
        let clock_rate = far.remote.payloads.codec.clock_rate();
        let timed = matches!(media, Media::Audio(_));
        match self.reception.record(&packet, now, clock_rate, timed) {
            Arrival::Duplicate | Arrival::Stray => return None,
            Arrival::NewSource => self.epoch = self.epoch.wrapping_add(1),
            Arrival::InOrder | Arrival::OutOfOrder => {}
        }
        if !far.remote.receive {
            return None;
        }
        if let (Some(tap), Media::Audio(codec)) = (&mut self.tap, media) {
            let payload = packet.payload(datagram);
            tap.received(codec, self.epoch, packet.timestamp, payload, now);
        }
        let mut presses = [None, None];
        if media == Media::Event
            && let Some(event) = TelephoneEvent::parse(packet.payload(datagram))
        {
            presses = self
                .digits
                .receive(packet.ssrc, packet.timestamp, event, now);
            self.digits_reported += presses.iter().flatten().count() as u64;
        }
        Some(Accepted {
            packet,
            media,
            epoch: self.epoch,
            latched,
            presses,
            pace: self.reception.pace(),
        })
    }

    pub(crate) fn count_refused(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Malformed => self.malformed += 1,
            Refusal::Unauthentic => self.unauthentic += 1,
            Refusal::Replayed => self.replayed += 1,
        }
    }

    /// Reads a datagram of the RTCP port. It is believed when it comes from the host RTP comes from or
    /// is expected from.
    pub(crate) fn accept_report(
        &mut self,
        datagram: Option<&mut [u8]>,
        source: Option<SocketAddr>,
        now: Instant,
    ) {
        let Some((datagram, source)) = datagram.zip(source) else {
            return;
        };
        let Some(far) = &self.far else { return };
        let media_source = far.latch.source().unwrap_or(far.remote.rtp);
        if source.ip() != media_source.ip() && source.ip() != far.remote.rtp.ip() {
            return;
        }
        let datagram = match self.security.open_rtcp(datagram) {
            Ok(datagram) => datagram,
            Err(refusal) => {
                self.count_refused(refusal);
                return;
            }
        };
        let Some(far) = &self.far else { return };
        if self.reports.receive(datagram, self.transmission.ssrc, now) {
            self.heard = now;
            if let (Some(encoder), Some(percent)) =
                (&mut self.encoder, self.reports.remote_loss_percent())
            {
                encoder.expect_loss(percent);
            }
            if far.remote.symmetric && !far.remote.rtcp_mux {
                self.reports
                    .aim(source, socket::is_ipv6(&self.sockets.rtcp));
            }
        }
    }
}
