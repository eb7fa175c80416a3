//! SIP messages: read without loss, built, and printed.

mod error;
mod method;
mod parse;
mod print;
mod request;
mod response;
mod status;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use error::{Fault, ParseError};
pub use method::Method;
pub use request::Request;
pub use response::Response;
pub use status::StatusCode;

use crate::Headers;

/// The largest message accepted, in bytes.
pub const MAX_MESSAGE: usize = 65_536;

/// The most header lines accepted in one message.
pub const MAX_HEADERS: usize = 256;

/// A request or a response.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// Reads one datagram, or one message that framing cut from a stream.
    ///
    /// Line ends before the message are skipped (RFC 3261 §7.5), bytes behind the Content-Length are dropped
    /// (§18.3). Checked are the start line, the form of every header line, and the fields every transaction needs:
    /// Via, From, To, Call-ID, CSeq, Content-Length. Other fields are read, and found wrong, when they are asked for.
    ///
    /// # Errors
    /// [`ParseError`] with the fault, and with the response to send if the sender can be answered.
    pub fn parse(bytes: Bytes) -> Result<Self, ParseError> {
        parse::parse(bytes)
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The header fields, to change.
    pub fn headers_mut(&mut self) -> &mut Headers {
        match self {
            Self::Request(request) => &mut request.headers,
            Self::Response(response) => &mut response.headers,
        }
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }

    /// The printed message.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Request(request) => request.encode(),
            Self::Response(response) => response.encode(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}
