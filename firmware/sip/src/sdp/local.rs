//! Our side of a session: prints offers and answers and counts their versions.

use bytes::Bytes;

use super::print::{Lines, family};
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
        Bytes::from(self.describe(stream, self.version).into_boxed_slice())
    }

    fn describe(&self, stream: Stream<'_>, version: u64) -> Vec<u8> {
        let address = match stream {
            Stream::Audio(audio) => audio.addr,
            Stream::Image(image) => image.addr,
        };
        let mut lines = Lines::begin(self.session_id, version, address);
        if let Stream::Audio(AudioDescription {
            browser: Some(browser),
            ..
        }) = stream
        {
            browser.describe_session(&mut lines);
        }
        for line in &self.lines {
            match (line, stream) {
                (Line::Ours, Stream::Audio(audio)) => describe_audio(&mut lines, audio),
                (Line::Ours, Stream::Image(image)) => image::describe(&mut lines, image),
                (Line::Refused { media, proto, fmt }, _) => lines.media(media, 0, proto, [fmt]),
            }
        }
        lines.into_bytes()
    }
}

fn describe_audio(lines: &mut Lines, audio: &AudioDescription) {
    let types = audio
        .codecs
        .iter()
        .map(|codec| codec.payload_type)
        .chain(audio.telephone_event);
    lines.media("audio", audio.port, audio.profile.as_str(), types);
    for crypto in &audio.crypto {
        lines.attribute("crypto", crypto.value());
    }
    if let Some(browser) = &audio.browser {
        browser.describe_media(lines, audio.rtp_address());
    }
    for codec in &audio.codecs {
        lines.attribute("rtpmap", codec.rtpmap());
        if let Some(fmtp) = &codec.fmtp {
            lines.attribute("fmtp", format_args!("{} {fmtp}", codec.payload_type));
        }
    }
    if let Some(number) = audio.telephone_event {
        lines.attribute("rtpmap", format_args!("{number} telephone-event/8000"));
        lines.attribute("fmtp", format_args!("{number} 0-16"));
    }
    if let Some(time) = audio.ptime {
        lines.attribute("ptime", time);
    }
    if let Some(time) = audio.maxptime {
        lines.attribute("maxptime", time);
    }
    if let Some(rtcp) = audio.rtcp {
        let (family, port, ip) = (family(rtcp.ip()), rtcp.port(), rtcp.ip());
        lines.attribute("rtcp", format_args!("{port} IN {family} {ip}"));
    }
    lines.flag(audio.direction.as_str());
}
