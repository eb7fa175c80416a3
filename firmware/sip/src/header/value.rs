//! Header field values that are safe to print.

use std::fmt;

use bytes::Bytes;

/// The text holds CR, LF or NUL, which would end or break a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a header field value must not contain CR, LF or NUL")]
pub struct ForbiddenCharacter;

/// A value without CR, LF and NUL: the only thing that can be put into a message, so that no caller can inject
/// header fields.
///
/// Program text (`&'static str`), numbers and the typed header values convert by `into()`; text from elsewhere goes
/// through [`HeaderValue::new`], which refuses.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HeaderValue(Bytes);

impl HeaderValue {
    /// Takes text from anywhere.
    ///
    /// # Errors
    /// [`ForbiddenCharacter`] for CR, LF or NUL in it.
    pub fn new(text: impl Into<Bytes>) -> Result<Self, ForbiddenCharacter> {
        let text = text.into();
        match text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
            true => Err(ForbiddenCharacter),
            false => Ok(Self(text)),
        }
    }

    /// Takes text from anywhere and turns each control character into a space.
    pub fn sanitized(text: impl AsRef<[u8]>) -> Self {
        let clean = |&byte: &u8| match byte {
            0..=31 | 127 => b' ',
            _ => byte,
        };
        Self(text.as_ref().iter().map(clean).collect())
    }

    /// Takes text of a received message: NUL, which a quoted pair may hold (RFC 3261 §25.1), stays; a line end becomes a
    /// space.
    pub(crate) fn received(text: Vec<u8>) -> Self {
        let mut text = text;
        for byte in &mut text {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        Self(Bytes::from(text))
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<&'static str> for HeaderValue {
    fn from(text: &'static str) -> Self {
        let bytes = Bytes::from_static(text.as_bytes());
        Self::new(bytes).unwrap_or_else(|_| Self::sanitized(text))
    }
}

impl From<u32> for HeaderValue {
    fn from(number: u32) -> Self {
        Self(Bytes::from(number.to_string()))
    }
}

impl From<&crate::Uri> for HeaderValue {
    fn from(uri: &crate::Uri) -> Self {
        Self::sanitized(uri.as_bytes())
    }
}

impl TryFrom<String> for HeaderValue {
    type Error = ForbiddenCharacter;

    fn try_from(text: String) -> Result<Self, ForbiddenCharacter> {
        Self::new(text)
    }
}

impl fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

impl fmt::Display for HeaderValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
