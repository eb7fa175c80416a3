//! Fields that name a dialog: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538).

use std::fmt;

use bytes::Bytes;

use super::{HeaderFault, HeaderValue};
use crate::grammar::trim;
use crate::{ByteStr, Params, params};

/// A dialog, named from the view of whom the field is sent to: `to_tag` is the receiver's own tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replaces {
    /// The Call-ID.
    pub call_id: ByteStr,
    /// The receiver's tag (`remote-tag` in Target-Dialog means the same). `0` is none (RFC 3891 §6.1).
    pub to_tag: ByteStr,
    /// The tag of the receiver's peer.
    pub from_tag: ByteStr,
    /// Only a dialog that is not answered yet may be replaced.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a value from text, such as the `Replaces` header of a Refer-To URI.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_text(text: &str) -> Result<Self, HeaderFault> {
        Self::parse(trim(text.as_bytes()), Bytes::copy_from_slice)
    }

    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let end = value
            .iter()
            .position(|&b| b == b';')
            .ok_or(HeaderFault::Param)?;
        let (call_id, rest) = value.split_at_checked(end).unwrap_or_default();
        let call_id = trim(call_id);
        let one_word = |text: &[u8]| !text.is_empty() && text.iter().all(|&b| b > b' ' && b != 127);
        if !one_word(call_id) {
            return Err(HeaderFault::Malformed);
        }
        if !params::check(rest) {
            return Err(HeaderFault::Param);
        }
        let params = Params::from_checked(share(rest));
        let tag = |name: &str, other: &str| {
            let tag = params.raw(name).or_else(|| params.raw(other));
            let tag = tag.filter(|tag| one_word(tag)).ok_or(HeaderFault::Param)?;
            ByteStr::from_utf8(share(tag)).ok_or(HeaderFault::Param)
        };
        Ok(Self {
            call_id: ByteStr::from_utf8(share(call_id)).ok_or(HeaderFault::Malformed)?,
            to_tag: tag("to-tag", "local-tag")?,
            from_tag: tag("from-tag", "remote-tag")?,
            early_only: params.contains("early-only"),
        })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call_id,
            to_tag,
            from_tag,
            early_only,
        } = self;
        write!(f, "{call_id};to-tag={to_tag};from-tag={from_tag}")?;
        f.write_str(if *early_only { ";early-only" } else { "" })
    }
}

impl From<&Replaces> for HeaderValue {
    fn from(replaces: &Replaces) -> Self {
        HeaderValue::sanitized(replaces.to_string())
    }
}

impl From<Replaces> for HeaderValue {
    fn from(replaces: Replaces) -> Self {
        (&replaces).into()
    }
}
