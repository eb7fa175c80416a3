//! Printing messages.

use std::ops::Range;

use bytes::Bytes;

use super::Fault;
use crate::{HeaderName, Headers};

/// A received message as it came; empty for one that was built.
#[derive(Clone, Default)]
pub(super) struct Original {
    /// From the start line to the end of the body.
    whole: Bytes,
    /// Length of the start line with its line end.
    start_line: usize,
    /// Where the empty line behind the header fields begins.
    blank: usize,
    /// Where the body begins.
    body: usize,
}

impl Original {
    /// `blank` is where the empty line lies.
    pub(super) fn new(
        bytes: &Bytes,
        start_line: usize,
        blank: Range<usize>,
        body: &Result<Bytes, Fault>,
    ) -> Self {
        let length = body.as_ref().map_or(0, Bytes::len);
        Self {
            whole: bytes.slice(..blank.end + length),
            start_line,
            blank: blank.start,
            body: blank.end,
        }
    }

    /// The start line with its line end.
    pub(super) fn start_line(&self) -> &[u8] {
        self.whole.get(..self.start_line).unwrap_or_default()
    }

    fn is_received(&self) -> bool {
        !self.whole.is_empty()
    }

    /// The empty line behind the header fields.
    fn blank(&self) -> &[u8] {
        match self.is_received() {
            true => self.whole.get(self.blank..self.body).unwrap_or_default(),
            false => b"\r\n",
        }
    }

    fn has_body(&self, body: &Bytes) -> bool {
        let own = self.whole.get(self.body..).unwrap_or_default();
        std::ptr::eq(own, &body[..]) || own == body
    }
}

/// Puts a message together. `start_line` is used unless it says the same as the original one.
pub(super) fn print(
    original: &Original,
    same_start_line: bool,
    write_start_line: impl FnOnce(&mut Vec<u8>),
    headers: &Headers,
    body: &Bytes,
) -> Bytes {
    let same_start_line = same_start_line && original.is_received();
    if same_start_line && headers.are_those_of(&original.whole) && original.has_body(body) {
        return original.whole.clone();
    }
    let length = headers.content_length();
    let in_agreement = match length {
        Ok(Some(length)) => length == body.len(),
        // A received datagram may lack the field; what we built gets it.
        Ok(None) => original.is_received() && headers.are_those_of(&original.whole),
        Err(_) => false,
    };
    let capacity =
        original.start_line().len().max(128) + headers.printed_length() + body.len() + 32;
    let mut out = Vec::with_capacity(capacity);
    match same_start_line {
        true => out.extend_from_slice(original.start_line()),
        false => write_start_line(&mut out),
    }
    for field in headers.iter() {
        if in_agreement || *field.name != HeaderName::ContentLength {
            out.extend_from_slice(field.line);
        }
    }
    if !in_agreement {
        out.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(original.blank());
    out.extend_from_slice(body);
    // Kept for as long as copies may be asked for: without what was reserved too much.
    Bytes::from(out.into_boxed_slice())
}
