//! Lists of holidays (F150).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::nested;
use crate::problem::code;
use crate::{Object, Problems, Reference, text};

/// A list of holidays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// 1-64 characters, unique.
    pub name: String,
    /// The days, at most 1000.
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

impl Calendar {
    /// The holiday on a day, if it is one.
    pub fn holiday(&self, day: Date) -> Option<&Holiday> {
        let (whole, yearly) = (day.to_string(), day.strftime("%m-%d").to_string());
        let mut holidays = self.holidays.iter();
        holidays.find(|holiday| holiday.date == whole || holiday.date == yearly)
    }
}

impl Holiday {
    fn has_a_date(&self) -> bool {
        let every_year = || format!("2024-{}", self.date).parse::<Date>().is_ok();
        match self.date.len() {
            10 => self.date.parse::<Date>().is_ok(),
            // A leap year has all days.
            5 => every_year(),
            _ => false,
        }
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
        text::at_most(problems, "holidays", self.holidays.len(), 1000);
        for (index, holiday) in self.holidays.iter_mut().enumerate() {
            nested(problems, &format!("holidays[{index}]"), |inner| {
                holiday.date = holiday.date.trim().to_owned();
                if !holiday.has_a_date() {
                    let message = format!("`{}` is not a day", holiday.date);
                    inner.add("date", code::INVALID, Some("2026-09-07 or 09-07"), message);
                }
                holiday.name = text::line(inner, "name", &holiday.name, 0, 64);
            });
        }
    }

    fn references(&self, _: &mut dyn FnMut(Reference)) {}
}
