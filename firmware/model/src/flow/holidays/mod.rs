//! Public holidays by country and region (F150).
//!
//! Rules of law, so that every year has its days without anybody entering them: fixed days, days by Easter, weekdays of a month, and
//! where they move. What a government decrees for single years, or what the moon decides, is listed by year; what is listed before the
//! decree is `estimated`. `expected.txt` holds what the Python package `holidays` (0.109) finds for the same countries.

mod americas;
mod brazil;
mod elsewhere;
mod rule;

use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use rule::{Moved, Rule};

/// A day that the law gives off, or custom.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    /// What it is called, in the country's language.
    name: &'static str,
    rule: Rule,
    moved: Moved,
    /// The region whose law it is; everywhere when blank.
    region: &'static str,
    /// No law gives the day off, and many rest all the same.
    optional: bool,
    /// From this year on, what is listed was not decreed yet when it was listed.
    estimated_from: i16,
}

impl Row {
    const fn of(rule: Rule, name: &'static str) -> Self {
        Row {
            name,
            rule,
            moved: Moved::Never,
            region: "",
            optional: false,
            estimated_from: i16::MAX,
        }
    }

    const fn moved(mut self, moved: Moved) -> Self {
        self.moved = moved;
        self
    }

    const fn by(mut self, region: &'static str) -> Self {
        self.region = region;
        self
    }

    const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    const fn estimated_from(mut self, year: i16) -> Self {
        self.estimated_from = year;
        self
    }
}

const fn day(month: i8, day: i8, name: &'static str) -> Row {
    Row::of(Rule::Yearly(month, day), name)
}

const fn easter(days: i16, name: &'static str) -> Row {
    Row::of(Rule::Easter(days), name)
}

/// A country whose public holidays are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HolidayCountry {
    /// ISO 3166-1 alpha-2 code.
    pub code: &'static str,
    /// Its regions with holidays of their own, by the second part of their ISO 3166-2 code.
    pub regions: &'static [&'static str],
    #[serde(skip)]
    rows: &'static [Row],
}

const fn country(code: &'static str, rows: &'static [Row]) -> HolidayCountry {
    HolidayCountry {
        code,
        regions: &[],
        rows,
    }
}

/// The countries whose public holidays are known, by code.
pub static HOLIDAY_COUNTRIES: [HolidayCountry; 12] = [
    country("AR", americas::ARGENTINA),
    HolidayCountry {
        code: "BR",
        regions: &brazil::STATES,
        rows: brazil::BRAZIL,
    },
    country("CL", americas::CHILE),
    country("CO", americas::COLOMBIA),
    country("ES", elsewhere::SPAIN),
    country("ID", elsewhere::INDONESIA),
    country("MX", americas::MEXICO),
    country("PE", americas::PERU),
    country("PT", elsewhere::PORTUGAL),
    country("US", americas::UNITED_STATES),
    country("UY", americas::URUGUAY),
    country("VE", americas::VENEZUELA),
];

/// A public holiday of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicHoliday {
    /// The day.
    pub date: Date,
    /// What it is called, in the country's language.
    pub name: &'static str,
    /// Whether it is the region's alone.
    pub regional: bool,
    /// Whether no law gives it off, and many rest all the same.
    pub optional: bool,
    /// Whether the government decides on the day, and had not yet when it was listed.
    pub estimated: bool,
}

impl HolidayCountry {
    /// The country with this code.
    pub fn of(code: &str) -> Option<&'static Self> {
        HOLIDAY_COUNTRIES
            .iter()
            .find(|country| country.code == code)
    }

    /// The holidays of a year in order, those of a region besides the country's and, if wanted, the optional ones.
    pub fn holidays(&self, region: Option<&str>, optional: bool, year: i16) -> Vec<PublicHoliday> {
        let rows = self.rows.iter();
        let counting = rows.filter(|row| {
            (row.region.is_empty() || region == Some(row.region)) && (optional || !row.optional)
        });
        // A day may move into the year from the next or from the one before.
        let mut days: Vec<PublicHoliday> = counting
            .flat_map(|row| {
                let years = [year.saturating_sub(1), year, year.saturating_add(1)];
                let dates = years
                    .into_iter()
                    .flat_map(|of| row.rule.holidays(row.moved, of));
                dates
                    .filter(|date| date.year() == year)
                    .map(|date| PublicHoliday {
                        date,
                        name: row.name,
                        regional: !row.region.is_empty(),
                        optional: row.optional,
                        estimated: year >= row.estimated_from,
                    })
            })
            .collect();
        days.sort_by_key(|holiday| (holiday.date, holiday.regional, holiday.optional));
        days
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which days there are, by country or `BR-state` and year, each once.
    fn days(of: &str, year: i16) -> Vec<String> {
        let (country, region) = of
            .split_once('-')
            .map_or((of, None), |(country, region)| (country, Some(region)));
        let country = HolidayCountry::of(country).unwrap();
        let mut days: Vec<String> = country
            .holidays(region, false, year)
            .into_iter()
            .map(|holiday| holiday.date.strftime("%m-%d").to_string())
            .collect();
        days.dedup();
        days
    }

    #[test]
    fn f150_holidays_are_those_that_others_find() {
        let (mut lines, mut wrong) = (0, Vec::new());
        for line in include_str!("expected.txt").lines() {
            let mut words = line.split(' ');
            let (of, year) = (words.next().unwrap(), words.next().unwrap());
            let mut expected: Vec<&str> = words.collect();
            let mut ours = days(of, year.parse().unwrap());
            if of == "ES" {
                // The communities choose another day for what falls on a Sunday.
                let sunday = |day: &str| {
                    let date: Date = format!("{year}-{day}").parse().unwrap();
                    date.weekday() == jiff::civil::Weekday::Sunday
                };
                ours.retain(|day| !sunday(day));
                expected.retain(|day| !sunday(day));
            }
            if ours != expected {
                let missing: Vec<_> = expected
                    .iter()
                    .filter(|day| !ours.iter().any(|one| one == *day))
                    .collect();
                let more: Vec<_> = ours
                    .iter()
                    .filter(|day| !expected.contains(&day.as_str()))
                    .collect();
                wrong.push(format!("{of} {year}: missing {missing:?}, more {more:?}"));
            }
            lines += 1;
        }
        assert_eq!(lines, 201);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn f150_carnival_is_optional_in_brazil_and_law_in_rio() {
        let brazil = HolidayCountry::of("BR").unwrap();
        let carnival: Date = "2026-02-17".parse().unwrap();
        let rests = |region, optional| {
            let mut days = brazil.holidays(region, optional, 2026).into_iter();
            days.any(|holiday| holiday.date == carnival)
        };
        assert!(
            !rests(None, false)
                && rests(None, true)
                && rests(Some("RJ"), false)
                && !rests(Some("SP"), false)
        );
    }
}
