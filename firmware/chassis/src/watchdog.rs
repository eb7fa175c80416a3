//! The hardware's watchdog, as the kernel tells (`/sys/class/watchdog`). The service manager keeps it from biting
//! (`RuntimeWatchdogSec`), as long as it lives itself; and it restarts the gateway's service when that does not report to it.

use std::fs;
use std::path::Path;

use serde::Serialize;
use utoipa::ToSchema;

/// The last reset was the watchdog's (`WDIOF_CARDRESET`, linux/watchdog.h).
const CARD_RESET: u32 = 0x20;

/// The hardware's watchdog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HardwareWatchdog)]
pub struct Watchdog {
    /// What it is, as its driver says.
    pub identity: String,
    /// Whether it is armed: a system that hangs is reset.
    pub active: bool,
    /// After which time, in seconds.
    pub timeout_s: u32,
    /// Whether it was what started the machine; false as well where the hardware cannot tell.
    pub has_reset: bool,
}

impl Watchdog {
    /// The first watchdog below this folder (`/sys/class/watchdog`), which is the one that the service manager uses.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        let watchdog = folder.join("watchdog0");
        let text = |name: &str| {
            let text = fs::read_to_string(watchdog.join(name)).ok()?;
            Some(text.trim().to_owned())
        };
        let number = |name: &str| text(name).and_then(|text| text.parse::<u32>().ok());
        Some(Watchdog {
            identity: text("identity")?,
            active: text("state").as_deref() == Some("active"),
            timeout_s: number("timeout").unwrap_or(0),
            has_reset: number("bootstatus").unwrap_or(0) & CARD_RESET != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_is_read_and_a_machine_without_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Watchdog::read(folder.path()), None);
        let watchdog = folder.path().join("watchdog0");
        fs::create_dir(&watchdog).unwrap();
        for (name, text) in [
            ("identity", "iTCO_wdt"),
            ("state", "active"),
            ("timeout", "30"),
            ("bootstatus", "32"),
        ] {
            fs::write(watchdog.join(name), format!("{text}\n")).unwrap();
        }
        let read = Watchdog::read(folder.path());
        assert_eq!(
            read,
            Some(Watchdog {
                identity: "iTCO_wdt".into(),
                active: true,
                timeout_s: 30,
                has_reset: true,
            })
        );
        fs::write(watchdog.join("state"), "inactive\n").unwrap();
        fs::write(watchdog.join("bootstatus"), "0\n").unwrap();
        let read = Watchdog::read(folder.path()).unwrap();
        assert!(!read.active && !read.has_reset);
    }
}
