//! Session timers (RFC 4028) and reliable provisional responses (RFC 3262).

use std::fmt;

use bytes::Bytes;

use super::{CSeq, HeaderFault, HeaderValue};
use crate::grammar::{saturating_number, skip_lws, trim};
use crate::{Method, Params, params};

/// Who refreshes a session, as `refresher` says (RFC 4028 §4); seen from the request that carries the field or is
/// answered with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refresher {
    /// The sender of the request.
    Uac,
    /// The one who answers it.
    Uas,
}

impl Refresher {
    /// `uac` or `uas`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uac => "uac",
            Self::Uas => "uas",
        }
    }
}

/// Session-Expires (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionExpires {
    /// Seconds until a session that nobody refreshed is over; larger numbers than 2^32-1 saturate.
    pub interval: u32,
    /// Who refreshes; `None` leaves it to the answer.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let (interval, params) = delta(value)?;
        let params = Params::from_checked(share(params));
        let refresher = match params.raw("refresher") {
            None => None,
            Some(who) if who.eq_ignore_ascii_case(b"uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case(b"uas") => Some(Refresher::Uas),
            Some(_) => return Err(HeaderFault::Param),
        };
        Ok(Self {
            interval,
            refresher,
        })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.interval)?;
        match self.refresher {
            Some(refresher) => write!(f, ";refresher={}", refresher.as_str()),
            None => Ok(()),
        }
    }
}

impl From<SessionExpires> for HeaderValue {
    fn from(expires: SessionExpires) -> Self {
        HeaderValue::sanitized(expires.to_string())
    }
}

/// Seconds and the parameters behind them, checked; white space may stand between.
fn delta(value: &[u8]) -> Result<(u32, &[u8]), HeaderFault> {
    let end = value.iter().position(|&b| b == b';').unwrap_or(value.len());
    let (digits, rest) = value.split_at_checked(end).unwrap_or_default();
    let seconds = saturating_number(trim(digits)).ok_or(HeaderFault::Malformed)?;
    match params::check(rest) {
        true => Ok((u32::try_from(seconds).unwrap_or(u32::MAX), rest)),
        false => Err(HeaderFault::Param),
    }
}

/// RAck (RFC 3262 §7.2): which provisional response a PRACK acknowledges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RAck {
    /// RSeq of the response; 1 to 2^32-1.
    pub rseq: u32,
    /// CSeq of the response, which names the method of its request.
    pub cseq: CSeq,
}

impl RAck {
    /// Makes an RAck.
    pub fn new(rseq: u32, number: u32, method: Method) -> Self {
        Self {
            rseq,
            cseq: CSeq::new(number, method),
        }
    }

    pub(crate) fn parse(value: &[u8], share: impl Fn(&[u8]) -> Bytes) -> Result<Self, HeaderFault> {
        let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
        let at = skip_lws(value, digits);
        let number = saturating_number(value.get(..digits).unwrap_or_default())
            .filter(|_| at > digits)
            .ok_or(HeaderFault::Malformed)?;
        Ok(Self {
            rseq: u32::try_from(number).map_err(|_| HeaderFault::OutOfRange)?,
            cseq: CSeq::parse(value.get(at..).unwrap_or_default(), share)?,
        })
    }
}

impl From<&RAck> for HeaderValue {
    fn from(rack: &RAck) -> Self {
        let CSeq { number, method } = &rack.cseq;
        HeaderValue::sanitized(format!("{} {number} {method}", rack.rseq))
    }
}

impl From<RAck> for HeaderValue {
    fn from(rack: RAck) -> Self {
        (&rack).into()
    }
}
