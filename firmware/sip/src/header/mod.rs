//! Header fields: the lossless list and the typed readers on it.

mod auth;
mod core;
mod cseq;
mod event;
#[cfg(test)]
mod extension_tests;
mod extensions;
mod list;
mod media_type;
mod name;
mod name_addr;
mod replaces;
mod session_timer;
#[cfg(test)]
mod tests;
mod typed;
mod value;
mod via;

pub use auth::{Challenge, Credentials};
pub use cseq::CSeq;
pub use event::{EventPackage, SubscriptionState, SubscriptionStatus};
pub use list::{Field, Headers};
pub use media_type::MediaType;
pub use name::HeaderName;
pub use name_addr::NameAddr;
pub use replaces::Replaces;
pub use session_timer::{RAck, Refresher, SessionExpires};
pub use typed::Contacts;
pub use value::{ForbiddenCharacter, HeaderValue};
pub use via::Via;

pub(crate) use list::{FieldLine, FieldName, unfold};

use crate::uri::UriError;

/// A header field that is missing or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} {name}")]
pub struct HeaderError {
    /// The field.
    pub name: HeaderName,
    /// What is wrong with it.
    pub fault: HeaderFault,
}

/// What is wrong with a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// A field the message needs is not there.
    #[error("Missing")]
    Missing,
    /// A field that may stand once stands several times with different values.
    #[error("Several")]
    Duplicate,
    /// The value is not of the field's grammar.
    #[error("Malformed")]
    Malformed,
    /// A number is larger than the field allows.
    #[error("Number out of range in")]
    OutOfRange,
    /// A quoted string is not closed.
    #[error("Unbalanced quotes in")]
    UnbalancedQuotes,
    /// A `;name=value` parameter is malformed.
    #[error("Malformed parameter in")]
    Param,
    /// A URI that needs angle brackets has none (RFC 3261 §20.10).
    #[error("URI without angle brackets in")]
    Unbracketed,
    /// A URI is malformed.
    #[error("{0} in")]
    Uri(#[from] UriError),
}

impl HeaderFault {
    pub(crate) fn of(self, name: HeaderName) -> HeaderError {
        HeaderError { name, fault: self }
    }
}

/// A port number of 1 to 65535 in at most five digits (leading zeros beyond are refused).
pub(crate) fn port(digits: &[u8]) -> Option<u16> {
    if digits.len() > 5 {
        return None;
    }
    let number = crate::grammar::saturating_number(digits)?;
    u16::try_from(number).ok().filter(|&port| port > 0)
}
