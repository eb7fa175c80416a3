//! The ordered list of header fields.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;

use super::{HeaderName, HeaderValue};
use crate::grammar::{CommaSplit, is_lws, lossy};

/// The header fields of a message, in order and as spelled.
///
/// Fields of a received message are ranges of its one buffer; only fields that are set anew own their text.
/// Values are given raw: without the LWS around them, a folded value with its line ends inside
/// ([`text`](Self::text) gives it unfolded).
#[derive(Clone, Default)]
pub struct Headers {
    buffer: Bytes,
    lines: Vec<FieldLine>,
    /// Whether a field was added, replaced or removed since the message was received.
    changed: bool,
}

/// One field: its whole line (or folded lines) with the line end, and where in it the value lies.
#[derive(Clone)]
pub(crate) struct FieldLine {
    name: FieldName,
    text: LineText,
    /// Start of the value, from the start of the line.
    value_start: u32,
    /// End of the value, from the start of the line.
    value_end: u32,
}

/// A name in little room: most are among those we know.
#[derive(Clone)]
pub(crate) enum FieldName {
    Known(&'static HeaderName),
    Other(Box<HeaderName>),
}

impl Deref for FieldName {
    type Target = HeaderName;

    fn deref(&self) -> &HeaderName {
        match self {
            Self::Known(name) => name,
            Self::Other(name) => name,
        }
    }
}

impl From<HeaderName> for FieldName {
    fn from(name: HeaderName) -> Self {
        match HeaderName::known(name.as_str().as_bytes()) {
            Some(known) => Self::Known(known),
            None => Self::Other(Box::new(name)),
        }
    }
}

#[derive(Clone)]
enum LineText {
    /// A range of the message's buffer.
    Parsed {
        start: u32,
        end: u32,
    },
    Own(Bytes),
}

/// One header field as it stands in a message.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The name.
    pub name: &'a HeaderName,
    /// The raw value.
    pub value: &'a [u8],
    /// The whole line as spelled, its line end included.
    pub line: &'a [u8],
}

impl Headers {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over the lines the parser found in `buffer`.
    pub(crate) fn from_parsed(buffer: Bytes, lines: Vec<FieldLine>) -> Self {
        Self {
            buffer,
            lines,
            changed: false,
        }
    }

    /// Number of fields (lines, not comma-separated values).
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All fields in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Field<'_>> {
        self.lines.iter().map(|line| self.field(line))
    }

    /// The raw value of the first field `name`.
    pub fn get(&self, name: &HeaderName) -> Option<&[u8]> {
        self.lines
            .iter()
            .find(|line| *line.name == *name)
            .map(|line| self.field(line).value)
    }

    /// The raw values of all fields `name`, line by line.
    pub fn get_all<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.lines
            .iter()
            .filter(move |line| *line.name == *name)
            .map(|line| self.field(line).value)
    }

    /// Whether a field `name` is present.
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.lines.iter().any(|line| *line.name == *name)
    }

    /// The first value of `name` as text: unfolded, what is not UTF-8 shown as U+FFFD.
    pub fn text(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        self.get(name).map(|value| lossy(unfold(value)))
    }

    /// The comma-separated values of all fields `name`, raw, in order.
    pub fn values<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(|value| {
            CommaSplit::new(value).map(|(start, end)| value.get(start..end).unwrap_or_default())
        })
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.changed = true;
        self.lines.push(FieldLine::new(name.into(), value.into()));
    }

    /// Adds a field at the end whose value `write` writes, about `length` octets of it: for long lists, which are not copied
    /// then. Control characters become spaces.
    pub fn push_written(
        &mut self,
        name: HeaderName,
        length: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.changed = true;
        self.lines
            .push(FieldLine::written(name.into(), length, |text| {
                let start = text.len();
                write(text);
                for byte in text.iter_mut().skip(start) {
                    if byte.is_ascii_control() {
                        *byte = b' ';
                    }
                }
            }));
    }

    /// Adds a field before all others (a Via, RFC 3261 §18.1.1).
    pub fn push_front(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.changed = true;
        self.lines
            .insert(0, FieldLine::new(name.into(), value.into()));
    }

    /// Sets `name` to one value, in the place of its first field or at the end; its other fields go.
    pub fn set(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.changed = true;
        let line = FieldLine::new(name.into(), value.into());
        match self.lines.iter().position(|old| *old.name == *line.name) {
            Some(at) => {
                let name = line.name.clone();
                self.lines[at] = line;
                let mut index = 0;
                self.lines.retain(|line| {
                    index += 1;
                    index <= at + 1 || *line.name != *name
                });
            }
            None => self.lines.push(line),
        }
    }

    /// Replaces the value of the first field `name` and leaves further ones; adds it when there is none.
    pub fn replace_first(&mut self, name: HeaderName, value: impl Into<HeaderValue>) {
        self.changed = true;
        let line = FieldLine::new(name.into(), value.into());
        match self.lines.iter_mut().find(|old| *old.name == *line.name) {
            Some(old) => *old = line,
            None => self.lines.push(line),
        }
    }

    /// Removes all fields `name`; tells whether there was one.
    pub fn remove(&mut self, name: &HeaderName) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| *line.name != *name);
        let removed = self.lines.len() != before;
        self.changed |= removed;
        removed
    }

    /// Adds all fields `name` of `other`, byte for byte where the line is plain; folded lines are unfolded.
    pub fn copy_from(&mut self, other: &Headers, name: &HeaderName) {
        self.changed = true;
        for line in other.lines.iter().filter(|line| *line.name == *name) {
            let field = other.field(line);
            let plain = field
                .line
                .strip_suffix(b"\r\n")
                .is_some_and(|text| !text.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
            self.lines.push(match (&line.text, plain) {
                (LineText::Own(text), true) => line.with_text(text.clone()),
                (LineText::Parsed { .. }, true) => {
                    line.with_text(other.buffer.slice_ref(field.line))
                }
                _ => FieldLine::new(line.name.clone(), unfolded_value(field.value)),
            });
        }
    }

    /// Whether these are the fields, as received, of the message that is `whole`.
    pub(crate) fn are_those_of(&self, whole: &Bytes) -> bool {
        // A message's fields may have been replaced by another's.
        !self.changed && std::ptr::eq(self.buffer.as_ptr(), whole.as_ptr())
    }

    pub(crate) fn printed_length(&self) -> usize {
        self.iter().map(|field| field.line.len()).sum()
    }

    fn field<'a>(&'a self, line: &'a FieldLine) -> Field<'a> {
        let text: &[u8] = match &line.text {
            LineText::Parsed { start, end } => self
                .buffer
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
            LineText::Own(text) => text,
        };
        Field {
            name: &line.name,
            value: text
                .get(line.value_start as usize..line.value_end as usize)
                .unwrap_or_default(),
            line: text,
        }
    }

    /// A shared slice for `part`, a value of this list.
    pub(crate) fn share(&self, part: &[u8]) -> Bytes {
        let within = |whole: &[u8]| {
            let range = whole.as_ptr_range();
            let part = part.as_ptr_range();
            range.start <= part.start && part.end <= range.end
        };
        if part.is_empty() {
            return Bytes::new();
        }
        if within(&self.buffer) {
            return self.buffer.slice_ref(part);
        }
        let own = self.lines.iter().find_map(|line| match &line.text {
            LineText::Own(text) if within(text) => Some(text.slice_ref(part)),
            _ => None,
        });
        own.unwrap_or_else(|| Bytes::copy_from_slice(part))
    }
}

impl FieldLine {
    /// A line of the message's buffer; `value` counts from the start of the line.
    pub(crate) fn parsed(name: FieldName, line: Range<usize>, value: Range<usize>) -> Self {
        // Messages are limited to 64 KiB, so no offset is cut off.
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            name,
            text: LineText::Parsed {
                start: offset(line.start),
                end: offset(line.end),
            },
            value_start: offset(value.start),
            value_end: offset(value.end),
        }
    }

    fn new(name: FieldName, value: HeaderValue) -> Self {
        let value = value.into_bytes();
        Self::written(name, value.len(), |text| text.extend_from_slice(&value))
    }

    /// A line whose value `write` writes; it must write no line end.
    fn written(name: FieldName, length: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut text = Vec::with_capacity(name.as_str().len() + length + 4);
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        let value_start = text.len();
        write(&mut text);
        let value_end = text.len();
        text.extend_from_slice(b"\r\n");
        let trimmed = crate::grammar::skip_lws(&text, value_start).min(value_end);
        Self {
            name,
            value_start: u32::try_from(trimmed).unwrap_or(u32::MAX),
            value_end: u32::try_from(value_end).unwrap_or(u32::MAX),
            text: LineText::Own(Bytes::from(text)),
        }
    }

    fn with_text(&self, text: Bytes) -> Self {
        Self {
            name: self.name.clone(),
            text: LineText::Own(text),
            ..*self
        }
    }
}

/// Each line end of a folded value with the LWS around it becomes one space (RFC 3261 §7.3.1).
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return Cow::Borrowed(value);
    }
    let mut out = Vec::with_capacity(value.len());
    let mut at = 0;
    while let Some(&byte) = value.get(at) {
        if !is_lws(byte) {
            out.push(byte);
            at += 1;
            continue;
        }
        let end = crate::grammar::skip_lws(value, at);
        let run = value.get(at..end).unwrap_or_default();
        match run.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            true => out.push(b' '),
            false => out.extend_from_slice(run),
        }
        at = end;
    }
    Cow::Owned(out)
}

fn unfolded_value(value: &[u8]) -> HeaderValue {
    HeaderValue::received(unfold(value).into_owned())
}

impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other.iter()).all(|(a, b)| a.line == b.line)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|field| String::from_utf8_lossy(field.line)))
            .finish()
    }
}
