//! What a board's chassis has: the `chassis` table of its `board.toml`. Everything in it may be left out; temperatures that
//! the kernel tells, the disk and the hardware's watchdog are read on every machine.
//!
//! ```toml
//! [chassis]
//! pins = "front-panel"        # label of the GPIO chip
//! status = 0                  # status light
//! alarm = 1                   # alarm light
//! reset_button = 2            # pressed
//! active_low = [2]            # pins that mean yes when low
//!
//! [chassis.lifeline]          # energised: the telephone is the gateway's; else it is wired to the line
//! relay = 3
//! pulse_ms = 100              # the relay holds only while its pin changes this often; left out: while it is on
//! in_use = 4                  # somebody talks through the relay that has no current; may be left out
//! ports = ["FXS 1", "FXO 1"]  # which lines it cuts
//!
//! [[chassis.port_light]]
//! port = "FXS 1"
//! pin = 5
//!
//! [[chassis.sensor]]          # on an I2C bus, where no driver of the kernel looks after it
//! kind = "lm75"
//! name = "inside"
//! bus = "SMBus I801 adapter at efa0"  # /sys/class/i2c-dev/*/name
//! address = 0x48
//! high = 60                   # °C; may be left out, as may be critical
//! critical = 75
//! ```

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ramal_lines::alsa_gpio::Pin;
use serde::Deserialize;

use crate::temperature::Limits;

/// Pins of one chip that the kernel gives out at once.
const PINS: usize = 64;
/// Sensors on I2C buses at most.
const SENSORS: usize = 16;
/// What a relay's pulse may take, in milliseconds: below it the system's timer shows, above it the relay drops late.
const PULSE: std::ops::RangeInclusive<u64> = 20..=2_000;

/// Why a board's description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// The file cannot be read.
    #[error("cannot read the board's description {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It is no TOML, or says something unknown.
    #[error("the board's description is not valid: {0}")]
    Syntax(Box<toml::de::Error>),
    /// A pin has two uses.
    #[error("the chassis uses pin {0} twice; correct the board's description")]
    PinTwice(u32),
    /// Too many pins.
    #[error("the chassis has {0} pins, {PINS} are possible")]
    Pins(usize),
    /// Pins without a chip.
    #[error("the chassis has pins and no GPIO chip: say which in `pins`")]
    NoChip,
    /// A pulse that is too short or too long.
    #[error("the lifeline's pulse of {0} ms is not from 20 to 2,000 ms")]
    Pulse(u64),
    /// A relay that cuts nothing could be released in the middle of any call.
    #[error("the lifeline names no ports: say which lines it cuts in `ports`")]
    NoPorts,
    /// Too many sensors.
    #[error("the chassis has {0} sensors, {SENSORS} are possible")]
    Sensors(usize),
    /// An address that no I2C device has.
    #[error("the sensor {0} has an address that is not from 0x08 to 0x77")]
    Address(String),
}

/// What a board's chassis has.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Label of the GPIO chip.
    pub pins: Option<String>,
    /// Pin of the status light.
    pub status: Option<u32>,
    /// Pin of the alarm light.
    pub alarm: Option<u32>,
    /// Pin of the reset button.
    pub reset_button: Option<u32>,
    /// Pins that mean yes when low.
    #[serde(default)]
    pub active_low: Vec<u32>,
    /// The lifeline relay.
    pub lifeline: Option<LifelineRelay>,
    /// Lights of ports.
    #[serde(default, rename = "port_light")]
    pub port_lights: Vec<PortPin>,
    /// Sensors on I2C buses.
    #[serde(default, rename = "sensor")]
    pub sensors: Vec<Sensor>,
}

/// The lifeline relay.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifelineRelay {
    /// Its pin.
    pub relay: u32,
    /// It holds only while the pin changes every so many milliseconds, 20 to 2,000; none: while it is on.
    pub pulse_ms: Option<u64>,
    /// Pin: somebody talks through the relay that has no current.
    pub in_use: Option<u32>,
    /// Names of the ports whose calls it would cut.
    pub ports: Vec<String>,
}

impl LifelineRelay {
    /// How often the pin has to change.
    #[must_use]
    pub fn pulse(&self) -> Option<Duration> {
        self.pulse_ms.map(Duration::from_millis)
    }
}

/// The light of a port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortPin {
    /// The port's name, such as `FXO 1`.
    pub port: String,
    /// The light's pin.
    pub pin: u32,
}

/// What a sensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SensorKind {
    /// LM75 and those that are read like it (TMP75, DS75, ADT75, PCT2075).
    Lm75,
}

/// A sensor on an I2C bus.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// What it is.
    pub kind: SensorKind,
    /// What people call it.
    pub name: String,
    /// The bus's name.
    pub bus: String,
    /// Its address there, 7 bits.
    pub address: u8,
    /// Too hot for lasting use from so many degrees Celsius on.
    pub high: Option<f32>,
    /// Too hot for any use from so many degrees Celsius on.
    pub critical: Option<f32>,
}

impl Sensor {
    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::told(self.high, self.critical)
    }
}

/// What a board's description says about the chassis; the rest is for others.
#[derive(Debug, Default, Deserialize)]
struct File {
    #[serde(default)]
    chassis: Board,
}

impl Board {
    /// The chassis in the text of a board's description.
    ///
    /// # Errors
    /// [`BoardError`]; the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, BoardError> {
        let file: File =
            toml::from_str(text).map_err(|error| BoardError::Syntax(Box::new(error)))?;
        let board = file.chassis;
        let used = board.used();
        if !used.is_empty() && board.pins.is_none() {
            return Err(BoardError::NoChip);
        }
        if used.len() > PINS {
            return Err(BoardError::Pins(used.len()));
        }
        let mut seen = HashSet::new();
        if let Some(pin) = used.into_iter().find(|pin| !seen.insert(*pin)) {
            return Err(BoardError::PinTwice(pin));
        }
        if let Some(lifeline) = &board.lifeline {
            if let Some(pulse) = lifeline.pulse_ms.filter(|pulse| !PULSE.contains(pulse)) {
                return Err(BoardError::Pulse(pulse));
            }
            if lifeline.ports.is_empty() {
                return Err(BoardError::NoPorts);
            }
        }
        if board.sensors.len() > SENSORS {
            return Err(BoardError::Sensors(board.sensors.len()));
        }
        let mut sensors = board.sensors.iter();
        if let Some(sensor) = sensors.find(|sensor| !(0x08..=0x77).contains(&sensor.address)) {
            return Err(BoardError::Address(sensor.name.clone()));
        }
        Ok(board)
    }

    /// The chassis of a board; a machine without a description has nothing of its own.
    ///
    /// # Errors
    /// [`BoardError`].
    pub fn read(path: &Path) -> Result<Self, BoardError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(BoardError::Read {
                path: path.to_owned(),
                error,
            }),
        }
    }

    /// A pin with its polarity.
    pub(crate) fn pin(&self, offset: u32) -> Pin {
        Pin {
            offset,
            active_low: self.active_low.contains(&offset),
        }
    }

    fn used(&self) -> Vec<u32> {
        let lifeline = self.lifeline.as_ref();
        let ports = self.port_lights.iter().map(|light| light.pin);
        [self.status, self.alarm, self.reset_button]
            .into_iter()
            .chain([
                lifeline.map(|one| one.relay),
                lifeline.and_then(|one| one.in_use),
            ])
            .flatten()
            .chain(ports)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example above, as it stands there.
    fn example() -> String {
        let source = include_str!("board.rs").lines();
        let lines = source.take_while(|line| line.starts_with("//!"));
        let lines = lines.map(|line| line.trim_start_matches("//!").trim());
        let fenced = lines.skip_while(|line| *line != "```toml").skip(1);
        let lines: Vec<_> = fenced.take_while(|line| *line != "```").collect();
        lines.join("\n")
    }

    #[test]
    fn the_example_is_read_and_boards_without_a_chassis_have_nothing() {
        let board = Board::parse(&example()).unwrap();
        assert_eq!(board.used(), [0, 1, 2, 3, 4, 5]);
        let lifeline = board.lifeline.as_ref().unwrap();
        assert_eq!(lifeline.pulse(), Some(Duration::from_millis(100)));
        assert_eq!(board.sensors[0].address, 0x48);
        assert_eq!(board.sensors[0].limits().high, 60.0);
        assert!(board.pin(2).active_low && !board.pin(3).active_low);
        let none = Board::parse("[board]\ncompatible = 'x'\n[[line_card]]\nsound = 'y'").unwrap();
        assert_eq!(none, Board::default());
        assert_eq!(
            Board::read(Path::new("/nowhere/board.toml")).unwrap(),
            Board::default()
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refused = |from: &str, to: &str| {
            let text = example();
            assert!(text.contains(from), "{from}");
            let wrong = text.replace(from, to);
            Board::parse(&wrong).unwrap_err().to_string()
        };
        for (from, to, word) in [
            ("alarm = 1", "alarm = 5", "pin 5 twice"),
            ("status = 0", "statos = 0", "statos"),
            ("pins = \"front-panel\"", "", "no GPIO chip"),
            ("pulse_ms = 100", "pulse_ms = 5", "5 ms"),
            ("[\"FXS 1\", \"FXO 1\"]", "[]", "names no ports"),
            ("address = 0x48", "address = 0x80", "inside"),
        ] {
            let error = refused(from, to);
            assert!(error.contains(word), "{error}");
        }
    }
}
