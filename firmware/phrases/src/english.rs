//! American English: twelve hours, no "and" inside numbers, years in pairs (The Chicago Manual of Style, chapter 9).

use jiff::civil::Date;

use crate::{
    Agreement, Grammar, Names, Unit, groups, push, push_below_100, push_month, push_weekday, year,
};

#[derive(Debug)]
pub(crate) struct English;

impl Grammar for English {
    fn number(&self, number: u32, _: Agreement, names: &mut Names) {
        let (millions, thousands, rest) = groups(number);
        for (count, name) in [(millions, "million"), (thousands, "thousand")] {
            if count > 0 {
                below_1000(count, names);
                push(names, name);
            }
        }
        if rest > 0 || number == 0 {
            below_1000(rest, names);
        }
    }

    fn ordinal(&self, number: u8, names: &mut Names) {
        let (tens, units) = (number / 10 * 10, number % 10);
        if number < 20 || units == 0 {
            names.push(format!("ordinal-{number}"));
        } else {
            push_below_100(names, tens.into());
            names.push(format!("ordinal-{units}"));
        }
    }

    fn counted(&self, count: u32, unit: Unit, names: &mut Names) {
        self.number(count, Agreement::Alone, names);
        let one = count == 1;
        push(names, if one { unit.singular() } else { unit.plural() });
    }

    fn time_now(&self, hour: u8, minute: u8, names: &mut Names) {
        push(names, "time-is");
        push_below_100(names, (u32::from(hour) + 11) % 12 + 1);
        match (hour, minute) {
            (0, 0) => return push(names, "midnight"),
            (12, 0) => return push(names, "noon"),
            (_, 0) => {}
            (_, 1..10) => {
                push(names, "oh");
                push_below_100(names, minute.into());
            }
            _ => push_below_100(names, minute.into()),
        }
        push(names, if hour < 12 { "am" } else { "pm" });
    }

    fn date(&self, date: Date, names: &mut Names) {
        push_weekday(names, date);
        push_month(names, date);
        self.ordinal(date.day().unsigned_abs(), names);
        let year = year(date);
        let (century, rest) = (year / 100, year % 100);
        // 2005 and 1000 are numbers, all between 1100 and 9999 else pairs: 1905, 1900, 2026.
        if !(11..100).contains(&century) || (century.is_multiple_of(10) && rest < 10) {
            return self.number(year, Agreement::Alone, names);
        }
        push_below_100(names, century);
        match rest {
            0 => push(names, "hundred"),
            1..10 => {
                push(names, "oh");
                push_below_100(names, rest);
            }
            _ => push_below_100(names, rest),
        }
    }

    fn vocabulary(&self) -> Names {
        (1..20)
            .map(|number| format!("ordinal-{number}"))
            .chain((2..10).map(|tens| format!("ordinal-{}", 10 * tens)))
            .chain(
                [
                    "hundred", "thousand", "million", "and", "oh", "am", "pm", "midnight", "noon",
                    "days", "hours", "minutes", "seconds",
                ]
                .map(str::to_owned),
            )
            .collect()
    }
}

fn below_1000(number: u32, names: &mut Names) {
    let (hundreds, rest) = (number / 100, number % 100);
    if hundreds > 0 {
        push_below_100(names, hundreds);
        push(names, "hundred");
    }
    if rest > 0 || number == 0 {
        push_below_100(names, rest);
    }
}
