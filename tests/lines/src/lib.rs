//! Lines without hardware for the tests of lines: spans of which two of one key are wired together by `dahdi_dynamic_loc`, so
//! hook, ringing, signalling bits, frames and sound cross the real kernel drivers, and a [`line_card`].
//!
//! The tests run inside QEMU on the image's kernel (`tools/check/lines`), where nothing else uses the drivers.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise"
)]

pub mod far_end;
pub mod gpio;
pub mod line_card;
pub mod pairs;
pub mod party;
pub mod peer;
mod stall;

pub use stall::stall_thread;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ramal_lines::dahdi::{Control, DahdiError, Span, spans};

/// How long the kernel may take to bring a span up or down.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two spans wired to each other, removed when dropped.
#[derive(Debug)]
pub struct WiredSpans {
    control: Control,
    key: u8,
    /// The card of the near end while that is taken away.
    unassigned: Option<PathBuf>,
    /// The gateway's end.
    pub near: Span,
    /// The other end.
    pub far: Span,
}

impl WiredSpans {
    /// Makes two spans of so many channels.
    ///
    /// # Errors
    /// The kernel's refusal: no driver, or all keys in use.
    pub fn new(channels: u32) -> Result<Self, DahdiError> {
        let control = Control::open()?;
        // A key is one hexadecimal digit. One may be taken by spans that a process which has just ended still held.
        let mut key = 0;
        let near = loop {
            match control.create_dynamic("loc", &format!("{key:x}:0"), channels, 0) {
                Ok(near) => break near,
                Err(error) if key == 15 => return Err(error),
                Err(_) => key += 1,
            }
        };
        let far = control.create_dynamic("loc", &format!("{key:x}:1"), channels, 0)?;
        let (near, far) = (assigned(near), assigned(far));
        Ok(Self {
            control,
            key,
            unassigned: None,
            near,
            far,
        })
    }

    /// The device that configures spans.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Takes the far end away, as a pulled cable does.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn cut(&self) -> Result<(), DahdiError> {
        self.control
            .destroy_dynamic("loc", &format!("{:x}:1", self.key))
    }

    /// Wires a new far end to the near one.
    ///
    /// # Errors
    /// The kernel's refusal.
    pub fn mend(&self) -> Result<Span, DahdiError> {
        let channels = self.near.channels.len().try_into().unwrap_or(31);
        let far = self
            .control
            .create_dynamic("loc", &format!("{:x}:1", self.key), channels, 0)?;
        Ok(assigned(far))
    }

    /// Takes the near end away while it is used, as a card that is pulled out.
    ///
    /// # Panics
    /// When the kernel refuses.
    pub fn unassign_near(&mut self) {
        let card = self.card();
        // The card counts its spans by itself, and this is its only one.
        std::fs::write(card.join("unassign_span"), "1\n").expect("unassigned");
        self.unassigned = Some(card);
    }

    /// Puts it back.
    ///
    /// # Panics
    /// When it was not taken away, or the kernel refuses.
    pub fn assign_near(&mut self) {
        let card = self.unassigned.take().expect("it was taken away");
        let place = format!("1:{}:{}\n", self.near.number, self.near.first_channel);
        std::fs::write(card.join("assign_span"), place).expect("assigned");
        self.near = assigned(self.near.number);
    }

    /// The device of the near end's card.
    fn card(&self) -> PathBuf {
        let span = format!("/sys/bus/dahdi_spans/devices/span-{}", self.near.number);
        let device = std::fs::canonicalize(span).expect("the span has a device");
        device.parent().expect("the span is on a card").to_owned()
    }
}

impl Drop for WiredSpans {
    fn drop(&mut self) {
        for end in [0, 1] {
            // Whoever used it may need a moment to let go; the far end may have been cut.
            for _ in 0..100 {
                let gone = self
                    .control
                    .destroy_dynamic("loc", &format!("{:x}:{end}", self.key));
                match gone {
                    Err(error) if error.errno == nix::errno::Errno::EBUSY => {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    _ => break,
                }
            }
        }
    }
}

/// Waits until the kernel has given a span its channels.
fn assigned(number: u32) -> Span {
    until("a span has its channels", || {
        spans()
            .unwrap_or_default()
            .into_iter()
            .find(|span| span.number == number && span.first_channel > 0)
    })
}

/// Waits until `ready` gives something.
///
/// # Panics
/// When that takes longer than a minute.
pub fn until<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(result) = ready() {
            return result;
        }
        assert!(Instant::now() < deadline, "{what} did not happen in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}
