//! Making and changing URIs. Whatever is put in is escaped, so no part can break out of its place.

use std::io::Write as _;

use bytes::Bytes;

use super::{Scheme, Uri, escape};
use crate::Host;

impl Uri {
    /// `sip:user@host:port`.
    pub fn sip(user: Option<&str>, host: impl Into<Host>, port: Option<u16>) -> Self {
        Self::assemble(Scheme::Sip, user, host.into(), port)
    }

    /// `sips:user@host:port`.
    pub fn sips(user: Option<&str>, host: impl Into<Host>, port: Option<u16>) -> Self {
        Self::assemble(Scheme::Sips, user, host.into(), port)
    }

    fn assemble(scheme: Scheme, user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let mut text = Vec::with_capacity(64);
        text.extend_from_slice(match scheme {
            Scheme::Sips => b"sips:",
            _ => b"sip:",
        });
        let user = user.filter(|user| !user.is_empty()).map(|user| {
            let start = text.len();
            escape::push_escaped(&mut text, user.as_bytes(), escape::in_user);
            let range = start..text.len();
            text.push(b'@');
            range.into()
        });
        // Writing into memory does not fail.
        let _ = match port {
            Some(port) => write!(text, "{host}:{port}"),
            None => write!(text, "{host}"),
        };
        let end = text.len();
        Self {
            text: Bytes::from(text),
            scheme,
            user,
            password: None,
            host: Some(host),
            port,
            params: (end..end).into(),
            headers: None,
        }
    }

    /// With URI parameter `name` set to `value`, or added without a value for `None`.
    #[must_use]
    pub fn with_param(self, name: &str, value: Option<&str>) -> Self {
        self.edit_param(name, Some(value))
    }

    /// Without URI parameter `name`.
    #[must_use]
    pub fn without_param(self, name: &str) -> Self {
        match self.param(name) {
            Some(_) => self.edit_param(name, None),
            None => self,
        }
    }

    /// Without the headers behind `?`, as a request URI must be (RFC 3261 §19.1.5).
    #[must_use]
    pub fn without_headers(mut self) -> Self {
        if self.headers.take().is_some() {
            self.text.truncate(self.params.end());
        }
        self
    }

    /// With header `name=value` added behind `?` (`Replaces` in a Refer-To, RFC 3891).
    #[must_use]
    pub fn with_uri_header(mut self, name: &str, value: &str) -> Self {
        let mut text = self.text.to_vec();
        let start = match &self.headers {
            Some(span) => {
                text.push(b'&');
                span.start()
            }
            None => {
                text.push(b'?');
                text.len()
            }
        };
        escape::push_escaped(&mut text, name.as_bytes(), escape::in_header);
        text.push(b'=');
        escape::push_escaped(&mut text, value.as_bytes(), escape::in_header);
        self.headers = Some((start..text.len()).into());
        self.text = Bytes::from(text);
        self
    }

    fn edit_param(mut self, name: &str, mut new: Option<Option<&str>>) -> Self {
        let mut text = Vec::with_capacity(self.text.len() + 24);
        text.extend_from_slice(self.text.get(..self.params.start()).unwrap_or_default());
        for (found, value) in super::parse::params(self.part(self.params)) {
            if escape::unescape(found).eq_ignore_ascii_case(name.as_bytes()) {
                if let Some(value) = new.take() {
                    push_param(&mut text, name, value);
                }
                continue;
            }
            text.push(b';');
            text.extend_from_slice(found);
            if let Some(value) = value {
                text.push(b'=');
                text.extend_from_slice(value);
            }
        }
        if let Some(value) = new {
            push_param(&mut text, name, value);
        }
        let params = self.params.start()..text.len();
        if let Some(span) = self.headers {
            text.push(b'?');
            let start = text.len();
            text.extend_from_slice(self.part(span));
            self.headers = Some((start..text.len()).into());
        }
        self.params = params.into();
        self.text = Bytes::from(text);
        self
    }
}

fn push_param(text: &mut Vec<u8>, name: &str, value: Option<&str>) {
    text.push(b';');
    escape::push_escaped(text, name.as_bytes(), escape::in_param);
    if let Some(value) = value {
        text.push(b'=');
        escape::push_escaped(text, value.as_bytes(), escape::in_param);
    }
}
