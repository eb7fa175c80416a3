//! Output for people: columns, sizes, durations, times.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Aligns rows under a heading. Columns are separated by two spaces.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain(heading.get(column).map(|cell| cell.chars().count()))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(&printable(cell));
            line.extend(std::iter::repeat_n(
                ' ',
                (width + 2).saturating_sub(cell.chars().count()),
            ));
        }
        format!("{}\n", line.trim_end())
    };
    let mut text = line(&mut heading.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Names come from callers and phones: what could steer the terminal is shown as a blank sign.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Bytes in MiB or GiB.
pub fn size(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 {
        format!("{mebibytes:.0} MiB")
    } else {
        format!("{:.1} GiB", mebibytes / 1024.0)
    }
}

/// Seconds as `2 d 3 h`, `4 min 5 s`, `6 s`: the two largest units.
pub fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 86400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown: Vec<String> = parts
        .iter()
        .enumerate()
        .filter(|(place, (count, _))| *place == first || (*place == first + 1 && *count > 0))
        .map(|(_, (count, unit))| format!("{count} {unit}"))
        .collect();
    shown.join(" ")
}

/// UTC milliseconds in the company's time zone.
pub fn time(milliseconds: i64, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(milliseconds) {
        Ok(time) => time
            .to_zoned(zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => milliseconds.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_harmless() {
        let rows = [
            vec!["100".into(), "João".into(), "x".into()],
            vec!["20".into(), "A\x1b[31m".into(), "y".into()],
        ];
        assert_eq!(
            table(&["NUMBER", "NAME", "Z"], &rows),
            "NUMBER  NAME    Z\n100     João    x\n20      A\u{fffd}[31m  y\n"
        );
    }

    #[test]
    fn durations_show_the_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (245, "4 min 5 s"),
            (3600, "1 h"),
            (183_600, "2 d 3 h"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn sizes_and_times_are_readable() {
        assert_eq!(
            (size(512 << 20).as_str(), size(3 << 29).as_str()),
            ("512 MiB", "1.5 GiB")
        );
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        assert_eq!(time(1_763_700_000_000, &zone), "2025-11-21 01:40:00");
    }
}
