//! Fax over UDPTL in a session description (ITU-T T.38 annex D, RFC 7345 §3).

use std::net::{IpAddr, SocketAddr};

use super::print::Lines;

/// One side of a T.38 stream. What it says of itself is carried, not understood: two fax machines agree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDescription {
    /// Where this side receives.
    pub addr: IpAddr,
    /// The UDPTL port.
    pub port: u16,
    /// The `T38...` attributes in their order, such as `("T38FaxVersion", Some("0"))`.
    pub attributes: Vec<(String, Option<String>)>,
}

impl ImageDescription {
    /// Where datagrams go.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.addr, self.port)
    }

    /// The same fax, received elsewhere.
    #[must_use]
    pub fn at(&self, addr: IpAddr, port: u16) -> Self {
        Self {
            addr,
            port,
            attributes: self.attributes.clone(),
        }
    }
}

/// Reads a media line, if it is a T.38 stream over UDPTL that is not refused.
pub(super) fn read(
    session: &sdp_types::Session,
    media: &sdp_types::Media,
) -> Option<ImageDescription> {
    let usable = media.media.eq_ignore_ascii_case("image")
        && media.proto.eq_ignore_ascii_case("udptl")
        && media
            .fmt
            .split_ascii_whitespace()
            .any(|format| format.eq_ignore_ascii_case("t38"))
        && media.port != 0;
    if !usable {
        return None;
    }
    let attributes = media
        .attributes
        .iter()
        .filter(|attribute| is_of_fax(&attribute.attribute))
        .map(|attribute| (attribute.attribute.clone(), attribute.value.clone()))
        .collect();
    Some(ImageDescription {
        addr: super::audio::connection(session, media)?,
        port: media.port,
        attributes,
    })
}

fn is_of_fax(name: &str) -> bool {
    name.get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("t38"))
}

/// The media line of our side.
pub(super) fn describe(lines: &mut Lines, image: &ImageDescription) {
    lines.media("image", image.port, "udptl", ["t38"]);
    for (name, value) in &image.attributes {
        match value {
            Some(value) => lines.attribute(name, value),
            None => lines.flag(name),
        }
    }
}
