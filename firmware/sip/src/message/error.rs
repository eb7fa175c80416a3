//! Faults of received messages, and how to answer them.

use super::{Method, Response, StatusCode};
use crate::Headers;
use crate::header::{HeaderError, HeaderName};
use crate::uri::UriError;

/// What is wrong with a message as a whole. The text is fit for a reason phrase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but line ends: a keep-alive, no message.
    #[error("Empty message")]
    Empty,
    /// More than [`MAX_MESSAGE`](super::MAX_MESSAGE) bytes.
    #[error("Message too large")]
    TooLarge,
    /// More than [`MAX_HEADERS`](super::MAX_HEADERS) header lines.
    #[error("Too many header fields")]
    TooManyHeaders,
    /// The first line is no request line and no status line.
    #[error("Malformed start line")]
    StartLine,
    /// The message is of another version of SIP.
    #[error("Version not supported")]
    Version,
    /// The request URI cannot be read.
    #[error("Malformed request URI: {0}")]
    RequestUri(UriError),
    /// A line among the header fields is none.
    #[error("Malformed header line {line}")]
    HeaderLine {
        /// Which header line, counted from 1.
        line: usize,
    },
    /// The message ends within its header fields.
    #[error("Missing empty line behind the header fields")]
    NoEmptyLine,
    /// A field that every message needs is missing or cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body is shorter than Content-Length says.
    #[error("Body shorter than Content-Length")]
    Truncated,
    /// The method of CSeq is not that of the request (RFC 3261 §8.1.1.5).
    #[error("CSeq method does not match")]
    MethodMismatch,
}

/// A message that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct ParseError {
    /// What is wrong.
    pub fault: Fault,
    /// Whether the message is a response; those are dropped, never answered.
    pub is_response: bool,
    /// The method, when the start line could be read that far.
    pub method: Option<Method>,
    /// The header fields that could be read.
    pub headers: Box<Headers>,
}

impl ParseError {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            fault,
            is_response: false,
            method: None,
            headers: Box::default(),
        }
    }

    /// The status to answer with: 505, 513, 501 where the method is unknown and CSeq has another (RFC 4475 §3.1.2.18),
    /// else 400.
    pub fn status(&self) -> StatusCode {
        match (&self.fault, &self.method) {
            (Fault::Version, _) => StatusCode::VERSION_NOT_SUPPORTED,
            (Fault::TooLarge, _) => StatusCode::MESSAGE_TOO_LARGE,
            (Fault::MethodMismatch, Some(Method::Other(_))) => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// The reason phrase, which names the fault.
    pub fn reason(&self) -> String {
        match (self.status(), &self.method) {
            (StatusCode::NOT_IMPLEMENTED, Some(method)) => {
                let name: String = method.as_str().chars().take(40).collect();
                format!("Method {name} not implemented")
            }
            _ => self.fault.to_string(),
        }
    }

    /// The answer to a request that cannot be used, or `None` when there must be none: to a response, to an ACK,
    /// and where Via or CSeq, by which the sender finds its request, are missing. A Via that cannot be read is given
    /// back as it came: who wrote it can.
    pub fn response(&self) -> Option<Response> {
        let answerable = !self.is_response
            && self.method.is_some()
            && self.method != Some(Method::Ack)
            && self.headers.contains(&HeaderName::Via)
            && self.headers.contains(&HeaderName::CSeq);
        answerable.then(|| {
            let mut response = Response::new(self.status()).with_reason(&self.reason());
            response.copy_core(&self.headers);
            response
        })
    }
}
