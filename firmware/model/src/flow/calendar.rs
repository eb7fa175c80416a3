//! Lists of holidays (F150).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{HOLIDAY_COUNTRIES, HolidayCountry, nested};
use crate::problem::code;
use crate::{Object, Problems, Reference, text};

/// A list of holidays: those of a country, if wanted, and days of one's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// 1-64 characters, unique.
    pub name: String,
    /// The country whose public holidays count, of `GET /holiday-countries`; none when null. Its days come every year by
    /// themselves.
    #[schema(example = "BR")]
    pub country: Option<String>,
    /// Its state whose own holidays count too, such as `SP`; none when null.
    pub region: Option<String>,
    /// Whether days count on which many rest though no law says so, such as carnival in Brazil.
    pub optional_days: bool,
    /// Days of the country that do not count, as in `holidays`, at most 100.
    pub workdays: Vec<String>,
    /// Further days, at most 1000.
    pub holidays: Vec<Holiday>,
}

/// A holiday.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Holiday {
    /// `2026-09-07` is that day, `09-07` is that day of every year.
    pub date: String,
    /// What it is called, at most 64 characters.
    pub name: String,
}

/// A day of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CalendarDay {
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    /// What it is called, in the country's language; may be blank.
    pub name: String,
    /// Why it is in the calendar.
    pub kind: CalendarDayKind,
    /// Whether the government decides on the day each year, and had not when this software was made.
    pub estimated: bool,
}

/// Why a day is in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalendarDayKind {
    /// Entered.
    Own,
    /// By the country's law.
    National,
    /// By the law of the region.
    Regional,
    /// Many rest.
    Optional,
}

impl Calendar {
    /// What it is called, if the day is a holiday.
    pub fn holiday(&self, day: Date) -> Option<String> {
        let mut own = self.holidays.iter();
        if let Some(holiday) = own.find(|holiday| falls_on(&holiday.date, day)) {
            return Some(holiday.name.clone());
        }
        let mut public = self.public_days(day.year()).into_iter();
        public.find(|one| one.date == day).map(|one| one.name)
    }

    /// The holidays of a year in order, each day once.
    pub fn days(&self, year: i16) -> Vec<CalendarDay> {
        let own = self.holidays.iter().filter_map(|holiday| {
            let date = match holiday.date.len() {
                5 => format!("{year:04}-{}", holiday.date).parse::<Date>(),
                _ => holiday.date.parse::<Date>(),
            };
            let date = date.ok().filter(|date| date.year() == year)?;
            Some(CalendarDay {
                date,
                name: holiday.name.clone(),
                kind: CalendarDayKind::Own,
                estimated: false,
            })
        });
        let mut days: Vec<CalendarDay> = own.chain(self.public_days(year)).collect();
        // What was entered comes first, and stands for the day.
        days.sort_by_key(|day| day.date);
        days.dedup_by_key(|day| day.date);
        days
    }

    fn public_days(&self, year: i16) -> Vec<CalendarDay> {
        let Some(country) = self.country.as_deref().and_then(HolidayCountry::of) else {
            return Vec::new();
        };
        let all = country.holidays(self.region.as_deref(), self.optional_days, year);
        let worked = |day| self.workdays.iter().any(|date| falls_on(date, day));
        let days = all.into_iter().filter(|holiday| !worked(holiday.date));
        days.map(|holiday| CalendarDay {
            date: holiday.date,
            name: holiday.name.to_owned(),
            kind: match holiday {
                _ if holiday.optional => CalendarDayKind::Optional,
                _ if holiday.regional => CalendarDayKind::Regional,
                _ => CalendarDayKind::National,
            },
            estimated: holiday.estimated,
        })
        .collect()
    }

    fn check_country(&self, problems: &mut Problems) {
        let country = self.country.as_deref().and_then(HolidayCountry::of);
        if let (Some(code), None) = (&self.country, country) {
            let known: Vec<&str> = HOLIDAY_COUNTRIES.iter().map(|one| one.code).collect();
            let message = format!("the holidays of `{code}` are not known: enter or import them");
            problems.add("country", code::INVALID, Some(&known.join(", ")), message);
        }
        let regions = country.map_or(&[][..], |country| country.regions);
        if let Some(region) = &self.region
            && !regions.contains(&region.as_str())
        {
            let known = match regions {
                [] => "null".to_owned(),
                _ => regions.join(", "),
            };
            let message = format!("`{region}` has no holidays of its own");
            problems.add("region", code::INVALID, Some(&known), message);
        }
    }
}

/// Whether a date of a calendar, `2026-09-07` or `09-07`, is this day.
fn falls_on(date: &str, day: Date) -> bool {
    match date.len() {
        5 => day.strftime("%m-%d").to_string() == date,
        _ => day.to_string() == date,
    }
}

/// Whether it is a date of a calendar.
fn is_date(date: &str) -> bool {
    match date.len() {
        10 => date.parse::<Date>().is_ok(),
        // A leap year has all days.
        5 => format!("2024-{date}").parse::<Date>().is_ok(),
        _ => false,
    }
}

/// Notes what is wrong with a date of a calendar.
fn check_date(problems: &mut Problems, field: &str, date: &mut String) {
    *date = date.trim().to_owned();
    if !is_date(date) {
        let message = format!("`{date}` is not a day");
        problems.add(field, code::INVALID, Some("2026-09-07 or 09-07"), message);
    }
}

impl Object for Calendar {
    const KIND: &'static str = "calendar";
    const WORDS: &'static str = "calendar";
    const LIST: &'static str = "calendars";
    const MAX: usize = 100;

    fn name(&self) -> &str {
        &self.name
    }

    fn check(&mut self, problems: &mut Problems) {
        self.name = text::line(problems, "name", &self.name, 1, 64);
        for code in [&mut self.country, &mut self.region] {
            *code = code.take().map(|code| code.trim().to_ascii_uppercase());
        }
        self.check_country(problems);
        text::at_most(problems, "workdays", self.workdays.len(), 100);
        for (index, date) in self.workdays.iter_mut().enumerate() {
            check_date(problems, &format!("workdays[{index}]"), date);
        }
        text::at_most(problems, "holidays", self.holidays.len(), 1000);
        for (index, holiday) in self.holidays.iter_mut().enumerate() {
            nested(problems, &format!("holidays[{index}]"), |inner| {
                check_date(inner, "date", &mut holiday.date);
                holiday.name = text::line(inner, "name", &holiday.name, 0, 64);
            });
        }
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brazil() -> Calendar {
        Calendar {
            name: "Feriados".into(),
            country: Some("BR".into()),
            region: Some("SP".into()),
            ..Calendar::default()
        }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn problems(calendar: &mut Calendar) -> Vec<String> {
        let mut problems = Problems::default();
        calendar.check(&mut problems);
        let found = problems.finish(()).err().map(|invalid| invalid.problems);
        found
            .unwrap_or_default()
            .into_iter()
            .map(|one| one.field)
            .collect()
    }

    #[test]
    fn f150_holidays_of_country_and_state_come_every_year() {
        let mut calendar = brazil();
        let name = |calendar: &Calendar, date| calendar.holiday(day(date));
        assert_eq!(
            name(&calendar, "2026-04-03").as_deref(),
            Some("Sexta-feira Santa")
        );
        assert_eq!(
            name(&calendar, "2031-04-11").as_deref(),
            Some("Sexta-feira Santa")
        );
        assert_eq!(
            name(&calendar, "2027-07-09").as_deref(),
            Some("Revolução Constitucionalista")
        );
        assert_eq!(name(&calendar, "2027-02-09"), None);
        calendar.optional_days = true;
        assert_eq!(name(&calendar, "2027-02-09").as_deref(), Some("Carnaval"));
        calendar.workdays = vec!["2027-02-09".into(), "07-09".into()];
        assert_eq!(name(&calendar, "2027-02-09"), None);
        assert_eq!(name(&calendar, "2027-02-08").as_deref(), Some("Carnaval"));
        assert_eq!(name(&calendar, "2028-07-09"), None);
    }

    #[test]
    fn f150_a_year_tells_each_day_once_and_why() {
        let mut calendar = brazil();
        calendar.holidays = vec![
            Holiday {
                date: "12-25".into(),
                name: "Natal em família".into(),
            },
            Holiday {
                date: "2026-06-04".into(),
                name: "Inventário".into(),
            },
            Holiday {
                date: "2027-06-04".into(),
                name: "Outro ano".into(),
            },
            Holiday {
                date: "02-29".into(),
                name: String::new(),
            },
        ];
        let days = calendar.days(2026);
        assert!(days.is_sorted_by_key(|day| day.date));
        let of = |date: &str| {
            days.iter()
                .filter(|one| one.date == day(date))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("2026-12-25").len(), 1);
        assert_eq!(of("2026-12-25")[0].kind, CalendarDayKind::Own);
        assert_eq!(of("2026-06-04")[0].name, "Inventário");
        assert_eq!(of("2026-07-09")[0].kind, CalendarDayKind::Regional);
        assert_eq!(days.len(), 10 + 1 + 1);
        assert_eq!(calendar.days(2028).len(), 10 + 1 + 1);
    }

    #[test]
    fn f150_countries_regions_and_days_that_are_not_known_are_refused() {
        let mut calendar = brazil();
        assert_eq!(problems(&mut calendar), [""; 0]);
        calendar.region = Some("XX".into());
        calendar.workdays = vec!["30-02".into()];
        calendar.holidays = vec![Holiday {
            date: "2026-02-30".into(),
            name: String::new(),
        }];
        assert_eq!(
            problems(&mut calendar),
            ["region", "workdays[0]", "holidays[0].date"]
        );
        calendar = Calendar {
            country: Some("GB".into()),
            ..brazil()
        };
        assert_eq!(problems(&mut calendar), ["country", "region"]);
    }
}
