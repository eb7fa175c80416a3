//! An RTP stream on its media thread: what comes in is checked and counted, what goes out gets the
//! stream's own header.

mod acceptance;
mod fax;
mod statistics;

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use crate::channel::Index;
use crate::codec::Encoder;
use crate::digits::{DigitReceiver, Press};
use crate::far::{Far, Media, PayloadTypes};
use crate::hush::Hush;
use crate::latch::Latch;
use crate::ports::PortLease;
use crate::reactor::{Datagram, Reactor};
use crate::reception::Reception;
use crate::recording::Tap;
use crate::report::Reports;
use crate::rtp::{RtpHeader, RtpPacket};
use crate::secure::Security;
use crate::secure::link::Link;
use crate::token::Token;
use crate::transcoder::Transcoder;
use crate::transmission::{Source, Transmission};
use crate::udptl::Udptl;
use crate::{Codec, Remote, StreamParameters, rtcp, socket};
use ramal_dsp::{alaw_to_ulaw, ulaw_to_alaw};

pub(crate) use acceptance::Accepted;

/// The sockets of a stream and the claim on their ports; the claim ends after the sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) _lease: PortLease,
}

/// An RTP stream.
pub(crate) struct RtpStream {
    pub(crate) sockets: Sockets,
    /// What its thread knows its RTP port by.
    pub(crate) token: Token,
    pub(crate) far: Option<Far>,
    pub(crate) security: Security,
    /// The way to a browser.
    pub(crate) link: Option<Box<Link>>,
    /// Set while the far end sends a fax instead of audio.
    fax: Option<Box<Udptl>>,
    /// Meaning of the payload types 0-127.
    payload_types: PayloadTypes,
    reception: Reception,
    epoch: u32,
    digits: DigitReceiver,
    pub(crate) transmission: Transmission,
    /// Copies what comes and goes for a recording.
    pub(crate) tap: Option<Box<Tap>>,
    /// Encoder of what is made here or comes in another codec, made when there is need for it.
    pub(crate) encoder: Option<Box<Encoder>>,
    /// What packets of the bridge's other side go through, when it speaks another codec.
    pub(crate) transcoder: Option<Box<Transcoder>>,
    /// Set while the bridge's other side says nothing but how quiet it is.
    pub(crate) hush: Option<Hush>,
    // Apart, as no packet of RTP needs it.
    pub(crate) reports: Box<Reports>,
    media_timeout: Option<Duration>,
    /// When the far end was last heard, or began to be expected.
    heard: Instant,
    timeout_reported: bool,
    pub(crate) malformed: u64,
    foreign: u64,
    unauthentic: u64,
    replayed: u64,
    unknown_payload: u64,
    digits_reported: u64,
}

impl RtpStream {
    pub(crate) fn new(
        sockets: Sockets,
        parameters: StreamParameters,
        identifiers: [u8; 10],
        cname: [u8; rtcp::CNAME_LENGTH],
        now: Instant,
    ) -> Self {
        let [s0, s1, s2, s3, q0, q1, t0, t1, t2, t3] = identifiers;
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
        // In the lower half, so that no early loss hides a rollover from an encrypted far end (RFC 3711 §3.3.1).
        let sequence = u16::from_be_bytes([q0, q1]) & 0x7FFF;
        let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
        RtpStream {
            sockets,
            token: Token::Rtp(Index::MAX, 0),
            far: None,
            security: Security::Plain,
            link: None,
            fax: None,
            payload_types: PayloadTypes::NONE,
            reception: Reception::new(now),
            epoch: 0,
            digits: DigitReceiver::default(),
            transmission: Transmission::new(ssrc, sequence, timestamp),
            tap: None,
            encoder: None,
            transcoder: None,
            hush: None,
            reports: Box::new(Reports::new(cname, ssrc, now)),
            media_timeout: parameters.media_timeout,
            heard: now,
            timeout_reported: false,
            malformed: 0,
            foreign: 0,
            unauthentic: 0,
            replayed: 0,
            unknown_payload: 0,
            digits_reported: 0,
        }
    }

    /// What its thread has to watch, for a channel of this index and generation: RTP, then RTCP.
    pub(crate) fn watched(&self, index: Index, generation: u32) -> [(BorrowedFd<'_>, Token); 2] {
        [
            (self.sockets.rtp.as_fd(), Token::Rtp(index, generation)),
            (self.sockets.rtcp.as_fd(), Token::Rtcp(index, generation)),
        ]
    }

    pub(crate) fn rtp_descriptor(&self) -> RawFd {
        socket::descriptor(&self.sockets.rtp)
    }

    pub(crate) fn rtcp_descriptor(&self) -> RawFd {
        socket::descriptor(&self.sockets.rtcp)
    }

    /// Takes a session description.
    pub(crate) fn set_remote(&mut self, remote: Remote, now: Instant) {
        self.fax = None;
        let mut latch = match self.far.take() {
            Some(mut far) => {
                far.unsettle(&self.sockets.rtp);
                far.latch
            }
            None => Latch::new(remote.rtp, now),
        };
        match &self.link {
            // A browser chooses by its checks; what its description says is of no use.
            Some(link) => link.aim(&mut latch, now),
            None => latch.signal(remote.rtp, now),
        }
        self.payload_types = PayloadTypes::of(&remote);
        self.security.set(&remote.protection);
        let ipv6 = socket::is_ipv6(&self.sockets.rtp);
        self.far = Some(Far::new(remote, latch, ipv6));
        let rtcp = remote.rtcp.unwrap_or_else(|| {
            SocketAddr::new(remote.rtp.ip(), remote.rtp.port().saturating_add(1))
        });
        self.reports.aim(rtcp, ipv6);
        self.follow_with_reports();
        self.heard = now;
        self.timeout_reported = false;
    }

    /// See [`Reports::follow`].
    pub(crate) fn follow_with_reports(&mut self) {
        if let Some(far) = &self.far {
            self.reports
                .follow(far, socket::is_ipv6(&self.sockets.rtcp));
        }
    }

    /// The socket reports are sent by.
    fn report_descriptor(&self) -> RawFd {
        match self.far.as_ref().is_some_and(|far| far.remote.rtcp_mux) {
            true => self.rtp_descriptor(),
            false => self.rtcp_descriptor(),
        }
    }

    /// Codec to send with; `None` while nothing may be sent.
    pub(crate) fn send_codec(&self) -> Option<Codec> {
        let far = self.far.as_ref()?;
        far.remote.send.then_some(far.remote.payloads.codec)
    }

    /// Codec agreed on for this stream, also while nothing may be sent.
    pub(crate) fn negotiated(&self) -> Option<Codec> {
        self.far.as_ref().map(|far| far.remote.payloads.codec)
    }

    /// Whether telephone events were agreed on.
    pub(crate) fn takes_events(&self) -> bool {
        let far = self.far.as_ref();
        far.is_some_and(|far| far.remote.payloads.telephone_event.is_some())
    }

    /// Sends on a packet accepted by another stream (or by this one, as an echo). The header is
    /// written in place, directly before the payload.
    pub(crate) fn relay(
        &mut self,
        datagram: &mut [u8],
        packet: &RtpPacket,
        media: Media,
        source: Source,
        now: Instant,
        out: &mut Reactor,
    ) {
        let fax = self.fax.is_some();
        let Some(far) = self.far.as_ref().filter(|far| far.remote.send && !fax) else {
            return;
        };
        let payloads = far.remote.payloads;
        let payload_type = match media {
            Media::Audio(codec) => {
                self.hush = None;
                let payload = packet.payload_mut(datagram);
                match (codec, payloads.codec) {
                    (Codec::Pcma, Codec::Pcmu) => alaw_to_ulaw(payload),
                    (Codec::Pcmu, Codec::Pcma) => ulaw_to_alaw(payload),
                    (from, to) if from.is_relayed_to(to) => {}
                    (from, _) => return self.transcode(datagram, packet, from, source, now, out),
                }
                payloads.audio
            }
            Media::Event => match payloads.telephone_event {
                Some(payload_type) if self.transcoder.is_some() => {
                    return self.pass_event(datagram, packet, payload_type, now, out);
                }
                Some(payload_type) => payload_type,
                None => {
                    self.transmission.skip(source);
                    return;
                }
            },
            Media::ComfortNoise | Media::Unknown => {
                if media == Media::ComfortNoise
                    && let Some(&level) = packet.payload(datagram).first()
                {
                    self.hush.get_or_insert_with(Hush::new).set_level(level);
                }
                self.transmission.skip(source);
                if let Some(transcoder) = &mut self.transcoder {
                    transcoder.skip(packet.sequence);
                }
                return;
            }
        };
        let clock_rate = payloads.codec.clock_rate();
        let Some(slot) =
            self.transmission
                .relay(source, packet.sequence, packet.timestamp, now, clock_rate)
        else {
            return;
        };
        let header = RtpHeader {
            // On an event packet the marker means the beginning of the event (RFC 4733 §2.2).
            marker: packet.marker || (slot.first && media != Media::Event),
            payload_type,
            sequence: slot.sequence,
            timestamp: slot.timestamp,
            ssrc: self.transmission.ssrc,
        };
        let sealed = match packet.readdressed(datagram, &header) {
            Some(outgoing) => self.security.seal_rtp(outgoing),
            None => None,
        };
        let payload = packet.payload_length();
        let sent = sealed.is_some_and(|octets| {
            out.send(&Datagram {
                sender: self.token,
                socket: socket::descriptor(&self.sockets.rtp),
                octets,
                to: far.way(),
                payload,
            })
        });
        self.transmission.count(payload, sent);
        if let (Some(tap), Media::Audio(_)) = (&mut self.tap, media) {
            let payload = packet.payload(datagram);
            tap.sent(payloads.codec, slot.timestamp, payload, now);
        }
    }

    /// The press whose end packets were lost, once its time is over.
    pub(crate) fn expired_press(&mut self, now: Instant) -> Option<Press> {
        let press = self.digits.expire(now)?;
        self.digits_reported += 1;
        Some(press)
    }

    /// Whether the far end has been silent too long; true once until it is heard again.
    pub(crate) fn timed_out(&mut self, now: Instant) -> bool {
        let expected = self.far.as_ref().is_some_and(|far| far.remote.receive);
        let Some(limit) = self
            .media_timeout
            .filter(|_| expected && !self.timeout_reported)
        else {
            return false;
        };
        self.timeout_reported = now.saturating_duration_since(self.heard) >= limit;
        self.timeout_reported
    }

    /// Where everything that comes to the RTP socket comes from, once that is certain.
    pub(crate) fn only_source(&self) -> Option<SocketAddr> {
        self.far.as_ref().and_then(Far::only_source)
    }

    /// Nothing waits on the RTP socket now.
    pub(crate) fn was_emptied(&mut self) {
        if let Some(far) = &mut self.far {
            far.was_emptied();
        }
    }

    /// Fixes the stream on its far end, or opens it to others, as the far end is heard.
    pub(crate) fn settle(&mut self, now: Instant) {
        if self.fax.is_none()
            && let Some(far) = &mut self.far
        {
            far.settle(&self.sockets.rtp, now);
        }
    }

    /// Sends the report that is due, if one is.
    pub(crate) fn send_due_report(&mut self, now: Instant) {
        if self.far.is_some() && self.reports.due(now) {
            let clock_rate = self.clock_rate();
            let socket = self.report_descriptor();
            self.reports.send(
                socket,
                &mut self.security,
                &self.transmission,
                &mut self.reception,
                clock_rate,
                now,
            );
        }
    }

    /// Says goodbye to a far end that has had reports.
    pub(crate) fn leave(&mut self, now: Instant) {
        let clock_rate = self.clock_rate();
        let socket = self.report_descriptor();
        self.reports.goodbye(
            socket,
            &mut self.security,
            &self.transmission,
            &mut self.reception,
            clock_rate,
            now,
        );
    }

    pub(crate) fn clock_rate(&self) -> u32 {
        self.far
            .as_ref()
            .map_or(8_000, |far| far.remote.payloads.codec.clock_rate())
    }
}
