//! Caller ID sent as DTMF keys before or after the first ring.
//!
//! A number stands between a starting key and an ending key: `A` number `C` in Brazil and most of Latin
//! America, `D` number `C` in parts of Asia, `A` number `#` in Denmark. In place of the number a code
//! after `B` (frames that end with `C`) or `D` (with `#`) tells why there is none, and after a number
//! that ends with `C` a second one, begun with `D`, may tell who diverted the call.

use super::Presentation;

/// How an exchange frames the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtmfCallerIdFormat {
    /// `A` number `C`; absent: `B` code `C`.
    StartAEndC,
    /// `D` number `C`; absent: `B` code `C`.
    StartDEndC,
    /// `A` number `#`; absent: `D` code `#`.
    StartAEndHash,
}

impl DtmfCallerIdFormat {
    /// The keys that tell `number`; characters other than digits are left out.
    pub fn keys(self, number: &Presentation) -> impl Iterator<Item = char> + use<> {
        let (start, absent, end) = match self {
            DtmfCallerIdFormat::StartAEndC => ('A', 'B', 'C'),
            DtmfCallerIdFormat::StartDEndC => ('D', 'B', 'C'),
            DtmfCallerIdFormat::StartAEndHash => ('A', 'D', '#'),
        };
        let (first, digits) = match (number, absent) {
            (Presentation::Given(number), _) => (start, number.as_str()),
            (Presentation::Private, 'D') => (absent, "1"),
            (Presentation::Private, _) => (absent, "00"),
            (Presentation::Unavailable, 'D') => (absent, "3"),
            (Presentation::Unavailable, _) => (absent, "10"),
        };
        let digits: Vec<char> = digits.chars().filter(char::is_ascii_digit).collect();
        std::iter::once(first)
            .chain(digits)
            .chain(std::iter::once(end))
    }
}

/// Longest number taken; a line that babbles must not fill memory.
const LONGEST: usize = 24;
/// Shortest sequence of digits after `D` that is a number and not a code.
const SHORTEST_NUMBER: usize = 4;

/// Collects the keys of a caller ID in whichever format they come.
#[derive(Clone, Debug, Default)]
pub struct DtmfCallerId {
    start: Option<char>,
    digits: String,
    /// What follows is about somebody else.
    ignoring: bool,
}

impl DtmfCallerId {
    /// Nothing received yet.
    #[must_use]
    pub fn new() -> Self {
        DtmfCallerId {
            start: None,
            // Here and not with the first digit, which may come on a media thread.
            digits: String::with_capacity(LONGEST),
            ignoring: false,
        }
    }

    /// Takes in the next key; the caller when it was the last one.
    pub fn push(&mut self, key: char) -> Option<Presentation> {
        match key {
            'C' | '#' => self.finish(),
            'B' | 'D' if self.start == Some('A') && !self.digits.is_empty() => {
                self.ignoring = true;
                None
            }
            'A' | 'B' | 'D' => {
                // A second start in the middle: begin anew, the first part was noise or ringing.
                self.start = Some(key);
                self.digits.clear();
                self.ignoring = false;
                None
            }
            digit if digit.is_ascii_digit() && !self.ignoring && self.digits.len() < LONGEST => {
                self.digits.push(digit);
                None
            }
            _ => None,
        }
    }

    /// No key came for a while (some exchanges send no ending key): the caller, if there is one.
    pub fn finish(&mut self) -> Option<Presentation> {
        let start = self.start.take();
        self.ignoring = false;
        let digits = self.digits.as_str();
        let caller = match (start, digits) {
            // Without a starting key (its beginning may have been lost) only what looks like a number counts.
            (Some('A'), number) if !number.is_empty() => Presentation::Given(number.to_owned()),
            (Some('D') | None, number) if number.len() >= SHORTEST_NUMBER => {
                Presentation::Given(number.to_owned())
            }
            (Some('D'), "1") | (Some('B'), "00") => Presentation::Private,
            (Some(_), _) => Presentation::Unavailable,
            (None, _) => {
                self.digits.clear();
                return None;
            }
        };
        self.digits.clear();
        Some(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DtmfDetector, DtmfGenerator, DtmfTiming};

    const FORMATS: [DtmfCallerIdFormat; 3] = [
        DtmfCallerIdFormat::StartAEndC,
        DtmfCallerIdFormat::StartDEndC,
        DtmfCallerIdFormat::StartAEndHash,
    ];

    #[test]
    fn every_format_reads_back_through_sound() {
        for format in FORMATS {
            for number in [
                Presentation::Given("1155550105".into()),
                Presentation::Private,
                Presentation::Unavailable,
            ] {
                // EN 300 659-1 §5.3: 70 ms each is the usual, 50 the least.
                let timing = DtmfTiming {
                    tone_ms: 50,
                    pause_ms: 50,
                    ..DtmfTiming::default()
                };
                let mut generator = DtmfGenerator::new(format.keys(&number), timing);
                let mut detector = DtmfDetector::default();
                let mut collector = DtmfCallerId::new();
                let mut caller = None;
                while !generator.is_over() && caller.is_none() {
                    let mut block = [0; 160];
                    generator.add(&mut block);
                    caller = detector.feed(&block).and_then(|key| collector.push(key));
                }
                assert_eq!(caller, Some(number), "{format:?}");
            }
        }
    }

    #[test]
    fn the_keys_are_those_of_the_format() {
        let number = Presentation::Given("+55 (11) 4000-1234".into());
        let keys = |format: DtmfCallerIdFormat| format.keys(&number).collect::<String>();
        assert_eq!(keys(FORMATS[0]), "A551140001234C");
        assert_eq!(keys(FORMATS[1]), "D551140001234C");
        assert_eq!(keys(FORMATS[2]), "A551140001234#");
    }

    #[test]
    fn a_lost_start_a_missing_end_and_babble_are_survived() {
        let collect = |keys: &str| {
            let mut collector = DtmfCallerId::new();
            let pushed = keys.chars().find_map(|key| collector.push(key));
            pushed.or_else(|| collector.finish())
        };
        let given = |number: &str| Some(Presentation::Given(number.into()));
        assert_eq!(collect("40001234C"), given("40001234"));
        assert_eq!(collect("A40001234"), given("40001234"));
        assert_eq!(collect("12A40001234C"), given("40001234"));
        assert_eq!(collect("A40001234D555000C"), given("40001234"));
        assert_eq!(collect("7C"), None);
        assert_eq!(collect(""), None);
        assert_eq!(collect("DC"), Some(Presentation::Unavailable));
        assert_eq!(
            collect(&format!("A{}C", "9".repeat(500))),
            given(&"9".repeat(24))
        );
    }
}
