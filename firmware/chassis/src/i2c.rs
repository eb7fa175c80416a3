//! Sensors on an I2C bus that no driver of the kernel looks after, through `linux-embedded-hal`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use embedded_hal::i2c::{Error, ErrorKind, ErrorType, I2c, Operation};
use linux_embedded_hal::i2cdev::core::I2CDevice;
use linux_embedded_hal::i2cdev::linux::{LinuxI2CDevice, LinuxI2CError};
use linux_embedded_hal::{I2CError, I2cdev};
use nix::errno::Errno;

/// Where the kernel names its buses.
const BUSES: &str = "/sys/class/i2c-dev";

/// Why a sensor on a bus cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// There is no bus of this name.
    #[error("there is no I2C bus {0:?}; check its driver and the board's description")]
    Missing(String),
    /// The bus or the kernel refuses.
    #[error("the I2C bus refuses: {0}")]
    Plain(#[from] I2CError),
    /// The SMBus controller or the kernel refuses.
    #[error("the SMBus refuses: {0}")]
    Smbus(#[from] LinuxI2CError),
    /// An SMBus controller has no such transfer.
    #[error("the SMBus controller has no transfer of this form")]
    NoSuchTransfer,
}

impl Error for BusError {
    fn kind(&self) -> ErrorKind {
        match self {
            BusError::Plain(error) => error.kind(),
            _ => ErrorKind::Other,
        }
    }
}

/// A bus of the machine. The controllers of PCs know the transfers of SMBus only, not any sequence of I2C: there a register
/// is read as a byte or a word.
pub struct Bus {
    path: PathBuf,
    plain: I2cdev,
    smbus: Option<(u8, LinuxI2CDevice)>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus")
            .field("path", &self.path)
            .field("smbus", &self.smbus.is_some())
            .finish_non_exhaustive()
    }
}

/// The device of the bus that the kernel names so. Its number depends on which driver came first; its name does not.
fn device(buses: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(buses).ok()?.flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| {
            fs::read_to_string(entry.path().join("name")).is_ok_and(|known| known.trim() == name)
        })
        .map(|entry| entry.file_name())
        .collect();
    found.sort();
    found.first().map(|device| Path::new("/dev").join(device))
}

impl Bus {
    /// Opens the bus of this name, as `/sys/class/i2c-dev/*/name` has it.
    ///
    /// # Errors
    /// [`BusError`]: there is none, or it cannot be opened.
    pub fn open(name: &str) -> Result<Self, BusError> {
        let path =
            device(Path::new(BUSES), name).ok_or_else(|| BusError::Missing(name.to_owned()))?;
        Ok(Bus {
            plain: I2cdev::new(&path)?,
            path,
            smbus: None,
        })
    }

    fn smbus(&mut self, address: u8) -> Result<&mut LinuxI2CDevice, BusError> {
        let device = match self.smbus.take() {
            Some((opened, device)) if opened == address => device,
            _ => LinuxI2CDevice::new(&self.path, u16::from(address))?,
        };
        Ok(&mut self.smbus.insert((address, device)).1)
    }
}

/// Whether the controller knows SMBus only.
fn smbus_only(error: &I2CError) -> bool {
    let errno = match error.inner() {
        LinuxI2CError::Errno(errno) => Some(*errno),
        LinuxI2CError::Io(error) => io::Error::raw_os_error(error),
    };
    errno == Some(Errno::EOPNOTSUPP as i32)
}

impl ErrorType for Bus {
    type Error = BusError;
}

impl I2c for Bus {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), BusError> {
        if self.smbus.is_none() {
            match I2c::<u8>::transaction(&mut self.plain, address, operations) {
                Err(error) if smbus_only(&error) => {}
                done => return Ok(done?),
            }
        }
        match operations {
            [Operation::Write([register]), Operation::Read(octets)] => match octets {
                [octet] => *octet = self.smbus(address)?.smbus_read_byte_data(*register)?,
                // SMBus sends the low octet of a word first.
                [first, second] => {
                    let word = self.smbus(address)?.smbus_read_word_data(*register)?;
                    [*first, *second] = word.to_le_bytes();
                }
                _ => return Err(BusError::NoSuchTransfer),
            },
            [Operation::Write([register, octet])] => {
                self.smbus(address)?
                    .smbus_write_byte_data(*register, *octet)?;
            }
            [Operation::Write([register, first, second])] => {
                let word = u16::from_le_bytes([*first, *second]);
                self.smbus(address)?
                    .smbus_write_word_data(*register, word)?;
            }
            _ => return Err(BusError::NoSuchTransfer),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_is_found_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for (device, name) in [
            ("i2c-3", "SMBus I801"),
            ("i2c-0", "DDC"),
            ("i2c-1", "SMBus I801"),
        ] {
            fs::create_dir(folder.path().join(device)).unwrap();
            fs::write(folder.path().join(device).join("name"), format!("{name}\n")).unwrap();
        }
        let found = device(folder.path(), "SMBus I801");
        assert_eq!(found, Some("/dev/i2c-1".into()));
        assert_eq!(device(folder.path(), "SMBus"), None);
        let error = Bus::open("no such bus").unwrap_err().to_string();
        assert!(error.contains("no such bus"), "{error}");
    }
}
