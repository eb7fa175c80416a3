//! One audio stream of a session description.

use std::net::{IpAddr, SocketAddr};

use super::{Browser, Crypto, Direction, Profile, RtpCodec};

/// One side of an audio stream over RTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioDescription {
    /// What RTP is carried in.
    pub profile: Profile,
    /// Keys for what this side sends, the one it likes best first; in an answer the one that was chosen.
    pub crypto: Vec<Crypto>,
    /// What profiles with DTLS need.
    pub browser: Option<Browser>,
    /// Where this side receives. Unspecified (`0.0.0.0`) when it wants nothing (old-style hold).
    pub addr: IpAddr,
    /// The RTP port.
    pub port: u16,
    /// Where this side receives RTCP when not at the port behind the RTP port (RFC 3605).
    pub rtcp: Option<SocketAddr>,
    /// The codecs in order of preference, without `telephone-event`.
    pub codecs: Vec<RtpCodec>,
    /// The payload type of `telephone-event/8000` (RFC 4733).
    pub telephone_event: Option<u8>,
    /// The direction seen from this side.
    pub direction: Direction,
    /// Milliseconds of audio this side wants in a packet.
    pub ptime: Option<u16>,
    /// The most milliseconds of audio in a packet this side takes.
    pub maxptime: Option<u16>,
}

impl AudioDescription {
    /// A stream both ways, without telephone events and packet times.
    pub fn new(addr: IpAddr, port: u16, codecs: Vec<RtpCodec>) -> Self {
        Self {
            profile: Profile::Avp,
            crypto: Vec::new(),
            browser: None,
            addr,
            port,
            rtcp: None,
            codecs,
            telephone_event: None,
            direction: Direction::SendRecv,
            ptime: None,
            maxptime: None,
        }
    }

    /// With `telephone-event/8000` at this payload type.
    #[must_use]
    pub fn with_telephone_event(mut self, payload_type: u8) -> Self {
        self.telephone_event = Some(payload_type);
        self
    }

    /// With this direction.
    #[must_use]
    pub fn with_direction(mut self, direction: Direction) -> Self {
        self.direction = direction;
        self
    }

    /// In this profile, with these keys.
    #[must_use]
    pub fn with_protection(mut self, profile: Profile, crypto: Vec<Crypto>) -> Self {
        self.profile = profile;
        self.crypto = crypto;
        self
    }

    /// For a browser.
    #[must_use]
    pub fn with_browser(mut self, profile: Profile, browser: Browser) -> Self {
        self.profile = profile;
        self.browser = Some(browser);
        self
    }

    /// With this packet time in milliseconds.
    #[must_use]
    pub fn with_ptime(mut self, ptime: u16) -> Self {
        self.ptime = Some(ptime);
        self
    }

    /// Where RTP goes.
    pub fn rtp_address(&self) -> SocketAddr {
        SocketAddr::new(self.addr, self.port)
    }

    /// Where RTCP goes: `a=rtcp`, or the next port (RFC 3550 §11).
    pub fn rtcp_address(&self) -> SocketAddr {
        self.rtcp
            .unwrap_or_else(|| SocketAddr::new(self.addr, self.port.saturating_add(1)))
    }

    /// Our answer to `offer`, with `self` as what we can and wish: the common codecs in the offerer's order and with
    /// its payload types, telephone events when both have them, a direction that fits, the offerer's profile, and the
    /// keys of `self`. `None` without a common codec: the answer is 488.
    pub fn answer_to(&self, offer: &Self) -> Option<Self> {
        let common = |theirs: &RtpCodec| {
            let ours = self
                .codecs
                .iter()
                .find(|ours| ours.is_same_encoding(theirs))?;
            Some(RtpCodec {
                payload_type: theirs.payload_type,
                ..ours.clone()
            })
        };
        let codecs: Vec<_> = offer.codecs.iter().filter_map(common).collect();
        if codecs.is_empty() {
            return None;
        }
        Some(Self {
            profile: offer.profile,
            crypto: self.crypto.clone(),
            browser: self.browser.clone(),
            addr: self.addr,
            port: self.port,
            rtcp: self.rtcp,
            codecs,
            telephone_event: offer
                .telephone_event
                .filter(|_| self.telephone_event.is_some()),
            direction: self.direction.answer_to(offer.direction),
            ptime: self.ptime.or(offer.ptime),
            maxptime: self.maxptime,
        })
    }

    /// The codecs of our offer that `answer` took, with the payload types under which the peer wants to receive them.
    ///
    /// An answer may bind a codec to another payload type than we offered (RFC 3264 §6.1).
    pub fn taken_by(&self, answer: &Self) -> Vec<RtpCodec> {
        let offered =
            |theirs: &&RtpCodec| self.codecs.iter().any(|ours| ours.is_same_encoding(theirs));
        answer.codecs.iter().filter(offered).cloned().collect()
    }
}

/// Reads a media line, if it is an audio stream that can be used.
pub(super) fn read(
    session: &sdp_types::Session,
    media: &sdp_types::Media,
) -> Option<AudioDescription> {
    if !media.media.eq_ignore_ascii_case("audio") || media.port == 0 {
        return None;
    }
    let profile = Profile::from_proto(&media.proto)?;
    let browser = match profile.is_dtls() {
        true => Some(Browser::read(session, media)?),
        false => None,
    };
    let crypto: Vec<Crypto> = media
        .get_attribute_values("crypto")
        .filter_map(|value| Crypto::read(value?))
        .collect();
    if profile.is_secure() && !profile.is_dtls() && crypto.is_empty() {
        return None;
    }
    let addr = connection(session, media)?;
    let mut codecs = Vec::new();
    let mut telephone_event = None;
    for payload_type in media.fmt.split_ascii_whitespace() {
        let Some(codec) = codec(media, payload_type) else {
            continue;
        };
        if !codec.is_telephone_event() {
            codecs.push(codec);
        } else if codec.clock_rate == 8000 && telephone_event.is_none() {
            telephone_event = Some(codec.payload_type);
        }
    }
    if codecs.is_empty() {
        return None;
    }
    let mut direction = direction(session, media);
    if addr.is_unspecified() && browser.is_none() {
        // Hold before RFC 3264: the side has nowhere to receive.
        direction = Direction::new(direction.sends(), false);
    }
    Some(AudioDescription {
        profile,
        crypto,
        browser,
        addr,
        port: media.port,
        rtcp: rtcp(media, addr),
        codecs,
        telephone_event,
        direction,
        ptime: milliseconds(media, "ptime"),
        maxptime: milliseconds(media, "maxptime"),
    })
}

/// The media's own address before the session's.
pub(super) fn connection(session: &sdp_types::Session, media: &sdp_types::Media) -> Option<IpAddr> {
    let connection = media.connections.first().or(session.connection.as_ref())?;
    connection.try_address().ok().map(|address| address.ip)
}

fn codec(media: &sdp_types::Media, payload_type: &str) -> Option<RtpCodec> {
    let number: u8 = payload_type.parse().ok().filter(|&number| number < 128)?;
    let of_type = |value: Option<&str>| -> Option<String> {
        let (found, rest) = value?.trim_start().split_once(char::is_whitespace)?;
        (found == payload_type).then(|| rest.trim().to_owned())
    };
    let codec = media
        .get_attribute_values("rtpmap")
        .find_map(of_type)
        .map_or_else(
            || RtpCodec::from_static(number),
            |encoding| RtpCodec::from_rtpmap(number, &encoding),
        )?;
    Some(RtpCodec {
        fmtp: media.get_attribute_values("fmtp").find_map(of_type),
        ..codec
    })
}

fn direction(session: &sdp_types::Session, media: &sdp_types::Media) -> Direction {
    let first = |attributes: &[sdp_types::Attribute]| {
        attributes
            .iter()
            .find_map(|attribute| Direction::from_name(&attribute.attribute))
    };
    first(&media.attributes)
        .or_else(|| first(&session.attributes))
        .unwrap_or_default()
}

/// `a=rtcp:53020` or `a=rtcp:53020 IN IP4 192.0.2.1`
fn rtcp(media: &sdp_types::Media, addr: IpAddr) -> Option<SocketAddr> {
    let value = media.get_first_attribute_value("rtcp")??;
    let mut parts = value.split_ascii_whitespace();
    let port = parts.next()?.parse().ok().filter(|&port: &u16| port != 0)?;
    let addr = match parts.nth(2) {
        Some(text) => text.parse().ok()?,
        None => addr,
    };
    Some(SocketAddr::new(addr, port))
}

/// A packet time; fractions, which some write, are cut off.
fn milliseconds(media: &sdp_types::Media, name: &str) -> Option<u16> {
    let value = media.get_first_attribute_value(name)??;
    let whole = value.trim().split('.').next()?;
    whole.parse().ok().filter(|&time| time > 0)
}
