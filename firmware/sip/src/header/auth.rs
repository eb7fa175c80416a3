//! Challenges and credentials: `scheme name=value, name="value"` (RFC 3261 §20.7, §20.44).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use super::HeaderFault;
use crate::ByteStr;
use crate::grammar::{CommaSplit, is_lws, is_token_text, lossy, quoted_end, trim, unquote};

/// The comma-separated parameters behind the scheme.
#[derive(Clone, PartialEq, Eq)]
struct AuthParams(Bytes);

impl AuthParams {
    fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        CommaSplit::new(&self.0).filter_map(|(start, end)| pair(self.0.get(start..end)?))
    }

    fn get(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| unquote(value))
    }
}

fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&b| b == b'=')?;
    Some((trim(text.get(..at)?), trim(text.get(at + 1..)?)))
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
    if scheme.eq_ignore_ascii_case("Digest") {
        for (start, end) in CommaSplit::new(rest) {
            let (name, value) = rest
                .get(start..end)
                .and_then(pair)
                .ok_or(HeaderFault::Param)?;
            let closed = match value {
                [b'"', ..] => quoted_end(value, 0) == Some(value.len()),
                _ => !value.contains(&b'"'),
            };
            if !closed {
                return Err(HeaderFault::UnbalancedQuotes);
            }
            if !is_token_text(name) {
                return Err(HeaderFault::Param);
            }
        }
    }
    Ok((scheme, AuthParams(share(rest))))
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
