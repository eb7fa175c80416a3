//! Holidays out of iCalendar files (RFC 5545), as calendars of offices and governments are handed on.
//!
//! A holiday is an event of whole days. Each of its days becomes a date of its own; one that comes every year becomes a date without
//! its year. What is no holiday is told, event by event.
//!
//! Only content lines are read, one after the other: parsers of whole calendars (icalendar 0.17) overflow the stack on nested
//! components and panic on long lines, and files come from anywhere.

use std::collections::BTreeSet;

use axum::extract::{FromRequest, Request};
use jiff::ToSpan;
use jiff::civil::Date;
use ramal_model::{Holiday, Invalid, code};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::text_body;

/// Days of one event; longer ones are no holidays.
const MOST_DAYS: i32 = 31;
/// Events of a file.
const MOST_EVENTS: usize = 5000;

/// A request body that is an iCalendar file.
pub struct HolidayFileBody(pub String);

impl<S: Send + Sync> FromRequest<S> for HolidayFileBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        text_body::read(request, "text/calendar").await.map(Self)
    }
}

/// What a file of holidays holds.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct HolidayFile {
    /// The days, in order, each once; ready for the `holidays` of a calendar.
    pub holidays: Vec<Holiday>,
    /// Events that are no holidays.
    pub left_out: Vec<LeftOut>,
}

/// An event of a file that is no holiday.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LeftOut {
    /// What it is called; blank when it says nothing.
    pub name: String,
    /// Why it was left out.
    pub reason: LeftOutReason,
}

/// Why an event is no holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// It does not say when it begins, or in no way that is understood.
    NoDate,
    /// It takes hours, not days.
    Hours,
    /// It takes more than 31 days.
    TooLong,
    /// It comes again by another rule than every year on its day.
    Rule,
    /// It was called off.
    Cancelled,
}

impl HolidayFile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no iCalendar file, or has more than 5,000 events.
    pub fn read(text: &str) -> Result<Self, Invalid> {
        // Editors put a byte order mark there.
        let lines = unfolded(text.trim_start_matches('\u{feff}').trim());
        let mut lines = lines.iter().map(|line| Line::of(line));
        if !lines
            .next()
            .is_some_and(|first| first.is("BEGIN", "VCALENDAR"))
        {
            return Err(refused(
                "the file is no iCalendar file: it does not begin with BEGIN:VCALENDAR",
            ));
        }
        let (mut file, mut seen, mut count) = (Self::default(), BTreeSet::new(), 0);
        let mut event: Option<Event> = None;
        // Components inside an event, such as reminders, and whether the file is whole.
        let (mut inside, mut whole) = (0_usize, false);
        for line in lines {
            match &mut event {
                _ if line.is("END", "VCALENDAR") => whole = true,
                None if line.is("BEGIN", "VEVENT") => {
                    event = Some(Event::default());
                    count += 1;
                }
                None => {}
                Some(_) if line.name == "BEGIN" => inside += 1,
                Some(_) if line.name == "END" && inside > 0 => inside -= 1,
                Some(read) if line.name == "END" => {
                    file.take(read, &mut seen);
                    event = None;
                }
                Some(read) if inside == 0 => read.note(line),
                Some(_) => {}
            }
            if count > MOST_EVENTS {
                let message = "the file has too many events";
                return Err(Invalid::one("", code::INVALID, Some("5000"), message));
            }
        }
        if !whole || event.is_some() {
            return Err(refused(
                "the file breaks off: it does not end with END:VCALENDAR",
            ));
        }
        file.holidays
            .sort_by(|one, other| one.date.cmp(&other.date));
        Ok(file)
    }

    fn take(&mut self, event: &Event, seen: &mut BTreeSet<String>) {
        let name: String = event.summary.trim().chars().take(64).collect();
        match event.dates() {
            Ok(dates) => {
                let new = dates.into_iter().filter(|date| seen.insert(date.clone()));
                self.holidays.extend(new.map(|date| Holiday {
                    date,
                    name: name.clone(),
                }));
            }
            Err(reason) => self.left_out.push(LeftOut { name, reason }),
        }
    }
}

fn refused(message: &str) -> Invalid {
    Invalid::one("", code::INVALID, None, message)
}

/// Content lines with their continuations (RFC 5545 §3.1).
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    lines
}

/// A content line.
#[derive(Debug)]
struct Line<'a> {
    /// In capitals.
    name: String,
    value: &'a str,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        // A colon in quotes belongs to a parameter.
        let mut quoted = false;
        let end = line.char_indices().find_map(|(at, letter)| {
            quoted ^= letter == '"';
            (letter == ':' && !quoted).then_some(at)
        });
        let (head, value) = end
            .and_then(|at| line.split_at_checked(at))
            .unwrap_or((line, ""));
        let name = head.split(';').next().unwrap_or_default();
        Self {
            name: name.trim().to_ascii_uppercase(),
            value: value.strip_prefix(':').unwrap_or(value).trim(),
        }
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.name == name && self.value.eq_ignore_ascii_case(value)
    }
}

/// What of an event counts.
#[derive(Debug, Default)]
struct Event {
    summary: String,
    start: String,
    end: String,
    rule: Option<String>,
    cancelled: bool,
}

impl Event {
    fn note(&mut self, line: Line<'_>) {
        match line.name.as_str() {
            "SUMMARY" => self.summary = unescaped(line.value),
            "DTSTART" => self.start = line.value.to_owned(),
            "DTEND" => self.end = line.value.to_owned(),
            "RRULE" => self.rule = Some(line.value.to_owned()),
            "STATUS" => self.cancelled = line.value.eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
    }

    fn dates(&self) -> Result<Vec<String>, LeftOutReason> {
        if self.cancelled {
            return Err(LeftOutReason::Cancelled);
        }
        if self.start.contains(['T', 't']) {
            return Err(LeftOutReason::Hours);
        }
        let start = date(&self.start).ok_or(LeftOutReason::NoDate)?;
        // The day after the last; without it, it is one day (RFC 5545 §3.6.1).
        let days = date(&self.end).map_or(1, |end| (end - start).get_days());
        if days > MOST_DAYS {
            return Err(LeftOutReason::TooLong);
        }
        let yearly = match &self.rule {
            None => false,
            Some(rule) if comes_every_year(rule, start) => true,
            Some(_) => return Err(LeftOutReason::Rule),
        };
        let dates = (0..days.max(1)).filter_map(|after| start.checked_add(after.days()).ok());
        Ok(dates
            .map(|date| match yearly {
                true => date.strftime("%m-%d").to_string(),
                false => date.to_string(),
            })
            .collect())
    }
}

/// A date such as `20261225` (RFC 5545 §3.3.4).
fn date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A text without its escapes (RFC 5545 §3.3.11), on one line.
fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => ' ',
                Some(escaped) => escaped,
                None => break,
            },
            letter => letter,
        });
    }
    plain
}

/// Whether a rule (RFC 5545 §3.3.10) means this day of every year, without an end.
fn comes_every_year(rule: &str, start: Date) -> bool {
    rule.split(';').all(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.to_ascii_uppercase().as_str() {
            "FREQ" => value.eq_ignore_ascii_case("YEARLY"),
            "INTERVAL" => value == "1",
            "BYMONTH" => value.parse() == Ok(start.month()),
            "BYMONTHDAY" => value.parse() == Ok(start.day()),
            "WKST" => true,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of events, each a few lines.
    fn file(events: &[&str]) -> String {
        let events: String = events
            .iter()
            .map(|event| format!("BEGIN:VEVENT\r\nUID:1@example.org\r\nDTSTAMP:20260101T000000Z\r\n{}\r\nEND:VEVENT\r\n", event.replace('\n', "\r\n")))
            .collect();
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n{events}END:VCALENDAR\r\n"
        )
    }

    fn holidays(text: &str) -> Vec<(String, String)> {
        let file = HolidayFile::read(text).unwrap();
        file.holidays
            .into_iter()
            .map(|day| (day.date, day.name))
            .collect()
    }

    fn pair(date: &str, name: &str) -> (String, String) {
        (date.to_owned(), name.to_owned())
    }

    #[test]
    fn f150_days_of_a_file_become_dates() {
        let text = file(&[
            "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261226\nSUMMARY:Natal",
            "DTSTART;VALUE=DATE:20270208\nDTEND;VALUE=DATE:20270211\nSUMMARY:Carnaval\\, ponto facultativo",
            "DTSTART;VALUE=DATE:20270126\nSUMMARY:Aniversário da cidade de\n  Exemplo",
        ]);
        assert_eq!(
            holidays(&text),
            [
                pair("2026-12-25", "Natal"),
                pair("2027-01-26", "Aniversário da cidade de Exemplo"),
                pair("2027-02-08", "Carnaval, ponto facultativo"),
                pair("2027-02-09", "Carnaval, ponto facultativo"),
                pair("2027-02-10", "Carnaval, ponto facultativo"),
            ]
        );
    }

    #[test]
    fn f150_what_comes_every_year_loses_its_year() {
        let yearly = "DTSTART;VALUE=DATE:20200907\nSUMMARY:Independência\nRRULE:FREQ=YEARLY;INTERVAL=1;BYMONTH=9;BYMONTHDAY=7";
        assert_eq!(holidays(&file(&[yearly])), [pair("09-07", "Independência")]);
    }

    #[test]
    fn f150_what_is_no_holiday_is_told() {
        let text = file(&[
            "DTSTART:20261225T090000Z\nDTEND:20261225T100000Z\nSUMMARY:Reunião",
            "DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20260601\nSUMMARY:Semestre",
            "DTSTART;VALUE=DATE:20261122\nRRULE:FREQ=YEARLY;BYDAY=4TH\nSUMMARY:Thanksgiving",
            "DTSTART;VALUE=DATE:20261122\nRRULE:FREQ=YEARLY;COUNT=3\nSUMMARY:Three",
            "DTSTART;VALUE=DATE:20261122\nSTATUS:CANCELLED\nSUMMARY:Off",
            "DTSTART;VALUE=DATE:20261399\nSUMMARY:Never",
            "SUMMARY:When",
        ]);
        let file = HolidayFile::read(&text).unwrap();
        assert_eq!(file.holidays, []);
        let told: Vec<_> = file
            .left_out
            .iter()
            .map(|one| (one.name.as_str(), one.reason))
            .collect();
        use LeftOutReason::{Cancelled, Hours, NoDate, Rule, TooLong};
        assert_eq!(
            told,
            [
                ("Reunião", Hours),
                ("Semestre", TooLong),
                ("Thanksgiving", Rule),
                ("Three", Rule),
                ("Off", Cancelled),
                ("Never", NoDate),
                ("When", NoDate)
            ]
        );
    }

    #[test]
    fn f150_what_is_no_calendar_is_refused() {
        for text in [
            "",
            "date,name\n2026-12-25,Natal",
            "BEGIN:VCALENDAR",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT",
            "\u{0}\u{1}",
            "é",
        ] {
            assert!(HolidayFile::read(text).is_err(), "{text:?}");
        }
        let nested = format!("BEGIN:VCALENDAR\r\n{}", "BEGIN:VEVENT\r\n".repeat(100_000));
        assert!(HolidayFile::read(&nested).is_err());
        let many = file(&vec!["DTSTART;VALUE=DATE:20261225"; MOST_EVENTS + 1]);
        assert!(HolidayFile::read(&many).is_err());
        assert_eq!(holidays(&file(&[])), []);
        let long = format!(
            "DTSTART;VALUE=DATE:20261225\nSUMMARY:{}",
            "é".repeat(500_000)
        );
        assert_eq!(
            holidays(&file(&[&long])),
            [pair("2026-12-25", &"é".repeat(64))]
        );
    }

    #[test]
    fn f150_reminders_and_parameters_do_not_count() {
        let text = file(&[
            "DTSTART;VALUE=DATE;X-NOTE=\"a:b;c\":20261225\nBEGIN:VALARM\nSUMMARY:Lembrete\nEND:VALARM\nSummary:Natal",
        ]);
        assert_eq!(holidays(&text), [pair("2026-12-25", "Natal")]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(cuts in proptest::collection::vec((0..400_usize, ".{0,4}"), 0..8)) {
            let mut letters: Vec<char> = file(&["DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nRRULE:FREQ=YEARLY\nSUMMARY:Natal\\, e"]).chars().collect();
            for (at, text) in cuts {
                let at = at.min(letters.len());
                let end = (at + text.chars().count()).min(letters.len());
                letters.splice(at..end, text.chars());
            }
            let text: String = letters.into_iter().collect();
            if let Ok(file) = HolidayFile::read(&text) {
                assert!(file.holidays.len() <= 31);
            }
        }
    }
}
