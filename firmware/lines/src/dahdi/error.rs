//! What can go wrong at the kernel's interface, and what to do about it.

use nix::errno::Errno;

/// A request that the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot {action}: {}; {advice}", .errno.desc())]
pub struct DahdiError {
    /// What was tried, to what.
    pub action: String,
    /// The kernel's answer.
    pub errno: Errno,
    /// What to do.
    pub advice: &'static str,
}

impl DahdiError {
    pub(crate) fn new(action: impl Into<String>, errno: Errno) -> Self {
        let advice = match errno {
            Errno::ENOENT | Errno::ENODEV => {
                "load DAHDI's driver for this card and check that the card is seated"
            }
            Errno::ENXIO => {
                "the span or channel is not there or not configured; check the card and the span's settings"
            }
            Errno::EBUSY => "another program holds it; end that program",
            Errno::EINVAL => {
                "the card cannot do this; choose another line code, framing or signalling"
            }
            Errno::EACCES | Errno::EPERM => {
                "the service may not use the device; it must be in the group dahdi"
            }
            Errno::ENOMEM => "memory is short; restart the gateway",
            _ => "restart the gateway; if it stays, check the card",
        };
        Self {
            action: action.into(),
            errno,
            advice,
        }
    }

    /// The span has another number of timeslots.
    pub(super) fn not_e1(device: &str, timeslots: usize) -> Self {
        Self {
            action: format!("use {device} as an E1, it has {timeslots} timeslots and not 31"),
            errno: Errno::EINVAL,
            advice: "set the card to E1, by its jumper or its driver's line mode",
        }
    }

    pub(super) fn from_io(action: impl Into<String>, error: &std::io::Error) -> Self {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        Self::new(action, errno)
    }
}
