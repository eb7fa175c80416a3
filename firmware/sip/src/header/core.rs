//! The fields without which no transaction can be matched (RFC 3261 §8.1.1), and fields that must not be doubled: checked
//! in one pass over a received message, without making anything.

use super::{CSeq, HeaderError, HeaderFault, HeaderName, Headers, NameAddr, Via};
use crate::grammar::{CommaSplit, saturating_number};
use crate::{Fault, Method};

/// The values found on the way.
#[derive(Default)]
struct Found<'a> {
    has_via: bool,
    from: &'a [u8],
    to: &'a [u8],
    call_id: &'a [u8],
    cseq: &'a [u8],
    content_length: Option<&'a [u8]>,
    /// The bits of the fields seen, see [`HeaderName::singleton_bit`].
    seen: u32,
    /// The bits of those seen again.
    twice: u32,
    /// The first field seen again.
    doubled: Option<&'a HeaderName>,
}

impl Headers {
    /// Checks a received message whose request line names `method`; gives its Content-Length.
    pub(crate) fn check_core(&self, method: Option<&Method>) -> Result<Option<usize>, Fault> {
        let mut found = Found::default();
        for field in self.iter() {
            match field.name {
                HeaderName::Via => {
                    check_vias(field.value)?;
                    found.has_via = true;
                    continue;
                }
                HeaderName::From => found.from = field.value,
                HeaderName::To => found.to = field.value,
                HeaderName::CallId => found.call_id = field.value,
                HeaderName::CSeq => found.cseq = field.value,
                HeaderName::ContentLength => found.content_length = Some(field.value),
                _ => {}
            }
            let bit = field.name.singleton_bit();
            if found.seen & bit != 0 {
                found.twice |= bit;
                found.doubled = found.doubled.or(Some(field.name));
            }
            found.seen |= bit;
        }
        if !found.has_via {
            return Err(HeaderFault::Missing.of(HeaderName::Via).into());
        }
        for (name, value) in [(HeaderName::From, found.from), (HeaderName::To, found.to)] {
            found.single(&name, value)?;
            NameAddr::check(value).map_err(|fault| fault.of(name))?;
        }
        found.single(&HeaderName::CallId, found.call_id)?;
        if !is_call_id(found.call_id) {
            return Err(HeaderFault::Malformed.of(HeaderName::CallId).into());
        }
        found.single(&HeaderName::CSeq, found.cseq)?;
        let (_, cseq_method) =
            CSeq::scan(found.cseq).map_err(|fault| fault.of(HeaderName::CSeq))?;
        if method.is_some_and(|method| method.as_str().as_bytes() != cseq_method) {
            return Err(Fault::MethodMismatch);
        }
        if let Some(name) = found.doubled {
            return Err(HeaderFault::Duplicate.of(name.clone()).into());
        }
        match found.content_length.map(saturating_number) {
            None => Ok(None),
            Some(Some(length)) => Ok(Some(usize::try_from(length).unwrap_or(usize::MAX))),
            Some(None) => Err(HeaderFault::Malformed.of(HeaderName::ContentLength).into()),
        }
    }
}

impl Found<'_> {
    /// Stands once and is not empty.
    fn single(&self, name: &HeaderName, value: &[u8]) -> Result<(), HeaderError> {
        if self.twice & name.singleton_bit() != 0 {
            return Err(HeaderFault::Duplicate.of(name.clone()));
        }
        match value.is_empty() {
            true => Err(HeaderFault::Missing.of(name.clone())),
            false => Ok(()),
        }
    }
}

fn check_vias(value: &[u8]) -> Result<(), HeaderError> {
    let malformed = |fault: HeaderFault| fault.of(HeaderName::Via);
    if memchr::memchr(b',', value).is_none() {
        return Via::check(value).map_err(malformed);
    }
    for (start, end) in CommaSplit::new(value) {
        Via::check(value.get(start..end).unwrap_or_default()).map_err(malformed)?;
    }
    Ok(())
}

/// One word of UTF-8.
pub(super) fn is_call_id(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok() && !value.iter().any(|&b| b <= b' ' || b == 127)
}
