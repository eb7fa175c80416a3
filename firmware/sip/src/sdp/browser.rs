//! What a browser's media line says beside its codecs: where it is found and what its certificate is (RFC 8839 ICE,
//! RFC 8842 DTLS, RFC 5761 one port, RFC 9143 BUNDLE).

use std::fmt;
use std::fmt::Write as _;

use super::print::Lines;

/// Who begins the DTLS handshake (RFC 4145 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// This side.
    Active,
    /// The other side.
    Passive,
    /// Either: the answer decides.
    ActPass,
}

impl Setup {
    const ALL: [Self; 3] = [Self::Active, Self::Passive, Self::ActPass];

    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }
}

/// One side of a media line over DTLS-SRTP and ICE, with RTCP on the port of RTP. Its `Debug` form shows no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Browser {
    /// SHA-256 of the side's certificate.
    pub fingerprint: [u8; 32],
    /// Who begins the handshake.
    pub setup: Setup,
    /// `ice-ufrag`, 4 to 256 characters.
    pub fragment: String,
    /// `ice-pwd`, 22 to 256 characters.
    pub password: String,
    /// Name of the media line in its bundle.
    pub mid: Option<String>,
    /// Whether this side only answers checks (ICE-lite).
    pub lite: bool,
}

impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser")
            .field("setup", &self.setup)
            .field("fragment", &self.fragment)
            .field("mid", &self.mid)
            .field("lite", &self.lite)
            .finish_non_exhaustive()
    }
}

impl Browser {
    /// Reads a media line; `None` unless it has all that is needed.
    pub(super) fn read(session: &sdp_types::Session, media: &sdp_types::Media) -> Option<Self> {
        let first = |name: &'static str| {
            let own = media.get_attribute_values(name).flatten().next();
            own.or_else(|| session.get_attribute_values(name).flatten().next())
        };
        let all = |name: &'static str| {
            let own = media.get_attribute_values(name).flatten();
            own.chain(session.get_attribute_values(name).flatten())
        };
        media.has_attribute("rtcp-mux").then_some(())?;
        let setup = first("setup")?;
        Some(Self {
            fingerprint: all("fingerprint").find_map(fingerprint)?,
            setup: Setup::ALL
                .into_iter()
                .find(|known| known.as_str().eq_ignore_ascii_case(setup.trim()))?,
            fragment: ice_chars(first("ice-ufrag")?, 4)?,
            password: ice_chars(first("ice-pwd")?, 22)?,
            mid: first("mid").map(|mid| mid.trim().to_owned()),
            lite: session.has_attribute("ice-lite"),
        })
    }

    /// Adds the session's lines.
    pub(super) fn describe_session(&self, lines: &mut Lines) {
        if self.lite {
            lines.flag("ice-lite");
        }
        if let Some(mid) = &self.mid {
            lines.attribute("group", format_args!("BUNDLE {mid}"));
        }
    }

    /// Adds the media line's lines; `host` is where this side is found.
    pub(super) fn describe_media(&self, lines: &mut Lines, host: std::net::SocketAddr) {
        if let Some(mid) = &self.mid {
            lines.attribute("mid", mid);
        }
        lines.attribute("ice-ufrag", &self.fragment);
        lines.attribute("ice-pwd", &self.password);
        let mut sum = String::from("sha-256 ");
        for (at, octet) in self.fingerprint.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            // Writing into memory does not fail.
            let _ = write!(sum, "{colon}{octet:02X}");
        }
        lines.attribute("fingerprint", sum);
        lines.attribute("setup", self.setup.as_str());
        lines.flag("rtcp-mux");
        // One candidate of type host, with the priority RFC 8445 §5.1.2.1 gives it.
        let (ip, port) = (host.ip(), host.port());
        lines.attribute(
            "candidate",
            format_args!("1 1 udp 2130706431 {ip} {port} typ host"),
        );
    }
}

/// `sha-256 4A:AD:…`
fn fingerprint(value: &str) -> Option<[u8; 32]> {
    let (hash, sum) = value.trim().split_once(' ')?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut octets = [0; 32];
    let mut parts = sum.trim().split(':');
    for octet in &mut octets {
        let digits = parts.next().filter(|part| part.len() == 2)?;
        *octet = u8::from_str_radix(digits, 16).ok()?;
    }
    parts.next().is_none().then_some(octets)
}

/// RFC 8839 §5.4.
fn ice_chars(text: &str, least: usize) -> Option<String> {
    let text = text.trim();
    let fits = (least..=256).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    fits.then(|| text.to_owned())
}
