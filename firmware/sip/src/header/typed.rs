//! Typed readers of header fields. Each reads on demand; nothing is cached.

use std::borrow::Cow;

use bytes::Bytes;

use super::{
    CSeq, Challenge, Credentials, HeaderError, HeaderFault, HeaderName, Headers, MediaType,
    NameAddr, Via,
};
use crate::grammar::{is_token_text, saturating_number, trim};
use crate::{ByteStr, Method};

/// What the Contact fields say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `*`: remove all bindings (RFC 3261 §10.2.2).
    Star,
    /// The addresses, in order; empty without a Contact field.
    List(Vec<NameAddr>),
}

pub(super) type Reading<T> = Result<T, HeaderError>;

impl Headers {
    /// The value of a field that may stand once.
    pub(super) fn single(&self, name: HeaderName) -> Reading<Option<&[u8]>> {
        let mut values = self.get_all(&name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(HeaderFault::Duplicate.of(name.clone())),
            None => Ok(first),
        }
    }

    fn required(&self, name: HeaderName) -> Reading<&[u8]> {
        match self.single(name.clone())? {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(HeaderFault::Missing.of(name)),
        }
    }

    fn read<T>(
        &self,
        name: &HeaderName,
        value: &[u8],
        parse: impl Fn(&[u8], &dyn Fn(&[u8]) -> Bytes) -> Result<T, HeaderFault>,
    ) -> Reading<T> {
        parse(value, &|part: &[u8]| self.share(part)).map_err(|fault| fault.of(name.clone()))
    }

    /// The value of a field that may stand once, read.
    pub(super) fn optional<T>(
        &self,
        name: HeaderName,
        parse: impl Fn(&[u8], &dyn Fn(&[u8]) -> Bytes) -> Result<T, HeaderFault>,
    ) -> Reading<Option<T>> {
        self.single(name.clone())?
            .map(|value| self.read(&name, value, parse))
            .transpose()
    }

    fn read_all<T>(
        &self,
        name: &HeaderName,
        parse: impl Fn(&[u8], &dyn Fn(&[u8]) -> Bytes) -> Result<T, HeaderFault>,
    ) -> Reading<Vec<T>> {
        self.values(name)
            .map(|value| self.read(name, value, &parse))
            .collect()
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// Missing or malformed, as with all readers of this type.
    pub fn via(&self) -> Reading<Via> {
        let name = HeaderName::Via;
        match self.values(&name).next() {
            Some(value) => self.read(&name, value, |v, share| Via::parse(v, share)),
            None => Err(HeaderFault::Missing.of(name.clone())),
        }
    }

    /// All Via values, topmost first.
    ///
    /// # Errors
    /// A value is malformed.
    pub fn vias(&self) -> Reading<Vec<Via>> {
        self.read_all(&HeaderName::Via, |v, share| Via::parse(v, share))
    }

    /// Replaces the topmost Via value and leaves the others of its line.
    pub fn set_top_via(&mut self, via: &Via) {
        let mut text = via.print();
        if let Some(old) = self.get(&HeaderName::Via) {
            let mut values = crate::grammar::CommaSplit::new(old).skip(1);
            if let Some((start, _)) = values.next() {
                text.extend_from_slice(b", ");
                text.extend_from_slice(&super::list::unfold(old.get(start..).unwrap_or_default()));
            }
        }
        self.replace_first(HeaderName::Via, super::HeaderValue::received(text));
    }

    /// The From address.
    ///
    /// # Errors
    /// Missing, duplicate or malformed.
    pub fn from(&self) -> Reading<NameAddr> {
        self.one_address(HeaderName::From)
    }

    /// The To address.
    ///
    /// # Errors
    /// Missing, duplicate or malformed.
    pub fn to(&self) -> Reading<NameAddr> {
        self.one_address(HeaderName::To)
    }

    /// Checks that the Contact fields can be read, without making anything.
    pub(crate) fn check_contacts(&self) -> Reading<()> {
        let name = HeaderName::Contact;
        let mut values = self.values(&name);
        if values.next() == Some(b"*") {
            return match values.next() {
                None => Ok(()),
                Some(_) => Err(HeaderFault::Malformed.of(name.clone())),
            };
        }
        for value in self.values(&name) {
            NameAddr::check(value).map_err(|fault| fault.of(name.clone()))?;
        }
        Ok(())
    }

    fn one_address(&self, name: HeaderName) -> Reading<NameAddr> {
        let value = self.required(name.clone())?;
        self.read(&name, value, |v, share| NameAddr::parse(v, share))
    }

    /// The Call-ID, as spelled.
    ///
    /// # Errors
    /// Missing, duplicate, or not one word.
    pub fn call_id(&self) -> Reading<&str> {
        let value = self.required(HeaderName::CallId)?;
        std::str::from_utf8(value)
            .ok()
            .filter(|_| super::core::is_call_id(value))
            .ok_or_else(|| HeaderFault::Malformed.of(HeaderName::CallId))
    }

    /// The CSeq.
    ///
    /// # Errors
    /// Missing, duplicate, malformed or above 2^32-1.
    pub fn cseq(&self) -> Reading<CSeq> {
        let name = HeaderName::CSeq;
        let value = self.required(name.clone())?;
        self.read(&name, value, |v, share| CSeq::parse(v, share))
    }

    /// The Contact fields.
    ///
    /// # Errors
    /// An address is malformed, or `*` stands beside addresses.
    pub fn contacts(&self) -> Reading<Contacts> {
        let name = HeaderName::Contact;
        let mut values = self.values(&name);
        if values.next() == Some(b"*") {
            return match values.next() {
                None => Ok(Contacts::Star),
                Some(_) => Err(HeaderFault::Malformed.of(name.clone())),
            };
        }
        self.addresses(&name).map(Contacts::List)
    }

    /// The addresses of any field that lists them (P-Asserted-Identity, Diversion, Path …).
    ///
    /// # Errors
    /// An address is malformed.
    pub fn addresses(&self, name: &HeaderName) -> Reading<Vec<NameAddr>> {
        self.read_all(name, |v, share| NameAddr::parse(v, share))
    }

    /// The first address of field `name` (Refer-To, Referred-By, P-Asserted-Identity …).
    ///
    /// # Errors
    /// The address is malformed.
    pub fn address(&self, name: &HeaderName) -> Reading<Option<NameAddr>> {
        let value = self.values(name).next();
        value
            .map(|value| self.read(name, value, |v, share| NameAddr::parse(v, share)))
            .transpose()
    }

    /// The Route values in order.
    ///
    /// # Errors
    /// A value is malformed.
    pub fn routes(&self) -> Reading<Vec<NameAddr>> {
        self.addresses(&HeaderName::Route)
    }

    /// The Record-Route values in order.
    ///
    /// # Errors
    /// A value is malformed.
    pub fn record_routes(&self) -> Reading<Vec<NameAddr>> {
        self.addresses(&HeaderName::RecordRoute)
    }

    /// A field whose value is a number, such as Min-Expires or RSeq; digits behind it (Retry-After's comment)
    /// are not looked at. Too large a number saturates.
    ///
    /// # Errors
    /// Duplicate or not a number.
    pub fn number(&self, name: HeaderName) -> Reading<Option<u32>> {
        let Some(value) = self.single(name.clone())? else {
            return Ok(None);
        };
        let digits = value.iter().take_while(|b| b.is_ascii_digit()).count();
        let (number, rest) = value.split_at_checked(digits).unwrap_or_default();
        let ends =
            trim(rest).len() < rest.len() || matches!(rest.first(), None | Some(b';' | b'('));
        saturating_number(number)
            .filter(|_| ends)
            .map(|n| Some(u32::try_from(n).unwrap_or(u32::MAX)))
            .ok_or_else(|| HeaderFault::Malformed.of(name))
    }

    /// Expires, in seconds; too large a number saturates (RFC 4475 §3.1.2.4).
    ///
    /// # Errors
    /// Duplicate or not a number.
    pub fn expires(&self) -> Reading<Option<u32>> {
        self.number(HeaderName::Expires)
    }

    /// Max-Forwards.
    ///
    /// # Errors
    /// Duplicate, not a number, or above 255.
    pub fn max_forwards(&self) -> Reading<Option<u8>> {
        let number = self.number(HeaderName::MaxForwards)?;
        number
            .map(u8::try_from)
            .transpose()
            .map_err(|_| HeaderFault::OutOfRange.of(HeaderName::MaxForwards))
    }

    /// Content-Length, in bytes.
    ///
    /// # Errors
    /// Several different values, or not a number of digits alone.
    pub fn content_length(&self) -> Reading<Option<usize>> {
        let name = HeaderName::ContentLength;
        let Some(value) = self.single(name.clone())? else {
            return Ok(None);
        };
        match saturating_number(value) {
            Some(n) => Ok(Some(usize::try_from(n).unwrap_or(usize::MAX))),
            None => Err(HeaderFault::Malformed.of(name)),
        }
    }

    /// Content-Type.
    ///
    /// # Errors
    /// Duplicate or malformed.
    pub fn content_type(&self) -> Reading<Option<MediaType>> {
        self.optional(HeaderName::ContentType, |v, share| {
            MediaType::parse(v, share)
        })
    }

    /// The tokens of a list field (Require, Supported …) without empty ones.
    ///
    /// # Errors
    /// An element is no token.
    pub fn tokens(&self, name: &HeaderName) -> Reading<Vec<ByteStr>> {
        self.values(name)
            .filter(|value| !value.is_empty())
            .map(|value| {
                is_token_text(value)
                    .then(|| ByteStr::from_utf8(self.share(value)))
                    .flatten()
                    .ok_or_else(|| HeaderFault::Malformed.of(name.clone()))
            })
            .collect()
    }

    /// Whether list field `name` has `token`, in any case.
    pub fn has_token(&self, name: &HeaderName, token: &str) -> bool {
        self.values(name)
            .any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// The option tags of Require.
    ///
    /// # Errors
    /// An element is no token.
    pub fn require(&self) -> Reading<Vec<ByteStr>> {
        self.tokens(&HeaderName::Require)
    }

    /// The option tags of Supported.
    ///
    /// # Errors
    /// An element is no token.
    pub fn supported(&self) -> Reading<Vec<ByteStr>> {
        self.tokens(&HeaderName::Supported)
    }

    /// The methods of Allow.
    ///
    /// # Errors
    /// An element is no token.
    pub fn allow(&self) -> Reading<Vec<Method>> {
        let tokens = self.tokens(&HeaderName::Allow)?;
        Ok(tokens.iter().map(|token| Method::from(&**token)).collect())
    }

    /// User-Agent, or Server in a response.
    pub fn user_agent(&self) -> Option<Cow<'_, str>> {
        self.text(&HeaderName::UserAgent)
            .or_else(|| self.text(&HeaderName::Server))
    }

    /// All Authorization values.
    ///
    /// # Errors
    /// A value is malformed.
    pub fn authorization(&self) -> Reading<Vec<Credentials>> {
        self.each(&HeaderName::Authorization, |v, share| {
            Credentials::parse(v, share)
        })
    }

    /// All Proxy-Authorization values.
    ///
    /// # Errors
    /// A value is malformed.
    pub fn proxy_authorization(&self) -> Reading<Vec<Credentials>> {
        self.each(&HeaderName::ProxyAuthorization, |v, share| {
            Credentials::parse(v, share)
        })
    }

    /// All challenges of WWW-Authenticate and Proxy-Authenticate.
    ///
    /// # Errors
    /// A value is malformed.
    pub fn challenges(&self) -> Reading<Vec<Challenge>> {
        let mut all = self.each(&HeaderName::WwwAuthenticate, |v, share| {
            Challenge::parse(v, share)
        })?;
        all.extend(self.each(&HeaderName::ProxyAuthenticate, |v, share| {
            Challenge::parse(v, share)
        })?);
        Ok(all)
    }

    /// Like `read_all`, for fields whose commas separate parameters (RFC 3261 §7.3.1).
    fn each<T>(
        &self,
        name: &HeaderName,
        parse: impl Fn(&[u8], &dyn Fn(&[u8]) -> Bytes) -> Result<T, HeaderFault>,
    ) -> Reading<Vec<T>> {
        self.get_all(name)
            .map(|value| self.read(name, value, &parse))
            .collect()
    }
}
