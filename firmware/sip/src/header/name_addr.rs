//! `name-addr` and `addr-spec` with parameters: From, To, Contact, Route and their kin (RFC 3261 §20.10).

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::{HeaderFault, HeaderValue};
use crate::grammar::{
    is_lws, lossy, push_quoted, quoted_end, saturating_number, skip_lws, trim, unquote,
};
use crate::{Params, Uri, params};

/// A URI with an optional display name and header parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without quotes and escapes.
    pub display_name: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The header parameters, such as `tag`. Those behind a URI without `<>` are header parameters, too.
    pub params: Params,
}

impl NameAddr {
    /// An address without display name and parameters.
    pub fn new(uri: Uri) -> Self {
        Self {
            display_name: None,
            uri,
            params: Params::new(),
        }
    }

    /// With a display name.
    #[must_use]
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// With the `tag` parameter set.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", tag);
        self
    }

    /// The `tag` parameter as spelled; tags compare byte by byte.
    pub fn tag(&self) -> Option<&str> {
        self.params
            .raw("tag")
            .and_then(|tag| std::str::from_utf8(tag).ok())
    }

    /// The `expires` parameter in seconds. Larger numbers saturate; a malformed one counts as 3600
    /// (RFC 3261 §20.10).
    pub fn expires(&self) -> Option<u32> {
        self.params.raw("expires").map(|value| {
            saturating_number(value).map_or(3600, |n| u32::try_from(n).unwrap_or(u32::MAX))
        })
    }

    /// The `q` parameter in thousandths (0 to 1000); `None` when absent or malformed.
    pub fn q(&self) -> Option<u16> {
        let text = self.params.raw("q")?;
        let (whole, fraction) = match text.iter().position(|&b| b == b'.') {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?),
            None => (text, &b""[..]),
        };
        let whole = saturating_number(whole).filter(|&n| n <= 1)?;
        let mut thousandths = u16::try_from(whole).ok()? * 1000;
        let mut unit = 100;
        for digit in fraction {
            thousandths += unit * u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
            unit /= 10;
        }
        (thousandths <= 1000).then_some(thousandths)
    }

    /// Reads one value; `share` makes a shared slice of a part of it.
    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let parts = Parts::scan(value)?;
        let part = |range: &Range<usize>| value.get(range.clone()).unwrap_or_default();
        let uri = Uri::parse(share(part(&parts.uri)))?;
        let display_name = parts.display_name.as_ref().map(|range| {
            let text = super::list::unfold(part(range));
            lossy(unquote(&text)).into_owned()
        });
        Ok(Self {
            display_name: display_name.filter(|name| !name.is_empty()),
            uri,
            params: Params::from_checked(share(part(&parts.params))),
        })
    }

    /// Whether a value can be read, without making anything.
    pub(crate) fn check(value: &[u8]) -> Result<(), HeaderFault> {
        let parts = Parts::scan(value)?;
        Uri::check(value.get(parts.uri).unwrap_or_default())?;
        Ok(())
    }

    /// Reads a value from text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_text(text: &str) -> Result<Self, HeaderFault> {
        Self::parse(trim(text.as_bytes()), Bytes::copy_from_slice)
    }

    fn print(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        if let Some(name) = &self.display_name {
            push_quoted(&mut out, name.as_bytes());
            out.push(b' ');
        }
        out.push(b'<');
        out.extend_from_slice(self.uri.as_bytes());
        out.push(b'>');
        out.extend_from_slice(self.params.as_bytes());
        out
    }
}

/// Where the parts of a value lie.
struct Parts {
    display_name: Option<Range<usize>>,
    uri: Range<usize>,
    params: Range<usize>,
}

impl Parts {
    fn scan(value: &[u8]) -> Result<Self, HeaderFault> {
        let (display_name, at) = match value.first() {
            None => return Err(HeaderFault::Missing),
            Some(b'"') => {
                let end = quoted_end(value, 0).ok_or(HeaderFault::UnbalancedQuotes)?;
                let open = skip_lws(value, end);
                if value.get(open) != Some(&b'<') {
                    return Err(HeaderFault::Malformed);
                }
                (Some(0..end), open)
            }
            Some(_) => match value.iter().position(|b| matches!(b, b'<' | b';' | b'"')) {
                Some(open) if value.get(open) == Some(&b'<') => {
                    let name = trim(value.get(..open).unwrap_or_default());
                    // A comma or colon here is a URI or a list gone wrong; other characters are real peers' names.
                    if name.iter().any(|b| matches!(b, b',' | b':' | b'@' | b'>')) {
                        return Err(HeaderFault::Malformed);
                    }
                    ((!name.is_empty()).then_some(0..name.len()), open)
                }
                _ => return Self::scan_addr_spec(value),
            },
        };
        let start = at + 1;
        let close = value
            .get(start..)
            .and_then(|rest| rest.iter().position(|&b| b == b'>'))
            .ok_or(HeaderFault::Malformed)?
            + start;
        Self::with_params(value, display_name, start..close, close + 1)
    }

    /// A URI without brackets ends at the first `;` or LWS, and may hold no `?` or `,` (RFC 3261 §20).
    fn scan_addr_spec(value: &[u8]) -> Result<Self, HeaderFault> {
        let end = value
            .iter()
            .position(|&b| b == b';' || is_lws(b))
            .unwrap_or(value.len());
        let uri = value.get(..end).unwrap_or_default();
        if uri.iter().any(|b| matches!(b, b'?' | b',')) {
            return Err(HeaderFault::Unbracketed);
        }
        Self::with_params(value, None, 0..end, end)
    }

    fn with_params(
        value: &[u8],
        display_name: Option<Range<usize>>,
        uri: Range<usize>,
        behind: usize,
    ) -> Result<Self, HeaderFault> {
        let start = skip_lws(value, behind);
        if !params::check(value.get(start..).unwrap_or_default()) {
            return Err(HeaderFault::Param);
        }
        Ok(Self {
            display_name,
            uri,
            params: start..value.len(),
        })
    }
}

impl From<&NameAddr> for HeaderValue {
    fn from(addr: &NameAddr) -> Self {
        HeaderValue::received(addr.print())
    }
}

impl From<NameAddr> for HeaderValue {
    fn from(addr: NameAddr) -> Self {
        (&addr).into()
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.print()))
    }
}
