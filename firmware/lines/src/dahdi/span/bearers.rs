//! The sound of a span's timeslots.

use std::os::fd::AsFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use ramal_dsp::{FRAME_SAMPLES, Law};

use super::super::{DahdiError, Received};
use super::hardware::{SpanChannel, SpanHardware, gone};
use super::sender::{Sender, watch_answers};
use crate::audio::{DriverAudio, PortAudio, pair};

/// Blocks read before others have their turn: all that the kernel keeps.
const TURN: usize = 34;

/// A timeslot that carries sound.
struct Bearer<C> {
    audio: DriverAudio,
    port: PortAudio,
    sender: Sender,
    /// Open while a call has it.
    device: Option<C>,
}

/// All timeslots of a span, by number.
pub(super) struct Bearers<'a, H: SpanHardware> {
    epoll: Arc<Epoll>,
    hardware: &'a H,
    cancels_echo: bool,
    slots: Vec<Option<Bearer<H::Channel>>>,
}

impl<'a, H: SpanHardware> Bearers<'a, H> {
    /// The timeslots of a span. Their events come to `epoll` under the timeslot's number.
    pub(super) fn new(epoll: Arc<Epoll>, hardware: &'a H, cancels_echo: bool) -> Self {
        let bearer = |timeslot: u8| {
            let (port, audio) = pair(Law::A);
            (u32::from(timeslot) != super::super::setup::SIGNALLING_TIMESLOT).then(|| Bearer {
                audio,
                port,
                sender: Sender::default(),
                device: None,
            })
        };
        Self {
            epoll,
            hardware,
            cancels_echo,
            slots: (1..=hardware.timeslots()).map(bearer).collect(),
        }
    }

    fn slot(&mut self, timeslot: u8) -> Option<&mut Bearer<H::Channel>> {
        let index = usize::from(timeslot).checked_sub(1)?;
        self.slots.get_mut(index)?.as_mut()
    }

    /// The timeslots that carry sound.
    pub(super) fn timeslots(&self) -> impl Iterator<Item = u8> + '_ {
        (1..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.is_some())
            .map(|(number, _)| number)
    }

    /// Sets a timeslot's sound going and gives it out. One that goes already is only given out.
    ///
    /// # Errors
    /// The kernel's refusal; `ENXIO` for a timeslot that carries no sound.
    pub(super) fn open(&mut self, timeslot: u8) -> Result<PortAudio, DahdiError> {
        let (epoll, hardware) = (self.epoll.clone(), self.hardware);
        let cancels_echo = self.cancels_echo;
        let missing = DahdiError::new(format!("use timeslot {timeslot}"), Errno::ENXIO);
        let bearer = self.slot(timeslot).ok_or(missing)?;
        if bearer.device.is_none() {
            let device = hardware.open(timeslot)?;
            device.set_audio_mode()?;
            device.carry_sound(FRAME_SAMPLES)?;
            let interest = EpollEvent::new(
                EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI,
                u64::from(timeslot),
            );
            epoll
                .add(device.as_fd(), interest)
                .map_err(|errno| DahdiError::new(format!("wait for timeslot {timeslot}"), errno))?;
            watch_answers(&epoll, &bearer.audio, timeslot);
            bearer.port.restart();
            bearer.audio.restart();
            // A card that does it has more reach, and costs no time here.
            let by_card = cancels_echo && device.set_echo_canceller(true).is_ok();
            bearer.sender = Sender::new(cancels_echo && !by_card);
            bearer.device = Some(device);
        }
        Ok(bearer.port.clone())
    }

    /// Stops a timeslot's sound.
    pub(super) fn close(&mut self, timeslot: u8) {
        let epoll = self.epoll.clone();
        let device = self.slot(timeslot).and_then(|bearer| bearer.device.take());
        // Closing takes a kernel's channel out of the epoll as well, but not one whose descriptor lives on elsewhere.
        if let Some(device) = device
            && let Err(error) = epoll.delete(device.as_fd())
        {
            tracing::debug!(%error, timeslot, "a timeslot was not awaited any more");
        }
    }

    /// Carries the sound that waits.
    ///
    /// # Errors
    /// The timeslot is gone, and with it the span.
    pub(super) fn serve(&mut self, timeslot: u8) -> Result<(), DahdiError> {
        let Some(bearer) = self.slot(timeslot) else {
            return Ok(());
        };
        let Some(device) = bearer.device.as_ref() else {
            return Ok(());
        };
        let mut block = [0; FRAME_SAMPLES];
        for _ in 0..TURN {
            match device.receive(&mut block) {
                Received::Octets(length) => {
                    if length == FRAME_SAMPLES {
                        bearer.sender.came(&mut block);
                        bearer.audio.put_octets(&block);
                    }
                }
                Received::Nothing => {
                    if !bearer.sender.send(&mut bearer.audio, device) {
                        device.drain(|_| {})?;
                    }
                    break;
                }
                // Nothing that a timeslot of sound says is news but its end.
                Received::Event => device.drain(|_| {})?,
                Received::Gone => return Err(gone()),
            }
        }
        Ok(())
    }
}
