//! The system's partition as a device whose every block is compared with a hash tree when it is read
//! (Linux, Documentation/admin-guide/device-mapper/verity.rst).

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::str::FromStr;

use thiserror::Error;

/// Octets of a block, of data and of the tree.
const BLOCK: u64 = 4096;

/// What the system was built with: `BLOCKS:SALT:ROOT-HASH`, hashes in hexadecimal (SHA-256). The tree follows the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    blocks: u64,
    salt: String,
    root: String,
}

/// Why the device is not there.
#[derive(Debug, Error)]
pub enum VerityError {
    /// The kernel's command line names no tree, or not as it must.
    #[error("the boot loader names no hash of the system as BLOCKS:SALT:HASH: {0:?}")]
    NoTree(String),
    /// The kernel refuses.
    #[error("the device mapper refuses {what}: {error}")]
    Refused {
        /// What it was asked for.
        what: &'static str,
        /// Its reason.
        error: io::Error,
    },
}

impl Tree {
    /// Blocks of 4096 octets the system has, without its tree.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.blocks
    }
}

impl FromStr for Tree {
    type Err = VerityError;

    fn from_str(text: &str) -> Result<Self, VerityError> {
        let fault = || VerityError::NoTree(text.to_owned());
        let hexadecimal =
            |part: &str| part.len() == 64 && part.bytes().all(|c| c.is_ascii_hexdigit());
        let mut parts = text.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(blocks), Some(salt), Some(root), None)
                if hexadecimal(salt) && hexadecimal(root) =>
            {
                Ok(Self {
                    blocks: blocks
                        .parse()
                        .ok()
                        // In sectors it must still be a number.
                        .filter(|blocks| (1..=u64::MAX / BLOCK).contains(blocks))
                        .ok_or_else(fault)?,
                    salt: salt.to_owned(),
                    root: root.to_owned(),
                })
            }
            _ => Err(fault()),
        }
    }
}

/// `struct dm_ioctl` of linux/dm-ioctl.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct Header {
    version: [u32; 3],
    data_size: u32,
    data_start: u32,
    target_count: u32,
    open_count: i32,
    flags: u32,
    event_nr: u32,
    padding: u32,
    dev: u64,
    name: [u8; 128],
    uuid: [u8; 129],
    data: [u8; 7],
}

/// `struct dm_target_spec`.
#[repr(C)]
struct Target {
    sector_start: u64,
    length: u64,
    status: i32,
    next: u32,
    kind: [u8; 16],
}

/// One target with its parameters behind it.
#[repr(C)]
struct Table {
    header: Header,
    target: Target,
    parameters: [u8; 512],
}

const READ_ONLY: u32 = 1;

/// What the device mapper is asked for. The numbers count the header only: what follows it is told by its `data_size`.
mod ask {
    #![allow(missing_docs, reason = "made by a macro that writes no documentation")]
    use super::Header;

    nix::ioctl_readwrite!(create, 0xfd, 3, Header);
    nix::ioctl_readwrite!(remove, 0xfd, 4, Header);
    nix::ioctl_readwrite!(resume, 0xfd, 6, Header);
    nix::ioctl_readwrite!(load_table, 0xfd, 9, Header);
}

impl Header {
    fn new(name: &str, size: usize) -> Self {
        let mut header = Self {
            version: [4, 0, 0],
            data_size: u32::try_from(size).unwrap_or(u32::MAX),
            data_start: u32::try_from(size_of::<Self>()).unwrap_or(u32::MAX),
            target_count: 0,
            open_count: 0,
            flags: 0,
            event_nr: 0,
            padding: 0,
            dev: 0,
            name: [0; 128],
            uuid: [0; 129],
            data: [0; 7],
        };
        let length = name.len().min(127);
        header.name[..length].copy_from_slice(&name.as_bytes()[..length]);
        header
    }
}

/// Maps `partition`; returns the minor number of the new device: 0 is `/dev/dm-0`.
///
/// # Errors
/// The kernel refuses.
pub fn open(name: &str, partition: &Path, tree: &Tree) -> Result<u64, VerityError> {
    let refused = |what| {
        move |error: nix::Error| VerityError::Refused {
            what,
            error: error.into(),
        }
    };
    let control = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/mapper/control")
        .map_err(|error| VerityError::Refused {
            what: "to be opened",
            error,
        })?;
    let control = control.as_raw_fd();

    let mut header = Header::new(name, size_of::<Header>());
    // SAFETY: the header lives across the call and says its own size.
    unsafe { ask::create(control, &raw mut header) }.map_err(refused("a device"))?;
    let minor = header.dev & 0xff | (header.dev >> 12) & 0xfff00;

    let mut table = Table {
        header: Header::new(name, size_of::<Table>()),
        target: Target {
            sector_start: 0,
            length: tree.blocks * (BLOCK / 512),
            status: 0,
            next: 0,
            kind: *b"verity\0\0\0\0\0\0\0\0\0\0",
        },
        parameters: [0; 512],
    };
    table.header.target_count = 1;
    table.header.flags = READ_ONLY;
    let parameters = parameters(partition, tree);
    // One octet stays zero: it ends the text.
    let length = parameters.len().min(table.parameters.len() - 1);
    table.parameters[..length].copy_from_slice(&parameters.as_bytes()[..length]);
    // SAFETY: the header is the first field of a table that lives across the call and whose size it tells.
    let loaded = unsafe { ask::load_table(control, (&raw mut table).cast()) }
        .map_err(refused("the table of hashes"))
        .and_then(|_| {
            let mut header = Header::new(name, size_of::<Header>());
            // SAFETY: as above; without a flag it resumes the device, so that the table is in force.
            unsafe { ask::resume(control, &raw mut header) }.map_err(refused("to start"))
        });
    if let Err(error) = loaded {
        let mut header = Header::new(name, size_of::<Header>());
        // SAFETY: as above.
        let _ = unsafe { ask::remove(control, &raw mut header) };
        return Err(error);
    }
    Ok(minor)
}

fn parameters(partition: &Path, tree: &Tree) -> String {
    let device = partition.display();
    format!(
        "1 {device} {device} {BLOCK} {BLOCK} {blocks} {blocks} sha256 {root} {salt}",
        blocks = tree.blocks,
        root = tree.root,
        salt = tree.salt,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_the_kernels() {
        assert_eq!(size_of::<Header>(), 312);
        assert_eq!(size_of::<Target>(), 40);
    }

    #[test]
    fn a_tree_is_three_parts() {
        let (salt, root) = ("0a".repeat(32), "f1".repeat(32));
        let tree: Tree = format!("25000:{salt}:{root}").parse().unwrap();
        assert_eq!(
            parameters(Path::new("/dev/sda4"), &tree),
            format!("1 /dev/sda4 /dev/sda4 4096 4096 25000 25000 sha256 {root} {salt}")
        );
        for wrong in [
            String::new(),
            format!("x:{salt}:{root}"),
            format!("0:{salt}:{root}"),
            format!("{}:{salt}:{root}", u64::MAX),
            format!("25000:{salt}"),
            format!("25000:{salt}:{root}:"),
            format!("25000:{salt}:{}", "g".repeat(64)),
        ] {
            assert!(wrong.parse::<Tree>().is_err(), "{wrong}");
        }
    }
}
