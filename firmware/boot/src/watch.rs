//! Leaves a damaged system for the other one.
//!
//! The kernel tells of a block that is not what it was built as by an event. Whoever acts on it must not lie on the
//! damaged disk: this process comes out of the initramfs, keeps itself in memory, and holds what it needs open.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use crate::area::Area;
use crate::damage;
use crate::state::{Slot, Start};

/// A process whose name begins so is spared when systemd ends all others.
pub const NAME: &str = "@ramal-boot";

/// Watches until the machine stops.
#[derive(Debug)]
pub struct Watch {
    events: OwnedFd,
    area: Area<File>,
    log: File,
    running: Slot,
    start: Start,
}

impl Watch {
    /// Opens all that will be needed.
    ///
    /// # Errors
    /// The system's.
    pub fn start(state: &Path, running: Slot, start: Start) -> io::Result<Self> {
        let events = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkKObjectUEvent,
        )?;
        // Group 1: what the kernel itself says.
        bind(events.as_raw_fd(), &NetlinkAddr::new(0, 1))?;
        let area = Area::open(state).map_err(io::Error::other)?;
        let log = OpenOptions::new().write(true).open("/dev/kmsg")?;
        mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)?;
        Ok(Self {
            events,
            area,
            log,
            running,
            start,
        })
    }

    /// Waits for the first damaged block and acts on it. Returns when no other system is there to be started.
    pub fn run(mut self) {
        let mut buffer = [0; 8192];
        loop {
            // Events may be lost when there are too many at once: a damaged block is told each time it is read.
            let Ok(length) = recv(self.events.as_raw_fd(), &mut buffer, MsgFlags::empty()) else {
                continue;
            };
            if let Some(block) = damaged_block(&buffer[..length]) {
                return self.leave(block);
            }
        }
    }

    fn leave(&mut self, block: &str) {
        let reason = damage::reason(block);
        let Self {
            area,
            log,
            running,
            start,
            ..
        } = self;
        // What the log cannot take is lost either way.
        match area.leave(*running, *start, &reason) {
            Ok(_) => {
                let _ = writeln!(log, "<2>ramal: system {running} is left: {reason}");
                let _ = reboot(RebootMode::RB_AUTOBOOT);
            }
            Err(error) => {
                let _ = writeln!(log, "<2>ramal: {reason}; it runs on: {error}");
            }
        }
    }
}

/// The block a kernel's event tells to be damaged: its environment has `DM_VERITY_ERR_BLOCK_NR=TYPE,BLOCK`.
fn damaged_block(event: &[u8]) -> Option<&str> {
    event
        .split(|&octet| octet == 0)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .find_map(|line| line.strip_prefix("DM_VERITY_ERR_BLOCK_NR="))
        .map(|value| value.split_once(',').map_or(value, |(_, block)| block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_of_damage_count() {
        let event = b"change@/devices/virtual/block/dm-0\0ACTION=change\0DM_VERITY_ERR_BLOCK_NR=1,4711\0SEQNUM=9\0";
        assert_eq!(damaged_block(event), Some("4711"));
        assert_eq!(
            damaged_block(b"add@/devices/virtual/block/dm-0\0ACTION=add\0"),
            None
        );
        assert_eq!(damaged_block(b""), None);
    }
}
