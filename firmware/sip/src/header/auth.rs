//! Challenges and credentials: `scheme name=value, name="value"` (RFC 3261 §20.7, §20.44).

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::HeaderFault;
use crate::ByteStr;
use crate::grammar::{
    CommaSplit, is_lws, is_token_text, lossy, quoted_end, skip_lws, trim, unquote,
};

/// The comma-separated parameters behind the scheme.
#[derive(Clone)]
struct AuthParams {
    text: Bytes,
    /// Where each name and value lies: a server asks for nearly all of them, and none is looked for in the text again.
    pairs: Vec<(Range<u32>, Range<u32>)>,
}

/// Parameters there is room for from the start; credentials have ten.
const USUAL_PARAMS: usize = 12;

impl AuthParams {
    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let part = |range: &Range<u32>| {
            let range = range.start as usize..range.end as usize;
            self.text.get(range).unwrap_or_default()
        };
        self.pairs
            .iter()
            .map(move |(name, value)| (part(name), part(value)))
    }

    fn get(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| unquote(value))
    }
}

impl PartialEq for AuthParams {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for AuthParams {}

/// Name and value of the `name=value` that lies in `range` of `text`, LWS around both removed.
fn pair(text: &[u8], range: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let at = range.start + text.get(range.clone())?.iter().position(|&b| b == b'=')?;
    Some((
        trimmed(text, range.start..at),
        trimmed(text, at + 1..range.end),
    ))
}

fn trimmed(text: &[u8], range: Range<usize>) -> Range<usize> {
    let start = skip_lws(text, range.start).min(range.end);
    let length = trim(text.get(start..range.end).unwrap_or_default()).len();
    start..start + length
}

fn parse(
    value: &[u8],
    share: impl Fn(&[u8]) -> Bytes,
) -> Result<(ByteStr, AuthParams), HeaderFault> {
    let end = value
        .iter()
        .position(|&b| is_lws(b))
        .ok_or(HeaderFault::Malformed)?;
    let scheme = value.get(..end).unwrap_or_default();
    let rest = trim(value.get(end..).unwrap_or_default());
    if !is_token_text(scheme) || rest.is_empty() {
        return Err(HeaderFault::Malformed);
    }
    let scheme = ByteStr::from_utf8(share(scheme)).ok_or(HeaderFault::Malformed)?;
    let digest = scheme.eq_ignore_ascii_case("Digest");
    let mut pairs = Vec::with_capacity(USUAL_PARAMS);
    for (start, end) in CommaSplit::new(rest) {
        let Some((name, value)) = pair(rest, start..end) else {
            // Other schemes may have parameters of another form.
            match digest {
                true => return Err(HeaderFault::Param),
                false => continue,
            }
        };
        if digest {
            check_pair(
                rest.get(name.clone()).unwrap_or_default(),
                rest.get(value.clone()).unwrap_or_default(),
            )?;
        }
        pairs.push((offsets(name), offsets(value)));
    }
    let text = share(rest);
    Ok((scheme, AuthParams { text, pairs }))
}

fn check_pair(name: &[u8], value: &[u8]) -> Result<(), HeaderFault> {
    let closed = match value {
        [b'"', ..] => quoted_end(value, 0) == Some(value.len()),
        _ => !value.contains(&b'"'),
    };
    if !closed {
        return Err(HeaderFault::UnbalancedQuotes);
    }
    match is_token_text(name) {
        true => Ok(()),
        false => Err(HeaderFault::Param),
    }
}

/// Messages are limited to 64 KiB, so nothing is cut off.
fn offsets(range: Range<usize>) -> Range<u32> {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    offset(range.start)..offset(range.end)
}

macro_rules! auth_value {
    ($type:ident) => {
        impl $type {
            pub(crate) fn parse(
                value: &[u8],
                share: impl Fn(&[u8]) -> Bytes,
            ) -> Result<Self, HeaderFault> {
                let (scheme, params) = parse(value, share)?;
                Ok(Self { scheme, params })
            }

            /// Reads a header field value from text.
            ///
            /// # Errors
            /// What is wrong with it.
            pub fn from_text(text: &str) -> Result<Self, HeaderFault> {
                Self::parse(trim(text.as_bytes()), Bytes::copy_from_slice)
            }

            /// The scheme as spelled, such as `Digest`.
            pub fn scheme(&self) -> &str {
                &self.scheme
            }

            /// Whether the scheme is Digest.
            pub fn is_digest(&self) -> bool {
                self.scheme.eq_ignore_ascii_case("Digest")
            }

            /// Parameter `name` as text, quotes removed.
            pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
                self.params.get(name).map(lossy)
            }

            /// Parameter `name` byte by byte, quotes removed.
            pub fn bytes(&self, name: &str) -> Option<Cow<'_, [u8]>> {
                self.params.get(name)
            }

            /// The realm.
            pub fn realm(&self) -> Option<Cow<'_, str>> {
                self.get("realm")
            }

            /// The nonce.
            pub fn nonce(&self) -> Option<Cow<'_, str>> {
                self.get("nonce")
            }
        }

        impl fmt::Debug for $type {
            /// Shows the scheme and the names only; the values are secrets or help to guess them.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let names = self
                    .params
                    .iter()
                    .map(|(name, _)| String::from_utf8_lossy(name));
                f.debug_struct(stringify!($type))
                    .field("scheme", &self.scheme)
                    .field("params", &names.collect::<Vec<_>>())
                    .finish()
            }
        }
    };
}

/// The value of a WWW-Authenticate or Proxy-Authenticate field.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    scheme: ByteStr,
    params: AuthParams,
}

/// The value of an Authorization or Proxy-Authorization field.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    scheme: ByteStr,
    params: AuthParams,
}

auth_value!(Challenge);
auth_value!(Credentials);

impl Credentials {
    /// The user name.
    pub fn username(&self) -> Option<Cow<'_, str>> {
        self.get("username")
    }
}
