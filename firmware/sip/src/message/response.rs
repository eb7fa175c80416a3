//! Responses.

use std::fmt;

use bytes::Bytes;

use super::print::{Original, print};
use super::{Method, Request, StatusCode};
use crate::header::unfold;
use crate::{HeaderName, HeaderValue, Headers};

/// A response (RFC 3261 §7.2).
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase; any text but line ends, also UTF-8 and nothing at all.
    pub reason: Bytes,
    /// The header fields.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    pub(super) original: Original,
}

impl Response {
    /// A response without header fields, with the usual reason phrase.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            reason: Bytes::from_static(status.default_reason().as_bytes()),
            headers: Headers::new(),
            body: Bytes::new(),
            original: Original::default(),
        }
    }

    /// The response to a request (RFC 3261 §8.2.6.2): Via, From, To, Call-ID and CSeq are copied, Timestamp into a
    /// 100, and Record-Route into what can make a dialog (§12.1.1).
    pub fn to(request: &Request, status: StatusCode) -> Self {
        let mut response = Self::new(status);
        response.copy_core(&request.headers);
        if status == StatusCode::TRYING {
            response
                .headers
                .copy_from(&request.headers, &HeaderName::Timestamp);
        }
        let makes_dialog = matches!(
            request.method,
            Method::Invite | Method::Subscribe | Method::Refer
        );
        if makes_dialog && (101..=299).contains(&status.code()) {
            response
                .headers
                .copy_from(&request.headers, &HeaderName::RecordRoute);
        }
        response
    }

    pub(super) fn copy_core(&mut self, headers: &Headers) {
        for name in [
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            self.headers.copy_from(headers, &name);
        }
    }

    /// With another reason phrase; control characters become spaces.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Self {
        self.reason = HeaderValue::sanitized(reason).into_bytes();
        self
    }

    /// With `tag` in To, unless To has one already.
    #[must_use]
    pub fn with_to_tag(mut self, tag: &str) -> Self {
        if let Ok(to) = self.headers.to()
            && to.tag().is_none()
            && let Some(old) = self.headers.get(&HeaderName::To)
        {
            // Appending keeps the spelling of the rest, bytes that are not UTF-8 and escaped NULs among it.
            let tag = HeaderValue::sanitized(tag);
            let tagged = [&unfold(old)[..], b";tag=", tag.as_bytes()].concat();
            self.headers
                .set(HeaderName::To, HeaderValue::received(tagged));
        }
        self
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

    /// The printed message. A received one that was not changed prints byte for byte as it came; a
    /// Content-Length that does not fit the body is put right.
    pub fn encode(&self) -> Bytes {
        print(
            &self.original,
            self.is_original_start_line(),
            |out| {
                out.extend_from_slice(format!("SIP/2.0 {} ", self.status).as_bytes());
                let clean = self.reason.iter().map(|&b| match b {
                    b'\r' | b'\n' | 0 => b' ',
                    _ => b,
                });
                out.extend(clean);
                out.extend_from_slice(b"\r\n");
            },
            &self.headers,
            &self.body,
        )
    }

    fn is_original_start_line(&self) -> bool {
        let mut code = self.status.code();
        let mut digits = [0; 3];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (code % 10) as u8;
            code /= 10;
        }
        let line = self.original.start_line().trim_ascii_end();
        // "SIP/2.0 200" in any case, then the reason.
        line.get(8..11) == Some(&digits[..])
            && line.get(12..).unwrap_or_default() == self.reason.trim_ascii_end()
    }
}

impl PartialEq for Response {
    fn eq(&self, other: &Self) -> bool {
        self.status == other.status
            && self.reason == other.reason
            && self.headers == other.headers
            && self.body == other.body
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("reason", &String::from_utf8_lossy(&self.reason))
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish()
    }
}
