//! Messages to systemd over `$NOTIFY_SOCKET` (sd_notify(3)): ready, status, watchdog, stopping.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// What one step of the start may take.
const STEP: Duration = Duration::from_secs(60);

/// A connection to the service manager; silent when there is none.
#[derive(Debug)]
pub(crate) struct Notify {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notify {
    /// Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub(crate) fn from_environment() -> Self {
        let socket = env::var_os("NOTIFY_SOCKET").and_then(|path| {
            connect(path.as_bytes())
                .inspect_err(|error| tracing::warn!(%error, "cannot reach the service manager"))
                .ok()
        });
        let for_us = env::var("WATCHDOG_PID")
            .ok()
            .is_none_or(|pid| pid.parse() == Ok(std::process::id()));
        let watchdog = env::var("WATCHDOG_USEC")
            .ok()
            .filter(|_| for_us && socket.is_some())
            .and_then(|microseconds| microseconds.parse().ok())
            .filter(|&microseconds| microseconds > 0)
            .map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// Within which time the service manager wants to hear from us, if it watches at all.
    pub(crate) fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Start-up is complete.
    pub(crate) fn ready(&self) {
        self.send("READY=1");
    }

    /// Still working.
    pub(crate) fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// Still working, and not done yet within the usual time.
    pub(crate) fn takes_longer(&self, by: Duration) {
        self.alive();
        self.send(&format!("EXTEND_TIMEOUT_USEC={}", by.as_micros()));
    }

    /// A step of the start has begun, told to `systemctl status`; it may take [`STEP`]. A slow disk or processor takes long for the
    /// whole start and is not to be interrupted there, where the next attempt would be as slow; what hangs in one step is.
    pub(crate) fn starting(&self, step: &str) {
        self.status(&format!("starting: {step}"));
        self.takes_longer(STEP);
    }

    /// Shutting down.
    pub(crate) fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// One line for `systemctl status`.
    pub(crate) fn status(&self, text: &str) {
        self.send(&format!("STATUS={text}"));
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(message.as_bytes())
        {
            tracing::debug!(%error, "the service manager did not take a message");
        }
    }
}

fn connect(path: &[u8]) -> io::Result<UnixDatagram> {
    let address = match path.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    // Never wait for the service manager.
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notify = Notify {
            socket: Some(connect(path.as_os_str().as_bytes()).unwrap()),
            watchdog: None,
        };
        notify.starting("disk");
        let mut received = Vec::new();
        for _ in 0..3 {
            let mut buffer = [0; 64];
            let length = manager.recv(&mut buffer).unwrap();
            received.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        assert_eq!(
            received,
            [
                "STATUS=starting: disk",
                "WATCHDOG=1",
                "EXTEND_TIMEOUT_USEC=60000000"
            ]
        );
        notify.ready();
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1");

        let name = format!("ramald-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let notify = Notify {
            socket: Some(connect(format!("@{name}").as_bytes()).unwrap()),
            watchdog: None,
        };
        notify.status("2 calls");
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"STATUS=2 calls");
    }
}
