//! A channel's device: sound, frames, hook and signalling bits.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;

use super::abi::{self, BufferInfo, Params};
use super::{ChannelEvent, Control, DahdiError};

/// Blocks of sound that the kernel keeps each way, at most: what a thread that was late finds, no delay of its own.
const BUFFERS: i32 = 32;
/// Flushes what waits to be sent (`DAHDI_FLUSH_WRITE`).
const FLUSH_WRITE: i32 = 2;
/// Reach of a card's echo canceller, samples: 128 ms, the longest that cards have (they take less where they must).
const ECHO_TAPS: i32 = 1024;
/// Longest HDLC frame with its check sequence, octets (Q.921 §5.9.3: N201 is 260, and 5 octets of frame).
const FRAME: i32 = 512;

/// What the far end does with an analogue line, or what the card is to do (`DAHDI_ONHOOK` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// FXO: opens the loop. FXS: opens the battery for a moment, the far end's sign that the call is over.
    OnHook = 0,
    /// FXO: closes the loop. FXS: stops ringing and feeds the line.
    OffHook = 1,
    /// FXO: opens the loop for the time of a flash.
    Flash = 3,
    /// FXS: rings with the channel's cadence.
    Ring = 5,
    /// FXS: stops ringing.
    RingOff = 6,
}

/// An open channel. Closing it puts the line on-hook.
#[derive(Debug)]
pub struct ChannelDevice {
    number: u32,
    file: File,
    /// Whether its card may have an echo canceller.
    card_cancels: bool,
}

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many octets.
    Octets(usize),
    /// Nothing yet.
    Nothing,
    /// An event waits and must be fetched first.
    Event,
    /// The channel is gone.
    Gone,
}

impl ChannelDevice {
    /// Opens a channel by its number, from 1, without blocking.
    ///
    /// # Errors
    /// The kernel's answer: no such channel, not configured (`ENXIO`) or used by another program (`EBUSY`).
    pub fn open(number: u32) -> Result<Self, DahdiError> {
        let action = || format!("open channel {number}");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open("/dev/dahdi/channel")
            .map_err(|error| DahdiError::from_io(action(), &error))?;
        let mut device = Self {
            number,
            file,
            card_cancels: false,
        };
        let wanted = i32::try_from(number).unwrap_or(i32::MAX);
        // SAFETY: the request reads one int that lives through the call.
        device.ask(action, |fd| unsafe { abi::specify(fd, &raw const wanted) })?;
        let attached = Control::open().and_then(|control| control.attach_echo_canceller(number));
        device.card_cancels = attached.is_ok();
        Ok(device)
    }

    /// Its number, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }

    fn ask(
        &self,
        action: impl FnOnce() -> String,
        request: impl FnOnce(RawFd) -> nix::Result<i32>,
    ) -> Result<(), DahdiError> {
        match request(self.file.as_raw_fd()) {
            Ok(_) => Ok(()),
            Err(errno) => Err(DahdiError::new(action(), errno)),
        }
    }

    /// Makes it carry sound in blocks of `octets`, 8 octets a millisecond, companded with the span's law.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn carry_sound(&self, octets: usize) -> Result<(), DahdiError> {
        let number = self.number;
        let buffers = BufferInfo {
            buffers: BUFFERS,
            size: i32::try_from(octets).unwrap_or(i32::MAX),
            ..BufferInfo::default()
        };
        let linear = 0;
        let action = move || format!("set the blocks of channel {number}");
        // SAFETY: the request reads one structure that lives through the call.
        self.ask(action, |fd| unsafe {
            abi::set_buffers(fd, &raw const buffers)
        })?;
        self.ask(
            move || format!("choose companded sound on channel {number}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::set_linear(fd, &raw const linear) },
        )
    }

    /// Makes a clear channel (one of ISDN) carry sound.
    ///
    /// # Errors
    /// The kernel's answer; `EINVAL` when the channel is not a clear one.
    pub fn set_audio_mode(&self) -> Result<(), DahdiError> {
        let (number, on) = (self.number, 1);
        self.ask(
            move || format!("use channel {number} for sound"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::audio_mode(fd, &raw const on) },
        )
    }

    /// Prepares a channel of HDLC frames.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn carry_frames(&self) -> Result<(), DahdiError> {
        let number = self.number;
        let buffers = BufferInfo {
            buffers: 32,
            size: FRAME,
            ..BufferInfo::default()
        };
        self.ask(
            move || format!("set the frames of channel {number}"),
            // SAFETY: the request reads one structure that lives through the call.
            |fd| unsafe { abi::set_buffers(fd, &raw const buffers) },
        )
    }

    /// Has the card take out the line's echo, anew, or leave it.
    ///
    /// # Errors
    /// The kernel's answer; `ENODEV` when the card has no canceller, or has none left.
    pub fn set_echo_canceller(&self, on: bool) -> Result<(), DahdiError> {
        let (number, taps) = (self.number, if on { ECHO_TAPS } else { 0 });
        let action = move || format!("set the echo canceller of channel {number}");
        if !self.card_cancels {
            // The kernel calls it done when a channel has none.
            return Err(DahdiError::new(action(), Errno::ENODEV));
        }
        self.ask(
            action,
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::echo_cancel(fd, &raw const taps) },
        )
    }

    /// Changes the state of an analogue line. Ends at once; [`ChannelEvent::HookComplete`] follows where it takes time.
    ///
    /// # Errors
    /// The kernel's answer; `EBUSY` when the line must be on-hook to be rung.
    pub fn set_hook(&self, hook: Hook) -> Result<(), DahdiError> {
        let (number, state) = (self.number, hook as i32);
        let answer = self.ask(
            move || format!("change the hook of channel {number} to {hook:?}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::hook(fd, &raw const state) },
        );
        match answer {
            Err(error) if error.errno == Errno::EINPROGRESS => Ok(()),
            other => other,
        }
    }

    /// The rhythm of ringing, ms on and off in turns, at most eight pairs.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn set_ring_cadence(&self, times: &[i32]) -> Result<(), DahdiError> {
        let number = self.number;
        let mut cadence = abi::RingCadence::default();
        for (place, time) in cadence.times.iter_mut().zip(times) {
            *place = *time;
        }
        self.ask(
            move || format!("set the cadence of channel {number}"),
            // SAFETY: the request reads one structure that lives through the call.
            |fd| unsafe { abi::set_cadence(fd, &raw const cadence) },
        )
    }

    /// FXS: reverses the battery or not.
    ///
    /// # Errors
    /// The kernel's answer; `ENOTTY` or `ENOSYS` when the card cannot.
    pub fn set_polarity(&self, reversed: bool) -> Result<(), DahdiError> {
        let (number, state) = (self.number, i32::from(reversed));
        self.ask(
            move || format!("set the polarity of channel {number}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::set_polarity(fd, &raw const state) },
        )
    }

    /// FXS: lets sound through to a telephone that is on-hook for so many ms.
    ///
    /// # Errors
    /// The kernel's answer; `ENOTTY` when the card needs no such thing.
    pub fn transmit_on_hook(&self, ms: i32) -> Result<(), DahdiError> {
        let number = self.number;
        self.ask(
            move || format!("let sound through on channel {number}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::on_hook_transfer(fd, &raw const ms) },
        )
    }

    /// The four signalling bits that come in (A is 8, D is 1).
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn received_bits(&self) -> Result<u8, DahdiError> {
        let number = self.number;
        let mut bits = 0;
        self.ask(
            move || format!("read the signalling bits of channel {number}"),
            // SAFETY: the request writes one int that lives through the call.
            |fd| unsafe { abi::get_received_bits(fd, &raw mut bits) },
        )?;
        Ok((bits & 0xf) as u8)
    }

    /// Sets the four signalling bits that go out.
    ///
    /// # Errors
    /// The kernel's answer; `EINVAL` when the channel has none.
    pub fn set_bits(&self, bits: u8) -> Result<(), DahdiError> {
        let (number, bits) = (self.number, i32::from(bits & 0xf));
        self.ask(
            move || format!("set the signalling bits of channel {number}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::set_transmitted_bits(fd, &raw const bits) },
        )
    }

    /// Forgets what waits to be sent.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn drop_unsent(&self) -> Result<(), DahdiError> {
        let (number, what) = (self.number, FLUSH_WRITE);
        self.ask(
            move || format!("empty the blocks of channel {number}"),
            // SAFETY: the request reads one int that lives through the call.
            |fd| unsafe { abi::flush(fd, &raw const what) },
        )
    }

    /// Blocks that wait in the kernel to be sent.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn waiting_to_send(&self) -> Result<usize, DahdiError> {
        let number = self.number;
        let mut buffers = BufferInfo::default();
        self.ask(
            move || format!("read the blocks of channel {number}"),
            // SAFETY: the request writes one structure that lives through the call.
            |fd| unsafe { abi::get_buffers(fd, &raw mut buffers) },
        )?;
        Ok(usize::try_from(buffers.written).unwrap_or(0))
    }

    /// What the kernel knows about the channel now.
    ///
    /// # Errors
    /// The kernel's answer.
    pub(super) fn params(&self) -> Result<Params, DahdiError> {
        let number = self.number;
        // SAFETY: the structure is made of integers and octets, for which zero is a value.
        let mut params: Params = unsafe { std::mem::zeroed() };
        params.channel = 0;
        self.ask(
            move || format!("read the state of channel {number}"),
            // SAFETY: the request reads and writes one structure that lives through the call.
            |fd| unsafe { abi::get_params(fd, &raw mut params) },
        )?;
        Ok(params)
    }

    /// Whether an FXS channel's telephone is off-hook now: what events said may have been lost in a full queue.
    ///
    /// # Errors
    /// The kernel's answer.
    pub fn is_off_hook(&self) -> Result<bool, DahdiError> {
        Ok(self.params()?.received_off_hook != 0)
    }

    /// The oldest event that waits. To be called until there is none: sound and frames stand still meanwhile.
    ///
    /// # Errors
    /// The kernel's answer; a removed card is [`ChannelEvent::Removed`].
    pub fn next_event(&self) -> Result<Option<ChannelEvent>, DahdiError> {
        let number = self.number;
        let mut code = 0;
        let answer = self.ask(
            move || format!("fetch the events of channel {number}"),
            // SAFETY: the request writes one int that lives through the call.
            |fd| unsafe { abi::get_event(fd, &raw mut code) },
        );
        match answer {
            Ok(()) => Ok(ChannelEvent::read(code)),
            Err(error) if error.errno == Errno::ENODEV => Ok(Some(ChannelEvent::Removed)),
            Err(error) => Err(error),
        }
    }

    /// Takes a block of sound, or a frame with two octets of check sequence at its end.
    pub fn receive(&self, octets: &mut [u8]) -> Received {
        match (&self.file).read(octets) {
            Ok(length) => Received::Octets(length),
            Err(error) => refused(&error),
        }
    }

    /// Gives a block of sound, or a frame with two octets for its check sequence.
    pub fn transmit(&self, octets: &[u8]) -> Received {
        match (&self.file).write(octets) {
            Ok(length) => Received::Octets(length),
            Err(error) => refused(&error),
        }
    }
}

fn refused(error: &std::io::Error) -> Received {
    match error.raw_os_error() {
        Some(abi::EVENT_QUEUED) => Received::Event,
        _ if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Received::Nothing
        }
        _ => Received::Gone,
    }
}

impl AsFd for ChannelDevice {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
