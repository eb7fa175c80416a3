//! `;name=value` parameters of header fields and URIs.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::grammar::{
    is_param_value, is_token, is_token_text, lossy, push_quoted, quoted_end, trim, unquote,
};

/// An ordered list of parameters, kept as it was spelled (RFC 3261 §7.3.1).
///
/// Names compare without regard to case. Looking up a parameter walks the text; nothing is allocated.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Params {
    /// Empty, or the text from the first `;` on.
    text: Bytes,
}

impl Params {
    /// No parameters.
    pub const fn new() -> Self {
        Self { text: Bytes::new() }
    }

    /// Takes over text whose form was checked by [`check`].
    pub(crate) fn from_checked(text: Bytes) -> Self {
        Self { text }
    }

    /// The parameters as spelled, `;` included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.iter_raw().next().is_none()
    }

    /// The value of the first parameter `name`: quotes removed, `""` for a parameter without value.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(|value| lossy(unquote(value)))
    }

    /// The value of the first parameter `name` as spelled (with quotes or escapes).
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        self.iter_raw()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.unwrap_or_default())
    }

    /// Whether a parameter `name` is present, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// All parameters in order; `None` for one without `=`.
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Option<Cow<'_, str>>)> {
        self.iter_raw().map(|(name, value)| {
            (
                String::from_utf8_lossy(name),
                value.map(|value| lossy(unquote(value))),
            )
        })
    }

    /// All parameters in order, as spelled.
    pub fn iter_raw(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        Pieces(&self.text).filter_map(|piece| {
            let (name, value) = split_pair(piece);
            (!name.is_empty()).then_some((name, value))
        })
    }

    /// Sets `name` to `value` (quoted when it is not a token or address), in its old place or at the end.
    ///
    /// Characters that do not belong into a name are left out; control characters of the value become spaces.
    pub fn set(&mut self, name: &str, value: &str) {
        self.replace(name, Some(Some(value)));
    }

    /// Sets `name` without a value (`;lr`).
    pub fn set_flag(&mut self, name: &str) {
        self.replace(name, Some(None));
    }

    /// Removes every parameter `name`.
    pub fn remove(&mut self, name: &str) {
        if self.contains(name) {
            self.replace(name, None);
        }
    }

    /// [`set`](Self::set) as a builder step.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    fn replace(&mut self, name: &str, new: Option<Option<&str>>) {
        let mut out = Vec::with_capacity(self.text.len() + name.len() + 24);
        let mut new = new;
        for piece in Pieces(&self.text) {
            let (found, _) = split_pair(piece);
            if !found.eq_ignore_ascii_case(name.as_bytes()) {
                out.push(b';');
                out.extend_from_slice(piece);
            } else if let Some(value) = new.take() {
                push_pair(&mut out, name, value);
            }
        }
        if let Some(value) = new {
            push_pair(&mut out, name, value);
        }
        self.text = Bytes::from(out);
    }
}

/// Refuses what is not a list of `;name[=value]` with LWS between the parts (RFC 3261 `generic-param`).
pub(crate) fn check(text: &[u8]) -> bool {
    if text.is_empty() {
        return true;
    }
    if text.first() != Some(&b';') {
        return false;
    }
    if is_plain(text) {
        return true;
    }
    Pieces(text).all(|piece| {
        let (name, value) = split_pair(piece);
        if !is_token_text(name) {
            return false;
        }
        match value {
            None => true,
            Some(value @ [b'"', ..]) => quoted_end(value, 0) == Some(value.len()),
            Some(value) => !value.is_empty() && value.iter().all(|&b| is_param_value(b)),
        }
    })
}

/// Whether all is names and unquoted values without LWS, as it nearly always is.
fn is_plain(text: &[u8]) -> bool {
    let mut rest = text;
    while let [b';', tail @ ..] = rest {
        let name = tail.iter().take_while(|&&byte| is_token(byte)).count();
        let (_, tail) = tail.split_at_checked(name).unwrap_or_default();
        rest = tail;
        if name == 0 {
            return false;
        }
        if let [b'=', tail @ ..] = tail {
            let value = tail
                .iter()
                .take_while(|&&byte| is_param_value(byte))
                .count();
            let (_, tail) = tail.split_at_checked(value).unwrap_or_default();
            rest = tail;
            if value == 0 {
                return false;
            }
        }
    }
    rest.is_empty()
}

fn push_pair(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    out.push(b';');
    out.extend(name.bytes().filter(|&byte| crate::grammar::is_token(byte)));
    let Some(value) = value else { return };
    out.push(b'=');
    let plain = !value.is_empty()
        && value
            .bytes()
            .all(|b| crate::grammar::is_token(b) || matches!(b, b':' | b'[' | b']'));
    if plain {
        out.extend_from_slice(value.as_bytes());
    } else {
        push_quoted(out, value.as_bytes());
    }
}

/// Name and value of one piece, LWS around both removed.
fn split_pair(piece: &[u8]) -> (&[u8], Option<&[u8]>) {
    match piece.iter().position(|&byte| byte == b'=') {
        Some(at) => (
            trim(piece.get(..at).unwrap_or_default()),
            Some(trim(piece.get(at + 1..).unwrap_or_default())),
        ),
        None => (trim(piece), None),
    }
}

/// The texts behind each `;`, up to the next one outside of quotes.
struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = self.0.strip_prefix(b";")?;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            match byte {
                b';' => break,
                b'"' => at = quoted_end(text, at).unwrap_or(text.len()),
                _ => at += 1,
            }
        }
        let (piece, rest) = text.split_at_checked(at).unwrap_or((text, &[]));
        self.0 = rest;
        Some(piece)
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.text), f)
    }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}
