//! Which digits a rule takes (F189, F200).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Digits that a rule takes: `X` is any digit, `Z` 1-9, `N` 2-9, `[25-8]` one of those, a final `.` one or more of
/// anything and a final `!` any number of them; everything else stands for itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    places: Vec<Place>,
    /// How many more may follow.
    rest: Rest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// One of these digits, as a set of bits.
    Digits(u16),
    /// This key.
    Key(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    OneOrMore,
    Any,
}

/// The text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}, expected up to 64 of 0-9 X Z N [..] * # + and a final . or !")]
pub struct BadPattern(&'static str);

/// Characters a pattern may have.
const MAX: usize = 64;

impl Pattern {
    /// Whether it takes these digits.
    #[must_use]
    pub fn matches(&self, digits: &str) -> bool {
        let digits = digits.as_bytes();
        let Some(tail) = digits.len().checked_sub(self.places.len()) else {
            return false;
        };
        let fits = match self.rest {
            Rest::Nothing => tail == 0,
            Rest::OneOrMore => tail >= 1,
            Rest::Any => true,
        };
        fits && self
            .places
            .iter()
            .zip(digits)
            .all(|(place, digit)| place.takes(*digit))
    }

    /// How narrow it is; of two that take the same digits, the narrower one decides.
    #[must_use]
    pub fn narrowness(&self) -> (usize, usize, bool) {
        let certain = |place: &&Place| match place {
            Place::Key(_) => true,
            Place::Digits(set) => set.count_ones() == 1,
        };
        let literal = self.places.iter().filter(certain).count();
        (literal, self.places.len(), self.rest == Rest::Nothing)
    }

    /// The fewest digits it takes.
    #[must_use]
    pub fn shortest(&self) -> usize {
        self.places.len() + usize::from(self.rest == Rest::OneOrMore)
    }

    /// As people write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Place {
    fn takes(&self, key: u8) -> bool {
        match self {
            Self::Digits(set) => key.is_ascii_digit() && set & (1 << (key - b'0')) != 0,
            Self::Key(one) => *one == key,
        }
    }
}

impl FromStr for Pattern {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > MAX {
            return Err(BadPattern("has no or too many characters"));
        }
        let mut places = Vec::new();
        let mut rest = Rest::Nothing;
        let mut keys = text.bytes();
        while let Some(key) = keys.next() {
            if rest != Rest::Nothing {
                return Err(BadPattern("nothing may follow . or !"));
            }
            match key {
                b'X' | b'x' => places.push(Place::Digits(0b11_1111_1111)),
                b'Z' | b'z' => places.push(Place::Digits(0b11_1111_1110)),
                b'N' | b'n' => places.push(Place::Digits(0b11_1111_1100)),
                b'0'..=b'9' => places.push(Place::Digits(1 << (key - b'0'))),
                b'*' | b'#' | b'+' => places.push(Place::Key(key)),
                b'[' => places.push(Place::Digits(set(&mut keys).map_err(BadPattern)?)),
                b'.' => rest = Rest::OneOrMore,
                b'!' => rest = Rest::Any,
                _ => return Err(BadPattern("has a character of no meaning")),
            }
        }
        Ok(Self {
            text: text.to_owned(),
            places,
            rest,
        })
    }
}

/// The digits between brackets, of which the first is read already.
fn set(keys: &mut impl Iterator<Item = u8>) -> Result<u16, &'static str> {
    let mut set = 0;
    let mut last: Option<u8> = None;
    let mut ranging = false;
    for key in keys {
        match key {
            b']' if ranging => return Err("a range in brackets has no end"),
            b']' if set == 0 => return Err("brackets need a digit"),
            b']' => return Ok(set),
            b'-' if last.is_some() && !ranging => ranging = true,
            b'0'..=b'9' => {
                let from = match last.take_if(|_| ranging) {
                    Some(from) if from <= key => from,
                    Some(_) => return Err("a range in brackets goes backwards"),
                    None => key,
                };
                for digit in from..=key {
                    set |= 1 << (digit - b'0');
                }
                last = (!ranging).then_some(key);
                ranging = false;
            }
            _ => return Err("brackets take digits and ranges of digits"),
        }
    }
    Err("a bracket is not closed")
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = BadPattern;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.trim().parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

/// Dialled numbers a route is for: a pattern, or all between two numbers, written `5551000-5551099`. A leading `+` makes
/// no difference: carriers add and leave it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DialledRange {
    /// Numbers of this form.
    Pattern(Pattern),
    /// Numbers of the same length between these two, both included.
    Between(String, String),
}

impl DialledRange {
    /// Whether a number belongs to it.
    #[must_use]
    pub fn holds(&self, number: &str) -> bool {
        let number = number.trim_start_matches('+');
        match self {
            Self::Pattern(pattern) => pattern.matches(number),
            Self::Between(from, to) => {
                number.len() == from.len()
                    && number.bytes().all(|digit| digit.is_ascii_digit())
                    && (from.as_str()..=to.as_str()).contains(&number)
            }
        }
    }

    /// How narrow it is; of two that hold a number, the narrower one decides.
    #[must_use]
    pub fn narrowness(&self) -> (usize, usize, bool) {
        match self {
            Self::Pattern(pattern) => pattern.narrowness(),
            Self::Between(from, to) => {
                let same = from
                    .bytes()
                    .zip(to.bytes())
                    .take_while(|(a, b)| a == b)
                    .count();
                (same, from.len(), true)
            }
        }
    }
}

impl FromStr for DialledRange {
    type Err = BadPattern;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let ends = text.split_once('-').filter(|_| !text.contains('['));
        let Some((from, to)) = ends else {
            return text.trim_start_matches('+').parse().map(Self::Pattern);
        };
        let ends = [from, to].map(|end| end.trim().trim_start_matches('+'));
        let digits = |end: &str| end.bytes().all(|digit| digit.is_ascii_digit());
        let [from, to] = ends;
        if from.len() != to.len()
            || from > to
            || from.is_empty()
            || from.len() > 32
            || !ends.iter().all(|end| digits(end))
        {
            return Err(BadPattern(
                "a range needs two numbers of the same length, the lower one first",
            ));
        }
        Ok(Self::Between(from.to_owned(), to.to_owned()))
    }
}

impl TryFrom<String> for DialledRange {
    type Error = BadPattern;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DialledRange> for String {
    fn from(range: DialledRange) -> Self {
        match range {
            DialledRange::Pattern(pattern) => pattern.into(),
            DialledRange::Between(from, to) => format!("{from}-{to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_what_they_say() {
        for (pattern, takes, refuses) in [
            ("55X.", vec!["55512", "5551"], vec!["55", "551", "5x512"]),
            (
                "0NXXXXXXX",
                vec!["023334444"],
                vec!["013334444", "02333444", "0233344445"],
            ),
            ("Z!", vec!["1", "19999"], vec!["", "0", "01"]),
            ("[13-5]9", vec!["19", "39", "59"], vec!["29", "69", "9"]),
            ("*72X.", vec!["*72123"], vec!["72123", "*72"]),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            for number in takes {
                assert!(pattern.matches(number), "{pattern} {number}");
            }
            for number in refuses {
                assert!(!pattern.matches(number), "{pattern} {number}");
            }
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "", "5.5", "!!", "[", "[]", "[5-", "[5-]", "[5-3]", "[a]", "[--]", "Y", "5 5", "é",
        ] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
        assert!("1".repeat(65).parse::<Pattern>().is_err());
    }

    #[test]
    fn ranges_hold_the_numbers_between_their_ends() {
        let range: DialledRange = "+555133330000-555133330099".parse().unwrap();
        assert!(range.holds("555133330000") && range.holds("+555133330099"));
        assert!(!range.holds("555133330100") && !range.holds("55513333009"));
        for text in ["1-", "-", "12-3", "20-10", "1a-2a"] {
            assert!(text.parse::<DialledRange>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_narrower_of_two_decides() {
        let narrowness = |text: &str| text.parse::<DialledRange>().unwrap().narrowness();
        assert!(narrowness("5133334444") > narrowness("5133334400-5133334499"));
        assert!(narrowness("5133334400-5133334499") > narrowness("51X."));
        assert!(narrowness("51X.") > narrowness("X."));
    }
}
