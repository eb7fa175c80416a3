//! Reading URIs.

use std::ops::Range;

use bytes::Bytes;

use super::{Scheme, Span, Uri, escape};
use crate::Host;
use crate::host::HostShape;

/// What is wrong with a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// There is no `scheme:` at the start.
    #[error("URI without scheme")]
    Scheme,
    /// White space, `<`, `>`, `"` or a control character within the URI.
    #[error("Character not allowed in a URI")]
    Character,
    /// The user or password is empty or not allowed as spelled.
    #[error("Malformed user in URI")]
    User,
    /// The host is missing or malformed.
    #[error("Malformed host in URI")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("Malformed port in URI")]
    Port,
    /// A parameter is malformed.
    #[error("Malformed parameter in URI")]
    Param,
    /// The part behind `?` is malformed.
    #[error("Malformed headers in URI")]
    Headers,
    /// The number of a `tel:` URI is malformed.
    #[error("Malformed number in tel URI")]
    Number,
    /// A `%` without two hexadecimal digits.
    #[error("Malformed escape in URI")]
    Escape,
}

pub(super) fn parse(text: Bytes) -> Result<Uri, UriError> {
    let parts = scan(&text)?;
    Ok(Uri {
        scheme: parts.scheme,
        user: parts.user.map(Span::from),
        password: parts.password.map(Span::from),
        host: parts
            .host
            .map(|(shape, range)| shape.of(|| text.slice(range))),
        port: parts.port,
        params: parts.params.into(),
        headers: parts.headers.map(Span::from),
        text,
    })
}

/// The parts of a URI, checked.
pub(super) struct Parts {
    scheme: Scheme,
    user: Option<Range<usize>>,
    password: Option<Range<usize>>,
    host: Option<(HostShape, Range<usize>)>,
    port: Option<u16>,
    params: Range<usize>,
    headers: Option<Range<usize>>,
}

impl Parts {
    fn new(scheme: Scheme, params: Range<usize>) -> Self {
        Self {
            scheme,
            user: None,
            password: None,
            host: None,
            port: None,
            params,
            headers: None,
        }
    }
}

/// Finds and checks the parts, without making anything.
pub(super) fn scan(text: &[u8]) -> Result<Parts, UriError> {
    let colon = text
        .iter()
        .position(|&byte| byte == b':')
        .ok_or(UriError::Scheme)?;
    let scheme = scheme(text, colon)?;
    let marks = Marks::find(text, colon + 1).ok_or(UriError::Character)?;
    match scheme {
        Scheme::Sip | Scheme::Sips => sip(text, scheme, &marks),
        Scheme::Tel => tel(text, &marks),
        Scheme::Other if marks.start == text.len() => Err(UriError::Host),
        Scheme::Other => Ok(Parts::new(scheme, text.len()..text.len())),
    }
}

/// Where the characters stand that part a URI; found in one pass.
struct Marks {
    /// Behind the scheme's colon.
    start: usize,
    /// The first `@`.
    at: Option<usize>,
    /// The first `:` before the `@`, or the first at all.
    colon: Option<usize>,
    /// The first `;` behind the `@`, or the first at all.
    semicolon: Option<usize>,
    /// The first `?` behind the `@`, or the first at all.
    question: Option<usize>,
    /// Whether there is a `%`.
    percent: bool,
}

impl Marks {
    /// `None` when a character stands there that may stand nowhere in a URI.
    fn find(text: &[u8], start: usize) -> Option<Self> {
        let mut marks = Self {
            start,
            at: None,
            colon: None,
            semicolon: None,
            question: None,
            percent: false,
        };
        for (offset, &byte) in text.get(start..)?.iter().enumerate() {
            if IS_PLAIN[usize::from(byte)] {
                continue;
            }
            let index = start + offset;
            match byte {
                b'%' => marks.percent = true,
                b'@' if marks.at.is_none() => {
                    marks.at = Some(index);
                    // What came before was of the user.
                    marks.semicolon = None;
                    marks.question = None;
                }
                b':' if marks.at.is_none() => marks.colon = marks.colon.or(Some(index)),
                b'@' | b':' => {}
                b';' => marks.semicolon = marks.semicolon.or(Some(index)),
                b'?' => marks.question = marks.question.or(Some(index)),
                _ => return None,
            }
        }
        Some(marks)
    }

    fn escapes(&self, text: &[u8], range: Range<usize>) -> Result<Range<usize>, UriError> {
        match !self.percent || escape::is_valid(text.get(range.clone()).unwrap_or_default()) {
            true => Ok(range),
            false => Err(UriError::Escape),
        }
    }
}

/// Neither parts a URI nor is forbidden in it (white space, control characters, quotes, angle brackets).
const IS_PLAIN: [bool; 256] = {
    let mut table = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = !matches!(
            byte as u8,
            0..=b' ' | 127 | b'<' | b'>' | b'"' | b'@' | b':' | b';' | b'?' | b'%'
        );
        byte += 1;
    }
    table
};

fn scheme(text: &[u8], colon: usize) -> Result<Scheme, UriError> {
    let name = text.get(..colon).unwrap_or_default();
    if name.eq_ignore_ascii_case(b"sip") {
        return Ok(Scheme::Sip);
    }
    if name.eq_ignore_ascii_case(b"sips") {
        return Ok(Scheme::Sips);
    }
    if name.eq_ignore_ascii_case(b"tel") {
        return Ok(Scheme::Tel);
    }
    let valid = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|&b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if !valid {
        return Err(UriError::Scheme);
    }
    Ok(Scheme::Other)
}

fn sip(text: &[u8], scheme: Scheme, marks: &Marks) -> Result<Parts, UriError> {
    let mut user = None;
    let mut password = None;
    let mut host_start = marks.start;
    // `@` may stand nowhere else unescaped, whereas the user may hold `;`, `?` and `/`: the first one ends it.
    if let Some(at) = marks.at {
        host_start = at + 1;
        let user_end = marks.colon.unwrap_or(at);
        if user_end == marks.start {
            return Err(UriError::User);
        }
        user = Some(marks.escapes(text, marks.start..user_end)?);
        if user_end < at {
            password = Some(marks.escapes(text, user_end + 1..at)?);
        }
    }
    let headers_at = marks.question.unwrap_or(text.len());
    let params_at = marks
        .semicolon
        .filter(|&at| at < headers_at)
        .unwrap_or(headers_at);
    let (host, port) = host_port(text, host_start..params_at)?;
    let params = checked_params(text, params_at..headers_at, marks)?;
    let headers = match marks.question {
        Some(at) => Some(checked_headers(text, at + 1..text.len(), marks)?),
        None => None,
    };
    Ok(Parts {
        user,
        password,
        host: Some(host),
        port,
        headers,
        ..Parts::new(scheme, params)
    })
}

fn tel(text: &[u8], marks: &Marks) -> Result<Parts, UriError> {
    let start = marks.start;
    let end = text.iter().skip(start).position(|&b| b == b';');
    let end = end.map_or(text.len(), |at| start + at);
    let number = text.get(start..end).unwrap_or_default();
    let digits = number.strip_prefix(b"+").unwrap_or(number);
    let allowed = |b: &u8| {
        b.is_ascii_hexdigit() || matches!(b, b'*' | b'#' | b'-' | b'.' | b'(' | b')' | b'p' | b'w')
    };
    if !digits.iter().all(allowed)
        || !digits
            .iter()
            .any(|b| b.is_ascii_hexdigit() || matches!(b, b'*' | b'#'))
    {
        return Err(UriError::Number);
    }
    let params = checked_params(text, end..text.len(), marks)?;
    Ok(Parts {
        user: Some(start..end),
        ..Parts::new(Scheme::Tel, params)
    })
}

/// A host's shape and where it lies.
type FoundHost = (HostShape, Range<usize>);

/// Reads `host [":" port]`.
fn host_port(text: &[u8], range: Range<usize>) -> Result<(FoundHost, Option<u16>), UriError> {
    let part = text.get(range.clone()).unwrap_or_default();
    let host_length = match part.first() {
        Some(b'[') => part.iter().position(|&b| b == b']').map(|at| at + 1),
        _ => part.iter().position(|&b| b == b':'),
    }
    .unwrap_or(part.len());
    let (host, rest) = part.split_at_checked(host_length).unwrap_or_default();
    let shape = Host::shape(host).ok_or(UriError::Host)?;
    let port = match rest {
        [] => None,
        [b':', digits @ ..] => Some(crate::header::port(digits).ok_or(UriError::Port)?),
        _ => return Err(UriError::Host),
    };
    Ok(((shape, range.start..range.start + host_length), port))
}

/// A trailing or doubled `;` is let through: phones send it, and it means nothing.
fn checked_params(
    text: &[u8],
    range: Range<usize>,
    marks: &Marks,
) -> Result<Range<usize>, UriError> {
    for (name, value) in params(text.get(range.clone()).unwrap_or_default()) {
        if name.is_empty() && value.is_some() {
            return Err(UriError::Param);
        }
        if marks.percent && !(escape::is_valid(name) && value.is_none_or(escape::is_valid)) {
            return Err(UriError::Escape);
        }
    }
    Ok(range)
}

fn checked_headers(
    text: &[u8],
    range: Range<usize>,
    marks: &Marks,
) -> Result<Range<usize>, UriError> {
    let range = marks.escapes(text, range)?;
    let part = text.get(range.clone()).unwrap_or_default();
    let valid = part.split(|&byte| byte == b'&').all(|pair| {
        pair.iter()
            .position(|&b| b == b'=')
            .is_some_and(|at| at > 0)
    });
    match valid {
        true => Ok(range),
        false => Err(UriError::Headers),
    }
}

/// Name and value of each `;name[=value]` as spelled.
pub(super) fn params(text: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    text.split(|&byte| byte == b';').skip(1).map(split_equals)
}

/// Name and value of each `name=value` behind the `?`, as spelled.
pub(super) fn headers(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = split_equals(pair);
            (name, value.unwrap_or_default())
        })
}

fn split_equals(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&byte| byte == b'=') {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}
