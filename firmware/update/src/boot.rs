//! The boot state as `ramal-boot` publishes it.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the two systems on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SystemSlot)]
pub enum Slot {
    /// The first one, filled in the factory.
    A,
    /// The second one.
    B,
}

impl Slot {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The name it has for RAUC and the boot loader.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// What the system beside the proven one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Second {
    /// Nothing that may be started.
    Empty,
    /// To be started once, or started for its one trial now.
    Trial,
    /// Proven earlier.
    Ready,
    /// Not to be started again.
    Failed,
}

/// Which system runs, and which one starts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct BootState {
    /// The system that runs.
    pub running: Slot,
    /// The one that has passed its checks last.
    pub proven: Slot,
    /// What the other one is.
    pub second: Second,
    /// Why that has failed; else blank.
    #[serde(default)]
    pub reason: String,
}

impl BootState {
    /// Reads it; none where the machine was not started by Ramal's boot loader.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(io::Error::from)
    }

    /// The one that does not run.
    #[must_use]
    pub fn other(&self) -> Slot {
        self.running.other()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ramal_boot_publishes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        assert_eq!(BootState::read(&path).unwrap(), None);
        fs::write(
            &path,
            "{\"running\":\"a\",\"proven\":\"a\",\"second\":\"failed\",\"reason\":\"a \\\"b\\\"\",\"generation\":7}\n",
        )
        .unwrap();
        let state = BootState::read(&path).unwrap().unwrap();
        assert_eq!((state.running, state.other()), (Slot::A, Slot::B));
        assert_eq!(
            (state.second, state.reason.as_str()),
            (Second::Failed, "a \"b\"")
        );
        fs::write(&path, "{").unwrap();
        assert!(BootState::read(&path).is_err());
    }
}
