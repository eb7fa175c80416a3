//! By what rule a day of a year is a holiday.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

/// The day as it is written into law, before it gives way to a weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A month and its day, every year.
    Yearly(i8, i8),
    /// That day of every year which leaves `remainder` when divided by `every`.
    EveryYears {
        month: i8,
        day: i8,
        every: i16,
        remainder: i16,
    },
    /// Days after Easter Sunday of the western churches; before it when negative.
    Easter(i16),
    /// A weekday of a month: the first with 1, the last with -1.
    Weekday(i8, Weekday, i8),
    /// Days of single years, such as those by decree or by the moon: year, month, day.
    Listed(&'static [(i16, i8, i8)]),
    /// The winter solstice of the south in Chilean time: 20 June of a leap year and the year after it, else 21 June. Right until
    /// 2040 at least.
    JuneSolstice,
}

/// Where a holiday goes that falls on an unhandy weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It stays.
    Never,
    /// To the next Monday, unless it is one (Colombia, Ley 51 de 1983).
    NextMonday,
    /// Tuesday and Wednesday to the Monday before, Thursday and Friday to the one after, unless that is 20 June, a holiday itself
    /// (Argentina, Ley 27.399).
    NearMonday,
    /// Tuesday to Thursday to the Monday before, Friday to the one after (Chile, Ley 19.668).
    ChileanMonday,
    /// Tuesday to the Friday before, Wednesday to the one after (Chile, Ley 20.299).
    ChileanFriday,
    /// Tuesday to Thursday to the Friday after (Acre, Lei 2.247/2009).
    FridayAfter,
    /// Weekdays to the next Sunday (Santa Catarina, Lei 12.906/2004).
    NextSunday,
    /// It stays; Saturday gives the Friday before too, Sunday the Monday after (United States, 5 USC 6103).
    Observed,
    /// It is one only on this weekday.
    Only(Weekday),
}

impl Rule {
    /// The days that the rule names in a year.
    fn days(self, year: i16) -> Vec<Date> {
        let day = |month, day| Date::new(year, month, day).ok();
        match self {
            Rule::Yearly(month, of) => day(month, of).into_iter().collect(),
            Rule::EveryYears {
                month,
                day: of,
                every,
                remainder,
            } => {
                let turn = year.rem_euclid(every) == remainder;
                day(month, of).filter(|_| turn).into_iter().collect()
            }
            Rule::Easter(days) => easter(year)
                .and_then(|easter| easter.checked_add(i64::from(days).days()).ok())
                .into_iter()
                .collect(),
            Rule::Weekday(nth, weekday, month) => day(month, 1)
                .and_then(|first| first.nth_weekday_of_month(nth, weekday).ok())
                .into_iter()
                .collect(),
            Rule::Listed(listed) => {
                let of_year = listed.iter().filter(|(of, ..)| *of == year);
                of_year
                    .filter_map(|(_, month, of)| day(*month, *of))
                    .collect()
            }
            Rule::JuneSolstice => {
                let of = if year.rem_euclid(4) < 2 { 20 } else { 21 };
                day(6, of).into_iter().collect()
            }
        }
    }

    /// The days on which nobody works by the rule. One that moves over the turn of a year counts where it began.
    pub fn holidays(self, moved: Moved, year: i16) -> Vec<Date> {
        let days = self.days(year).into_iter();
        days.flat_map(|day| moved.places(day)).collect()
    }
}

impl Moved {
    fn places(self, day: Date) -> Vec<Date> {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let weekday = day.weekday();
        let after = |wanted| day.nth_weekday(1, wanted).unwrap_or(day);
        let before = |wanted| day.nth_weekday(-1, wanted).unwrap_or(day);
        match (self, weekday) {
            (Moved::NextMonday, Tuesday | Wednesday | Thursday | Friday | Saturday | Sunday) => {
                vec![after(Monday)]
            }
            (Moved::NearMonday, Tuesday | Wednesday) => vec![before(Monday)],
            (Moved::NearMonday, Thursday | Friday) => {
                let monday = after(Monday);
                let taken = (monday.month(), monday.day()) == (6, 20);
                vec![if taken { day } else { monday }]
            }
            (Moved::ChileanMonday, Tuesday | Wednesday | Thursday) => vec![before(Monday)],
            (Moved::ChileanMonday, Friday) => vec![after(Monday)],
            (Moved::ChileanFriday, Tuesday) => vec![before(Friday)],
            (Moved::ChileanFriday, Wednesday) => vec![after(Friday)],
            (Moved::FridayAfter, Tuesday | Wednesday | Thursday) => vec![after(Friday)],
            (Moved::NextSunday, _) if weekday != Sunday => vec![after(Sunday)],
            (Moved::Observed, Saturday) => vec![before(Friday), day],
            (Moved::Observed, Sunday) => vec![day, after(Monday)],
            (Moved::Only(wanted), _) if weekday != wanted => Vec::new(),
            _ => vec![day],
        }
    }
}

/// Easter Sunday of the western churches, by the computus of the Gregorian calendar (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let moon =
        (19 * golden + century - century / 4 - (century - (century + 8) / 25 + 1) / 3 + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let count = moon + weekday - 7 * late + 114;
    let (month, day) = (count / 31, count % 31 + 1);
    Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_of_the_earliest_the_latest_and_an_irregular_year() {
        for (year, month, day) in [
            (1818, 3, 22),
            (1943, 4, 25),
            (1954, 4, 18),
            (1981, 4, 19),
            (2026, 4, 5),
            (2285, 3, 22),
        ] {
            assert_eq!(easter(year), Date::new(year, month, day).ok(), "{year}");
        }
    }
}
