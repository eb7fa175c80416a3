//! Requests.

use std::fmt;

use bytes::Bytes;

use super::print::{Original, print};
use super::{Method, Response, StatusCode};
use crate::{HeaderName, HeaderValue, Headers, Uri};

/// A request (RFC 3261 §7.1).
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The request URI.
    pub uri: Uri,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    pub(super) original: Original,
}

impl Request {
    /// A request without header fields and body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            headers: Headers::new(),
            body: Bytes::new(),
            original: Original::default(),
        }
    }

    /// With a header field added at the end.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// With this body and its Content-Type; printing adds the Content-Length.
    #[must_use]
    pub fn with_body(
        mut self,
        content_type: impl Into<HeaderValue>,
        body: impl Into<Bytes>,
    ) -> Self {
        self.headers.set(HeaderName::ContentType, content_type);
        self.body = body.into();
        self
    }

    /// A response to this request, see [`Response::to`].
    pub fn response(&self, status: StatusCode) -> Response {
        Response::to(self, status)
    }

    /// The printed message. A received one that was not changed prints byte for byte as it came; a
    /// Content-Length that does not fit the body is put right.
    pub fn encode(&self) -> Bytes {
        print(
            &self.original,
            self.is_original_start_line(),
            |out| {
                out.extend_from_slice(self.method.as_str().as_bytes());
                out.push(b' ');
                out.extend_from_slice(self.uri.as_bytes());
                out.extend_from_slice(b" SIP/2.0\r\n");
            },
            &self.headers,
            &self.body,
        )
    }

    fn is_original_start_line(&self) -> bool {
        let rest = self
            .original
            .start_line()
            .strip_prefix(self.method.as_str().as_bytes())
            .and_then(|rest| rest.strip_prefix(b" "))
            .and_then(|rest| rest.strip_prefix(self.uri.as_bytes()));
        rest.is_some_and(|rest| rest.first() == Some(&b' '))
    }
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        self.method == other.method
            && self.uri == other.uri
            && self.headers == other.headers
            && self.body == other.body
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("uri", &self.uri)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish()
    }
}
