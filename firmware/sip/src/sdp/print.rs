//! The text of a session description that we make, written line by line into one piece of memory.

use std::fmt::{self, Display, Write as _};
use std::net::IpAddr;

/// Lines of a description. What is put in comes from here or was read as one line, so none holds a line end.
pub(super) struct Lines(String);

impl Lines {
    /// The head of a description from `address` (RFC 8866 §5): version, origin, name, connection and time.
    pub(super) fn begin(session_id: u64, version: u64, address: IpAddr) -> Self {
        let family = family(address);
        let mut lines = Self(String::with_capacity(512));
        lines.put(format_args!(
            "v=0\r\no=- {session_id} {version} IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n"
        ));
        lines
    }

    /// A media line with its formats.
    pub(super) fn media(
        &mut self,
        kind: &str,
        port: u16,
        proto: &str,
        formats: impl IntoIterator<Item: Display>,
    ) {
        self.put(format_args!("m={kind} {port} {proto}"));
        for format in formats {
            self.put(format_args!(" {format}"));
        }
        self.put(format_args!("\r\n"));
    }

    /// `a=name`
    pub(super) fn flag(&mut self, name: &str) {
        self.put(format_args!("a={name}\r\n"));
    }

    /// `a=name:value`
    pub(super) fn attribute(&mut self, name: &str, value: impl Display) {
        self.put(format_args!("a={name}:{value}\r\n"));
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        // Writing into memory does not fail.
        let _ = self.0.write_fmt(text);
    }
}

/// The address family as descriptions name it.
pub(super) fn family(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}
