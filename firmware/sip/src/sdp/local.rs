//! Our side of a session: prints offers and answers and counts their versions.

use bytes::Bytes;

use super::{AudioDescription, ImageDescription, SessionDescription, image};

/// Our session descriptions within one dialog.
///
/// The version in the origin line grows by one whenever the description changes, and only then (RFC 3264 §8). Media
/// lines once agreed stay in their places; those we do not want have port 0 (§5.1, §6, §8.2).
#[derive(Debug, Clone)]
pub struct Local {
    session_id: u64,
    version: u64,
    /// The media lines of the session, in order.
    lines: Vec<Line>,
    /// What was said last: our stream, and the lines as they were then.
    last: Option<(Said, Vec<Line>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// Our stream.
    Ours,
    /// A stream we do not take, as the peer described it.
    Refused {
        media: String,
        proto: String,
        fmt: String,
    },
}

/// What our stream carries. It keeps its place when it changes from audio to fax or back (RFC 3264 §8.3.3).
#[derive(Clone, Copy)]
enum Stream<'a> {
    Audio(&'a AudioDescription),
    Image(&'a ImageDescription),
}

/// A [`Stream`] of before.
#[derive(Debug, Clone)]
enum Said {
    Audio(AudioDescription),
    Image(ImageDescription),
}

impl From<Stream<'_>> for Said {
    fn from(stream: Stream<'_>) -> Self {
        match stream {
            Stream::Audio(audio) => Self::Audio(audio.clone()),
            Stream::Image(image) => Self::Image(image.clone()),
        }
    }
}

impl Local {
    /// A session that has not described itself. `session_id` is to be random; printed are its lower 62 bits, as some
    /// phones read the number signed.
    pub fn new(session_id: u64) -> Self {
        Self {
            session_id: session_id & (u64::MAX >> 2),
            version: 0,
            lines: vec![Line::Ours],
            last: None,
        }
    }

    /// The version printed last; 0 before anything was printed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Prints an offer of our stream. Streams refused earlier are listed with port 0.
    pub fn offer(&mut self, audio: &AudioDescription) -> Bytes {
        self.print(Stream::Audio(audio))
    }

    /// Prints an offer to make our stream a fax.
    pub fn offer_image(&mut self, image: &ImageDescription) -> Bytes {
        self.print(Stream::Image(image))
    }

    /// Prints the answer to `offer`, with `chosen` (from [`AudioDescription::answer_to`]) for the media line `audio_at`
    /// (from [`SessionDescription::audios`]), and port 0 for every other.
    pub fn answer(
        &mut self,
        offer: &SessionDescription,
        audio_at: usize,
        chosen: &AudioDescription,
    ) -> Bytes {
        self.take(offer, Some(audio_at));
        self.print(Stream::Audio(chosen))
    }

    /// Prints the answer to `offer`, with `chosen` for the stream that [`SessionDescription::image`] gave, and port 0
    /// for every other.
    pub fn answer_image(&mut self, offer: &SessionDescription, chosen: &ImageDescription) -> Bytes {
        self.take(offer, offer.image_line().map(|(at, _)| at));
        self.print(Stream::Image(chosen))
    }

    /// Takes over the peer's media lines, of which the one at `ours` is ours.
    fn take(&mut self, offer: &SessionDescription, ours: Option<usize>) {
        let line = |(at, media): (usize, &sdp_types::Media)| match Some(at) == ours {
            true => Line::Ours,
            false => Line::Refused {
                media: media.media.clone(),
                proto: media.proto.clone(),
                fmt: media.fmt.clone(),
            },
        };
        self.lines = offer.session.medias.iter().enumerate().map(line).collect();
    }

    /// Counts an offer that somebody else has printed.
    pub fn offered(&mut self, audio: &AudioDescription) {
        self.count(Stream::Audio(audio));
    }

    /// Another version begins when something has changed.
    fn count(&mut self, stream: Stream<'_>) {
        let same = match (&self.last, stream) {
            (Some((Said::Audio(last), lines)), Stream::Audio(audio)) => {
                last == audio && *lines == self.lines
            }
            (Some((Said::Image(last), lines)), Stream::Image(image)) => {
                last == image && *lines == self.lines
            }
            _ => false,
        };
        if !same {
            self.version += 1;
            self.last = Some((stream.into(), self.lines.clone()));
        }
    }

    fn print(&mut self, stream: Stream<'_>) -> Bytes {
        self.count(stream);
        Bytes::from(self.describe(stream, self.version))
    }

    fn describe(&self, stream: Stream<'_>, version: u64) -> Vec<u8> {
        let address = match stream {
            Stream::Audio(audio) => audio.addr,
            Stream::Image(image) => image.addr,
        };
        let origin = sdp_types::Origin::with_ip_addr(self.session_id, version, address);
        let mut session = sdp_types::Session::new(origin, "-");
        session.connection = Some(address.into());
        session.times.push(sdp_types::Time::new(0, 0));
        if let Stream::Audio(AudioDescription {
            browser: Some(browser),
            ..
        }) = stream
        {
            browser.describe_session(&mut session);
        }
        for line in &self.lines {
            session.medias.push(match (line, stream) {
                (Line::Ours, Stream::Audio(audio)) => audio_line(audio),
                (Line::Ours, Stream::Image(image)) => image::line(image),
                (
                    Line::Refused {
                        media: kind,
                        proto,
                        fmt,
                    },
                    _,
                ) => media(kind, 0, proto, fmt),
            });
        }
        let mut out = Vec::with_capacity(512);
        // Writing into memory does not fail.
        let _ = session.write(&mut out);
        out
    }
}

pub(super) fn media(kind: &str, port: u16, proto: &str, fmt: &str) -> sdp_types::Media {
    sdp_types::Media {
        media: kind.to_owned(),
        port,
        num_ports: None,
        proto: proto.to_owned(),
        fmt: fmt.to_owned(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn audio_line(audio: &AudioDescription) -> sdp_types::Media {
    let types = audio
        .codecs
        .iter()
        .map(|codec| codec.payload_type)
        .chain(audio.telephone_event);
    let fmt: Vec<String> = types.map(|number| number.to_string()).collect();
    let mut line = media("audio", audio.port, audio.profile.as_str(), &fmt.join(" "));
    for crypto in &audio.crypto {
        line.add_attribute_with_value("crypto", crypto.value());
    }
    if let Some(browser) = &audio.browser {
        browser.describe_media(&mut line, audio.rtp_address());
    }
    for codec in &audio.codecs {
        line.add_attribute_with_value("rtpmap", codec.rtpmap());
        if let Some(fmtp) = &codec.fmtp {
            line.add_attribute_with_value("fmtp", format!("{} {fmtp}", codec.payload_type));
        }
    }
    if let Some(number) = audio.telephone_event {
        line.add_attribute_with_value("rtpmap", format!("{number} telephone-event/8000"));
        line.add_attribute_with_value("fmtp", format!("{number} 0-16"));
    }
    if let Some(time) = audio.ptime {
        line.add_attribute_with_value("ptime", time);
    }
    if let Some(time) = audio.maxptime {
        line.add_attribute_with_value("maxptime", time);
    }
    if let Some(rtcp) = audio.rtcp {
        let family = if rtcp.is_ipv4() { "IP4" } else { "IP6" };
        line.add_attribute_with_value("rtcp", format!("{} IN {family} {}", rtcp.port(), rtcp.ip()));
    }
    line.add_attribute_from_str(audio.direction.as_str());
    line
}
