//! Latin American Spanish. `uno` loses its end before masculine nouns, `mil` and `millones`; hundreds agree with what is
//! counted (RAE, "Diccionario panhispánico de dudas", article on cardinals).

use jiff::civil::Date;

use crate::{
    Agreement, Grammar, Names, Unit, groups, push, push_below_100, push_month, push_weekday, year,
};

#[derive(Debug)]
pub(crate) struct Spanish;

impl Grammar for Spanish {
    fn number(&self, number: u32, agreement: Agreement, names: &mut Names) {
        let (millions, thousands, rest) = groups(number);
        if millions > 0 {
            // A masculine noun.
            below_1000(millions, Agreement::Masculine, false, names);
            push(names, if millions == 1 { "million" } else { "millions" });
        }
        let feminine = agreement == Agreement::Feminine;
        if thousands > 0 {
            if thousands > 1 {
                // `doscientas veintiún mil horas`: the hundreds agree, `un` goes with `mil`.
                below_1000(thousands, Agreement::Masculine, feminine, names);
            }
            push(names, "thousand");
        }
        if rest > 0 || number == 0 {
            below_1000(rest, agreement, feminine, names);
        }
    }

    fn ordinal(&self, number: u8, names: &mut Names) {
        let (tens, units) = (number / 10 * 10, number % 10);
        if number < 20 || units == 0 {
            names.push(format!("ordinal-{number}"));
        } else {
            names.push(format!("ordinal-{tens}"));
            names.push(format!("ordinal-{units}"));
        }
    }

    fn counted(&self, count: u32, unit: Unit, names: &mut Names) {
        let agreement = match unit {
            Unit::Hour => Agreement::Feminine,
            _ => Agreement::Masculine,
        };
        self.number(count, agreement, names);
        let one = count == 1;
        push(names, if one { unit.singular() } else { unit.plural() });
    }

    fn time_now(&self, hour: u8, minute: u8, names: &mut Names) {
        if hour == 1 {
            push(names, "time-is-one");
            push(names, "number-1-f");
        } else {
            push(names, "time-is");
            self.counted(hour.into(), Unit::Hour, names);
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
        let ones = (0..10).map(|tens| 10 * tens + 1);
        ones.filter(|number| *number != 11)
            .flat_map(|number| [format!("number-{number}-m"), format!("number-{number}-f")])
            .chain((2..10).map(|hundreds| format!("number-{}-f", 100 * hundreds)))
            .chain((1..10).map(|hundreds| format!("number-{}", 100 * hundreds)))
            .chain((1..20).map(|number| format!("ordinal-{number}")))
            .chain((2..10).map(|tens| format!("ordinal-{}", 10 * tens)))
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

/// `units` is what the last two digits agree with; the hundreds are feminine or not.
fn below_1000(number: u32, units: Agreement, feminine: bool, names: &mut Names) {
    let (hundreds, rest) = (number / 100 * 100, number % 100);
    match hundreds {
        0 => {}
        100 if rest == 0 => push(names, "number-100"),
        100 => push(names, "number-100-and"),
        _ if feminine => names.push(format!("number-{hundreds}-f")),
        _ => names.push(format!("number-{hundreds}")),
    }
    if rest > 0 || number == 0 {
        let ending = match units {
            Agreement::Masculine => "-m",
            Agreement::Feminine => "-f",
            Agreement::Alone => "",
        };
        if rest % 10 == 1 && rest != 11 {
            names.push(format!("number-{rest}{ending}"));
        } else {
            push_below_100(names, rest);
        }
    }
}
