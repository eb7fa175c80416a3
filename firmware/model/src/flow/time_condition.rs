//! Forks by the time (F142-F150).

use jiff::Zoned;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Calendar, Destination, TimeOfDay, nested};
use crate::problem::code;
use crate::{CompanyId, Configuration, Id, Object, Problems, Reference, text};

/// A fork by the time: one way inside the periods, another outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimeCondition {
    /// 1-64 characters, unique.
    pub name: String,
    /// The company it belongs to; 0 is the one that the gateway is set up for.
    #[serde(skip_serializing_if = "CompanyId::is_default")]
    pub company: CompanyId,
    /// Digits after the feature code that switches it by hand, 1-99; it cannot be switched by telephone when null.
    #[schema(minimum = 1, maximum = 99)]
    pub code_number: Option<i64>,
    /// When it matches: in any of these, 1-50.
    pub periods: Vec<Period>,
    /// Holidays, on which it does not match.
    #[schema(value_type = Option<i64>)]
    pub calendar: Option<Id<Calendar>>,
    /// IANA time zone; null is the company's.
    pub time_zone: Option<String>,
    /// Where calls go inside the periods.
    pub on_match: Destination,
    /// Where calls go outside.
    pub on_no_match: Destination,
    /// What somebody has switched by hand; null follows the periods.
    #[serde(rename = "override")]
    pub switched: Option<Override>,
}

/// A time when a fork matches. What is left out is every one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Period {
    /// Days of the week, 1 is Monday and 7 Sunday.
    pub weekdays: Vec<i64>,
    /// Days of the month, 1-31.
    pub days: Vec<i64>,
    /// Months, 1-12.
    pub months: Vec<i64>,
    /// From this time on, such as `08:00`.
    #[schema(value_type = String, example = "08:00")]
    pub start: TimeOfDay,
    /// Until before this time, such as `18:00`. Earlier than `start`, it is that time of the next day; the day that counts
    /// is the one on which the period begins.
    #[schema(value_type = String, example = "18:00")]
    pub end: TimeOfDay,
}

/// A fork switched by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Which way it leads.
    pub state: OverrideState,
    /// Until when, UTC ms; until somebody switches it back when null.
    #[serde(default)]
    pub until: Option<i64>,
}

/// Which way a fork leads that was switched by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverrideState {
    /// As inside the periods.
    Open,
    /// As outside.
    Closed,
}

impl Default for Period {
    fn default() -> Self {
        Self {
            weekdays: Vec::new(),
            days: Vec::new(),
            months: Vec::new(),
            start: TimeOfDay::default(),
            end: TimeOfDay::END,
        }
    }
}

impl Period {
    /// Whether a moment lies in it. Local clocks decide: a day with a change of the clocks is a day like others.
    #[must_use]
    pub fn holds(&self, now: &Zoned) -> bool {
        let (day, clock) = (now.date(), now.time());
        let from_start = self.start.is_reached_at(clock);
        let before_end = !self.end.is_reached_at(clock);
        if self.start < self.end {
            return from_start && before_end && self.counts(day);
        }
        // It crosses midnight: after it, the day before counts.
        (from_start && self.counts(day))
            || (before_end && day.yesterday().is_ok_and(|before| self.counts(before)))
    }

    fn counts(&self, day: Date) -> bool {
        let fits = |list: &[i64], value: i8| list.is_empty() || list.contains(&i64::from(value));
        fits(&self.weekdays, day.weekday().to_monday_one_offset())
            && fits(&self.days, day.day())
            && fits(&self.months, day.month())
    }

    pub(crate) fn check(&self, problems: &mut Problems) {
        for (field, list, max) in [
            ("weekdays", &self.weekdays, 7i64),
            ("days", &self.days, 31),
            ("months", &self.months, 12),
        ] {
            text::at_most(problems, field, list.len(), 31);
            for (index, value) in list.iter().enumerate() {
                text::range(problems, &format!("{field}[{index}]"), *value, 1, max);
            }
        }
    }
}

impl TimeCondition {
    /// Whether it does not follow its periods at this moment, UTC ms, because somebody has switched it by hand.
    #[must_use]
    pub fn is_switched_at(&self, moment: i64) -> bool {
        let switched = self.switched.as_ref();
        switched.is_some_and(|switched| switched.until.is_none_or(|until| moment < until))
    }

    /// Whether it leads the way of its periods at this moment.
    #[must_use]
    pub fn matches(&self, now: &Zoned, calendar: Option<&Calendar>) -> bool {
        let moment = now.timestamp().as_millisecond();
        if let Some(switched) = self.switched
            && self.is_switched_at(moment)
        {
            return switched.state == OverrideState::Open;
        }
        let holiday = calendar.is_some_and(|calendar| calendar.holiday(now.date()).is_some());
        !holiday && self.periods.iter().any(|period| period.holds(now))
    }
}

impl Object for TimeCondition {
    const KIND: &'static str = "time_condition";
    const WORDS: &'static str = "time condition";
    const LIST: &'static str = "time_conditions";
    const MAX: usize = 500;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        if let Some(number) = self.code_number {
            text::range(problems, "code_number", number, 1i64, 99);
        }
        text::at_most(problems, "periods", self.periods.len(), 50);
        if self.periods.is_empty() {
            let message = "needs a period";
            problems.add("periods", code::REQUIRED, Some("1-50"), message);
        }
        for (index, period) in self.periods.iter().enumerate() {
            nested(problems, &format!("periods[{index}]"), |inner| {
                period.check(inner)
            });
        }
        if let Some(zone) = &self.time_zone
            && jiff::tz::TimeZone::get(zone).is_err()
        {
            let message = format!("`{zone}` is not in the IANA time zone database");
            problems.add("time_zone", code::UNKNOWN_TIME_ZONE, None, message);
        }
        nested(problems, "on_match", |inner| self.on_match.check(inner));
        nested(problems, "on_no_match", |inner| {
            self.on_no_match.check(inner)
        });
    }

    fn check_among(&self, id: Id<Self>, configuration: &Configuration, problems: &mut Problems) {
        let Some(number) = self.code_number else {
            return;
        };
        let mut others = configuration.catalogue().time_conditions.iter();
        if let Some(other) = others.find(|one| one.id != id && one.code_number == Some(number)) {
            let message = format!("number {number} belongs to {}", other.name);
            problems.add("code_number", code::TAKEN, Some(&other.name), message);
        }
    }

    fn company(&self, _: Id<Self>) -> Option<CompanyId> {
        Some(self.company)
    }

    fn company_mut(&mut self) -> Option<&mut CompanyId> {
        Some(&mut self.company)
    }

    fn references(&self, tell: &mut dyn FnMut(Reference)) {
        self.company.references(tell);
        if let Some(calendar) = self.calendar {
            tell(Reference::to("calendar", calendar));
        }
        self.on_match.references("on_match", tell);
        self.on_no_match.references("on_no_match", tell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Holiday;

    fn at(text: &str) -> Zoned {
        format!("{text}[America/Sao_Paulo]").parse().unwrap()
    }

    fn period(start: &str, end: &str) -> Period {
        Period {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
            ..Period::default()
        }
    }

    #[test]
    fn at_16_office_hours_begin_at_the_first_minute_and_end_before_the_last() {
        let office = Period {
            weekdays: vec![1, 2, 3, 4, 5],
            ..period("08:00", "18:00")
        };
        // 2 November 2026 is a Monday.
        assert!(!office.holds(&at("2026-11-02T07:59:59")));
        assert!(office.holds(&at("2026-11-02T08:00:00")));
        assert!(office.holds(&at("2026-11-02T17:59:59")));
        assert!(!office.holds(&at("2026-11-02T18:00:00")));
        assert!(!office.holds(&at("2026-11-01T12:00:00")));
    }

    #[test]
    fn at_16_days_of_the_month_and_months_both_count() {
        let first_days = Period {
            days: (1..=5).collect(),
            months: vec![1],
            ..Period::default()
        };
        assert!(first_days.holds(&at("2027-01-05T23:59:59")));
        assert!(!first_days.holds(&at("2027-01-06T00:00:00")));
        assert!(!first_days.holds(&at("2027-02-05T12:00:00")));
    }

    #[test]
    fn at_16_a_period_may_cross_midnight() {
        let friday_night = Period {
            weekdays: vec![5],
            ..period("22:00", "06:00")
        };
        // 6 November 2026 is a Friday.
        assert!(friday_night.holds(&at("2026-11-06T22:00:00")));
        assert!(friday_night.holds(&at("2026-11-07T01:00:00")));
        assert!(!friday_night.holds(&at("2026-11-07T06:00:00")));
        assert!(!friday_night.holds(&at("2026-11-06T01:00:00")));
    }

    #[test]
    fn at_16_holidays_and_switching_by_hand_go_before_periods() {
        let mut condition = TimeCondition {
            periods: vec![Period::default()],
            ..TimeCondition::default()
        };
        let calendar = Calendar {
            name: "Feriados".into(),
            holidays: vec![Holiday {
                date: "09-07".into(),
                name: "Independência".into(),
            }],
            ..Calendar::default()
        };
        let (before, day) = (at("2026-09-06T12:00:00"), at("2026-09-07T12:00:00"));
        assert!(condition.matches(&before, Some(&calendar)));
        assert!(!condition.matches(&day, Some(&calendar)));
        let switched = |state| {
            Some(Override {
                state,
                until: Some(at("2026-09-07T15:00:00").timestamp().as_millisecond()),
            })
        };
        condition.switched = switched(OverrideState::Closed);
        assert!(!condition.matches(&before, Some(&calendar)));
        condition.switched = switched(OverrideState::Open);
        assert!(condition.matches(&day, Some(&calendar)));
        assert!(!condition.matches(&at("2026-09-07T15:00:00"), Some(&calendar)));
    }
}
