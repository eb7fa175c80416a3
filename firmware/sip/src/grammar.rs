//! The lexical rules all header fields share (RFC 3261 §25.1).

use std::borrow::Cow;

/// Space, tab, and the line ends of a folded header field (LWS).
pub(crate) fn is_lws(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// A character of a `token`.
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// Not empty and made of token characters alone.
pub(crate) fn is_token_text(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token(byte))
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        table[byte] = c.is_ascii_alphanumeric()
            || matches!(
                c,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        byte += 1;
    }
    table
};

/// A character of an unquoted parameter value, wider than `token` and `host`: real peers put URIs and base64 there.
pub(crate) fn is_param_value(byte: u8) -> bool {
    PARAM_VALUE[usize::from(byte)]
}

const PARAM_VALUE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = !matches!(byte as u8, 0..=32 | 127 | b'"' | b',' | b';' | b'<' | b'>');
        byte += 1;
    }
    table
};

/// Without the LWS at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_lws(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_lws(*last)
    {
        text = rest;
    }
    text
}

/// Index of the first byte at or after `from` that is not LWS.
pub(crate) fn skip_lws(text: &[u8], mut from: usize) -> usize {
    while text.get(from).is_some_and(|&byte| is_lws(byte)) {
        from += 1;
    }
    from
}

/// Index just behind the quoted string that opens at `open`, or `None` when it is not closed.
pub(crate) fn quoted_end(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The content of a quoted string (quotes included in `text`) with its escapes resolved.
pub(crate) fn unquote(text: &[u8]) -> Cow<'_, [u8]> {
    let inner = match text {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => out.extend(bytes.next()),
            _ => out.push(byte),
        }
    }
    Cow::Owned(out)
}

/// Appends `text` as a quoted string. Control characters become spaces, so that no line end gets in.
pub(crate) fn push_quoted(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0..=31 | 127 => out.push(b' '),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Text of bytes that should be UTF-8; what is not shows as U+FFFD.
pub(crate) fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// A decimal number of digits alone; too large a number saturates.
pub(crate) fn saturating_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    for &byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number
            .saturating_mul(10)
            .saturating_add(u64::from(byte - b'0'));
    }
    Some(number)
}

/// Splits a header field value at the commas outside of quoted strings and angle brackets.
///
/// Gives `(start, end)` ranges with surrounding LWS removed; an empty element gives an empty range.
pub(crate) struct CommaSplit<'a> {
    text: &'a [u8],
    at: Option<usize>,
}

impl<'a> CommaSplit<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: Some(0) }
    }
}

impl Iterator for CommaSplit<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let start = self.at?;
        // Most fields have one value, and need not be looked at byte by byte to see that.
        let mut at = match memchr::memchr(b',', self.text.get(start..).unwrap_or_default()) {
            Some(_) => start,
            None => self.text.len(),
        };
        let mut bracket = false;
        self.at = None;
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'"' if !bracket => {
                    at = quoted_end(self.text, at).unwrap_or(self.text.len());
                    continue;
                }
                b'<' => bracket = true,
                b'>' => bracket = false,
                b',' if !bracket => {
                    self.at = Some(at + 1);
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        let end = at.min(self.text.len());
        let begin = skip_lws(self.text, start).min(end);
        let length = trim(self.text.get(begin..end).unwrap_or_default()).len();
        Some((begin, begin + length))
    }
}
