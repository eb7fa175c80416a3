//! Load of the machine: processor, memory, space on the data partition.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, System};
use utoipa::ToSchema;

/// Bytes in all and bytes that can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Space {
    /// Bytes in all.
    pub total: u64,
    /// Bytes free for use.
    pub free: u64,
}

/// Load at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Busy share of all processors since the measurement before, 0 to 100.
    pub cpu_percent: f32,
    /// Main memory; free is what programs can still get, caches included.
    pub memory: Space,
}

/// Measures the load. Processor use is a difference, so one meter serves all readers.
pub struct LoadMeter(Mutex<(System, Instant)>);

impl LoadMeter {
    /// Takes the first measurement. Reads `/proc`.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn new() -> Result<Self, sysinfo::Error> {
        let mut system = System::new()?;
        system.refresh_cpu_usage();
        Ok(Self(Mutex::new((system, Instant::now()))))
    }

    /// The load now. Reads `/proc`: call it where blocking is allowed.
    pub fn measure(&self) -> Load {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (system, measured) = &mut *state;
        // A difference over a shorter time would be mostly rounding.
        if measured.elapsed() >= MINIMUM_CPU_UPDATE_INTERVAL.max(Duration::from_millis(500)) {
            system.refresh_cpu_usage();
            *measured = Instant::now();
        }
        system.refresh_memory();
        Load {
            cpu_percent: system.global_cpu_usage(),
            memory: Space {
                total: system.total_memory(),
                free: system.available_memory(),
            },
        }
    }
}

/// Space of the file system that holds `path`. Blocks.
pub fn disk_space(path: &Path) -> io::Result<Space> {
    let numbers = nix::sys::statvfs::statvfs(path)?;
    let unit = numbers.fragment_size();
    Ok(Space {
        total: numbers.blocks() * unit,
        free: numbers.blocks_available() * unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_and_space_are_within_their_bounds() {
        let load = LoadMeter::new().unwrap().measure();
        assert!((0.0..=100.0).contains(&load.cpu_percent));
        assert!(load.memory.free > 0 && load.memory.free <= load.memory.total);
        let disk = disk_space(&std::env::temp_dir()).unwrap();
        assert!(disk.free <= disk.total && disk.total > 0);
        assert!(disk_space(Path::new("/no/such/folder")).is_err());
    }
}
