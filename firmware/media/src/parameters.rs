//! What call control tells a stream, and what a stream tells call control.

use std::net::SocketAddr;
use std::time::Duration;

use crate::{Codec, Detected, OpusPreferences, SrtpKeys};

/// RTP payload type numbers of one direction, and what goes with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payloads {
    /// Payload type of the audio codec, 0-127.
    pub audio: u8,
    /// The audio codec.
    pub codec: Codec,
    /// Payload type of `telephone-event/8000` (RFC 4733), 0-127; `None` when not negotiated.
    pub telephone_event: Option<u8>,
    /// What is asked of whoever sends Opus under this number.
    pub opus: OpusPreferences,
}

impl Payloads {
    /// The codec under the number it is offered under, with or without telephone events.
    #[must_use]
    pub fn new(codec: Codec, telephone_event: Option<u8>) -> Self {
        Payloads {
            audio: codec.payload_type(),
            codec,
            telephone_event,
            opus: OpusPreferences::default(),
        }
    }
}

/// The far end of a stream as the session description says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where to send RTP, and whose packets are believed first.
    pub rtp: SocketAddr,
    /// Where to send RTCP; `None` means the next higher port (RFC 3550 §11).
    pub rtcp: Option<SocketAddr>,
    /// Numbers in packets sent to the far end (from the far end's description).
    pub payloads: Payloads,
    /// Numbers expected in packets from the far end (from our own description); `None` when they are
    /// the same as `payloads`. Packets with the numbers of `payloads` are understood in any case.
    pub receive_payloads: Option<Payloads>,
    /// Whether media may be sent to the far end. False while it holds the call.
    pub send: bool,
    /// Whether media from the far end is taken. False while we hold the call.
    pub receive: bool,
    /// Symmetric RTP (RFC 4961): send to where packets come from instead of to `rtp`.
    pub symmetric: bool,
    /// RTCP comes and goes on the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Whether packets are encrypted, and with which keys.
    pub protection: Protection,
}

/// How packets are protected on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// Not at all: RTP/AVP.
    #[default]
    None,
    /// SRTP and SRTCP with these keys. A direction whose key stays the same goes on where it was.
    Srtp(SrtpKeys),
    /// SRTP and SRTCP with keys that a handshake makes ([`crate::Stream::shake_hands`]); until then nothing is sent, and
    /// what comes is dropped.
    Dtls,
}

/// Credentials of the checks a browser makes (ICE-lite, RFC 8445 §2.5). The `Debug` form shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct IceParameters {
    /// Our `ice-ufrag`.
    pub local_fragment: String,
    /// Our `ice-pwd`.
    pub local_password: String,
    /// The browser's `ice-ufrag`.
    pub remote_fragment: String,
}

impl std::fmt::Debug for IceParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "IceParameters({}:{})",
            self.local_fragment, self.remote_fragment
        )
    }
}

/// How to open a stream.
#[derive(Clone, Debug)]
pub struct StreamParameters {
    /// [`StreamEvent::MediaTimeout`] after this long without RTP or RTCP from the far end while media
    /// is expected; `None` switches it off.
    pub media_timeout: Option<Duration>,
}

impl Default for StreamParameters {
    fn default() -> Self {
        StreamParameters {
            media_timeout: Some(Duration::from_secs(60)),
        }
    }
}

/// Why a stream that is keyed by DTLS gets no keys (RFC 5763 §6.7). Nothing of it is heard or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFault {
    /// The far end's certificate is not the one that its signalling announced.
    WrongCertificate,
    /// There is no protection profile that both know.
    NoCommonSuite,
    /// The handshake went wrong.
    Broken,
}

/// Something a stream reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StreamEvent {
    /// A key was pressed and released (RFC 4733), reported once however often it was retransmitted.
    Digit {
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// How long it was pressed, in milliseconds.
        duration_ms: u32,
    },
    /// Heard in what came, as [`Channel::detect`](crate::Channel::detect) asked.
    Detected(Detected),
    /// The play list ended by itself; the same as [`crate::PlayEnd::Completed`] of its handle.
    PlayEnded,
    /// Nothing was heard for [`StreamParameters::media_timeout`]. Reported again only after media
    /// came back and stopped once more.
    MediaTimeout,
    /// There will be no keys for it, and so no media.
    Unsecured(HandshakeFault),
    /// Packets are now taken from this source.
    Latched {
        /// Source address of the packets.
        addr: SocketAddr,
    },
}

/// Figures of a stream since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StreamStatistics {
    /// Valid RTP packets of the far end, duplicates left out.
    pub packets_received: u64,
    /// Payload octets in them.
    pub octets_received: u64,
    /// Packets that never came, by extended sequence number (RFC 3550 §A.3).
    pub lost: u64,
    /// Packets that came after one with a higher sequence number.
    pub out_of_order: u64,
    /// Packets that came twice; the second is dropped.
    pub duplicates: u64,
    /// Interarrival jitter in milliseconds (RFC 3550 §A.8).
    pub jitter_ms: f64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Payload octets in them.
    pub octets_sent: u64,
    /// Packets the system refused to send.
    pub send_failures: u64,
    /// Datagrams on the RTP port that are no RTP version 2 packet, dropped.
    pub malformed: u64,
    /// RTP packets from a source that is not the latched one, dropped.
    pub foreign: u64,
    /// Packets that were not encrypted with the key agreed upon, or were changed on the way, dropped.
    pub unauthentic: u64,
    /// Encrypted packets that came before or too late to know, dropped.
    pub replayed: u64,
    /// RTP packets with a payload type that was not negotiated; not passed on.
    pub unknown_payload: u64,
    /// Packets that came too late to be played on a line or in the room the stream is in now.
    pub late: u64,
    /// Frames of 20 ms made up there, as a packet was missing.
    pub concealed: u64,
    /// Delay of the playing there; `None` while packets are passed on as they come.
    pub playout_delay_ms: Option<u32>,
    /// Keys reported.
    pub digits: u64,
    /// Valid RTCP packets received.
    pub rtcp_received: u64,
    /// RTCP packets sent.
    pub rtcp_sent: u64,
    /// Round trip time in milliseconds from the far end's last report (RFC 3550 §6.4.1).
    pub round_trip_ms: Option<f64>,
    /// Packets the far end says it lost of those we sent.
    pub remote_lost: Option<i32>,
    /// Mean opinion score of what comes from the far end, 1.0-4.4; `None` before its first packet.
    pub mos: Option<f64>,
    /// Mean opinion score of what the far end hears, by its reports; `None` without reports.
    pub remote_mos: Option<f64>,
    /// Jitter the far end says it sees, in milliseconds.
    pub remote_jitter_ms: Option<f64>,
    /// Source packets are taken from.
    pub source: Option<SocketAddr>,
}
