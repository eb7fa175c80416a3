//! Indonesian: no gender, no plural; one hundred and one thousand are words of their own (`seratus`, `seribu`).

use jiff::civil::Date;

use crate::{
    Agreement, Grammar, Names, Unit, groups, push, push_below_100, push_month, push_weekday, year,
};

#[derive(Debug)]
pub(crate) struct Indonesian;

impl Grammar for Indonesian {
    fn number(&self, number: u32, _: Agreement, names: &mut Names) {
        let (millions, thousands, rest) = groups(number);
        if millions > 0 {
            below_1000(millions, names);
            push(names, "million");
        }
        match thousands {
            0 => {}
            1 => push(names, "one-thousand"),
            _ => {
                below_1000(thousands, names);
                push(names, "thousand");
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
            // `kedua puluh satu`: the first word alone takes the prefix.
            names.push(format!("ordinal-{tens}"));
            push_below_100(names, units.into());
        }
    }

    fn counted(&self, count: u32, unit: Unit, names: &mut Names) {
        self.number(count, Agreement::Alone, names);
        push(names, unit.singular());
    }

    fn joins_the_last(&self) -> bool {
        false
    }

    fn time_now(&self, hour: u8, minute: u8, names: &mut Names) {
        push(names, "time-is");
        push_below_100(names, hour.into());
        if minute == 0 {
            push(names, "exactly");
        } else {
            push(names, "past");
            self.counted(minute.into(), Unit::Minute, names);
        }
    }

    fn date(&self, date: Date, names: &mut Names) {
        push_weekday(names, date);
        push_below_100(names, date.day().unsigned_abs().into());
        push_month(names, date);
        self.number(year(date), Agreement::Alone, names);
    }

    fn vocabulary(&self) -> Names {
        (1..20)
            .map(|number| format!("ordinal-{number}"))
            .chain((2..10).map(|tens| format!("ordinal-{}", 10 * tens)))
            .chain(
                [
                    "hundred",
                    "one-hundred",
                    "thousand",
                    "one-thousand",
                    "million",
                    "past",
                    "exactly",
                ]
                .map(str::to_owned),
            )
            .collect()
    }
}

fn below_1000(number: u32, names: &mut Names) {
    let (hundreds, rest) = (number / 100, number % 100);
    match hundreds {
        0 => {}
        1 => push(names, "one-hundred"),
        _ => {
            push_below_100(names, hundreds);
            push(names, "hundred");
        }
    }
    if rest > 0 || number == 0 {
        push_below_100(names, rest);
    }
}
