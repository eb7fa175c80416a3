//! What is measured every [`crate::MEASURE`]: temperatures, the disk, the hardware's watchdog. Reading may wait for a bus or
//! a disk, so it has a thread of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use std::collections::BTreeMap;

use embedded_hal::i2c::I2c;
use lm75::Lm75;

use crate::board::{Sensor, SensorKind};
use crate::disk::Disk;
use crate::hwmon;
use crate::i2c::{Bus, BusError};
use crate::state::Temperature;
use crate::temperature::{Heat, Thermometer};
use crate::watchdog::Watchdog;

/// So long a sensor may be silent before that is told.
const SILENT: Duration = Duration::from_secs(60);

/// Where the kernel tells.
#[derive(Clone, Debug)]
pub struct Places {
    /// Temperatures: `/sys/class/hwmon`.
    pub hwmon: PathBuf,
    /// The hardware's watchdog: `/sys/class/watchdog`.
    pub watchdog: PathBuf,
    /// A folder on the disk with the data.
    pub data: PathBuf,
}

impl Places {
    /// Those of this machine.
    #[must_use]
    pub fn of_machine(data: &Path) -> Self {
        Places {
            hwmon: "/sys/class/hwmon".into(),
            watchdog: "/sys/class/watchdog".into(),
            data: data.to_owned(),
        }
    }
}

/// A sensor of the board.
#[derive(Debug)]
struct OwnSensor {
    board: Sensor,
    bus: Option<Bus>,
    /// What it said last, and when.
    last: Option<f32>,
    answered: Instant,
    silent: bool,
}

/// Everything that is measured.
#[derive(Debug)]
pub struct Sensors {
    places: Places,
    own: Vec<OwnSensor>,
    /// What the kernel's sensors said last, and when: they may miss a reading.
    kernel: Vec<(hwmon::Reading, Instant)>,
    thermometers: BTreeMap<String, Thermometer>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Temperatures.
    pub temperatures: Vec<Temperature>,
    /// The disk with the data.
    pub disk: Option<Disk>,
    /// The hardware's watchdog.
    pub watchdog: Option<Watchdog>,
}

/// The temperature of an LM75 in degrees Celsius.
///
/// # Errors
/// The bus's, or what the sensor says cannot be.
pub fn lm75<B: I2c>(bus: B, address: u8) -> Result<f32, lm75::Error<B::Error>> {
    Lm75::new(bus, lm75::Address::from(address)).read_temperature()
}

impl OwnSensor {
    fn read(&mut self) -> Result<f32, String> {
        let mut bus = match self.bus.take() {
            Some(bus) => bus,
            None => Bus::open(&self.board.bus).map_err(|error| error.to_string())?,
        };
        let SensorKind::Lm75 = self.board.kind;
        let celsius = lm75(&mut bus, self.board.address).map_err(|error| match error {
            lm75::Error::I2C(error) => BusError::to_string(&error),
            lm75::Error::InvalidInputData => "it does not answer as an LM75 does".to_owned(),
        })?;
        // A bus that fails is opened anew.
        self.bus = Some(bus);
        Ok(celsius)
    }

    fn look(&mut self, now: Instant) -> Option<f32> {
        match self.read() {
            Ok(celsius) => {
                if std::mem::take(&mut self.silent) {
                    tracing::info!(sensor = self.board.name, "the sensor answers again");
                }
                self.answered = now;
                self.last = Some(celsius);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.silent, true) {
                    tracing::warn!(
                        sensor = self.board.name,
                        error,
                        "the sensor does not answer"
                    );
                }
                if now.saturating_duration_since(self.answered) >= SILENT {
                    self.last = None;
                }
            }
        }
        self.last
    }
}

impl Sensors {
    /// Those of the board, and what the kernel tells.
    #[must_use]
    pub fn new(places: Places, own: Vec<Sensor>, now: Instant) -> Self {
        let own = own.into_iter().map(|board| OwnSensor {
            board,
            bus: None,
            last: None,
            answered: now,
            silent: false,
        });
        Sensors {
            places,
            own: own.collect(),
            kernel: Vec::new(),
            thermometers: BTreeMap::new(),
        }
    }

    /// Measures. Blocks.
    pub fn measure(&mut self, now: Instant) -> Measured {
        let mut temperatures = Vec::new();
        let mut seen = BTreeMap::new();
        let own = self.own.iter_mut().filter_map(|sensor| {
            let celsius = sensor.look(now);
            // Until it was heard for the first time, or was to be, it is not there.
            let known =
                celsius.is_some() || now.saturating_duration_since(sensor.answered) >= SILENT;
            known.then(|| (sensor.board.name.clone(), celsius, sensor.board.limits()))
        });
        let before = std::mem::take(&mut self.kernel);
        let read = hwmon::read(&self.places.hwmon).into_iter();
        self.kernel = read.map(|one| (one, now)).collect();
        for (one, at) in before {
            let is_missing = self.kernel.iter().all(|(other, _)| other.name != one.name);
            if is_missing && now.saturating_duration_since(at) < SILENT {
                self.kernel.push((one, at));
            }
        }
        let kernel = self.kernel.iter();
        let kernel = kernel.map(|(one, _)| (one.name.clone(), Some(one.celsius), one.limits));
        for (name, celsius, limits) in own.chain(kernel) {
            let mut thermometer = self.thermometers.remove(&name).unwrap_or_default();
            let heat = celsius.map_or(Heat::Normal, |celsius| {
                thermometer.look(now, celsius, limits)
            });
            seen.insert(name.clone(), thermometer);
            temperatures.push(Temperature {
                name,
                celsius,
                high: limits.high,
                critical: limits.critical,
                heat,
            });
        }
        // What is gone has no past.
        self.thermometers = seen;
        Measured {
            temperatures,
            disk: Disk::of(&self.places.data),
            watchdog: Watchdog::read(&self.places.watchdog),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use embedded_hal::i2c::{ErrorKind, ErrorType, Operation};

    use super::*;

    /// An LM75 whose temperature register has these octets.
    struct Chip([u8; 2]);

    impl ErrorType for Chip {
        type Error = ErrorKind;
    }

    impl I2c for Chip {
        fn transaction(
            &mut self,
            address: u8,
            operations: &mut [Operation<'_>],
        ) -> Result<(), ErrorKind> {
            assert_eq!(address, 0x49);
            let [Operation::Write([0]), Operation::Read(octets)] = operations else {
                return Err(ErrorKind::Other);
            };
            octets.copy_from_slice(&self.0);
            Ok(())
        }
    }

    #[test]
    fn an_lm75_is_read_as_its_data_sheet_says() {
        for (octets, celsius) in [
            ([0x7d, 0x00], 125.0),
            ([0x19, 0x00], 25.0),
            ([0x00, 0x80], 0.5),
            ([0xff, 0x80], -0.5),
            ([0xc9, 0x00], -55.0),
        ] {
            assert_eq!(lm75(Chip(octets), 0x49).unwrap(), celsius);
        }
    }

    #[test]
    fn a_sensor_gets_hot_and_one_that_is_silent_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let chip = folder.path().join("hwmon0");
        fs::create_dir(&chip).unwrap();
        fs::write(chip.join("name"), "board\n").unwrap();
        let input = chip.join("temp1_input");
        fs::write(&input, "85000\n").unwrap();
        let places = Places {
            hwmon: folder.path().to_owned(),
            watchdog: "/nowhere".into(),
            data: folder.path().to_owned(),
        };
        let own = Sensor {
            kind: SensorKind::Lm75,
            name: "inside".into(),
            bus: "no such bus".into(),
            address: 0x48,
            high: None,
            critical: None,
        };
        let start = Instant::now();
        let mut sensors = Sensors::new(places, vec![own], start);
        let mut at = |seconds| {
            let measured = sensors.measure(start + Duration::from_secs(seconds));
            let heats = measured.temperatures.into_iter();
            heats
                .map(|one| (one.name, one.celsius, one.heat))
                .collect::<Vec<_>>()
        };
        assert_eq!(at(0), [("board".into(), Some(85.0), Heat::Normal)]);
        assert_eq!(at(15), [("board".into(), Some(85.0), Heat::High)]);
        // One that fails for a moment is not cold for that.
        fs::remove_file(&input).unwrap();
        assert_eq!(at(20), [("board".into(), Some(85.0), Heat::High)]);
        let late = at(60);
        assert_eq!(late[0], ("inside".into(), None, Heat::Normal));
        assert_eq!(late[1], ("board".into(), Some(85.0), Heat::High));
        assert_eq!(at(75).len(), 1, "it is gone");
    }
}
