//! What the kernel's DAHDI drivers say about their spans: `/sys/bus/dahdi_spans/devices` and `/proc/dahdi`.
//!
//! A machine without the drivers has no spans; that is no error.

use std::{fs, io, path::Path};

use serde::Serialize;
use utoipa::ToSchema;

use super::abi::alarm;

/// A file for each span, by number.
const PROC: &str = "/proc/dahdi";

/// A span: a card's group of channels, such as an E1 or four analogue modules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Span {
    /// Its number, from 1.
    pub number: u32,
    /// The driver's name for it, such as `WCTDM/0`.
    pub name: String,
    /// What it is, in the driver's words.
    pub description: String,
    /// `E1`, `T1`, `J1`, or blank for analogue and unknown.
    pub kind: String,
    /// Where the card is, such as a PCI address.
    pub location: String,
    /// Alarms in force, such as `RED`; none is well.
    pub alarms: Vec<String>,
    /// The driver's name of the span whose line its card takes the clock from; null when the card runs on its own clock or
    /// its driver does not tell.
    pub clock_source: Option<String>,
    /// Slips that the card has counted since its driver was loaded; 0 where it does not count them.
    pub slips: u32,
    /// Number of its first channel.
    pub first_channel: u32,
    /// Its channels.
    pub channels: Vec<Channel>,
}

/// A channel: one conversation's place in a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Channel {
    /// Its number among all channels.
    pub number: u32,
    /// The driver's name for it, such as `WCTDM/0/0`.
    pub name: String,
    /// The configured signalling, such as `FXSKS`; blank when not configured.
    pub signalling: String,
    /// Whether a program has it open.
    pub in_use: bool,
    /// Alarms in force.
    pub alarms: Vec<String>,
}

/// The spans of this machine, by number.
///
/// # Errors
/// The files are there and cannot be read.
pub fn spans() -> io::Result<Vec<Span>> {
    spans_below(Path::new("/sys/bus/dahdi_spans/devices"), Path::new(PROC))
}

/// Like [`spans`], from other directories.
///
/// # Errors
/// As [`spans`].
pub fn spans_below(devices: &Path, proc: &Path) -> io::Result<Vec<Span>> {
    let entries = match fs::read_dir(devices) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut spans = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some(number) = name
            .strip_prefix("span-")
            .and_then(|number| number.parse().ok())
        else {
            continue;
        };
        let attribute = |file: &str| {
            fs::read_to_string(path.join(file))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let listing =
            fs::read_to_string(proc.join(name.trim_start_matches("span-"))).unwrap_or_default();
        spans.push(Span {
            number,
            name: attribute("name"),
            description: attribute("desc"),
            kind: attribute("spantype"),
            location: attribute("location"),
            // Hexadecimal in some versions of the driver, words in others.
            alarms: alarms(&attribute("alarms")),
            clock_source: named(devices, &attribute("syncsrc")),
            slips: listed_slips(&listing),
            first_channel: attribute("basechan").parse().unwrap_or(0),
            channels: listing.lines().filter_map(channel).collect(),
        });
    }
    spans.sort_by_key(|span| span.number);
    Ok(spans)
}

/// The name of a span that another names by its number; 0 is none.
fn named(devices: &Path, number: &str) -> Option<String> {
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    let name = fs::read_to_string(devices.join(format!("span-{number}")).join("name")).ok()?;
    Some(name.trim().to_owned())
}

/// Bits of the driver's alarm word (`include/dahdi/user.h`).
const ALARMS: [(i32, &str); 9] = [
    (alarm::RECOVER, "RECOVER"),
    (alarm::LOOPBACK, "LOOPBACK"),
    (alarm::YELLOW, "YELLOW"),
    (alarm::RED, "RED"),
    (alarm::BLUE, "BLUE"),
    (alarm::NOT_OPEN, "NOTOPEN"),
    (alarm::LOS, "LOS"),
    (alarm::LFA, "LFA"),
    (alarm::LMFA, "LMFA"),
];

/// The names of the alarms in the driver's word.
pub(super) fn alarm_names(bits: i32) -> Vec<String> {
    ALARMS
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect()
}

fn alarms(text: &str) -> Vec<String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    match i32::from_str_radix(digits, 16) {
        Ok(bits) => alarm_names(bits),
        Err(_) => text
            .split(['/', ' ', ','])
            .filter(|word| !word.is_empty() && !matches!(*word, "OK" | "CLEAR" | "NONE"))
            .map(str::to_owned)
            .collect(),
    }
}

/// Slips that a span's card has counted: the kernel tells them only here.
pub(super) fn slips(span: u32) -> u32 {
    let listing = fs::read_to_string(Path::new(PROC).join(span.to_string())).unwrap_or_default();
    listed_slips(&listing)
}

fn listed_slips(listing: &str) -> u32 {
    listing
        .lines()
        .find_map(|line| line.trim().strip_prefix("Timing slips:"))
        .and_then(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

/// Reads a line such as `3 WCTDM/0/2 FXSKS (In use) RED`. Other lines are headings.
fn channel(line: &str) -> Option<Channel> {
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let rest: Vec<&str> = words.collect();
    let signalling = rest
        .first()
        .filter(|word| !word.starts_with('('))
        .copied()
        .unwrap_or_default()
        .to_owned();
    let in_use = line.contains("(In use)");
    let alarms = rest
        .iter()
        .filter(|word| ALARMS.iter().any(|(_, name)| name == *word))
        .map(|word| (*word).to_owned())
        .collect();
    Some(Channel {
        number,
        name,
        signalling,
        in_use,
        alarms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_read_where_the_card_counts_them() {
        let listing = "Span 1: WCT13x/0 \"Wildcard TE131\" (MASTER) HDB3/CCS/CRC4 ClockSource \n\
            \tIRQ misses: 3\n\tTiming slips: 12\n\n\t   1 WCT13x/0/1 Clear \n";
        assert_eq!(listed_slips(listing), 12);
        assert_eq!(listed_slips("Span 2: TE4/0/1 \"T4XXP\" \n\n"), 0);
        assert_eq!(listed_slips(""), 0);
    }

    #[test]
    fn a_machine_without_the_drivers_has_no_spans() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            spans_below(&dir.path().join("none"), dir.path()).unwrap(),
            []
        );
    }

    #[test]
    fn a_span_and_its_channels_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (devices, proc) = (dir.path().join("devices"), dir.path().join("proc"));
        for (span, files) in [
            (
                "span-2",
                [
                    ("name", "WCTDM/0"),
                    ("desc", "Wildcard TDM410P"),
                    ("alarms", "0"),
                    ("basechan", "32"),
                    ("syncsrc", "1"),
                ],
            ),
            (
                "span-1",
                [
                    ("name", "DYN/loc/1:0"),
                    ("spantype", "E1"),
                    ("alarms", "0x108"),
                    ("basechan", "1"),
                    ("syncsrc", "0"),
                ],
            ),
        ] {
            fs::create_dir_all(devices.join(span)).unwrap();
            for (file, text) in files {
                fs::write(devices.join(span).join(file), format!("{text}\n")).unwrap();
            }
        }
        fs::create_dir_all(devices.join("other")).unwrap();
        fs::create_dir_all(&proc).unwrap();
        let listing = "Span 2: WCTDM/0 \"Wildcard TDM410P\" (MASTER)\n\n\t  32 WCTDM/0/0 FXOKS (In use) (EC: MG2)\n\t  \
                       33 WCTDM/0/1 FXSKS RED\n\t  34 WCTDM/0/2\n";
        fs::write(proc.join("2"), listing).unwrap();
        let spans = spans_below(&devices, &proc).unwrap();
        assert_eq!(
            spans.iter().map(|span| span.number).collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(spans[0].clock_source, None);
        assert_eq!(spans[1].clock_source.as_deref(), Some("DYN/loc/1:0"));
        assert_eq!(spans[0].alarms, ["RED", "LOS"]);
        assert_eq!((spans[0].kind.as_str(), spans[0].channels.len()), ("E1", 0));
        assert!(spans[1].alarms.is_empty());
        let channels = &spans[1].channels;
        assert_eq!(channels[0].signalling, "FXOKS");
        assert!(channels[0].in_use && !channels[1].in_use);
        assert_eq!(channels[1].alarms, ["RED"]);
        assert_eq!(
            (channels[2].number, channels[2].signalling.as_str()),
            (34, "")
        );
    }
}
