//! What is to be dialled, with waits.

use std::{str::FromStr, time::Duration};

/// One step of dialling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialStep {
    /// A key: `0-9`, `*`, `#`, `A-D`.
    Key(char),
    /// Nothing for a while.
    Pause(Duration),
    /// Until dial tone is heard.
    WaitDialTone,
    /// The loop open for the exchange's recall time.
    Flash,
    /// Keys from here on by tones.
    Tones,
    /// Keys from here on by pulses.
    Pulses,
}

/// Longest string taken.
const LONGEST: usize = 128;

/// Keys and waits, as written in settings and numbers: `,` waits 2 s, `w` half a second, `W` for dial tone (as modems
/// know it, ITU-T V.250 §6.3.1), `!` flashes, `T` and `P` go on by tones or pulses. Everything else is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialString(Vec<DialStep>);

impl DialString {
    /// The steps in order.
    #[must_use]
    pub fn steps(&self) -> &[DialStep] {
        &self.0
    }
}

impl FromStr for DialString {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps = text.chars().filter_map(|character| {
            Some(match character {
                '0'..='9' | '*' | '#' | 'A'..='D' => DialStep::Key(character),
                'a'..='d' => DialStep::Key(character.to_ascii_uppercase()),
                ',' => DialStep::Pause(Duration::from_secs(2)),
                'w' => DialStep::Pause(Duration::from_millis(500)),
                'W' => DialStep::WaitDialTone,
                '!' => DialStep::Flash,
                'T' => DialStep::Tones,
                'P' => DialStep::Pulses,
                _ => return None,
            })
        });
        Ok(DialString(steps.take(LONGEST).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_waits_are_read_and_the_rest_left_out() {
        let read: DialString = "0W(11) 4000,é#w!".parse().unwrap();
        let keys: String = read
            .steps()
            .iter()
            .filter_map(|step| match step {
                DialStep::Key(key) => Some(*key),
                _ => None,
            })
            .collect();
        assert_eq!(keys, "0114000#");
        assert_eq!(read.steps()[1], DialStep::WaitDialTone);
        assert_eq!(read.steps().last(), Some(&DialStep::Flash));
        let long: DialString = "1".repeat(1_000).parse().unwrap();
        assert_eq!(long.steps().len(), LONGEST);
    }
}
