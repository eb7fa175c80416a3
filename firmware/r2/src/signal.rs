//! Register signals, digits and the calling party's category.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Which way a register signal goes; the two ways use different frequencies (Q.441 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the calling side: 1,380 to 1,980 Hz.
    Forward,
    /// From the called side: 1,140 to 540 Hz.
    Backward,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Direction::Forward => Direction::Backward,
            Direction::Backward => Direction::Forward,
        }
    }
}

/// One of the fifteen multifrequency combinations of a direction (Q.441 table 5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MfSignal(u8);

impl MfSignal {
    /// Signal 1-15; `None` for another number.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= 15 {
            Some(MfSignal(number))
        } else {
            None
        }
    }

    /// For tables in this crate: a number outside 1-15 is nearest's.
    pub(crate) const fn of(number: u8) -> Self {
        match number {
            0 => MfSignal(1),
            1..=15 => MfSignal(number),
            _ => MfSignal(15),
        }
    }

    /// Its number, 1-15.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The digit that this signal means in group I: signals 1-9, and 10 for 0 (Q.441 table 6).
    #[must_use]
    pub fn digit(self) -> Option<char> {
        match self.0 {
            1..=9 => Some(char::from(b'0' + self.0)),
            10 => Some('0'),
            _ => None,
        }
    }
}

impl fmt::Debug for MfSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MF{}", self.0)
    }
}

/// Most digits of a number that a channel keeps: E.164 has 15, access and selection codes come on top.
pub const MAX_DIGITS: usize = 32;

/// A number as register signals carry it: at most [`MAX_DIGITS`] digits 0-9.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digits {
    signals: [u8; MAX_DIGITS],
    length: u8,
}

/// Why a text is no [`Digits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DigitsError {
    /// Register signals have no such character.
    #[error(
        "a number sent by R2 has the digits 0-9 only, not {0:?}: remove it in the trunk's rule"
    )]
    Character(char),
    /// Too long.
    #[error("a number sent by R2 has at most {MAX_DIGITS} digits")]
    TooLong,
}

impl Digits {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The signal of the digit at `index`.
    #[must_use]
    pub fn signal(&self, index: usize) -> Option<MfSignal> {
        let signals = self.signals.get(..self.len())?;
        signals.get(index).copied().and_then(MfSignal::new)
    }

    /// Adds the digit of a signal; false when the signal is no digit or there is no room.
    pub(crate) fn push(&mut self, signal: MfSignal) -> bool {
        let length = self.len();
        match (signal.digit(), self.signals.get_mut(length)) {
            (Some(_), Some(place)) => {
                *place = signal.number();
                self.length += 1;
                true
            }
            _ => false,
        }
    }

    fn chars(&self) -> impl Iterator<Item = char> {
        (0..self.len()).filter_map(|index| self.signal(index)?.digit())
    }
}

impl FromStr for Digits {
    type Err = DigitsError;

    fn from_str(text: &str) -> Result<Self, DigitsError> {
        let mut digits = Digits::default();
        for character in text.chars() {
            let number = match character.to_digit(10) {
                Some(0) => 10,
                Some(value) => value as u8,
                None => return Err(DigitsError::Character(character)),
            };
            if !digits.push(MfSignal::of(number)) {
                return Err(DigitsError::TooLong);
            }
        }
        Ok(digits)
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|digit| write!(f, "{digit}"))
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Who calls, as group II tells it (Q.441 table 7 and national meanings).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Category {
    /// A subscriber without priority (II-1).
    #[default]
    Subscriber,
    /// A subscriber with priority (II-2).
    Priority,
    /// Maintenance equipment (II-3).
    Maintenance,
    /// An operator (II-5).
    Operator,
    /// Data transmission (II-6).
    Data,
    /// A subscriber, or an operator without forward transfer, of another country (II-7).
    International,
    /// Data transmission from another country (II-8 of the ITU).
    InternationalData,
    /// A subscriber with priority of another country (II-9).
    InternationalPriority,
    /// An operator with forward transfer of another country (II-10).
    InternationalOperator,
    /// The called party is asked to pay (II-8 of Brazil).
    Collect,
    /// A public telephone.
    Payphone,
    /// A signal that the variant gives no meaning.
    Other(MfSignal),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_signals_and_zero_is_the_tenth() {
        let digits: Digits = "5133334440".parse().unwrap_or_default();
        assert_eq!(digits.to_string(), "5133334440");
        assert_eq!(digits.len(), 10);
        assert_eq!(digits.signal(9).map(MfSignal::number), Some(10));
        assert_eq!(digits.signal(10), None);
        assert_eq!("12a".parse::<Digits>(), Err(DigitsError::Character('a')));
        assert_eq!("1".repeat(33).parse::<Digits>(), Err(DigitsError::TooLong));
        assert!(Digits::default().is_empty());
        assert_eq!(MfSignal::new(0), None);
        assert_eq!(MfSignal::new(16), None);
        assert_eq!(MfSignal::of(11).digit(), None);
    }
}
