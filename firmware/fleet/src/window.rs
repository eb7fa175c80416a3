//! Hours in which the machine may start again.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From a time of the day to another one, the same or the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MaintenanceWindow)]
pub struct Window {
    /// `HH:MM`, in the company's time zone.
    #[serde(with = "hours")]
    #[schema(value_type = String, example = "02:00")]
    pub from: Time,
    /// The same; before `from` it is of the next day.
    #[serde(with = "hours")]
    #[schema(value_type = String, example = "05:00")]
    pub to: Time,
}

mod hours {
    use jiff::civil::Time;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Time, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&time.strftime("%H:%M"))
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(input: D) -> Result<Time, D::Error> {
        let text = String::deserialize(input)?;
        Time::strptime("%H:%M", &text)
            .map_err(|_| D::Error::custom(format!("invalid value: {text:?}, expected HH:MM")))
    }
}

impl Window {
    /// When the machine may start again: now inside of the window, else when it begins next.
    #[must_use]
    pub fn next(&self, now: Timestamp, zone: &TimeZone) -> Timestamp {
        let local = now.to_zoned(zone.clone());
        let time = local.time();
        let inside = match self.from <= self.to {
            true => self.from <= time && time < self.to,
            false => time >= self.from || time < self.to,
        };
        if inside {
            return now;
        }
        let day = match time < self.from {
            true => Some(local.date()),
            false => local.date().checked_add(1.day()).ok(),
        };
        day.and_then(|day| day.to_datetime(self.from).to_zoned(zone.clone()).ok())
            .map_or(now, |begin| begin.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_now_or_begins_next() {
        let zone = TimeZone::UTC;
        let window = |from, to| -> Window {
            serde_json::from_value(serde_json::json!({ "from": from, "to": to })).unwrap()
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let night = window("22:00", "05:00");
        for (now, next) in [
            ("2026-03-01T23:00:00Z", "2026-03-01T23:00:00Z"),
            ("2026-03-01T04:59:00Z", "2026-03-01T04:59:00Z"),
            ("2026-03-01T05:00:00Z", "2026-03-01T22:00:00Z"),
        ] {
            assert_eq!(night.next(at(now), &zone), at(next), "{now}");
        }
        let early = window("02:00", "03:00");
        assert_eq!(
            early.next(at("2026-12-31T10:00:00Z"), &zone),
            at("2027-01-01T02:00:00Z")
        );
        let broken = serde_json::json!({ "from": "25:00", "to": "03:00" });
        assert!(serde_json::from_value::<Window>(broken).is_err());
    }
}
