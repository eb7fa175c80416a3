//! A GPIO chip without hardware: the kernel's `gpio-sim`. Pins that are read are pulled up or down here, and those that are set
//! are looked at.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::until;

const CONFIGFS: &str = "/sys/kernel/config";
const CHIPS: &str = "/sys/kernel/config/gpio-sim";

/// A simulated chip, removed when dropped.
#[derive(Debug)]
pub struct SimulatedChip {
    config: PathBuf,
    device: PathBuf,
}

/// Runs a program of the image.
///
/// # Panics
/// When it fails.
pub fn run(program: &str, arguments: &[&str]) {
    let done = Command::new(program)
        .args(arguments)
        .status()
        .expect("a program of the image");
    assert!(done.success(), "{program} {arguments:?}: {done}");
}

/// The text of one of the kernel's files.
///
/// # Panics
/// When there is none.
pub fn read(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.trim().to_owned()
}

/// Writes to one of the kernel's files.
///
/// # Panics
/// When the kernel refuses.
pub fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

impl SimulatedChip {
    /// Puts a chip with this label and so many pins into the machine.
    ///
    /// # Panics
    /// When the kernel's modules cannot be loaded.
    pub fn insert(label: &str, pins: u32) -> Self {
        run("modprobe", &["-a", "configfs"]);
        if !Path::new(CHIPS).exists() {
            if !Path::new("/sys/module/gpio_sim").exists() {
                run("insmod", &["/mnt/modules/irq_sim.ko"]);
                run("insmod", &["/mnt/modules/gpio-sim.ko"]);
            }
            if !Path::new(CHIPS).exists() {
                run("mount", &["-t", "configfs", "configfs", CONFIGFS]);
            }
        }
        let config = Path::new(CHIPS).join(label);
        let bank = config.join("bank");
        fs::create_dir_all(&bank).expect("a chip");
        write(&bank.join("num_lines"), &pins.to_string());
        write(&bank.join("label"), label);
        let mut chip = Self {
            config,
            device: PathBuf::new(),
        };
        chip.put_back();
        chip
    }

    fn line(&self, pin: u32, file: &str) -> PathBuf {
        self.device.join(format!("sim_gpio{pin}")).join(file)
    }

    /// Gives a pin that is read a level.
    pub fn pull(&self, pin: u32, high: bool) {
        let level = if high { "pull-up" } else { "pull-down" };
        write(&self.line(pin, "pull"), level);
    }

    /// Whether a pin is high.
    pub fn is_set(&self, pin: u32) -> bool {
        read(&self.line(pin, "value")) == "1"
    }

    /// Waits until a pin is set so.
    pub fn until_set(&self, pin: u32, high: bool) {
        until(&format!("pin {pin} is {high}"), || {
            (self.is_set(pin) == high).then_some(())
        });
    }

    /// Takes the chip out.
    pub fn take_out(&self) {
        write(&self.config.join("live"), "0");
    }

    /// Puts it back.
    pub fn put_back(&mut self) {
        write(&self.config.join("live"), "1");
        let device = read(&self.config.join("dev_name"));
        let chip = read(&self.config.join("bank/chip_name"));
        self.device = Path::new("/sys/devices/platform").join(device).join(chip);
    }
}

impl Drop for SimulatedChip {
    fn drop(&mut self) {
        let _ = fs::write(self.config.join("live"), "0");
        let _ = fs::remove_dir(self.config.join("bank"));
        let _ = fs::remove_dir(&self.config);
    }
}
