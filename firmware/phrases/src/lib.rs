//! What the gateway says of numbers, dates, times, durations and places in a queue: pure functions from values to the
//! names of the prompts that are played one after the other, in the grammar of each language.
//!
//! [`Composer`] is what is used. Behind it lies one file for each language (`portuguese`, `spanish`, `indonesian`,
//! `english`); `vocabulary` lists the prompts that a language needs, which `tools/prompts` renders from
//! `rootfs/prompts/<language>.toml`. Numbers up to 99 are prompts of their own, so that they sound as they are spoken;
//! all above is composed of them.

mod english;
mod indonesian;
mod portuguese;
mod spanish;
mod vocabulary;

use std::time::Duration;

use jiff::civil::{Date, Time};
use ramal_model::Language;

pub use vocabulary::vocabulary;

/// The highest number that is spoken as one; above it digits are read.
pub const HIGHEST: u32 = 999_999_999;

/// What a number agrees with, in languages whose numbers do: `um`, `uma`; `uno`, `un`, `una`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Nothing follows: `dois`, `veintiuno`.
    Alone,
    /// A masculine noun follows: `dois minutos`, `veintiún minutos`.
    Masculine,
    /// A feminine noun follows, or is meant: `duas horas`, `veintiuna horas`.
    Feminine,
}

/// Names of prompts in the order in which they are played.
pub type Names = Vec<String>;

/// Composes what is said in one language.
#[derive(Clone, Copy, Debug)]
pub struct Composer {
    grammar: &'static dyn Grammar,
}

impl Composer {
    /// For a language.
    #[must_use]
    pub fn new(language: Language) -> Self {
        Self {
            grammar: grammar(language),
        }
    }

    /// A number as a word; one above [`HIGHEST`] digit by digit.
    #[must_use]
    pub fn number(self, number: u32, agreement: Agreement) -> Names {
        let mut names = Names::new();
        if number > HIGHEST {
            return self.digits(&number.to_string());
        }
        self.grammar.number(number, agreement, &mut names);
        names
    }

    /// A telephone number digit by digit. `+`, `*` and `#` are read too, everything else (spaces, dashes, letters) is not.
    #[must_use]
    pub fn digits(self, telephone_number: &str) -> Names {
        telephone_number
            .chars()
            .filter_map(|character| match character {
                '0'..='9' => Some(format!("digit-{character}")),
                '+' => Some("plus".to_owned()),
                '*' => Some("star".to_owned()),
                '#' => Some("pound".to_owned()),
                _ => None,
            })
            .collect()
    }

    /// A sentence with the time of day, to the minute: "agora são treze horas e cinco minutos".
    #[must_use]
    pub fn time_now(self, time: Time) -> Names {
        let (hour, minute) = clock(time);
        let mut names = Names::new();
        self.grammar.time_now(hour, minute, &mut names);
        names
    }

    /// The time of day without a sentence around it: "treze horas e cinco minutos".
    #[must_use]
    pub fn time_of_day(self, time: Time) -> Names {
        let mut names = self.time_now(time);
        names.retain(|name| !name.starts_with("time-is"));
        names
    }

    /// A sentence with the date: "hoje é sexta-feira, vinte e um de novembro de dois mil e vinte e seis".
    #[must_use]
    pub fn date_today(self, date: Date) -> Names {
        let mut names = vec!["date-is".to_owned()];
        self.grammar.date(date, &mut names);
        names
    }

    /// A date with its day of the week and year.
    #[must_use]
    pub fn date(self, date: Date) -> Names {
        let mut names = Names::new();
        self.grammar.date(date, &mut names);
        names
    }

    /// How long something takes, in days, hours, minutes and seconds, without those that are zero. Parts of a second are
    /// left out; more than [`HIGHEST`] days are that many.
    #[must_use]
    pub fn duration(self, duration: Duration) -> Names {
        let seconds = duration.as_secs();
        let days = u32::try_from(seconds / 86_400).map_or(HIGHEST, |days| days.min(HIGHEST));
        let parts = [
            (days, Unit::Day),
            ((seconds / 3_600 % 24) as u32, Unit::Hour),
            ((seconds / 60 % 60) as u32, Unit::Minute),
            ((seconds % 60) as u32, Unit::Second),
        ];
        let mut there: Vec<_> = parts.into_iter().filter(|(count, _)| *count > 0).collect();
        if there.is_empty() {
            there.push((0, Unit::Second));
        }
        let mut names = Names::new();
        let last = there.len() - 1;
        for (index, (count, unit)) in there.into_iter().enumerate() {
            if index > 0 && index == last && self.grammar.joins_the_last() {
                push(&mut names, "and");
            }
            self.grammar.counted(count, unit, &mut names);
        }
        names
    }

    /// A sentence with a caller's place in a queue, 1 for the one who is next: "a sua chamada é a terceira da fila".
    #[must_use]
    pub fn position(self, place: u32) -> Names {
        let mut names = Names::new();
        let Ok(ordinal @ 1..=99) = u8::try_from(place) else {
            push(&mut names, "position-number");
            names.extend(self.number(place, Agreement::Alone));
            return names;
        };
        push(&mut names, "position-before");
        self.grammar.ordinal(ordinal, &mut names);
        push(&mut names, "position-after");
        names
    }
}

/// What is counted in durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Day,
    Hour,
    Minute,
    Second,
}

impl Unit {
    fn singular(self) -> &'static str {
        match self {
            Unit::Day => "day",
            Unit::Hour => "hour",
            Unit::Minute => "minute",
            Unit::Second => "second",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Unit::Day => "days",
            Unit::Hour => "hours",
            Unit::Minute => "minutes",
            Unit::Second => "seconds",
        }
    }
}

/// The grammar of one language.
trait Grammar: std::fmt::Debug + Sync {
    /// A number up to [`HIGHEST`].
    fn number(&self, number: u32, agreement: Agreement, names: &mut Names);
    /// The ordinal of 1 to 99 that agrees with the call in `position-before`.
    fn ordinal(&self, number: u8, names: &mut Names);
    /// A number with its unit.
    fn counted(&self, count: u32, unit: Unit, names: &mut Names);
    /// Whether "and" comes before the last of several units.
    fn joins_the_last(&self) -> bool {
        true
    }
    /// The sentence of the speaking clock.
    fn time_now(&self, hour: u8, minute: u8, names: &mut Names);
    /// A date.
    fn date(&self, date: Date, names: &mut Names);
    /// The prompts that this language needs besides those that all have.
    fn vocabulary(&self) -> Names;
}

fn grammar(language: Language) -> &'static dyn Grammar {
    match language {
        Language::PtBr => &portuguese::Portuguese,
        Language::Es => &spanish::Spanish,
        Language::Id => &indonesian::Indonesian,
        Language::En => &english::English,
    }
}

fn clock(time: Time) -> (u8, u8) {
    (time.hour().unsigned_abs(), time.minute().unsigned_abs())
}

fn push(names: &mut Names, name: &str) {
    names.push(name.to_owned());
}

/// One of the prompts `number-0` to `number-99`.
fn push_below_100(names: &mut Names, number: u32) {
    names.push(format!("number-{number}"));
}

fn push_month(names: &mut Names, date: Date) {
    names.push(format!("month-{}", date.month()));
}

fn push_weekday(names: &mut Names, date: Date) {
    names.push(format!("weekday-{}", date.weekday().to_monday_one_offset()));
}

/// Years as numbers; those before year 0 are not told apart.
fn year(date: Date) -> u32 {
    u32::from(date.year().unsigned_abs())
}

/// Millions, thousands and the rest.
fn groups(number: u32) -> (u32, u32, u32) {
    (number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
}
