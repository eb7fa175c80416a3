//! Hosts and transports.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use bytes::Bytes;

use crate::ByteStr;

/// `host` of RFC 3261 §25.1: a name, an IPv4 address or an IPv6 reference.
#[derive(Clone, Debug, Eq)]
pub enum Host {
    /// A domain name (RFC 1123 letters, also `_`, which real networks have); compares without case.
    Name(ByteStr),
    /// A dotted IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    V6(Ipv6Addr),
}

impl Host {
    /// The address, unless the host is a name.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }

    /// Reads a host that fills `text`.
    pub(crate) fn parse(text: &Bytes) -> Option<Self> {
        Self::shape(text).map(|shape| shape.of(|| text.clone()))
    }

    /// What kind of host fills `text`, without making anything.
    pub(crate) fn shape(text: &[u8]) -> Option<HostShape> {
        let first = *text.first()?;
        if first == b'[' {
            let inner = text.strip_prefix(b"[")?.strip_suffix(b"]")?;
            let ip = v6(std::str::from_utf8(inner).ok()?)?;
            return Some(HostShape::V6(ip.to_bits()));
        }
        if first.is_ascii_digit()
            && let Some(ip) = v4(text)
        {
            return Some(HostShape::V4(ip.to_bits()));
        }
        let valid = text.len() <= 255
            && text
                .iter()
                .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
        valid.then_some(HostShape::Name)
    }
}

/// Four numbers of up to three digits; no leading zeros, which some read as octal.
fn v4(text: &[u8]) -> Option<Ipv4Addr> {
    if text.len() > 15 {
        return None;
    }
    let mut octets = [0_u8; 4];
    let mut parts = text.split(|&byte| byte == b'.');
    for octet in &mut octets {
        *octet = match parts.next()? {
            [digit @ b'0'..=b'9'] => digit - b'0',
            [first @ b'1'..=b'9', rest @ ..] if rest.len() < 3 => {
                rest.iter()
                    .try_fold(first - b'0', |number, digit| match digit {
                        b'0'..=b'9' => number.checked_mul(10)?.checked_add(digit - b'0'),
                        _ => None,
                    })?
            }
            _ => return None,
        };
    }
    parts.next().is_none().then(|| octets.into())
}

fn v6(text: &str) -> Option<Ipv6Addr> {
    match text.split_once(":::") {
        None => text.parse().ok(),
        // The grammar of RFC 3261 has one colon too many before an IPv4 address (RFC 5118 §4.10).
        Some((left, right)) => {
            let ip: Ipv4Addr = right.parse().ok()?;
            format!("{left}::{ip}").parse().ok()
        }
    }
}

/// A host whose text was checked. Addresses as numbers: aligned, they are handed on without a stall.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostShape {
    /// A name: ASCII letters, digits and a few signs.
    Name,
    /// A dotted IPv4 address.
    V4(u32),
    /// An IPv6 address in brackets.
    V6(u128),
}

impl HostShape {
    /// The host of the text that has this shape.
    pub(crate) fn of(self, text: impl FnOnce() -> Bytes) -> Host {
        match self {
            Self::Name => Host::Name(ByteStr::from_utf8(text()).unwrap_or_default()),
            Self::V4(ip) => Host::V4(Ipv4Addr::from_bits(ip)),
            Self::V6(ip) => Host::V6(Ipv6Addr::from_bits(ip)),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::V4(a), Self::V4(b)) => a == b,
            (Self::V6(a), Self::V6(b)) => a == b,
            _ => false,
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

/// The text is no host name and no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host name, an IPv4 address or an IPv6 address in brackets")]
pub struct InvalidHost;

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        Self::parse(&Bytes::copy_from_slice(text.as_bytes())).ok_or(InvalidHost)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

/// What carries a message (RFC 3261 §18, RFC 7118).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams; the only one that loses messages.
    Udp,
    /// A TCP stream.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// Whether the transport itself delivers or fails, so that requests are not retransmitted
    /// (RFC 3261 §17).
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether the transport is encrypted.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The port used when none is given: 5060, 5061 for TLS, 80 and 443 for WebSocket.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// As in Via: `UDP`, `TCP`, `TLS`, `WS`, `WSS`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// Reads a Via transport or a URI's `transport` value, in any case.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|transport| name.eq_ignore_ascii_case(transport.as_str().as_bytes()))
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
