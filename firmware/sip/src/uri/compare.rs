//! URI equivalence (RFC 3261 §19.1.4).

use super::{Uri, escape, parse};

/// Parameters that make URIs differ when only one of them has it.
const SIGNIFICANT: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri {
    /// Whether both name the same resource by RFC 3261 §19.1.4.
    ///
    /// `sip` and `sips` never match, the user compares with case, host and parameters without; a written default
    /// port differs from none. `tel:` numbers compare without visual separators (RFC 3966 §4).
    pub fn equivalent(&self, other: &Self) -> bool {
        if self.text == other.text {
            return true;
        }
        if self.scheme != other.scheme {
            return false;
        }
        match self.scheme {
            super::Scheme::Other => return false,
            super::Scheme::Tel => {
                return tel_digits(self).eq(tel_digits(other)) && self.same_params(other);
            }
            super::Scheme::Sip | super::Scheme::Sips => {}
        }
        self.raw_user().map(escape::unescape) == other.raw_user().map(escape::unescape)
            && self.password() == other.password()
            && self.host == other.host
            && self.port == other.port
            && self.same_params(other)
            && self.same_headers(other)
    }

    fn same_params(&self, other: &Self) -> bool {
        let agrees = |a: &Self, b: &Self| {
            parse::params(a.part(a.params)).all(|(name, value)| {
                let name = escape::unescape_text(name);
                let value = escape::unescape_text(value.unwrap_or_default());
                match b.param(&name) {
                    Some(theirs) => theirs.eq_ignore_ascii_case(&value),
                    None => !SIGNIFICANT
                        .iter()
                        .any(|known| known.eq_ignore_ascii_case(&name)),
                }
            })
        };
        agrees(self, other) && agrees(other, self)
    }

    fn same_headers(&self, other: &Self) -> bool {
        let contained = |a: &Self, b: &Self| {
            a.headers()
                .all(|(name, value)| b.header(&name).is_some_and(|theirs| theirs == value))
        };
        contained(self, other) && contained(other, self)
    }
}

fn tel_digits(uri: &Uri) -> impl Iterator<Item = u8> {
    uri.raw_user()
        .unwrap_or_default()
        .iter()
        .filter(|b| !matches!(b, b'-' | b'.' | b'(' | b')'))
        .map(u8::to_ascii_lowercase)
}
