//! The sound of a span's timeslots.

use std::os::fd::AsFd;
use std::sync::Arc;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use ramal_dsp::{FRAME_SAMPLES, Law};

use super::super::{ChannelDevice, ChannelEvent, DahdiError, Received};
use super::sender::Sender;
use crate::audio::{DriverAudio, PortAudio, pair};

/// A timeslot that carries sound.
struct Bearer {
    channel: u32,
    audio: DriverAudio,
    port: PortAudio,
    sender: Sender,
    /// Open while a call has it.
    device: Option<ChannelDevice>,
}

/// All timeslots of a span, by number.
pub(super) struct Bearers {
    epoll: Arc<Epoll>,
    slots: Vec<Option<Bearer>>,
}

impl Bearers {
    /// Timeslots `1..=count`, the first of which is the kernel's channel `first_channel`. Their events come to `epoll` under
    /// the timeslot's number.
    pub(super) fn new(epoll: Arc<Epoll>, first_channel: u32, count: u8) -> Self {
        let bearer = |timeslot: u8| {
            let (port, audio) = pair(Law::A);
            (u32::from(timeslot) != super::super::setup::SIGNALLING_TIMESLOT).then(|| Bearer {
                channel: first_channel + u32::from(timeslot) - 1,
                audio,
                port,
                sender: Sender::default(),
                device: None,
            })
        };
        Self {
            epoll,
            slots: (1..=count).map(bearer).collect(),
        }
    }

    fn slot(&mut self, timeslot: u8) -> Option<&mut Bearer> {
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
        let epoll = self.epoll.clone();
        let missing = DahdiError::new(format!("use timeslot {timeslot}"), nix::errno::Errno::ENXIO);
        let bearer = self.slot(timeslot).ok_or(missing)?;
        if bearer.device.is_none() {
            let device = ChannelDevice::open(bearer.channel)?;
            device.set_audio_mode()?;
            device.carry_sound(FRAME_SAMPLES)?;
            let interest = EpollEvent::new(
                EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI,
                u64::from(timeslot),
            );
            epoll
                .add(device.as_fd(), interest)
                .map_err(|errno| DahdiError::new(format!("wait for timeslot {timeslot}"), errno))?;
            bearer.port.restart();
            bearer.audio.restart();
            bearer.sender = Sender::default();
            bearer.device = Some(device);
        }
        Ok(bearer.port.clone())
    }

    /// Stops a timeslot's sound.
    pub(super) fn close(&mut self, timeslot: u8) {
        if let Some(bearer) = self.slot(timeslot) {
            // Closing takes it out of the epoll as well.
            bearer.device = None;
        }
    }

    /// Carries the sound that waits. Says what else happened on the timeslot.
    pub(super) fn serve(&mut self, timeslot: u8) -> Option<ChannelEvent> {
        let bearer = self.slot(timeslot)?;
        let device = bearer.device.as_ref()?;
        let mut event = None;
        let mut block = [0; FRAME_SAMPLES];
        loop {
            match device.receive(&mut block) {
                Received::Octets(length) => {
                    if length == FRAME_SAMPLES {
                        bearer.audio.put_octets(&block);
                    }
                }
                Received::Nothing => {
                    if !bearer.sender.send(&mut bearer.audio, device) {
                        event = drain(device).or(event);
                    }
                    return event;
                }
                Received::Event => event = drain(device).or(event),
                Received::Gone => return Some(ChannelEvent::Removed),
            }
        }
    }
}

/// Fetches all events that wait; the one that says that the channel is gone matters most.
fn drain(device: &ChannelDevice) -> Option<ChannelEvent> {
    let mut last = None;
    while let Ok(Some(event)) = device.next_event() {
        if event == ChannelEvent::Removed {
            return Some(event);
        }
        last = Some(event);
    }
    last
}
