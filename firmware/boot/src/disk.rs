//! The disk of the gateway: found by its partitions' unique GUIDs, never by names or labels.
//!
//! Two disks may carry them: an image on a USB stick has the same. Then the one that cannot be unplugged is ours, and
//! from then on `/dev/ramal/*` names this disk's partitions only.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// What a partition is for. The number at the end of its GUID is its place in this list, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// GRUB.
    Esp,
    /// The boot state.
    State,
    /// Kernel and initramfs of system a.
    BootA,
    /// System a.
    SystemA,
    /// Kernel and initramfs of system b.
    BootB,
    /// System b.
    SystemB,
    /// Everything that changes.
    Data,
}

impl Role {
    /// All of them, as they lie on the disk.
    pub const ALL: [Self; 7] = [
        Self::Esp,
        Self::State,
        Self::BootA,
        Self::SystemA,
        Self::BootB,
        Self::SystemB,
        Self::Data,
    ];

    /// Its name below `/dev/ramal`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Esp => "esp",
            Self::State => "state",
            Self::BootA => "boot-a",
            Self::SystemA => "system-a",
            Self::BootB => "boot-b",
            Self::SystemB => "system-b",
            Self::Data => "data",
        }
    }

    /// The partition's GUID, the same on every gateway: updates are written for it.
    #[must_use]
    pub fn guid(self) -> String {
        let number = Self::ALL.iter().position(|role| *role == self).unwrap_or(0) + 1;
        // "ramal" in ASCII, marked as a random GUID.
        format!("72616d61-6c00-4000-8000-{number:012x}")
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or_else(|| format!("there is no partition {name:?}"))
    }
}

/// Why the disk is not found.
#[derive(Debug, Error)]
pub enum DiskError {
    /// The kernel's list of disks cannot be read.
    #[error("the list of disks cannot be read: {0}")]
    Io(#[from] io::Error),
    /// No disk has all partitions.
    #[error("no disk has the partitions of a gateway")]
    None,
}

/// The gateway's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Device names of the partitions, in the order of [`Role::ALL`].
    partitions: Vec<String>,
    /// Whether it can be unplugged.
    removable: bool,
}

impl Disk {
    /// Looks for the disk.
    ///
    /// # Errors
    /// There is none (yet).
    pub fn find() -> Result<Self, DiskError> {
        let mut names: Vec<_> = fs::read_dir("/sys/block")?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        names
            .iter()
            .filter_map(|name| Self::examine(name))
            .min_by_key(|disk| disk.removable)
            .ok_or(DiskError::None)
    }

    fn examine(name: &str) -> Option<Self> {
        let folder = PathBuf::from("/sys/block").join(name);
        let number = |file: &str| -> Option<u64> {
            fs::read_to_string(folder.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        let sector = number("queue/logical_block_size")?;
        let guids = partition_guids(&File::open(Path::new("/dev").join(name)).ok()?, sector)?;
        let mut devices = Vec::new();
        for entry in fs::read_dir(&folder).ok()? {
            let entry = entry.ok()?;
            if let Ok(text) = fs::read_to_string(entry.path().join("partition")) {
                devices.push((
                    text.trim().parse().ok()?,
                    entry.file_name().into_string().ok()?,
                ));
            }
        }
        let partitions = Role::ALL
            .iter()
            .map(|role| {
                let guid = role.guid();
                let number = guids.iter().position(|found| *found == guid)? + 1;
                let (_, name) = devices
                    .iter()
                    .find(|(found, _): &&(usize, String)| *found == number)?;
                Some(name.clone())
            })
            .collect::<Option<Vec<_>>>()?;
        let usb =
            fs::canonicalize(&folder).is_ok_and(|path| path.to_string_lossy().contains("/usb"));
        Some(Self {
            partitions,
            removable: usb || number("removable") == Some(1),
        })
    }

    /// Device name of a partition: `sda2`.
    #[must_use]
    pub fn partition(&self, role: Role) -> &str {
        // One for each role: see examine().
        &self.partitions[Role::ALL
            .iter()
            .position(|found| *found == role)
            .unwrap_or(0)]
    }

    /// The device itself: `/dev/sda2`.
    #[must_use]
    pub fn device(&self, role: Role) -> PathBuf {
        Path::new("/dev").join(self.partition(role))
    }

    /// Rules by which udev names the partitions below `/dev/ramal`.
    #[must_use]
    pub fn udev_rules(&self) -> UdevRules<'_> {
        UdevRules(self)
    }
}

/// Printed, the rules of [`Disk::udev_rules`].
#[derive(Debug)]
pub struct UdevRules<'a>(&'a Disk);

impl fmt::Display for UdevRules<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for role in Role::ALL {
            let (device, name) = (self.0.partition(role), role.name());
            writeln!(
                f,
                "SUBSYSTEM==\"block\", KERNEL==\"{device}\", SYMLINK+=\"ramal/{name}\""
            )?;
        }
        Ok(())
    }
}

/// Unique GUIDs of a GPT's partitions, by number from 1; empty places are the zero GUID (UEFI 2.10 §5.3).
fn partition_guids(disk: &File, sector: u64) -> Option<Vec<String>> {
    let mut header = [0; 92];
    disk.read_exact_at(&mut header, sector).ok()?;
    if &header[..8] != b"EFI PART" {
        return None;
    }
    let word = |at: usize| {
        u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let start = u64::from(word(72)) | u64::from(word(76)) << 32;
    let count = word(80).min(128) as usize;
    let size = word(84) as usize;
    if !(128..=4096).contains(&size) {
        return None;
    }
    let mut table = vec![0; count * size];
    disk.read_exact_at(&mut table, start.checked_mul(sector)?)
        .ok()?;
    Some(
        table
            .chunks_exact(size)
            .map(|entry| guid(&entry[16..32]))
            .collect(),
    )
}

/// A GUID's text: its first three fields are little-endian (RFC 9562 §4).
fn guid(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut text = String::new();
    for (place, index) in ORDER.into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{:02x}", octets[index]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_written_as_tools_write_them() {
        let octets = [
            0x61, 0x6d, 0x61, 0x72, 0x00, 0x6c, 0x00, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 4,
        ];
        assert_eq!(guid(&octets), Role::SystemA.guid());
    }

    #[test]
    fn a_disk_without_gpt_is_none_of_ours() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        assert_eq!(partition_guids(&file, 512), None);
    }

    #[test]
    fn partitions_of_a_table_are_found() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        file.write_all_at(b"EFI PART", 512).unwrap();
        file.write_all_at(&2_u64.to_le_bytes(), 512 + 72).unwrap();
        file.write_all_at(&128_u32.to_le_bytes(), 512 + 80).unwrap();
        file.write_all_at(&128_u32.to_le_bytes(), 512 + 84).unwrap();
        file.write_all_at(&[7; 16], 1024 + 128 + 16).unwrap();
        let guids = partition_guids(&file, 512).unwrap();
        assert_eq!(guids[1], "07070707-0707-0707-0707-070707070707");
    }
}
