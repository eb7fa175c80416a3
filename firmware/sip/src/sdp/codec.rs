//! Codecs as `a=rtpmap` names them.

use std::fmt;

/// One payload type of an audio stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpCodec {
    /// The RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// The encoding name, such as `PCMA`; compares without case.
    pub name: String,
    /// The RTP clock rate in Hz (8000 for G.722, too: RFC 3551 §4.5.2).
    pub clock_rate: u32,
    /// Channels; 1 unless written.
    pub channels: u8,
    /// The format parameters of `a=fmtp`.
    pub fmtp: Option<String>,
}

/// Static payload types of RFC 3551 Table 4 that telephones use without `a=rtpmap`.
const STATIC: [(u8, &str, u32); 9] = [
    (0, "PCMU", 8000),
    (3, "GSM", 8000),
    (4, "G723", 8000),
    (7, "LPC", 8000),
    (8, "PCMA", 8000),
    (9, "G722", 8000),
    (13, "CN", 8000),
    (15, "G728", 8000),
    (18, "G729", 8000),
];

impl RtpCodec {
    /// A codec of one channel without format parameters.
    pub fn new(payload_type: u8, name: &str, clock_rate: u32) -> Self {
        Self {
            payload_type,
            name: name.to_owned(),
            clock_rate,
            channels: 1,
            fmtp: None,
        }
    }

    /// G.711 A-law, payload type 8.
    pub fn pcma() -> Self {
        Self::new(8, "PCMA", 8000)
    }

    /// G.711 µ-law, payload type 0.
    pub fn pcmu() -> Self {
        Self::new(0, "PCMU", 8000)
    }

    /// Whether both are the same encoding at the same rate; payload types and format parameters may differ.
    pub fn is_same_encoding(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
    }

    /// Whether this is RFC 4733 `telephone-event`.
    pub fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }

    /// Reads `PCMA/8000` or `opus/48000/2` of an `a=rtpmap` for `payload_type`.
    pub(super) fn from_rtpmap(payload_type: u8, encoding: &str) -> Option<Self> {
        let mut parts = encoding.trim().split('/');
        let name = parts.next().filter(|name| !name.is_empty())?;
        let clock_rate = parts.next()?.trim().parse().ok().filter(|&rate| rate > 0)?;
        let channels = match parts.next() {
            None => 1,
            // Telephone-event and others carry parameters here that are no channel count.
            Some(text) => text.trim().parse().ok().filter(|&n| n > 0).unwrap_or(1),
        };
        Some(Self {
            channels,
            ..Self::new(payload_type, name, clock_rate)
        })
    }

    /// The codec that a payload type means without `a=rtpmap`.
    pub(super) fn from_static(payload_type: u8) -> Option<Self> {
        STATIC
            .iter()
            .find(|(known, ..)| *known == payload_type)
            .map(|&(payload_type, name, rate)| Self::new(payload_type, name, rate))
    }

    pub(super) fn rtpmap(&self) -> impl fmt::Display {
        let (number, name, rate) = (self.payload_type, &self.name, self.clock_rate);
        fmt::from_fn(move |f| match self.channels {
            1 => write!(f, "{number} {name}/{rate}"),
            channels => write!(f, "{number} {name}/{rate}/{channels}"),
        })
    }
}
