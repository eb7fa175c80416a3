//! Messages out of a byte stream (RFC 3261 §18.3, keep-alives of RFC 5626 §3.5.1).

use bytes::{Buf, Bytes, BytesMut};

use crate::grammar::saturating_number;
use crate::header::HeaderName;
use crate::message::{MAX_HEADERS, MAX_MESSAGE};

/// What a stream holds next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message for [`Message::parse`](crate::Message::parse).
    Message(Bytes),
    /// A keep-alive of two line ends; to be answered with one ([`PONG`]).
    Ping,
    /// The answer to our own keep-alive: one line end.
    Pong,
}

/// The keep-alive to send.
pub const PING: &[u8] = b"\r\n\r\n";

/// The answer to a keep-alive.
pub const PONG: &[u8] = b"\r\n";

/// A stream whose message boundaries are lost; it has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message, or its head alone, is larger than [`MAX_MESSAGE`].
    #[error("message larger than {MAX_MESSAGE} bytes")]
    TooLarge,
    /// More than [`MAX_HEADERS`] header lines.
    #[error("more than {MAX_HEADERS} header lines")]
    TooManyHeaders,
    /// Content-Length is no number, or several differ.
    #[error("unusable Content-Length")]
    ContentLength,
}

/// Cuts a stream into messages and keep-alives.
///
/// Holds at most one incomplete message, and no more than [`MAX_MESSAGE`] bytes beside what one `push` brings.
#[derive(Debug, Default)]
pub struct StreamDecoder {
    buffer: BytesMut,
    /// Bytes of the head already searched for its end.
    searched: usize,
    /// Length of the whole message, once its head is complete.
    length: Option<usize>,
    failed: Option<FrameError>,
    /// A line end was taken for a pong that may prove to be the first half of a ping.
    half_ping: bool,
    /// We have sent a keep-alive that was not answered yet.
    pong_due: bool,
}

impl StreamDecoder {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes that we have sent a [`PING`]: the next line end that comes alone answers it. Without knowing that, the answers
    /// to two of ours look like the halves of one of theirs.
    pub fn expect_pong(&mut self) {
        self.pong_due = true;
    }

    /// Adds received bytes. Take all frames by [`next_frame`](Self::next_frame) before adding more.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Whether a message has begun and is not complete; such a stream may not stay silent for long.
    pub fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next whole frame, or `None` until more bytes come.
    ///
    /// # Errors
    /// The stream cannot be followed any further; every later call gives the same error.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let frame = self.decode();
        if let Err(error) = frame {
            self.failed = Some(error);
            self.buffer = BytesMut::new();
        }
        frame
    }

    fn decode(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.length.is_none() {
            if let Some(keep_alive) = self.keep_alive() {
                return Ok(keep_alive);
            }
            let Some(head) = self.head_end() else {
                return match self.buffer.len() > MAX_MESSAGE {
                    true => Err(FrameError::TooLarge),
                    false => Ok(None),
                };
            };
            let body = body_length(self.buffer.get(..head).unwrap_or_default())?;
            let length = head.saturating_add(body);
            if length > MAX_MESSAGE {
                return Err(FrameError::TooLarge);
            }
            self.length = Some(length);
        }
        match self.length {
            Some(length) if self.buffer.len() >= length => {
                self.length = None;
                self.searched = 0;
                Ok(Some(Frame::Message(self.buffer.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// Line ends before a message: a ping, a pong, or (inner `None`) not yet known which.
    fn keep_alive(&mut self) -> Option<Option<Frame>> {
        let ends = self
            .buffer
            .iter()
            .take(4)
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
        let alone = *self.buffer == *PONG;
        if alone && std::mem::take(&mut self.pong_due) {
            self.half_ping = false;
            self.buffer.clear();
            return Some(Some(Frame::Pong));
        }
        if self.half_ping && self.buffer.len() > 1 {
            self.half_ping = false;
            if self.buffer.starts_with(PONG) {
                self.buffer.advance(2);
                return Some(Some(Frame::Ping));
            }
        }
        self.half_ping |= alone;
        let frame = match self.buffer.get(..ends)? {
            b"" => return (self.buffer.is_empty()).then_some(None),
            b"\r\n\r\n" => Some((4, Frame::Ping)),
            b"\r\n\r" | b"\r" if self.buffer.len() == ends => None,
            [b'\r', b'\n', ..] => Some((2, Frame::Pong)),
            _ => Some((1, Frame::Pong)),
        };
        Some(frame.map(|(length, frame)| {
            self.buffer.advance(length);
            frame
        }))
    }

    /// Index behind the empty line that ends the head.
    fn head_end(&mut self) -> Option<usize> {
        let mut from = self.searched;
        while let Some(at) = self
            .buffer
            .get(from..)
            .and_then(|rest| rest.iter().position(|&b| b == b'\n'))
        {
            let next = from + at + 1;
            match self.buffer.get(next..) {
                Some([b'\n', ..]) => return Some(next + 1),
                Some([b'\r', b'\n', ..]) => return Some(next + 2),
                Some([] | [b'\r']) => {
                    // The line end may still prove to be the last one.
                    self.searched = from + at;
                    return None;
                }
                _ => from = next,
            }
        }
        self.searched = self.buffer.len();
        None
    }
}

/// The Content-Length in a complete head; without one the message has no body.
fn body_length(head: &[u8]) -> Result<usize, FrameError> {
    let mut length = None;
    let mut lines = head.split(|&b| b == b'\n').skip(1).peekable();
    let mut count = 0;
    while let Some(line) = lines.next() {
        count += 1;
        if count > MAX_HEADERS + 1 {
            return Err(FrameError::TooManyHeaders);
        }
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            continue;
        };
        if matches!(line.first(), Some(b' ' | b'\t')) {
            // The rest of a folded field, whatever it looks like.
            continue;
        }
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let name = crate::grammar::trim(name);
        let is_length = name.eq_ignore_ascii_case(HeaderName::ContentLength.as_str().as_bytes())
            || name.eq_ignore_ascii_case(b"l");
        if !is_length {
            continue;
        }
        let mut text = value.get(1..).unwrap_or_default().to_vec();
        while let Some(folded) = lines.next_if(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            text.extend_from_slice(folded);
        }
        let number = saturating_number(crate::grammar::trim(&text))
            .and_then(|number| usize::try_from(number).ok())
            .ok_or(FrameError::ContentLength)?;
        if length.is_some_and(|length| length != number) {
            return Err(FrameError::ContentLength);
        }
        length = Some(number);
    }
    Ok(length.unwrap_or(0))
}

#[cfg(test)]
mod tests;
