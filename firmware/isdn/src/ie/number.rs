//! Numbers of parties: calling, called, connected, redirecting (Q.931 §4.5.8, §4.5.10; ETS 300 207-1, ETS 300 097).

use std::fmt;

use super::{Malformed, group};

/// Most digits a number may have here.
pub const MAX_DIGITS: usize = 32;

/// Bits 7 to 5 of octet 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TypeOfNumber {
    /// Not known; the digits may begin with prefixes.
    #[default]
    Unknown,
    /// With country code.
    International,
    /// With area code.
    National,
    /// Of the network operator.
    NetworkSpecific,
    /// Local.
    Subscriber,
    /// An abbreviated one.
    Abbreviated,
    /// Values 5 and 7, which are reserved.
    Reserved(u8),
}

impl TypeOfNumber {
    pub(super) fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Unknown,
            1 => Self::International,
            2 => Self::National,
            3 => Self::NetworkSpecific,
            4 => Self::Subscriber,
            6 => Self::Abbreviated,
            other => Self::Reserved(other),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::International => 1,
            Self::National => 2,
            Self::NetworkSpecific => 3,
            Self::Subscriber => 4,
            Self::Abbreviated => 6,
            Self::Reserved(other) => other & 7,
        }
    }
}

/// Bits 4 to 1 of octet 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum NumberingPlan {
    /// Not known.
    Unknown,
    /// E.164.
    #[default]
    Isdn,
    /// A private one.
    Private,
    /// Any other value.
    Other(u8),
}

impl NumberingPlan {
    fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Unknown,
            1 => Self::Isdn,
            9 => Self::Private,
            other => Self::Other(other),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Isdn => 1,
            Self::Private => 9,
            Self::Other(other) => other & 0x0F,
        }
    }
}

/// Whether a number may be shown (CLIP, CLIR, COLP, COLR): bits 7 and 6 of octet 3a.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Presentation {
    /// It may.
    #[default]
    Allowed,
    /// It must not be shown to the other party.
    Restricted,
    /// The network does not know it.
    NotAvailable,
}

/// Who says that a number is right: bits 2 and 1 of octet 3a.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Screening {
    /// The user, and nobody has checked.
    #[default]
    UserProvided,
    /// The user, and the network has checked it.
    VerifiedAndPassed,
    /// The user, and the network has found it wrong.
    VerifiedAndFailed,
    /// The network.
    NetworkProvided,
}

/// Why a call was redirected: octet 3b (ETS 300 207-1 §7.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedirectionReason {
    /// Not known.
    Unknown,
    /// Busy.
    Busy,
    /// No reply.
    NoReply,
    /// Deflected by the called party (during alerting or at once).
    Deflection,
    /// The terminal is out of order.
    OutOfOrder,
    /// By the called terminal.
    ByTerminal,
    /// Always.
    Unconditional,
    /// Any other value.
    Other(u8),
}

impl RedirectionReason {
    fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Unknown,
            1 => Self::Busy,
            2 => Self::NoReply,
            4 => Self::Deflection,
            9 => Self::OutOfOrder,
            10 => Self::ByTerminal,
            15 => Self::Unconditional,
            other => Self::Other(other),
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Busy => 1,
            Self::NoReply => 2,
            Self::Deflection => 4,
            Self::OutOfOrder => 9,
            Self::ByTerminal => 10,
            Self::Unconditional => 15,
            Self::Other(other) => other & 0x0F,
        }
    }
}

/// Digits that no element can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a number has at most {MAX_DIGITS} of the keys 0-9, * and #")]
pub struct InvalidDigits;

/// A number with everything an element says about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct PartyNumber {
    /// Type of number.
    pub kind: TypeOfNumber,
    /// Numbering plan.
    pub plan: NumberingPlan,
    /// Presentation, where the kind of element has one.
    pub presentation: Presentation,
    /// Screening, where the kind of element has one.
    pub screening: Screening,
    /// Why the call was redirected; only for redirecting and original called numbers.
    pub reason: Option<RedirectionReason>,
    digits: String,
}

impl PartyNumber {
    /// A number of unknown type in the ISDN plan, which may be shown. Without digits it says only why there are none.
    ///
    /// # Errors
    /// Other characters than `0-9`, `*` and `#`, or more than [`MAX_DIGITS`].
    pub fn new(digits: &str) -> Result<Self, InvalidDigits> {
        if digits.len() > MAX_DIGITS || !digits.bytes().all(is_digit) {
            return Err(InvalidDigits);
        }
        Ok(Self {
            digits: digits.to_owned(),
            ..Self::default()
        })
    }

    /// The digits; may be none.
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// The same number, as one of this type.
    pub fn of_kind(self, kind: TypeOfNumber) -> Self {
        Self { kind, ..self }
    }

    /// The same number, with this presentation.
    pub fn presented(self, presentation: Presentation) -> Self {
        Self {
            presentation,
            ..self
        }
    }

    /// The same number, redirecting for this reason.
    pub fn because(self, reason: RedirectionReason) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    /// The same number with more digits; what goes beyond [`MAX_DIGITS`] is left out.
    pub(crate) fn followed_by(mut self, more: &Self) -> Self {
        self.digits.push_str(&more.digits);
        self.digits.truncate(MAX_DIGITS);
        self
    }

    pub(crate) fn decode(octets: &[u8]) -> Result<Self, Malformed> {
        let (three, digits) = group(octets)?;
        let mut number = Self {
            kind: TypeOfNumber::from_bits(three[0] >> 4 & 7),
            plan: NumberingPlan::from_bits(three[0] & 0x0F),
            ..Self::default()
        };
        if let Some(&octet) = three.get(1) {
            number.presentation = match octet >> 5 & 3 {
                0 => Presentation::Allowed,
                1 => Presentation::Restricted,
                // 3 is reserved: it does not allow anything.
                _ => Presentation::NotAvailable,
            };
            number.screening = match octet & 3 {
                0 => Screening::UserProvided,
                1 => Screening::VerifiedAndPassed,
                2 => Screening::VerifiedAndFailed,
                _ => Screening::NetworkProvided,
            };
        }
        number.reason = three
            .get(2)
            .map(|octet| RedirectionReason::from_bits(octet & 0x0F));
        // Some exchanges end a number with the key they end dialling with.
        let digits = digits.iter().map(|octet| octet & 0x7F);
        number.digits = digits.map(char::from).collect();
        if number.digits.len() > MAX_DIGITS || !number.digits.bytes().all(is_digit) {
            return Err(Malformed);
        }
        Ok(number)
    }

    fn octet_3(&self) -> u8 {
        self.kind.bits() << 4 | self.plan.bits()
    }

    fn octet_3a(&self) -> u8 {
        let presentation = match self.presentation {
            Presentation::Allowed => 0,
            Presentation::Restricted => 1,
            Presentation::NotAvailable => 2,
        };
        let screening = match self.screening {
            Screening::UserProvided => 0,
            Screening::VerifiedAndPassed => 1,
            Screening::VerifiedAndFailed => 2,
            Screening::NetworkProvided => 3,
        };
        presentation << 5 | screening
    }

    /// Contents of a called party number or redirection number: octet 3 alone.
    pub(crate) fn encode_called(&self) -> Vec<u8> {
        let mut octets = vec![0x80 | self.octet_3()];
        octets.extend_from_slice(self.digits.as_bytes());
        octets
    }

    /// Contents of a calling or connected number: octets 3 and 3a.
    pub(crate) fn encode_presented(&self) -> Vec<u8> {
        let mut octets = vec![self.octet_3(), 0x80 | self.octet_3a()];
        octets.extend_from_slice(self.digits.as_bytes());
        octets
    }

    /// Contents of a redirecting or original called number: octets 3, 3a and 3b.
    pub(crate) fn encode_redirecting(&self) -> Vec<u8> {
        let reason = self.reason.unwrap_or(RedirectionReason::Unknown);
        let mut octets = vec![self.octet_3(), self.octet_3a(), 0x80 | reason.bits()];
        octets.extend_from_slice(self.digits.as_bytes());
        octets
    }
}

impl fmt::Display for PartyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}

fn is_digit(octet: u8) -> bool {
    octet.is_ascii_digit() || octet == b'*' || octet == b'#'
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn a_called_number_has_no_octet_3a() {
        let number = PartyNumber::new("5133334444")
            .unwrap()
            .of_kind(TypeOfNumber::National);
        let octets = number.encode_called();
        assert_eq!(octets, b"\xA15133334444");
        assert_eq!(PartyNumber::decode(&octets), Ok(number));
    }

    #[test]
    fn a_restricted_number_stays_restricted() {
        let mut number = PartyNumber::new("5551234")
            .unwrap()
            .presented(Presentation::Restricted);
        number.screening = Screening::NetworkProvided;
        let octets = number.encode_presented();
        assert_eq!(octets, b"\x01\xA35551234");
        assert_eq!(PartyNumber::decode(&octets), Ok(number));
        let none = PartyNumber::decode(&[0x00, 0xC3]).unwrap();
        assert_eq!(none.presentation, Presentation::NotAvailable);
        assert_eq!(none.digits(), "");
    }

    #[test]
    fn a_redirecting_number_says_why() {
        let number = PartyNumber::new("2001")
            .unwrap()
            .because(RedirectionReason::NoReply);
        let octets = number.encode_redirecting();
        assert_eq!(octets, b"\x01\x00\x822001");
        assert_eq!(PartyNumber::decode(&octets), Ok(number));
    }

    #[test]
    fn other_characters_are_no_digits() {
        assert_eq!(PartyNumber::new("12a"), Err(InvalidDigits));
        assert_eq!(PartyNumber::new(&"1".repeat(33)), Err(InvalidDigits));
        assert_eq!(PartyNumber::decode(b"\x8112\x00"), Err(Malformed));
        assert_eq!(PartyNumber::decode(b"\x01\x02"), Err(Malformed));
    }
}
