//! Temperatures that the kernel's drivers tell (`/sys/class/hwmon`, the kernel's Documentation/hwmon/sysfs-interface.rst).
//! Reading them may wait for a bus or a disk.

use std::fs;
use std::path::Path;

use crate::temperature::Limits;

/// Sensors that are read at most; servers have some forty.
const SENSORS: u32 = 64;

/// What a sensor says.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Which one it is, such as `coretemp Package id 0`.
    pub name: String,
    /// Degrees Celsius.
    pub celsius: f32,
    /// Its limits.
    pub limits: Limits,
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A file with thousandths of a degree.
fn celsius(path: &Path) -> Option<f32> {
    let thousandths: i32 = text(path)?.parse().ok()?;
    // The kernel's type; a float has more than enough digits for a temperature.
    Some(thousandths as f32 / 1000.0)
}

/// What all sensors below this folder (`/sys/class/hwmon`) say now, in the order of their chips. A sensor that fails, or tells
/// what cannot be, is left out.
#[must_use]
pub fn read(folder: &Path) -> Vec<Reading> {
    let mut chips: Vec<(u32, std::path::PathBuf)> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name.strip_prefix("hwmon")?.parse().ok()?, entry.path()))
        })
        .collect();
    chips.sort();
    let mut readings: Vec<Reading> = Vec::new();
    for (_, chip) in chips {
        let Some(name) = text(&chip.join("name")) else {
            continue;
        };
        let inputs = fs::read_dir(&chip).into_iter().flatten().flatten();
        let mut numbers: Vec<u32> = inputs
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let number = name.strip_prefix("temp")?.strip_suffix("_input")?;
                number.parse().ok()
            })
            .collect();
        numbers.sort_unstable();
        for number in numbers {
            let file = |what: &str| chip.join(format!("temp{number}_{what}"));
            if text(&file("fault")).is_some_and(|fault| fault != "0") {
                continue;
            }
            let Some(now) = celsius(&file("input")).filter(|now| (-40.0..=150.0).contains(now))
            else {
                continue;
            };
            let sensor = match (text(&file("label")), number) {
                (Some(label), _) => format!("{name} {label}"),
                (None, 1) => name.clone(),
                (None, number) => format!("{name} {number}"),
            };
            // Two disks or modules alike have the same names.
            let alike =
                |readings: &[Reading], name: &str| readings.iter().any(|one| one.name == name);
            let mut unique = sensor.clone();
            for count in 2..=SENSORS {
                if !alike(&readings, &unique) {
                    break;
                }
                unique = format!("{sensor} #{count}");
            }
            readings.push(Reading {
                name: unique,
                celsius: now,
                limits: Limits::told(celsius(&file("max")), celsius(&file("crit"))),
            });
            if readings.len() >= SENSORS as usize {
                return readings;
            }
        }
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temperature::DEFAULT_LIMITS;

    /// A folder like the kernel's.
    fn folder(chips: &[&[(&str, &str)]]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (number, files) in chips.iter().enumerate() {
            let chip = folder.path().join(format!("hwmon{number}"));
            fs::create_dir(&chip).unwrap();
            for (name, content) in *files {
                fs::write(chip.join(name), format!("{content}\n")).unwrap();
            }
        }
        folder
    }

    #[test]
    fn sensors_are_read_with_names_and_limits() {
        let folder = folder(&[
            &[
                ("name", "coretemp"),
                ("temp1_input", "48000"),
                ("temp1_label", "Package id 0"),
                ("temp1_max", "100000"),
                ("temp1_crit", "100000"),
                ("temp10_input", "47500"),
                ("temp2_input", "46000"),
            ],
            &[("name", "nvme"), ("temp1_input", "38850")],
            &[("name", "nvme"), ("temp1_input", "39850")],
        ]);
        let readings = read(folder.path());
        let seen: Vec<_> = readings
            .iter()
            .map(|one| (one.name.as_str(), one.celsius))
            .collect();
        assert_eq!(
            seen,
            [
                ("coretemp Package id 0", 48.0),
                ("coretemp 2", 46.0),
                ("coretemp 10", 47.5),
                ("nvme", 38.85),
                ("nvme #2", 39.85),
            ]
        );
        assert_eq!(readings[0].limits.high, 95.0);
        assert_eq!(readings[3].limits, DEFAULT_LIMITS);
    }

    #[test]
    fn what_fails_or_cannot_be_is_left_out() {
        let folder = folder(&[
            &[("name", "broken"), ("temp1_input", "255000")],
            &[
                ("name", "fault"),
                ("temp1_input", "20000"),
                ("temp1_fault", "1"),
            ],
            &[("name", "words"), ("temp1_input", "warm")],
            &[("temp1_input", "20000")],
            &[("name", "fan"), ("fan1_input", "1200")],
        ]);
        assert_eq!(read(folder.path()), []);
        assert_eq!(read(Path::new("/nowhere")), []);
    }
}
