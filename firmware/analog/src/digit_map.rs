//! When a dialled number is complete.

use thiserror::Error;

/// Longest map and longest number.
const LONGEST_MAP: usize = 2_048;
const LONGEST_NUMBER: usize = 64;

/// What a number so far is to a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// Nothing in the map begins like this.
    Impossible,
    /// More is needed.
    Incomplete,
    /// It is complete, and yet a longer one may begin like it: a pause decides.
    MayContinue,
    /// It is complete; no other begins like it.
    Complete,
}

/// Why a text is no map.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum DigitMapError {
    /// It has more than 2,048 characters.
    #[error("the digit map is longer than {LONGEST_MAP} characters; put fewer patterns into it")]
    Long,
    /// A character that means nothing.
    #[error("character {0} of the digit map means nothing there; use 0-9 * # A-D x T . [ ] - |")]
    Character(usize),
    /// A set without end, or without anything in it.
    #[error("the set that begins at character {0} of the digit map is empty or has no `]`")]
    Set(usize),
}

/// Keys as bits: 0-9, `*`, `#`, A-D.
const KEYS: &str = "0123456789*#ABCD";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Element {
    keys: u16,
    /// Any number of these, none too.
    repeated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    elements: Vec<Element>,
    /// Complete only after a pause.
    pause: bool,
}

/// Patterns of numbers (the digit maps of RFC 3435 §2.1.5): `x` is a digit, `[2-57]` one of these, `.` repeats what is
/// before it any number of times, `T` at the end asks for a pause, `|` separates patterns.
///
/// `[2-9]xxx|0[1-9].T|*xx` is four digits from 2 on, or anything after 0, or a feature code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigitMap {
    patterns: Vec<Pattern>,
}

fn key_bit(key: char) -> Option<u16> {
    let key = key.to_ascii_uppercase();
    KEYS.chars()
        .position(|known| known == key)
        .map(|place| 1 << place)
}

impl std::str::FromStr for DigitMap {
    type Err = DigitMapError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST_MAP {
            return Err(DigitMapError::Long);
        }
        let mut patterns = Vec::new();
        let mut pattern = Pattern {
            elements: Vec::new(),
            pause: false,
        };
        let mut characters = text.chars().enumerate().peekable();
        while let Some((place, character)) = characters.next() {
            let wrong = DigitMapError::Character(place + 1);
            if pattern.pause && character != '|' && character != ' ' {
                return Err(wrong);
            }
            let keys = match character {
                ' ' => continue,
                '|' => {
                    let whole = std::mem::replace(
                        &mut pattern,
                        Pattern {
                            elements: Vec::new(),
                            pause: false,
                        },
                    );
                    if !whole.elements.is_empty() {
                        patterns.push(whole);
                    }
                    continue;
                }
                'T' | 't' if !pattern.elements.is_empty() => {
                    pattern.pause = true;
                    continue;
                }
                '.' => {
                    let last = pattern.elements.last_mut().ok_or(wrong)?;
                    // RFC 3435: zero or more of what is before it.
                    last.repeated = true;
                    continue;
                }
                'x' | 'X' => 0x03FF,
                '[' => {
                    let mut keys = 0;
                    let mut before = None;
                    loop {
                        let (_, character) =
                            characters.next().ok_or(DigitMapError::Set(place + 1))?;
                        match character {
                            ']' => break,
                            '-' => {
                                let (_, last) =
                                    characters.next().ok_or(DigitMapError::Set(place + 1))?;
                                let (Some(from), Some(to)) = (
                                    before.and_then(|key: char| key.to_digit(10)),
                                    last.to_digit(10),
                                ) else {
                                    return Err(DigitMapError::Set(place + 1));
                                };
                                if from > to {
                                    return Err(DigitMapError::Set(place + 1));
                                }
                                keys |= (from..=to).fold(0u16, |keys, digit| keys | 1 << digit);
                            }
                            key => {
                                keys |= key_bit(key).ok_or(DigitMapError::Set(place + 1))?;
                                before = Some(key);
                            }
                        }
                    }
                    if keys == 0 {
                        return Err(DigitMapError::Set(place + 1));
                    }
                    keys
                }
                key => key_bit(key).ok_or(wrong)?,
            };
            pattern.elements.push(Element {
                keys,
                repeated: false,
            });
        }
        if !pattern.elements.is_empty() {
            patterns.push(pattern);
        }
        Ok(DigitMap { patterns })
    }
}

impl DigitMap {
    /// What `number` is to this map. An empty map knows no number.
    #[must_use]
    pub fn judge(&self, number: &str) -> Dialled {
        if number.chars().count() > LONGEST_NUMBER {
            return Dialled::Impossible;
        }
        let (mut complete, mut longer) = (false, false);
        for pattern in &self.patterns {
            let (matches, continues) = pattern.judge(number);
            complete |= matches;
            longer |= continues || matches && pattern.pause;
        }
        match (complete, longer) {
            (true, false) => Dialled::Complete,
            (true, true) => Dialled::MayContinue,
            (false, true) => Dialled::Incomplete,
            (false, false) => Dialled::Impossible,
        }
    }
}

impl Pattern {
    /// Whether the whole of it is there, and whether more of it may come.
    fn judge(&self, number: &str) -> (bool, bool) {
        let count = self.elements.len();
        // Places in the pattern that may come next, as they may after every key.
        let mut places = vec![false; count + 1];
        places[0] = true;
        self.skip(&mut places);
        for key in number.chars() {
            let Some(bit) = key_bit(key) else {
                return (false, false);
            };
            let mut next = vec![false; count + 1];
            for (place, element) in self.elements.iter().enumerate() {
                if places[place] && element.keys & bit != 0 {
                    next[if element.repeated { place } else { place + 1 }] = true;
                }
            }
            self.skip(&mut next);
            places = next;
        }
        (places[count], places[..count].contains(&true))
    }

    fn skip(&self, places: &mut [bool]) {
        for (place, element) in self.elements.iter().enumerate() {
            if places[place] && element.repeated {
                places[place + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_complete_when_no_other_begins_like_them() {
        use Dialled::{Complete, Impossible, Incomplete, MayContinue};
        let map: DigitMap = "[2-9]xxx|0[1-9]x.T|*xx|*9|1 9 0".parse().unwrap();
        for (number, judged) in [
            ("", Incomplete),
            ("2", Incomplete),
            ("2001", Complete),
            ("20011", Impossible),
            ("0", Incomplete),
            ("00", Impossible),
            ("01", MayContinue),
            ("0114000", MayContinue),
            ("*9", MayContinue),
            ("*98", Complete),
            ("190", Complete),
            ("1é", Impossible),
            ("A", Impossible),
        ] {
            assert_eq!(map.judge(number), judged, "{number}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, error) in [
            ("12y", DigitMapError::Character(3)),
            (".1", DigitMapError::Character(1)),
            ("1T2", DigitMapError::Character(3)),
            ("2[", DigitMapError::Set(2)),
            ("[]", DigitMapError::Set(1)),
            ("[5-2]", DigitMapError::Set(1)),
            ("[*-#]", DigitMapError::Set(1)),
        ] {
            assert_eq!(text.parse::<DigitMap>(), Err(error), "{text}");
        }
        assert_eq!(
            "1".repeat(3_000).parse::<DigitMap>(),
            Err(DigitMapError::Long)
        );
    }

    proptest! {
        #[test]
        fn no_text_and_no_number_is_too_odd(text in "[0-9xT.*#|\\[\\]-]{0,40}", number in ".{0,80}") {
            if let Ok(map) = text.parse::<DigitMap>() {
                let judged = map.judge(&number);
                // Nothing impossible becomes possible by more keys.
                if judged == Dialled::Impossible {
                    prop_assert_eq!(map.judge(&format!("{number}1")), Dialled::Impossible);
                }
            }
        }
    }
}
