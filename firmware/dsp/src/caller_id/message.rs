//! The data of a caller ID message: SDMF and MDMF.

use thiserror::Error;

/// A number or a name, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Presentation {
    /// It is known.
    Given(String),
    /// The caller does not want it shown (`P`).
    Private,
    /// The network does not know it (`O`), or the message says nothing of it.
    #[default]
    Unavailable,
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerIdKind {
    /// An incoming call.
    CallSetup,
    /// The lamp for waiting messages.
    MessageWaiting {
        /// Whether messages wait.
        waiting: bool,
    },
}

/// The frame around the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageFormat {
    /// Single data message format: date and number only.
    Single,
    /// Multiple data message format: parameters with type and length.
    Multiple,
}

/// A caller ID message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdMessage {
    /// What it is for.
    pub kind: CallerIdKind,
    /// Month, day, hour and minute as the exchange sent them, unchecked; `None` when it sent none.
    pub date: Option<[u8; 4]>,
    /// The caller's number.
    pub number: Presentation,
    /// The caller's name.
    pub name: Presentation,
    /// The number that was called, for lines with several.
    pub called: Option<String>,
}

/// Why octets are no caller ID message.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CallerIdError {
    /// Fewer octets than the length says.
    #[error("the caller ID message is shorter than its length octet says")]
    Short,
    /// The sum of all octets is not 0 modulo 256.
    #[error(
        "the checksum of the caller ID message is wrong: the line is noisy or the standard another"
    )]
    Checksum,
    /// A type that is not for caller ID.
    #[error("caller ID message type {0:#04x} is not known")]
    Type(u8),
    /// A parameter reaches beyond the message.
    #[error("parameter {0:#04x} of the caller ID message is longer than the message")]
    Parameter(u8),
}

pub(super) const SDMF_CALL: u8 = 0x04;
pub(super) const SDMF_WAITING: u8 = 0x06;
pub(super) const MDMF_CALL: u8 = 0x80;
pub(super) const MDMF_WAITING: u8 = 0x82;

const DATE: u8 = 0x01;
const NUMBER: u8 = 0x02;
const CALLED: u8 = 0x03;
const NO_NUMBER: u8 = 0x04;
const NAME: u8 = 0x07;
const NO_NAME: u8 = 0x08;
const VISUAL_INDICATOR: u8 = 0x0B;

const LONGEST_NUMBER: usize = 20;
const LONGEST_NAME: usize = 50;

/// Two's complement of the sum: with it all octets of a message add up to 0.
fn checksum(octets: &[u8]) -> u8 {
    octets
        .iter()
        .fold(0u8, |sum, &octet| sum.wrapping_add(octet))
        .wrapping_neg()
}

impl CallerIdMessage {
    /// A message for an incoming call, without date.
    #[must_use]
    pub fn call(number: Presentation, name: Presentation) -> Self {
        CallerIdMessage {
            kind: CallerIdKind::CallSetup,
            date: None,
            number,
            name,
            called: None,
        }
    }

    /// The octets from the type to the checksum. SDMF leaves out what it cannot carry; numbers are cut
    /// at 20 characters and names at 50 (EN 300 659-3); characters outside ISO 8859-1 become `?`.
    #[must_use]
    pub fn encode(&self, format: MessageFormat) -> Vec<u8> {
        let mut data = Vec::new();
        let date = self.date.map(|parts| {
            let digits = |part: u8| [b'0' + part / 10 % 10, b'0' + part % 10];
            parts.map(digits).concat()
        });
        let kind = match (self.kind, format) {
            (CallerIdKind::CallSetup, MessageFormat::Single) => {
                data.extend(date.unwrap_or_else(|| b"01010000".to_vec()));
                data.extend(match &self.number {
                    Presentation::Given(number) => text(number, LONGEST_NUMBER),
                    Presentation::Private => vec![b'P'],
                    Presentation::Unavailable => vec![b'O'],
                });
                SDMF_CALL
            }
            (CallerIdKind::MessageWaiting { waiting }, MessageFormat::Single) => {
                data.extend([if waiting { 0x42 } else { 0x6F }; 3]);
                SDMF_WAITING
            }
            (kind, MessageFormat::Multiple) => {
                let mut parameter = |kind: u8, value: &[u8]| {
                    data.extend([kind, value.len() as u8]);
                    data.extend(value);
                };
                if let Some(date) = date {
                    parameter(DATE, &date);
                }
                if let CallerIdKind::MessageWaiting { waiting } = kind {
                    parameter(VISUAL_INDICATOR, &[if waiting { 0xFF } else { 0x00 }]);
                } else {
                    let mut presented = |of: &Presentation, given, absent, longest| match of {
                        Presentation::Given(value) => parameter(given, &text(value, longest)),
                        Presentation::Private => parameter(absent, b"P"),
                        Presentation::Unavailable => parameter(absent, b"O"),
                    };
                    presented(&self.number, NUMBER, NO_NUMBER, LONGEST_NUMBER);
                    presented(&self.name, NAME, NO_NAME, LONGEST_NAME);
                    if let Some(called) = &self.called {
                        parameter(CALLED, &text(called, LONGEST_NUMBER));
                    }
                }
                match kind {
                    CallerIdKind::CallSetup => MDMF_CALL,
                    CallerIdKind::MessageWaiting { .. } => MDMF_WAITING,
                }
            }
        };
        let mut octets = vec![kind, data.len() as u8];
        octets.extend(data);
        octets.push(checksum(&octets));
        octets
    }

    /// Reads a message from its type to its checksum; parameters that are not known are left out.
    ///
    /// # Errors
    /// When octets lack, the checksum is wrong, or the type or a parameter's length makes no sense.
    pub fn parse(octets: &[u8]) -> Result<Self, CallerIdError> {
        let &[kind, length, ref rest @ ..] = octets else {
            return Err(CallerIdError::Short);
        };
        let data = rest
            .get(..usize::from(length))
            .ok_or(CallerIdError::Short)?;
        let sum = rest.get(usize::from(length)).ok_or(CallerIdError::Short)?;
        if checksum(&octets[..2 + data.len()]) != *sum {
            return Err(CallerIdError::Checksum);
        }
        let mut message =
            CallerIdMessage::call(Presentation::Unavailable, Presentation::Unavailable);
        match kind {
            SDMF_CALL => {
                let (date, number) = data.split_at(data.len().min(8));
                message.date = read_date(date);
                message.number = presented(number);
            }
            SDMF_WAITING => {
                let waiting = data.first() == Some(&0x42);
                message.kind = CallerIdKind::MessageWaiting { waiting };
            }
            MDMF_CALL | MDMF_WAITING => message.read_parameters(kind, data)?,
            other => return Err(CallerIdError::Type(other)),
        }
        Ok(message)
    }

    fn read_parameters(&mut self, kind: u8, data: &[u8]) -> Result<(), CallerIdError> {
        if kind == MDMF_WAITING {
            self.kind = CallerIdKind::MessageWaiting { waiting: false };
        }
        let mut rest = data;
        while let &[parameter, length, ref after @ ..] = rest {
            let value = after
                .get(..usize::from(length))
                .ok_or(CallerIdError::Parameter(parameter))?;
            rest = &after[value.len()..];
            match parameter {
                DATE => self.date = read_date(value),
                NUMBER => self.number = presented(value),
                NO_NUMBER => self.number = absent(value),
                NAME => self.name = presented(value),
                NO_NAME => self.name = absent(value),
                CALLED => self.called = Some(read_text(value)),
                VISUAL_INDICATOR if kind == MDMF_WAITING => {
                    let waiting = value.first().is_some_and(|&lamp| lamp != 0);
                    self.kind = CallerIdKind::MessageWaiting { waiting };
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn text(value: &str, longest: usize) -> Vec<u8> {
    let octet = |character| match u8::try_from(u32::from(character)) {
        Ok(octet) if octet >= 0x20 => octet,
        _ => b'?',
    };
    value.chars().take(longest).map(octet).collect()
}

/// ISO 8859-1, of which the exchange's seven bits are a part; without control characters.
fn read_text(value: &[u8]) -> String {
    let characters = value.iter().map(|&octet| char::from(octet));
    let shown: String = characters.filter(|c| !c.is_control()).collect();
    shown.trim().to_owned()
}

fn presented(value: &[u8]) -> Presentation {
    match value {
        b"P" | b"O" | b"" => absent(value),
        value => Presentation::Given(read_text(value)),
    }
}

fn absent(reason: &[u8]) -> Presentation {
    match reason {
        b"P" => Presentation::Private,
        _ => Presentation::Unavailable,
    }
}

fn read_date(digits: &[u8]) -> Option<[u8; 4]> {
    let mut date = [0; 4];
    for (part, pair) in date.iter_mut().zip(digits.as_chunks::<2>().0) {
        let value = |digit: u8| digit.is_ascii_digit().then(|| digit - b'0');
        *part = value(pair[0])? * 10 + value(pair[1])?;
    }
    (digits.len() == 8).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Presentation {
        Presentation::Given(text.to_owned())
    }

    #[test]
    fn a_multiple_message_has_the_octets_of_gr_30_and_reads_back() {
        let mut message = CallerIdMessage::call(given("5551234"), given("José"));
        message.date = Some([9, 28, 17, 5]);
        let octets = message.encode(MessageFormat::Multiple);
        assert_eq!(&octets[..12], b"\x80\x19\x01\x0809281705");
        assert_eq!(&octets[12..27], b"\x02\x075551234\x07\x04Jos\xE9");
        assert_eq!(
            octets
                .iter()
                .fold(0u8, |sum, &octet| sum.wrapping_add(octet)),
            0
        );
        assert_eq!(CallerIdMessage::parse(&octets), Ok(message));
    }

    #[test]
    fn every_kind_of_message_reads_back() {
        for number in [
            given("11987654321"),
            Presentation::Private,
            Presentation::Unavailable,
        ] {
            let mut message = CallerIdMessage::call(number, Presentation::Unavailable);
            message.date = Some([1, 2, 3, 4]);
            for format in [MessageFormat::Single, MessageFormat::Multiple] {
                assert_eq!(
                    CallerIdMessage::parse(&message.encode(format)),
                    Ok(message.clone())
                );
            }
            message.called = Some("2001".into());
            message.name = Presentation::Private;
            let octets = message.encode(MessageFormat::Multiple);
            assert_eq!(CallerIdMessage::parse(&octets), Ok(message));
        }
        for waiting in [true, false] {
            let mut message =
                CallerIdMessage::call(Presentation::Unavailable, Presentation::Unavailable);
            message.kind = CallerIdKind::MessageWaiting { waiting };
            for format in [MessageFormat::Single, MessageFormat::Multiple] {
                let parsed = CallerIdMessage::parse(&message.encode(format)).unwrap();
                assert_eq!(parsed.kind, CallerIdKind::MessageWaiting { waiting });
            }
        }
    }

    #[test]
    fn what_is_too_long_is_cut_and_what_cannot_be_sent_is_a_question_mark() {
        let message = CallerIdMessage::call(given(&"1".repeat(40)), given(&"日".repeat(60)));
        let octets = message.encode(MessageFormat::Multiple);
        let parsed = CallerIdMessage::parse(&octets).unwrap();
        assert_eq!(parsed.number, given(&"1".repeat(20)));
        assert_eq!(parsed.name, given(&"?".repeat(50)));
    }

    #[test]
    fn damaged_messages_are_refused_and_never_panic() {
        let octets =
            CallerIdMessage::call(given("12345"), given("ANA")).encode(MessageFormat::Multiple);
        for length in 0..octets.len() {
            assert_eq!(
                CallerIdMessage::parse(&octets[..length]),
                Err(CallerIdError::Short)
            );
        }
        for place in 0..octets.len() {
            for bit in 0..8 {
                let mut damaged = octets.clone();
                damaged[place] ^= 1 << bit;
                assert!(CallerIdMessage::parse(&damaged).is_err(), "{place} {bit}");
            }
        }
        let mut beyond = vec![0x80, 3, 0x02, 9, b'1'];
        beyond.push(checksum(&beyond));
        assert_eq!(
            CallerIdMessage::parse(&beyond),
            Err(CallerIdError::Parameter(0x02))
        );
        let mut unknown = vec![0x33, 0];
        unknown.push(checksum(&unknown));
        assert_eq!(
            CallerIdMessage::parse(&unknown),
            Err(CallerIdError::Type(0x33))
        );
    }
}
