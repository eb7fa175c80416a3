//! The frames of a D channel, and whether they are more than anybody could mean.

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

use super::super::super::setup::SIGNALLING_TIMESLOT;
use super::super::super::{ChannelEvent, DahdiError, Received};
use super::super::hardware::{SpanChannel, SpanHardware, gone};

/// Its number among the epoll's; the others are timeslots.
pub(super) const D_CHANNEL: u64 = 0;
/// Longest frame with its check sequence.
const FRAME: usize = 512;
/// Frames read before others have their turn; 64 kbit/s bring fewer than that in half a second.
const TURN: usize = 256;
/// Frames and events in one look, half a second, that serve no purpose on a channel that babbles. A line in trouble has a
/// few.
const USELESS: u64 = 50;
/// Looks it takes to become sure, and calm ones until it is over.
const LOOKS: u8 = 3;

/// An open D channel.
pub(super) struct DChannel<C> {
    channel: C,
    /// Frames that came damaged, were cut off or had no end.
    damaged: u64,
    /// What was useless until the look before.
    seen: u64,
    looks: u8,
    babbles: bool,
}

impl<C: SpanChannel> DChannel<C> {
    pub(super) fn open<H: SpanHardware<Channel = C>>(
        epoll: &Epoll,
        hardware: &H,
    ) -> Result<Self, DahdiError> {
        let timeslot = u8::try_from(SIGNALLING_TIMESLOT).unwrap_or(u8::MAX);
        let channel = hardware.open(timeslot)?;
        channel.carry_frames()?;
        let interest = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI, D_CHANNEL);
        epoll
            .add(channel.as_fd(), interest)
            .map_err(|errno| DahdiError::new("wait for the D channel", errno))?;
        Ok(Self {
            channel,
            damaged: 0,
            seen: 0,
            looks: 0,
            babbles: false,
        })
    }

    /// Hands over the frames that wait.
    ///
    /// # Errors
    /// The channel is gone.
    pub(super) fn receive(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), DahdiError> {
        let mut frame = [0; FRAME];
        for _ in 0..TURN {
            match self.channel.receive(&mut frame) {
                Received::Octets(length) => {
                    // The check sequence is the driver's business.
                    if let Some(frame) = length.checked_sub(2).and_then(|end| frame.get(..end)) {
                        take(frame);
                    }
                }
                Received::Nothing => break,
                Received::Event => self.drain()?,
                Received::Gone => return Err(gone()),
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), DahdiError> {
        let damaged = &mut self.damaged;
        self.channel.drain(|event| {
            if matches!(
                event,
                ChannelEvent::HdlcAbort | ChannelEvent::HdlcOverrun | ChannelEvent::HdlcBadFcs
            ) {
                *damaged += 1;
            }
            tracing::trace!(?event, "an event of a D channel");
        })
    }

    /// Sends a frame. What the kernel has no room for is lost, as on a bad line; layer 2 sends it again.
    ///
    /// # Errors
    /// The channel is gone.
    pub(super) fn send(&mut self, mut frame: Vec<u8>) -> Result<(), DahdiError> {
        // The driver overwrites these with the check sequence.
        frame.extend([0, 0]);
        if self.channel.transmit(&frame) == Received::Event {
            self.drain()?;
            self.channel.transmit(&frame);
        }
        Ok(())
    }

    /// Whether the far end babbles, judged twice a second. `useless` counts what nobody can have meant, since the start.
    pub(super) fn babbles(&mut self, useless: u64) -> bool {
        let now = self.damaged + useless;
        let grown = now.saturating_sub(std::mem::replace(&mut self.seen, now));
        self.looks = match grown >= USELESS {
            true => (self.looks + 1).min(LOOKS),
            false => self.looks.saturating_sub(1),
        };
        match self.looks {
            0 => self.babbles = false,
            LOOKS => self.babbles = true,
            _ => {}
        }
        self.babbles
    }
}
