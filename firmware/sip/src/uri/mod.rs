//! SIP, SIPS, tel and other URIs (RFC 3261 §19.1, RFC 3966).

mod build;
mod compare;
mod escape;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::str::FromStr;

use bytes::Bytes;

pub use parse::UriError;

use crate::{Host, Params};

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Any other; such a URI is kept whole and not looked into.
    Other,
}

/// A URI that keeps its original spelling.
///
/// Equality (`==`) is that of the spelling; [`equivalent`](Self::equivalent) compares as RFC 3261 §19.1.4 says.
/// The user part may hold `*` and `#` unescaped, as phones dial feature codes.
#[derive(Clone)]
pub struct Uri {
    text: Bytes,
    scheme: Scheme,
    user: Option<Span>,
    password: Option<Span>,
    host: Option<Host>,
    port: Option<u16>,
    params: Span,
    headers: Option<Span>,
}

/// Where a part lies in the text; half the size of a range, as every message carries several URIs.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        // A span beyond 4 GiB, which no URI reaches, reads as empty.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            start: offset(range.start),
            end: offset(range.end),
        }
    }
}

impl Span {
    fn start(self) -> usize {
        self.start as usize
    }

    fn end(self) -> usize {
        self.end as usize
    }
}

impl Uri {
    /// Reads a URI that fills `text`.
    ///
    /// # Errors
    /// [`UriError`] names the part that is wrong. A well-formed URI of an unknown scheme is no error.
    pub fn parse(text: Bytes) -> Result<Self, UriError> {
        parse::parse(text)
    }

    /// Whether a URI fills `text`, without making one.
    pub(crate) fn check(text: &[u8]) -> Result<(), UriError> {
        parse::scan(text).map(|_| ())
    }

    /// The original spelling.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The scheme as spelled, without the colon.
    pub fn scheme_name(&self) -> &str {
        let end = self.text.iter().position(|&byte| byte == b':');
        std::str::from_utf8(self.text.get(..end.unwrap_or_default()).unwrap_or_default())
            .unwrap_or_default()
    }

    /// The user, escapes resolved; for `tel:` the number as spelled. `None` when there is none.
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.raw_user().map(escape::unescape_text)
    }

    /// The user as spelled.
    pub fn raw_user(&self) -> Option<&[u8]> {
        self.user.map(|span| self.part(span))
    }

    /// The password behind the user, escapes resolved. (RFC 3261 §19.1.1 advises against its use.)
    pub fn password(&self) -> Option<Cow<'_, str>> {
        self.password
            .map(|span| escape::unescape_text(self.part(span)))
    }

    /// The host; `None` for `tel:` and other schemes.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The port, when one is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters (`;transport=tcp;lr`).
    pub fn params(&self) -> Params {
        Params::from_checked(self.text.slice(self.params.start()..self.params.end()))
    }

    /// The value of URI parameter `name`, escapes resolved; `""` for one without value.
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        parse::params(self.part(self.params))
            .find(|(found, _)| escape::unescape(found).eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| escape::unescape_text(value.unwrap_or_default()))
    }

    /// The `transport` parameter: `Ok(None)` without one, `Err` with the text of an unknown one.
    ///
    /// # Errors
    /// The spelled transport when it is none of [`Transport`](crate::Transport).
    pub fn transport(&self) -> Result<Option<crate::Transport>, String> {
        match self.param("transport") {
            None => Ok(None),
            Some(name) => match crate::Transport::from_name(name.as_bytes()) {
                Some(transport) => Ok(Some(transport)),
                None => Err(name.into_owned()),
            },
        }
    }

    /// Whether the URI names a loose router (`lr`, RFC 3261 §16.12).
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// The URI headers (`?Replaces=…&Subject=…`), escapes resolved, in order.
    pub fn headers(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let text = self.headers.map(|span| self.part(span)).unwrap_or_default();
        parse::headers(text)
            .map(|(name, value)| (escape::unescape_text(name), escape::unescape_text(value)))
    }

    /// The first URI header `name`, escapes resolved.
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Whether a `?` with headers follows; not allowed in a request URI (RFC 3261 §19.1.1, Table 1).
    pub fn has_headers(&self) -> bool {
        self.headers.is_some()
    }

    /// Whether the scheme is `sip` or `sips`.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    fn part(&self, span: Span) -> &[u8] {
        self.text.get(span.start()..span.end()).unwrap_or_default()
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl PartialEq for Uri {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Uri {}

impl Hash for Uri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.text), f)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}
