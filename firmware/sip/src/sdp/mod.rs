//! Session descriptions and offer/answer for one audio stream over RTP (RFC 8866, RFC 3264), in clear or
//! encrypted (RFC 4568), which may become a T.38 fax stream and audio again.
//!
//! [`parse`] reads a body. [`SessionDescription::audios`] gives the peer's audio streams as [`AudioDescription`]s;
//! [`AudioDescription::answer_to`] finds what both sides can do; [`Local`] prints our side, answers every other
//! stream with port 0, and counts versions.

mod audio;
mod browser;
mod codec;
mod crypto;
mod direction;
mod image;
mod local;
mod print;
mod profile;
#[cfg(test)]
mod tests;

pub use audio::AudioDescription;
pub use browser::{Browser, Setup};
pub use codec::RtpCodec;
pub use crypto::Crypto;
pub use direction::Direction;
pub use image::ImageDescription;
pub use local::Local;
pub use profile::Profile;

use std::borrow::Cow;

/// A body that is no session description.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// There is nothing in it.
    #[error("empty session description")]
    Empty,
    /// A line is malformed; the text names it.
    #[error("malformed session description: {0}")]
    Syntax(String),
}

/// A session description as the peer sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    session: sdp_types::Session,
}

/// Reads a session description.
///
/// Bytes that are not UTF-8 (session names of old phones) are read as U+FFFD, NUL bytes behind the last line are
/// dropped. Lines may come in another order than RFC 8866 §9 wants.
///
/// # Errors
/// [`SdpError`], to be answered 400 or 488.
pub fn parse(body: &[u8]) -> Result<SessionDescription, SdpError> {
    let mut body = body;
    while let [rest @ .., 0] = body {
        body = rest;
    }
    if body.trim_ascii().is_empty() {
        return Err(SdpError::Empty);
    }
    let text: Cow<'_, str> = String::from_utf8_lossy(body);
    sdp_types::Session::parse(text.trim_start().as_bytes())
        .map(|session| SessionDescription { session })
        .map_err(|error| SdpError::Syntax(error.to_string()))
}

impl SessionDescription {
    /// The peer's audio stream: the first of [`Self::audios`].
    pub fn audio(&self) -> Option<AudioDescription> {
        self.audios().next().map(|(_, audio)| audio)
    }

    /// The peer's T.38 stream: the first over UDPTL that is not refused.
    pub fn image(&self) -> Option<ImageDescription> {
        self.image_line().map(|(_, image)| image)
    }

    fn image_line(&self) -> Option<(usize, ImageDescription)> {
        let lines = self.session.medias.iter().enumerate();
        lines
            .filter_map(|(at, media)| Some((at, image::read(&self.session, media)?)))
            .next()
    }

    /// The peer's audio streams and which of the media lines they are: those over a profile of [`Profile`] that are not
    /// refused, have a payload type we can name, and whose address is an IP address. A secure one has keys, or what a
    /// [`Browser`] needs.
    pub fn audios(&self) -> impl Iterator<Item = (usize, AudioDescription)> {
        let lines = self.session.medias.iter().enumerate();
        lines.filter_map(|(at, media)| Some((at, audio::read(&self.session, media)?)))
    }

    /// The identifier and version of the origin line. An unchanged version means an unchanged description.
    pub fn origin(&self) -> (&str, u64) {
        (
            &self.session.origin.sess_id,
            self.session.origin.sess_version,
        )
    }

    /// The kinds of all media lines with their ports, such as `("video", 0)`.
    pub fn streams(&self) -> impl Iterator<Item = (&str, u16)> {
        self.session
            .medias
            .iter()
            .map(|media| (media.media.as_str(), media.port))
    }
}
