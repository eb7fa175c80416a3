//! How the disk with the data is, as the kernel tells without asking the disk: errors of the file system, and how worn an
//! eMMC is. Reading it is quick but may block.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{major, minor};
use serde::Serialize;
use utoipa::ToSchema;

/// A disk that may have used more of its life than this is to be replaced, in percent.
const WORN: u8 = 90;

/// How many of its spare blocks an eMMC has used (JESD84-B51, `PRE_EOL_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpareBlocks {
    /// Less than four fifths.
    Enough,
    /// Four fifths.
    Low,
    /// Nine tenths: it may become read-only at any time.
    Spent,
}

/// How the disk with the data is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DiskHealth)]
pub struct Disk {
    /// The file system's device, such as `mmcblk0p7`.
    pub device: String,
    /// Errors in the file system's structure that were found since it was last repaired; null when it is no ext4.
    pub file_system_errors: Option<u64>,
    /// How much of its life is used at most, in percent, rounded up to tens; more than 100: it has outlived what it was made
    /// for. Null when the disk does not tell (only eMMC does).
    pub worn_percent: Option<u8>,
    /// Its spare blocks; null when the disk does not tell.
    pub spare_blocks: Option<SpareBlocks>,
}

impl Disk {
    /// Whether its file system is damaged.
    #[must_use]
    pub fn damaged(&self) -> bool {
        self.file_system_errors.is_some_and(|errors| errors > 0)
    }

    /// Whether it is to be replaced soon.
    #[must_use]
    pub fn worn(&self) -> bool {
        self.worn_percent.is_some_and(|worn| worn > WORN)
            || matches!(
                self.spare_blocks,
                Some(SpareBlocks::Low | SpareBlocks::Spent)
            )
    }

    /// The disk that this folder lies on; none when it lies on no disk.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Disk> {
        let device = fs::metadata(folder).ok()?.dev();
        Self::read(Path::new("/sys"), major(device), minor(device))
    }

    fn read(sys: &Path, major: u64, minor: u64) -> Option<Disk> {
        let link = sys.join(format!("dev/block/{major}:{minor}"));
        let block = fs::canonicalize(link).ok()?;
        let device = block.file_name()?.to_str()?.to_owned();
        let errors = sys.join("fs/ext4").join(&device).join("errors_count");
        // A partition lies in the folder of its disk, and on a mapped device lies another one.
        let disk = whole_disk(&block, 0)?;
        Some(Disk {
            file_system_errors: text(&errors).and_then(|count| count.parse().ok()),
            worn_percent: text(&disk.join("device/life_time")).and_then(|life| worn(&life)),
            spare_blocks: text(&disk.join("device/pre_eol_info")).and_then(|info| spare(&info)),
            device,
        })
    }
}

/// Device mapper's devices upon each other, at most.
const DEPTH: u8 = 4;

fn whole_disk(block: &Path, depth: u8) -> Option<PathBuf> {
    if block.join("partition").exists() {
        return block.parent().map(Path::to_owned);
    }
    let below = fs::read_dir(block.join("slaves")).into_iter().flatten();
    match below.flatten().next() {
        Some(below) if depth < DEPTH => {
            whole_disk(&fs::canonicalize(below.path()).ok()?, depth + 1)
        }
        _ => Some(block.to_owned()),
    }
}

fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

fn number(text: &str) -> Option<u8> {
    u8::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

/// `DEVICE_LIFE_TIME_EST_TYP_A` and `_B`: 1 is up to a tenth, 11 is more than all; 0 is not told.
fn worn(life: &str) -> Option<u8> {
    let most = life.split_whitespace().filter_map(number).max()?;
    (1..=11).contains(&most).then(|| most * 10)
}

fn spare(info: &str) -> Option<SpareBlocks> {
    match number(info)? {
        1 => Some(SpareBlocks::Enough),
        2 => Some(SpareBlocks::Low),
        3 => Some(SpareBlocks::Spent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A `/sys` with an eMMC of which partition 7 has the data.
    fn sys(life: &str, spare: &str, errors: &str) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let root = sys.path();
        let disk = root.join("devices/mmc_host/mmc0/mmc0:0001/block/mmcblk0");
        fs::create_dir_all(disk.join("mmcblk0p7")).unwrap();
        fs::write(disk.join("mmcblk0p7/partition"), "7\n").unwrap();
        symlink("../..", disk.join("device")).unwrap();
        fs::write(disk.join("device/life_time"), format!("{life}\n")).unwrap();
        fs::write(disk.join("device/pre_eol_info"), format!("{spare}\n")).unwrap();
        fs::create_dir_all(root.join("dev/block")).unwrap();
        symlink(disk.join("mmcblk0p7"), root.join("dev/block/179:7")).unwrap();
        fs::create_dir_all(root.join("fs/ext4/mmcblk0p7")).unwrap();
        fs::write(
            root.join("fs/ext4/mmcblk0p7/errors_count"),
            format!("{errors}\n"),
        )
        .unwrap();
        sys
    }

    fn read(life: &str, spare: &str, errors: &str) -> Disk {
        Disk::read(sys(life, spare, errors).path(), 179, 7).unwrap()
    }

    #[test]
    fn a_good_disk_is_good() {
        let disk = read("0x01 0x02", "0x01", "0");
        assert_eq!(
            disk,
            Disk {
                device: "mmcblk0p7".into(),
                file_system_errors: Some(0),
                worn_percent: Some(20),
                spare_blocks: Some(SpareBlocks::Enough),
            }
        );
        assert!(!disk.damaged() && !disk.worn());
    }

    #[test]
    fn errors_and_wear_are_seen() {
        assert!(read("0x01 0x01", "0x01", "3").damaged());
        assert!(!read("0x09 0x01", "0x01", "0").worn());
        assert!(read("0x0a 0x01", "0x01", "0").worn());
        assert_eq!(read("0x02 0x0b", "0x01", "0").worn_percent, Some(110));
        assert!(read("0x01 0x01", "0x02", "0").worn());
        assert!(read("0x01 0x01", "0x03", "0").worn());
    }

    #[test]
    fn what_a_disk_does_not_tell_is_not_known() {
        let disk = read("0x00 0x00", "0x00", "");
        assert_eq!(disk.worn_percent, None);
        assert_eq!(disk.spare_blocks, None);
        assert_eq!(disk.file_system_errors, None);
        assert!(!disk.damaged() && !disk.worn());
        let sys = sys("0xff what", "", "0");
        assert_eq!(Disk::read(sys.path(), 8, 1), None, "no such disk");
        assert_eq!(Disk::read(sys.path(), 179, 7).unwrap().worn_percent, None);
    }

    #[test]
    fn the_disk_below_a_mapped_device_is_the_one_that_wears() {
        let sys = sys("0x0a 0x01", "0x01", "0");
        let root = sys.path();
        let mapped = root.join("devices/virtual/block/dm-0");
        fs::create_dir_all(mapped.join("slaves")).unwrap();
        let partition = fs::canonicalize(root.join("dev/block/179:7")).unwrap();
        symlink(partition, mapped.join("slaves/mmcblk0p7")).unwrap();
        symlink(&mapped, root.join("dev/block/253:0")).unwrap();
        let disk = Disk::read(root, 253, 0).unwrap();
        assert_eq!(
            (disk.device.as_str(), disk.worn_percent),
            ("dm-0", Some(100))
        );
    }
}
