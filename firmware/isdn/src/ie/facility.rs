//! The calling name in a Facility element (ISO/IEC 13868 "CNIP" as QSIG and several networks use it; X.690 encoding).

use super::{Presentation, to_text};

/// A name that came with the service "calling name".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallingName {
    /// The name; empty when it is not known.
    pub name: String,
    /// Whether it may be shown.
    pub presentation: Presentation,
}

impl CallingName {
    /// Finds the invocation of callingName (operation 0) in the contents of a Facility element.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        // Octet 3: remote operations, or the networking extensions of QSIG before them.
        let (&profile, mut rest) = octets.split_first()?;
        if !matches!(profile & 0x1F, 0x11 | 0x1F) {
            return None;
        }
        while let Some((tag, contents, after)) = Value::read(rest) {
            // Network facility extension, network protocol profile and interpretation come first and change nothing.
            if tag == 0xA1 {
                return Self::of_invoke(contents);
            }
            rest = after;
        }
        None
    }

    fn of_invoke(octets: &[u8]) -> Option<Self> {
        let (0x02, _, rest) = Value::read(octets)? else {
            return None;
        };
        let (mut tag, mut operation, mut rest) = Value::read(rest)?;
        if tag == 0x80 {
            // The linked invocation.
            (tag, operation, rest) = Value::read(rest)?;
        }
        // A local value, or an object identifier whose last arc is that value.
        if !matches!(tag, 0x02 | 0x06) || operation.last() != Some(&0) {
            return None;
        }
        let (tag, argument, _) = Value::read(rest)?;
        match tag {
            // The name alone, or followed by extensions in a SEQUENCE.
            0x30 => {
                let (tag, name, _) = Value::read(argument)?;
                Self::of_name(tag, name)
            }
            _ => Self::of_name(tag, argument),
        }
    }

    fn of_name(tag: u8, contents: &[u8]) -> Option<Self> {
        let (presentation, text) = match tag {
            0x80 => (Presentation::Allowed, contents),
            0xA1 => (Presentation::Allowed, Value::read(contents)?.1),
            0x82 => (Presentation::Restricted, contents),
            0xA3 => (Presentation::Restricted, Value::read(contents)?.1),
            0x87 => (Presentation::Restricted, &[][..]),
            0x84 => (Presentation::NotAvailable, &[][..]),
            _ => return None,
        };
        Some(Self {
            name: to_text(text),
            presentation,
        })
    }
}

/// Tag, contents, and what comes behind, of one value with a definite length.
struct Value;

impl Value {
    fn read(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
        let (&tag, rest) = octets.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let (length, rest) = match length {
            0..=0x7F => (usize::from(length), rest),
            0x81 => {
                let (&length, rest) = rest.split_first()?;
                (usize::from(length), rest)
            }
            _ => return None,
        };
        let (contents, after) = rest.split_at_checked(length)?;
        Some((tag, contents, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_qsig_is_found() {
        let mut octets = vec![0x9F, 0xAA, 0x06, 0x80, 0x01, 0x00, 0x82, 0x01, 0x00];
        octets.extend([
            0x8B, 0x01, 0x00, 0xA1, 0x0D, 0x02, 0x01, 0x01, 0x02, 0x01, 0x00,
        ]);
        octets.extend(b"\x80\x05Maria");
        let name = CallingName::decode(&octets);
        assert_eq!(
            name,
            Some(CallingName {
                name: "Maria".into(),
                presentation: Presentation::Allowed
            })
        );
        // Every cut of it is no name, and no panic.
        for end in 0..octets.len() {
            assert_eq!(CallingName::decode(&octets[..end]), None);
        }
    }

    #[test]
    fn a_restricted_name_says_so() {
        let octets = *b"\x91\xA1\x0A\x02\x01\x05\x02\x01\x00\x82\x02Jo";
        let name = CallingName::decode(&octets);
        assert!(name.is_some_and(|name| name.presentation == Presentation::Restricted));
    }
}
