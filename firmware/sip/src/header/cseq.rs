//! CSeq (RFC 3261 §20.16).

use super::{HeaderFault, HeaderValue};
use crate::grammar::{saturating_number, skip_lws};
use crate::{ByteStr, Method};
use bytes::Bytes;

/// Sequence number and method of a request within its dialog.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CSeq {
    /// Below 2^31 when sent by us; up to 2^32-1 is accepted.
    pub number: u32,
    /// The method of the request.
    pub method: Method,
}

impl CSeq {
    /// Makes a CSeq.
    pub fn new(number: u32, method: Method) -> Self {
        Self { number, method }
    }

    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let (number, method) = Self::scan(value)?;
        Ok(Self {
            number,
            method: Method::from_token(method, || {
                ByteStr::from_utf8(share(method)).unwrap_or_default()
            }),
        })
    }

    /// The number and the method's text, without making anything.
    pub(crate) fn scan(value: &[u8]) -> Result<(u32, &[u8]), HeaderFault> {
        let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
        let at = skip_lws(value, digits);
        let method = value.get(at..).unwrap_or_default();
        let number = saturating_number(value.get(..digits).unwrap_or_default())
            .filter(|_| at > digits)
            .ok_or(HeaderFault::Malformed)?;
        if !crate::grammar::is_token_text(method) {
            return Err(HeaderFault::Malformed);
        }
        let number = u32::try_from(number).map_err(|_| HeaderFault::OutOfRange)?;
        Ok((number, method))
    }
}

impl From<&CSeq> for HeaderValue {
    fn from(cseq: &CSeq) -> Self {
        HeaderValue::sanitized(format!("{} {}", cseq.number, cseq.method))
    }
}

impl From<CSeq> for HeaderValue {
    fn from(cseq: CSeq) -> Self {
        (&cseq).into()
    }
}
