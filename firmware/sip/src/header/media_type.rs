//! Content-Type and its kin (RFC 3261 §20.15).

use bytes::Bytes;

use super::HeaderFault;
use crate::grammar::{is_token_text, trim};
use crate::{ByteStr, Params, params};

/// A media type: `application/sdp;charset=utf-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// The main type, as spelled.
    pub kind: ByteStr,
    /// The subtype, as spelled.
    pub subtype: ByteStr,
    /// The parameters.
    pub params: Params,
}

impl MediaType {
    /// Whether this is `kind/subtype`, without regard to case and parameters.
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let end = value.iter().position(|&b| b == b';');
        let (media, rest) = value
            .split_at_checked(end.unwrap_or(value.len()))
            .unwrap_or_default();
        let slash = media.iter().position(|&b| b == b'/');
        let slash = slash.ok_or(HeaderFault::Malformed)?;
        let part = |text: Option<&[u8]>| {
            let text = trim(text.unwrap_or_default());
            match is_token_text(text) {
                true => ByteStr::from_utf8(share(text)).ok_or(HeaderFault::Malformed),
                false => Err(HeaderFault::Malformed),
            }
        };
        if !params::check(rest) {
            return Err(HeaderFault::Param);
        }
        Ok(Self {
            kind: part(media.get(..slash))?,
            subtype: part(media.get(slash + 1..))?,
            params: Params::from_checked(share(rest)),
        })
    }
}
