//! Reading messages.

use std::ops::Range;

use bytes::{Buf, Bytes};

use super::print::Original;
use super::{Fault, MAX_HEADERS, MAX_MESSAGE, Message, Method, ParseError, Request, Response};
use crate::grammar::{is_token_text, saturating_number, trim};
use crate::header::{FieldLine, FieldName, HeaderName, Headers};
use crate::{ByteStr, StatusCode, Uri};

pub(super) fn parse(bytes: Bytes) -> Result<Message, ParseError> {
    let skipped = bytes
        .iter()
        .take_while(|b| matches!(b, b'\r' | b'\n'))
        .count();
    let mut bytes = bytes;
    bytes.advance(skipped);
    if bytes.is_empty() {
        return Err(ParseError::new(Fault::Empty));
    }
    if bytes.len() > MAX_MESSAGE {
        return Err(ParseError::new(Fault::TooLarge));
    }
    let Some(line_end) = line_end(&bytes, 0) else {
        return Err(ParseError::new(Fault::StartLine));
    };
    let start_line = strip_line_end(bytes.get(..line_end).unwrap_or_default());
    let start = StartLine::read(&bytes, start_line);
    let (headers, blank, fault) = read_headers(&bytes, line_end);
    let wrong_start = start.as_ref().err().map(|wrong| wrong.fault.clone());
    let body = match wrong_start.or(fault) {
        Some(fault) => Err(fault),
        None => check(&bytes, &headers, &start, blank.clone()),
    };
    let original = Original::new(&bytes, line_end, blank, &body);
    match (start, body) {
        (Ok(StartLine::Request { method, uri }), Ok(body)) => Ok(Message::Request(Request {
            method,
            uri,
            headers,
            body,
            original,
        })),
        (Ok(StartLine::Status { status, reason }), Ok(body)) => Ok(Message::Response(Response {
            status,
            reason,
            headers,
            body,
            original,
        })),
        (Ok(StartLine::Request { method, .. }), Err(fault)) => Err(ParseError {
            fault,
            is_response: false,
            method: Some(method),
            headers: Box::new(headers),
        }),
        (Ok(StartLine::Status { .. }), Err(fault)) => Err(ParseError {
            fault,
            is_response: true,
            method: None,
            headers: Box::new(headers),
        }),
        (Err(wrong), _) => Err(ParseError {
            fault: wrong.fault,
            is_response: wrong.is_response,
            method: wrong.method,
            headers: Box::new(headers),
        }),
    }
}

enum StartLine {
    Request { method: Method, uri: Uri },
    Status { status: StatusCode, reason: Bytes },
}

struct WrongStartLine {
    fault: Fault,
    is_response: bool,
    method: Option<Method>,
}

impl StartLine {
    fn read(bytes: &Bytes, line: &[u8]) -> Result<Self, WrongStartLine> {
        match line.get(..4) {
            Some(start) if start.eq_ignore_ascii_case(b"SIP/") => Self::status_line(bytes, line)
                .map_err(|fault| WrongStartLine {
                    fault,
                    is_response: true,
                    method: None,
                }),
            _ => Self::request_line(bytes, line),
        }
    }

    /// `SIP-Version SP Status-Code SP Reason-Phrase`; the SP before an empty phrase may be missing.
    fn status_line(bytes: &Bytes, line: &[u8]) -> Result<Self, Fault> {
        let (version, rest) = split_at_space(line).ok_or(Fault::StartLine)?;
        check_version(version)?;
        let (code, reason) = split_at_space(rest).unwrap_or((rest, b""));
        let status = Some(code)
            .filter(|code| code.len() == 3)
            .and_then(saturating_number)
            .and_then(|code| StatusCode::new(u16::try_from(code).ok()?))
            .ok_or(Fault::StartLine)?;
        if reason.contains(&b'\r') {
            return Err(Fault::StartLine);
        }
        Ok(Self::Status {
            status,
            reason: bytes.slice_ref(reason),
        })
    }

    /// `Method SP Request-URI SP SIP-Version`
    fn request_line(bytes: &Bytes, line: &[u8]) -> Result<Self, WrongStartLine> {
        let wrong = |fault, method| WrongStartLine {
            fault,
            is_response: false,
            method,
        };
        let (token, rest) = split_at_space(line).ok_or_else(|| wrong(Fault::StartLine, None))?;
        if !is_token_text(token) {
            return Err(wrong(Fault::StartLine, None));
        }
        let method = Method::from_token(token, || {
            ByteStr::from_utf8(bytes.slice_ref(token)).unwrap_or_default()
        });
        let Some(space) = rest.iter().rposition(|&b| b == b' ') else {
            return Err(wrong(Fault::StartLine, Some(method)));
        };
        let (uri, version) = rest.split_at_checked(space).unwrap_or_default();
        if let Err(fault) = check_version(trim_one_space(version)) {
            return Err(wrong(fault, Some(method)));
        }
        match Uri::parse(bytes.slice_ref(uri)) {
            Ok(uri) if uri.has_headers() => Err(wrong(
                Fault::RequestUri(crate::uri::UriError::Headers),
                Some(method),
            )),
            Ok(uri) => Ok(Self::Request { method, uri }),
            Err(error) => Err(wrong(Fault::RequestUri(error), Some(method))),
        }
    }
}

fn split_at_space(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == b' ')?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn trim_one_space(text: &[u8]) -> &[u8] {
    text.strip_prefix(b" ").unwrap_or(text)
}

/// SIP/2.0 in any case (RFC 3261 §7.1); another well-formed version gets its own fault.
fn check_version(version: &[u8]) -> Result<(), Fault> {
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let number = version
        .split_at_checked(4)
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"SIP/"))
        .map(|(_, number)| number);
    let other = number.is_some_and(|number| {
        number.first().is_some_and(u8::is_ascii_digit)
            && number.iter().all(|&b| b.is_ascii_digit() || b == b'.')
    });
    Err(match other {
        true => Fault::Version,
        false => Fault::StartLine,
    })
}

/// Index behind the line end at or after `from`.
fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    let at = memchr::memchr(b'\n', bytes.get(from..)?)?;
    Some(from + at + 1)
}

fn strip_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Reads header lines up to the empty line. Gives what could be read, the range of the empty line, and the first
/// fault.
fn read_headers(bytes: &Bytes, start: usize) -> (Headers, Range<usize>, Option<Fault>) {
    let mut lines = Vec::with_capacity(18);
    let mut fault = None;
    let mut at = start;
    let mut count = 0;
    let mut crlfs = 0;
    let blank = loop {
        let Some(mut end) = line_end(bytes, at) else {
            // What stands behind the last line end is half a line.
            if at < bytes.len() {
                fault = fault.or(Some(Fault::NoEmptyLine));
            }
            break at..at;
        };
        crlfs += usize::from(bytes.get(end.wrapping_sub(2)) == Some(&b'\r'));
        if strip_line_end(bytes.get(at..end).unwrap_or_default()).is_empty() {
            break at..end;
        }
        while matches!(bytes.get(end), Some(b' ' | b'\t'))
            && let Some(next) = line_end(bytes, end)
        {
            end = next;
            crlfs += usize::from(bytes.get(end.wrapping_sub(2)) == Some(&b'\r'));
        }
        count += 1;
        if count > MAX_HEADERS {
            fault = fault.or(Some(Fault::TooManyHeaders));
            break at..at;
        }
        match read_line(bytes, at..end) {
            Some(line) => lines.push(line),
            None => fault = fault.or(Some(Fault::HeaderLine { line: count })),
        }
        at = end;
    };
    let head = bytes.get(start..blank.end).unwrap_or_default();
    if memchr::memchr_iter(b'\r', head).count() != crlfs {
        fault = lone_cr(bytes, start..blank.start).or(fault);
    }
    (Headers::from_parsed(bytes.clone(), lines), blank, fault)
}

/// A CR that is no part of a line end is nothing a field may hold; names the line of the first one.
fn lone_cr(bytes: &Bytes, head: Range<usize>) -> Option<Fault> {
    let mut line = 0;
    for text in bytes.get(head)?.split_inclusive(|&byte| byte == b'\n') {
        // Folded lines are of the field before.
        line += usize::from(!matches!(text.first(), Some(b' ' | b'\t')));
        if strip_line_end(text).contains(&b'\r') {
            return Some(Fault::HeaderLine { line });
        }
    }
    None
}

fn read_line(bytes: &Bytes, range: Range<usize>) -> Option<FieldLine> {
    let line = bytes.get(range.clone())?;
    let colon = line.iter().position(|&byte| byte == b':')?;
    let mut name = line.get(..colon)?;
    while let [rest @ .., b' ' | b'\t'] = name {
        name = rest;
    }
    let name = match HeaderName::known(name) {
        Some(name) => FieldName::Known(name),
        None if is_token_text(name) => {
            let name = ByteStr::from_utf8(bytes.slice_ref(name)).unwrap_or_default();
            FieldName::Other(Box::new(HeaderName::Other(name)))
        }
        None => return None,
    };
    let value_start = crate::grammar::skip_lws(line, colon + 1);
    let length = trim(line.get(value_start..)?).len();
    Some(FieldLine::parsed(
        name,
        range,
        value_start..value_start + length,
    ))
}

/// Checks the fields every message needs and cuts out the body.
fn check(
    bytes: &Bytes,
    headers: &Headers,
    start: &Result<StartLine, WrongStartLine>,
    blank: Range<usize>,
) -> Result<Bytes, Fault> {
    let method = match start {
        Ok(StartLine::Request { method, .. }) => Some(method),
        _ => None,
    };
    let length = headers.check_core(method)?;
    if blank.is_empty() {
        return Err(Fault::NoEmptyLine);
    }
    let rest = bytes.len() - blank.end;
    match length.unwrap_or(rest) {
        length if length <= rest => Ok(bytes.slice(blank.end..blank.end + length)),
        _ => Err(Fault::Truncated),
    }
}
