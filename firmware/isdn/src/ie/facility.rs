//! What Facility elements say about parties (X.690 encoding): the calling name (ISO/IEC 13868, as QSIG and several
//! networks use it) and the diversion of a call (ETS 300 207-1, "divertingLegInformation2").

use super::{PartyNumber, Presentation, RedirectionReason, TypeOfNumber, from_text, to_text};

/// Operations that are understood.
const CALLING_NAME: u8 = 0;
const DIVERTING_LEG_INFORMATION_2: u8 = 15;
/// Longest name, in octets (ISO/IEC 13868, `NameData`).
const MAX_NAME: usize = 50;
/// What stands before the operation: the profile of networking extensions, from and to an exchange at the end of the private
/// network, and that whoever does not know the operation shall ignore it (ISO/IEC 11582 §11.3).
const HEADER: [u8; 12] = [
    0x9F, 0xAA, 0x06, 0x80, 0x01, 0x00, 0x82, 0x01, 0x00, 0x8B, 0x01, 0x00,
];

/// A name that came with the service "calling name".
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallingName {
    /// The name; empty when it is not known.
    pub name: String,
    /// Whether it may be shown.
    pub presentation: Presentation,
}

impl CallingName {
    /// A name that may be shown.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            presentation: Presentation::Allowed,
        }
    }

    /// Finds the invocation of callingName in the contents of a Facility element.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let argument = argument_of(CALLING_NAME, octets)?;
        let (tag, argument, _) = value(argument)?;
        match tag {
            // The name alone, or followed by extensions in a SEQUENCE.
            0x30 => {
                let (tag, name, _) = value(argument)?;
                Self::of_name(tag, name)
            }
            _ => Self::of_name(tag, argument),
        }
    }

    /// The contents of a Facility element that invokes callingName.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let name = from_text(&self.name, MAX_NAME);
        let tag = match (self.presentation, name.is_empty()) {
            (Presentation::Allowed, false) => 0x80,
            (Presentation::Restricted, false) => 0x82,
            (Presentation::Restricted, true) => 0x87,
            (Presentation::NotAvailable, _) | (Presentation::Allowed, true) => 0x84,
        };
        let name: &[u8] = match self.presentation {
            Presentation::NotAvailable => &[],
            Presentation::Allowed | Presentation::Restricted => &name,
        };
        // Invocation 1 of the operation by its local value. Nothing of it comes near the lengths that need a second octet.
        let length = |octets: usize| u8::try_from(octets).unwrap_or(u8::MAX);
        let mut octets = HEADER.to_vec();
        octets.extend([0xA1, length(8 + name.len()), 0x02, 0x01, 0x01]);
        octets.extend([0x02, 0x01, CALLING_NAME, tag, length(name.len())]);
        octets.extend_from_slice(name);
        octets
    }

    fn of_name(tag: u8, contents: &[u8]) -> Option<Self> {
        let (presentation, text) = match tag {
            0x80 => (Presentation::Allowed, contents),
            0xA1 => (Presentation::Allowed, value(contents)?.1),
            0x82 => (Presentation::Restricted, contents),
            0xA3 => (Presentation::Restricted, value(contents)?.1),
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

/// How a call was diverted: whose elements the same is said with elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Diversion {
    /// Who has diverted the call, last.
    pub(crate) redirecting: Option<PartyNumber>,
    /// Whom the caller has called.
    pub(crate) original_called: Option<PartyNumber>,
}

impl Diversion {
    /// Finds the invocation of divertingLegInformation2 in the contents of a Facility element.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let argument = argument_of(DIVERTING_LEG_INFORMATION_2, octets)?;
        let (0x30, argument, _) = value(argument)? else {
            return None;
        };
        // How often, and why.
        let (0x02, _, rest) = value(argument)? else {
            return None;
        };
        let (0x0A, &[reason], mut rest) = value(rest)? else {
            return None;
        };
        let reason = match reason {
            0 => RedirectionReason::Unknown,
            1 => RedirectionReason::Unconditional,
            2 => RedirectionReason::Busy,
            3 => RedirectionReason::NoReply,
            4 | 5 => RedirectionReason::Deflection,
            other => RedirectionReason::Other(other & 0x0F),
        };
        let mut diversion = Self::default();
        while let Some((tag, contents, after)) = value(rest) {
            match tag {
                0xA1 => {
                    diversion.redirecting = presented_number(contents).map(|it| it.because(reason));
                }
                0xA2 => diversion.original_called = presented_number(contents),
                _ => {}
            }
            rest = after;
        }
        Some(diversion)
    }
}

/// PresentedNumberUnscreened of ETS 300 196-1.
fn presented_number(octets: &[u8]) -> Option<PartyNumber> {
    let (tag, contents, _) = value(octets)?;
    let none = PartyNumber::default();
    match tag {
        0xA0 => party_number(contents),
        0x81 => Some(none.presented(Presentation::Restricted)),
        0x82 => Some(none.presented(Presentation::NotAvailable)),
        0xA3 => Some(party_number(contents)?.presented(Presentation::Restricted)),
        _ => None,
    }
}

/// PartyNumber of ETS 300 196-1: public ones, and those of an unknown plan.
fn party_number(octets: &[u8]) -> Option<PartyNumber> {
    let (tag, contents, _) = value(octets)?;
    match tag {
        0x80 => PartyNumber::new(&to_text(contents)).ok(),
        0xA1 => {
            let (0x0A, &[kind], rest) = value(contents)? else {
                return None;
            };
            let (_, digits, _) = value(rest)?;
            let number = PartyNumber::new(&to_text(digits)).ok()?;
            Some(number.of_kind(TypeOfNumber::from_bits(kind & 7)))
        }
        _ => None,
    }
}

/// The argument of an invocation of this operation, if that is what the element holds.
fn argument_of(operation: u8, octets: &[u8]) -> Option<&[u8]> {
    // Octet 3: remote operations, or the networking extensions of QSIG before them.
    let (&profile, mut rest) = octets.split_first()?;
    if !matches!(profile & 0x1F, 0x11 | 0x1F) {
        return None;
    }
    let invoke = loop {
        let (tag, contents, after) = value(rest)?;
        if tag == 0xA1 {
            break contents;
        }
        // Network facility extension, network protocol profile and interpretation come first and change nothing.
        rest = after;
    };
    let (0x02, _, rest) = value(invoke)? else {
        return None;
    };
    let (mut tag, mut called, mut rest) = value(rest)?;
    if tag == 0x80 {
        // The linked invocation.
        (tag, called, rest) = value(rest)?;
    }
    // A local value, or an object identifier whose last arc is that value.
    (matches!(tag, 0x02 | 0x06) && called.last() == Some(&operation)).then_some(rest)
}

/// Tag, contents, and what comes behind, of one value with a definite length.
fn value(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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
    fn a_name_is_read_as_it_was_written() {
        let name = |name: &str, presentation| CallingName {
            name: name.into(),
            presentation,
        };
        for name in [
            name("Maria João", Presentation::Allowed),
            name("Maria", Presentation::Restricted),
            name("", Presentation::Restricted),
            name("", Presentation::NotAvailable),
        ] {
            assert_eq!(CallingName::decode(&name.encode()), Some(name));
        }
        let long = name(&"n".repeat(200), Presentation::Allowed).encode();
        assert_eq!(long.len(), HEADER.len() + 10 + MAX_NAME);
        let cut = CallingName::decode(&long).map(|it| it.name.len());
        assert_eq!(cut, Some(MAX_NAME));
        // A name that nobody knows is not one without letters.
        let none = CallingName::decode(&name("", Presentation::Allowed).encode());
        assert_eq!(none, Some(name("", Presentation::NotAvailable)));
    }

    #[test]
    fn a_restricted_name_says_so() {
        let octets = *b"\x91\xA1\x0A\x02\x01\x05\x02\x01\x00\x82\x02Jo";
        let name = CallingName::decode(&octets);
        assert!(name.is_some_and(|name| name.presentation == Presentation::Restricted));
    }

    #[test]
    fn a_diversion_of_euroisdn_is_found() {
        let octets = *b"\x91\xA1\x1D\x02\x01\x01\x02\x01\x0F\x30\x15\x02\x01\x01\x0A\x01\x03\xA1\x0D\xA0\x0B\xA1\x09\x0A\x01\x02\x12\x042001";
        let diversion = Diversion::decode(&octets);
        let number = PartyNumber::new("2001").map(|number| {
            number
                .of_kind(TypeOfNumber::National)
                .because(RedirectionReason::NoReply)
        });
        assert_eq!(
            diversion,
            Some(Diversion {
                redirecting: number.ok(),
                original_called: None
            })
        );
        for end in 0..octets.len() {
            assert_eq!(Diversion::decode(&octets[..end]), None);
        }
    }
}
