//! One timeslot of MFC-R2: its bits, its register tones, its sound.

use std::sync::Arc;
use std::time::Instant;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use ramal_dsp::{FRAME_SAMPLES, Law, R2Detector, R2Direction, R2Event, Tone, r2_tones};
use ramal_r2::{
    Category, Cause, Channel, Command, Direction, Event, MfSignal, Output, Party, Settings,
};

use super::super::super::{DahdiError, Received};
use super::super::hardware::{SpanChannel, gone};
use super::super::sender::{Sender, watch_answers};
use crate::audio::{DriverAudio, PortAudio, pair};
use crate::trunk::DriverTrunk;
use crate::{TrunkCallId, TrunkCaller, TrunkEvent};

/// Blocks of a register signal that lie in the kernel, so that a late thread does not interrupt it. They are dropped when
/// it ends, so they cost no time.
const LEAD: usize = 24;
/// Blocks read before others have their turn: all that the kernel keeps.
const TURN: usize = 34;

/// A timeslot and the call on it.
pub(super) struct Timeslot<C> {
    pub(super) number: u8,
    device: C,
    pub(super) channel: Channel,
    audio: DriverAudio,
    port: PortAudio,
    sender: Sender,
    cancels_echo: bool,
    /// What register signals are heard with.
    detector: Option<R2Detector>,
    /// The register signal that is sent.
    sending: Option<[Tone; 2]>,
    /// The direction of what is sent: the opposite of what is heard.
    sends: R2Direction,
    pub(super) call: Option<TrunkCallId>,
    /// The called party is asked to pay.
    pub(super) collect: bool,
    /// The register signals are over, the sound is the call's.
    pub(super) speech: bool,
    /// Sound is read and written at present.
    flowing: bool,
}

fn direction(direction: Direction) -> R2Direction {
    match direction {
        Direction::Forward => R2Direction::Forward,
        Direction::Backward => R2Direction::Backward,
    }
}

/// What is awaited of a timeslot: events, and sound if it flows.
pub(super) fn interest(timeslot: u8, sound: bool) -> EpollEvent {
    let flags = match sound {
        true => EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI,
        false => EpollFlags::EPOLLPRI,
    };
    EpollEvent::new(flags, u64::from(timeslot))
}

impl<C: SpanChannel> Timeslot<C> {
    pub(super) fn new(
        number: u8,
        device: C,
        settings: Arc<Settings>,
        cancels_echo: bool,
        now: Instant,
    ) -> Self {
        let (port, audio) = pair(Law::A);
        Self {
            number,
            device,
            channel: Channel::new(settings, now),
            audio,
            port,
            sender: Sender::default(),
            cancels_echo,
            detector: None,
            sending: None,
            sends: R2Direction::Forward,
            call: None,
            collect: false,
            speech: false,
            flowing: false,
        }
    }

    /// Does what the signalling wants done.
    pub(super) fn carry_out(&mut self, epoll: &Epoll, trunk: &DriverTrunk, now: Instant) {
        while let Some(output) = self.channel.poll() {
            match output {
                Output::SetBits(bits) => {
                    if let Err(error) = self.device.set_bits(bits) {
                        tracing::error!(%error, "signalling bits were not sent");
                    }
                }
                Output::Transmit(signal) => {
                    self.sending = signal.and_then(|signal| r2_tones(self.sends, signal.number()));
                    // What waits belongs to the signal before, and the other side waits for its end.
                    if let Err(error) = self.device.drop_unsent() {
                        tracing::error!(%error, "a register signal goes on too long");
                    }
                    self.speak();
                }
                Output::Listen(to) => {
                    if let Some(to) = to {
                        self.sends = direction(to.opposite());
                    }
                    self.detector = to.map(|to| R2Detector::new(direction(to)));
                }
                Output::Event(event) => self.report(trunk, event, now),
            }
        }
        let wanted = self.call.is_some() || self.detector.is_some() || self.sending.is_some();
        if wanted != self.flowing {
            self.flow(epoll, wanted);
        }
    }

    /// Lets sound flow, or stops it.
    fn flow(&mut self, epoll: &Epoll, wanted: bool) {
        self.flowing = wanted;
        if wanted {
            // What came while nobody listened is of no use.
            while let Received::Octets(_) = self.device.receive(&mut [0; FRAME_SAMPLES]) {}
            self.port.restart();
            self.audio.restart();
            self.sender = Sender::new(self.cancels_echo);
            watch_answers(epoll, &self.audio, self.number);
        }
        let mut interest = interest(self.number, wanted);
        if let Err(error) = epoll.modify(self.device.as_fd(), &mut interest) {
            tracing::error!(%error, timeslot = self.number, "a timeslot's sound cannot be awaited");
        }
    }

    fn report(&mut self, trunk: &DriverTrunk, event: Event, now: Instant) {
        match (event, self.call) {
            (Event::Incoming(incoming), None) => {
                let id = TrunkCallId::new();
                self.call = Some(id);
                self.collect = incoming.category == Category::Collect;
                trunk.report(TrunkEvent::Incoming {
                    call: id,
                    called: incoming.dnis.to_string(),
                    complete: true,
                    caller: TrunkCaller {
                        number: incoming.ani.map(|ani| ani.to_string()).unwrap_or_default(),
                        name: String::new(),
                        withheld: incoming.ani_restricted,
                        // The signalling has no word for it.
                        redirected_by: None,
                        first_called: None,
                    },
                    collect: self.collect,
                    timeslot: self.number,
                    audio: self.port.clone(),
                });
            }
            (Event::Accepted(_), Some(call)) => {
                if !self.speech && self.sends == R2Direction::Forward {
                    trunk.report(TrunkEvent::Channel {
                        call,
                        timeslot: self.number,
                        audio: self.port.clone(),
                    });
                    // The exchange gives the ringback tone.
                    trunk.report(TrunkEvent::Ringing {
                        call,
                        in_band: true,
                    });
                }
                self.speech = true;
                // Not before: register signals are answered over the echo of one's own.
                if self.cancels_echo && self.device.set_echo_canceller(true).is_ok() {
                    self.sender.leave_echo();
                }
            }
            (Event::Answered { .. }, Some(call)) => trunk.report(TrunkEvent::Answered(call)),
            (Event::ClearBack, Some(call)) => {
                trunk.report(TrunkEvent::Disconnecting {
                    call,
                    cause: Cause::Normal.q850(),
                    in_band: false,
                });
                let _ = self.channel.command(Command::Clear(Cause::Normal), now);
            }
            (Event::Ended { cause, by }, call) => {
                if self.speech && self.cancels_echo {
                    // One that the card does not have cannot be turned off either.
                    let _ = self.device.set_echo_canceller(false);
                }
                self.speech = false;
                self.call = None;
                self.collect = false;
                if let Some(call) = call {
                    trunk.report(TrunkEvent::Released {
                        call,
                        cause: cause.q850(),
                    });
                }
                tracing::debug!(
                    timeslot = self.number,
                    ?cause,
                    by_us = by == Party::Ours,
                    "an R2 call is over"
                );
            }
            (Event::Error(error), _) => tracing::warn!(timeslot = self.number, %error, "R2"),
            (event, _) => tracing::trace!(timeslot = self.number, ?event, "R2"),
        }
    }

    /// Reads the bits as they are now: a full queue of events has lost what came last.
    pub(super) fn read_bits(&mut self, now: Instant) -> Result<(), DahdiError> {
        let bits = self.device.received_bits()?;
        self.channel.line_bits(bits, now);
        Ok(())
    }

    /// Fetches all events. Whatever they say, the bits that count are those of now.
    fn drain(&mut self, now: Instant) -> Result<(), DahdiError> {
        self.device.drain(|_| {})?;
        self.read_bits(now)
    }

    /// Carries the sound and tones that wait.
    ///
    /// # Errors
    /// The channel is gone.
    pub(super) fn serve(&mut self, now: Instant) -> Result<(), DahdiError> {
        self.drain(now)?;
        if !self.flowing {
            return Ok(());
        }
        let mut block = [0; FRAME_SAMPLES];
        for _ in 0..TURN {
            match self.device.receive(&mut block) {
                Received::Octets(length) => {
                    if length == FRAME_SAMPLES {
                        self.hear(&block, now);
                    }
                }
                Received::Nothing => {
                    if !self.speak() {
                        self.drain(now)?;
                    }
                    break;
                }
                Received::Event => self.drain(now)?,
                Received::Gone => return Err(gone()),
            }
        }
        Ok(())
    }

    fn hear(&mut self, block: &[u8; FRAME_SAMPLES], now: Instant) {
        if let Some(detector) = &mut self.detector {
            let mut samples = [0; FRAME_SAMPLES];
            Law::A.decode(block, &mut samples);
            let channel = &mut self.channel;
            detector.process(&samples, |event| match event {
                R2Event::On { signal, .. } => channel.signal(MfSignal::new(signal), now),
                R2Event::Off { .. } => channel.signal(None, now),
            });
        }
        if self.speech {
            let mut block = *block;
            self.sender.came(&mut block);
            self.audio.put_octets(&block);
        }
    }

    /// Sends the register signal, or else the call's sound. False when an event must be fetched first.
    fn speak(&mut self) -> bool {
        let Some(tones) = &mut self.sending else {
            if !self.speech {
                self.audio.restart();
                return true;
            }
            return self.sender.send(&mut self.audio, &self.device);
        };
        let mut waiting = self.device.waiting_to_send().unwrap_or(LEAD);
        while waiting < LEAD {
            waiting += 1;
            let (mut samples, mut block) = ([0; FRAME_SAMPLES], [0; FRAME_SAMPLES]);
            for tone in tones.iter_mut() {
                tone.add(&mut samples);
            }
            Law::A.encode(&samples, &mut block);
            if self.device.transmit(&block) == Received::Event {
                return false;
            }
        }
        true
    }
}
