//! Via (RFC 3261 §20.42, RFC 3581).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::{HeaderFault, HeaderValue};
use crate::grammar::{skip_lws, trim};
use crate::host::HostShape;
use crate::{ByteStr, Host, Params, Transport, params};

/// One Via value: where a response has to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The transport, `None` when it is none of ours (then see [`protocol`](Self::protocol)).
    pub transport: Option<Transport>,
    /// The transport as spelled (`UDP`).
    pub protocol: ByteStr,
    /// The sender's host as it knows it (`sent-by`).
    pub host: Host,
    /// The sender's port, when written.
    pub port: Option<u16>,
    /// The parameters.
    pub params: Params,
}

impl Via {
    /// A Via with a branch parameter and `rport` (RFC 3581).
    pub fn new(
        transport: Transport,
        host: impl Into<Host>,
        port: Option<u16>,
        branch: &str,
    ) -> Self {
        let mut params = Params::new();
        params.set_flag("rport");
        params.set("branch", branch);
        Self {
            transport: Some(transport),
            protocol: ByteStr::from_static(transport.as_str()),
            host: host.into(),
            port,
            params,
        }
    }

    /// The `branch` parameter as spelled.
    pub fn branch(&self) -> Option<&str> {
        self.params
            .raw("branch")
            .and_then(|branch| std::str::from_utf8(branch).ok())
    }

    /// The `received` parameter, when it is an address (brackets around IPv6 are let through).
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        let text = text.strip_prefix('[').unwrap_or(&text);
        text.strip_suffix(']').unwrap_or(text).parse().ok()
    }

    /// The `rport` parameter: `None` without it, `Some(None)` when the sender asks for it to be filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.raw("rport").map(super::port)
    }

    /// The `maddr` parameter.
    pub fn maddr(&self) -> Option<Host> {
        self.params.get("maddr")?.parse().ok()
    }

    /// Notes where the request really came from: `received` when it differs from `sent-by` or `rport` was asked
    /// for, and the value of `rport` (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn stamp(&mut self, source: SocketAddr) {
        let ip = source.ip().to_canonical();
        let wants_rport = self.params.contains("rport");
        if wants_rport {
            self.params.set("rport", &source.port().to_string());
        }
        if wants_rport || self.host.ip() != Some(ip) {
            self.params.set("received", &ip.to_string());
        }
    }

    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let parts = Parts::scan(value)?;
        Ok(Self {
            transport: Transport::from_name(parts.protocol),
            protocol: protocol(parts.protocol, &share),
            host: parts.shape.of(|| share(parts.host)),
            port: parts.port,
            params: Params::from_checked(share(parts.params)),
        })
    }

    /// Whether a value can be read, without making anything.
    pub(crate) fn check(value: &[u8]) -> Result<(), HeaderFault> {
        Parts::scan(value).map(|_| ())
    }
}

/// The protocol as spelled; the usual spellings need no part of the message.
fn protocol(text: &[u8], share: impl Fn(&[u8]) -> Bytes) -> ByteStr {
    match Transport::from_name(text) {
        Some(transport) if transport.as_str().as_bytes() == text => {
            ByteStr::from_static(transport.as_str())
        }
        _ => ByteStr::from_utf8(share(text)).unwrap_or_default(),
    }
}

/// The parts of a value, checked.
struct Parts<'a> {
    protocol: &'a [u8],
    host: &'a [u8],
    shape: HostShape,
    port: Option<u16>,
    params: &'a [u8],
}

impl<'a> Parts<'a> {
    fn scan(value: &'a [u8]) -> Result<Self, HeaderFault> {
        let rest = sent_protocol(value).ok_or(HeaderFault::Malformed)?;
        let length = rest
            .iter()
            .take_while(|&&b| crate::grammar::is_token(b))
            .count();
        let (protocol, rest) = rest.split_at_checked(length).unwrap_or_default();
        let at = skip_lws(rest, 0);
        if protocol.is_empty() || at == 0 {
            return Err(HeaderFault::Malformed);
        }
        let rest = rest.get(at..).unwrap_or_default();
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (sent_by, params) = rest.split_at_checked(end).unwrap_or_default();
        let (host, shape, port) = read_sent_by(trim(sent_by))?;
        if !params::check(params) {
            return Err(HeaderFault::Param);
        }
        Ok(Self {
            protocol,
            host,
            shape,
            port,
            params,
        })
    }
}

/// What follows `SIP/2.0/`, with LWS around the slashes.
fn sent_protocol(value: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = value.strip_prefix(b"SIP/2.0/") {
        return rest.get(skip_lws(rest, 0)..);
    }
    let mut parts = value.splitn(3, |&b| b == b'/');
    let (name, version, rest) = (parts.next()?, parts.next()?, parts.next()?);
    if !trim(name).eq_ignore_ascii_case(b"SIP") || trim(version) != b"2.0" {
        return None;
    }
    rest.get(skip_lws(rest, 0)..)
}

/// Reads `host [COLON port]` with LWS around the colon.
fn read_sent_by(text: &[u8]) -> Result<(&[u8], HostShape, Option<u16>), HeaderFault> {
    let host_end = match text.first() {
        Some(b'[') => text.iter().position(|&b| b == b']').map(|at| at + 1),
        _ => text.iter().position(|&b| b == b':'),
    }
    .unwrap_or(text.len());
    let (host, port) = text.split_at_checked(host_end).unwrap_or_default();
    let host = trim(host);
    let shape = Host::shape(host).ok_or(HeaderFault::Malformed)?;
    let port = match trim(port) {
        [] => None,
        [b':', digits @ ..] => Some(super::port(trim(digits)).ok_or(HeaderFault::Malformed)?),
        _ => return Err(HeaderFault::Malformed),
    };
    Ok((host, shape, port))
}

impl Via {
    /// The value byte by byte, parameters as spelled.
    pub(crate) fn print(&self) -> Vec<u8> {
        use std::io::Write;

        let mut out = Vec::with_capacity(48 + self.params.as_bytes().len());
        let port = self.port.map(|port| format!(":{port}"));
        let port = port.as_deref().unwrap_or_default();
        // Writing to a Vec never fails.
        let _ = write!(out, "SIP/2.0/{} {}{port}", self.protocol, self.host);
        out.extend_from_slice(self.params.as_bytes());
        out
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.print()))
    }
}

impl From<&Via> for HeaderValue {
    fn from(via: &Via) -> Self {
        HeaderValue::received(via.print())
    }
}

impl From<Via> for HeaderValue {
    fn from(via: Via) -> Self {
        (&via).into()
    }
}
