//! Brazilian Portuguese. `e` comes between hundreds, tens and units, and before the last group of a number when that is
//! below 100 or whole hundreds (Cunha & Cintra, "Nova gramática do português contemporâneo", chapter of numerals).

use jiff::civil::Date;

use crate::{
    Agreement, Grammar, Names, Unit, groups, push, push_below_100, push_month, push_weekday, year,
};

#[derive(Debug)]
pub(crate) struct Portuguese;

impl Grammar for Portuguese {
    fn number(&self, number: u32, agreement: Agreement, names: &mut Names) {
        let (millions, thousands, rest) = groups(number);
        if millions > 0 {
            // A noun of its own, and a masculine one.
            below_1000(millions, false, names);
            push(names, if millions == 1 { "million" } else { "millions" });
        }
        let feminine = agreement == Agreement::Feminine;
        if thousands > 0 {
            if millions > 0 && rest == 0 && is_joined(thousands) {
                push(names, "and");
            }
            if thousands > 1 {
                below_1000(thousands, feminine, names);
            }
            push(names, "thousand");
        }
        if rest > 0 || number == 0 {
            if number > rest && is_joined(rest) {
                push(names, "and");
            }
            below_1000(rest, feminine, names);
        }
    }

    fn ordinal(&self, number: u8, names: &mut Names) {
        let (tens, units) = (number / 10 * 10, number % 10);
        if tens > 0 {
            names.push(format!("ordinal-{tens}"));
        }
        if units > 0 {
            names.push(format!("ordinal-{units}"));
        }
    }

    fn counted(&self, count: u32, unit: Unit, names: &mut Names) {
        let agreement = match unit {
            Unit::Hour => Agreement::Feminine,
            _ => Agreement::Masculine,
        };
        self.number(count, agreement, names);
        // Zero goes with the singular.
        let one = count < 2;
        push(names, if one { unit.singular() } else { unit.plural() });
    }

    fn time_now(&self, hour: u8, minute: u8, names: &mut Names) {
        let one = matches!(hour, 0 | 1 | 12);
        push(names, if one { "time-is-one" } else { "time-is" });
        match hour {
            0 => push(names, "midnight"),
            12 => push(names, "noon"),
            _ => self.counted(hour.into(), Unit::Hour, names),
        }
        if minute == 0 {
            push(names, "exactly");
        } else {
            push(names, "and");
            self.counted(minute.into(), Unit::Minute, names);
        }
    }

    fn date(&self, date: Date, names: &mut Names) {
        push_weekday(names, date);
        match date.day().unsigned_abs() {
            1 => push(names, "first-of-month"),
            day => push_below_100(names, day.into()),
        }
        push(names, "of");
        push_month(names, date);
        push(names, "of");
        self.number(year(date), Agreement::Alone, names);
    }

    fn vocabulary(&self) -> Names {
        let two = (0..10).flat_map(|tens| [10 * tens + 1, 10 * tens + 2]);
        let feminine = two.filter(|number| !matches!(number, 11 | 12));
        feminine
            .chain((2..10).map(|hundreds| 100 * hundreds))
            .map(|number| format!("number-{number}-f"))
            .chain((1..10).map(|hundreds| format!("number-{}", 100 * hundreds)))
            .chain((1..10).map(|units| format!("ordinal-{units}")))
            .chain((1..10).map(|tens| format!("ordinal-{}", 10 * tens)))
            .chain(
                [
                    "number-100-and",
                    "thousand",
                    "million",
                    "millions",
                    "and",
                    "of",
                    "first-of-month",
                    "time-is-one",
                    "midnight",
                    "noon",
                    "exactly",
                    "days",
                    "hours",
                    "minutes",
                    "seconds",
                ]
                .map(str::to_owned),
            )
            .collect()
    }
}

/// Whether `e` comes before a last group.
fn is_joined(group: u32) -> bool {
    group < 100 || group.is_multiple_of(100)
}

fn below_1000(number: u32, feminine: bool, names: &mut Names) {
    let (hundreds, rest) = (number / 100 * 100, number % 100);
    match hundreds {
        0 => {}
        100 if rest == 0 => push(names, "number-100"),
        100 => push(names, "number-100-and"),
        _ if feminine => names.push(format!("number-{hundreds}-f")),
        _ => names.push(format!("number-{hundreds}")),
    }
    if hundreds > 0 && rest > 0 {
        push(names, "and");
    }
    if rest > 0 || number == 0 {
        if feminine && matches!(rest % 10, 1 | 2) && !matches!(rest, 11 | 12) {
            names.push(format!("number-{rest}-f"));
        } else {
            push_below_100(names, rest);
        }
    }
}
