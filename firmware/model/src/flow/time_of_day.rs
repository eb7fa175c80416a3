//! Times of day as people write them.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

/// A time of day to the minute, written `08:30`; `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    /// Minutes since midnight, 0-1440.
    minutes: u16,
}

/// The text is not a time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time of day, expected 00:00 to 24:00")]
pub struct BadTimeOfDay;

impl TimeOfDay {
    /// The end of the day.
    pub const END: Self = Self { minutes: 24 * 60 };

    /// Whether the clock has reached it.
    #[must_use]
    pub fn is_reached_at(self, clock: Time) -> bool {
        let minutes = i32::from(clock.hour()) * 60 + i32::from(clock.minute());
        minutes >= i32::from(self.minutes)
    }
}

impl FromStr for TimeOfDay {
    type Err = BadTimeOfDay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadTimeOfDay;
        let (hours, minutes) = text.split_once(':').ok_or_else(bad)?;
        let two_digits = |part: &str| {
            let plausible = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            plausible.then(|| part.parse::<u16>().ok()).flatten()
        };
        let hours = two_digits(hours).ok_or_else(bad)?;
        let minutes = two_digits(minutes)
            .filter(|minutes| *minutes < 60)
            .ok_or_else(bad)?;
        let time = Self {
            minutes: hours * 60 + minutes,
        };
        if time > Self::END {
            Err(bad())
        } else {
            Ok(time)
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = BadTimeOfDay;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_minute() {
        for text in ["00:00", "08:30", "23:59", "24:00"] {
            assert_eq!(text.parse::<TimeOfDay>().unwrap().to_string(), text);
        }
        for text in [
            "", "8:30", "08:60", "24:01", "25:00", "08:30:00", "-1:00", "0a:00", "+8:30",
        ] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }
}
