//! MFC-R2 on a span: for each timeslot the bits and register tones to and from `ramal-r2`, and its sound.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use ramal_dsp::{FRAME_SAMPLES, Law, R2Detector, R2Direction, R2Event, Tone, r2_tones};
use ramal_r2::{
    Category, Cause, Channel, Charge, Command, Digits, Direction, Event, LineState, MfSignal,
    OutgoingCall, Output, Party, Settings,
};

use super::super::setup::SIGNALLING_TIMESLOT;
use super::super::{ChannelDevice, ChannelEvent, DahdiError, Received, Span};
use super::sender::Sender;
use super::{NO_CIRCUIT, SpanSignalling};
use crate::audio::{DriverAudio, PortAudio, pair};
use crate::trunk::DriverTrunk;
use crate::{TimeslotState, TimeslotStatus, TrunkCallId, TrunkCaller, TrunkCommand, TrunkEvent};

/// Cause "invalid number format" (Q.850 §2.2.7.1.5).
const INVALID_NUMBER: u8 = 28;
/// Blocks of a register signal that lie in the kernel, so that a late thread does not interrupt it. They are dropped when
/// it ends, so they cost no time.
const LEAD: usize = 24;

/// The signalling of an R2 span.
pub(super) struct R2 {
    epoll: Arc<Epoll>,
    timeslots: Vec<Timeslot>,
}

struct Timeslot {
    number: u8,
    device: ChannelDevice,
    channel: Channel,
    audio: DriverAudio,
    port: PortAudio,
    sender: Sender,
    /// What register signals are heard with.
    detector: Option<R2Detector>,
    /// The register signal that is sent.
    sending: Option<[Tone; 2]>,
    /// The direction of what is sent: the opposite of what is heard.
    sends: R2Direction,
    call: Option<TrunkCallId>,
    /// The called party is asked to pay.
    collect: bool,
    /// The register signals are over, the sound is the call's.
    speech: bool,
    /// Sound is read and written at present.
    flowing: bool,
}

fn direction(direction: Direction) -> R2Direction {
    match direction {
        Direction::Forward => R2Direction::Forward,
        Direction::Backward => R2Direction::Backward,
    }
}

impl R2 {
    pub(super) fn new(
        epoll: &Arc<Epoll>,
        span: &Span,
        settings: &Arc<Settings>,
        now: Instant,
    ) -> Result<Self, DahdiError> {
        let mut timeslots = Vec::new();
        for (place, known) in (1..).zip(&span.channels) {
            if place == SIGNALLING_TIMESLOT {
                continue;
            }
            let device = ChannelDevice::open(known.number)?;
            device.carry_sound(FRAME_SAMPLES)?;
            epoll
                .add(device.as_fd(), interest(place, false))
                .map_err(|errno| DahdiError::new(format!("wait for timeslot {place}"), errno))?;
            let (port, audio) = pair(Law::A);
            timeslots.push(Timeslot {
                number: u8::try_from(place).unwrap_or(u8::MAX),
                device,
                channel: Channel::new(settings.clone(), now),
                audio,
                port,
                sender: Sender::default(),
                detector: None,
                sending: None,
                sends: R2Direction::Forward,
                call: None,
                collect: false,
                speech: false,
                flowing: false,
            });
        }
        Ok(Self {
            epoll: epoll.clone(),
            timeslots,
        })
    }

    fn of_call(&mut self, call: TrunkCallId) -> Option<&mut Timeslot> {
        self.timeslots
            .iter_mut()
            .find(|timeslot| timeslot.call == Some(call))
    }

    fn numbered(&mut self, number: u8) -> Option<&mut Timeslot> {
        self.timeslots
            .iter_mut()
            .find(|timeslot| timeslot.number == number)
    }

    fn call_out(
        &mut self,
        trunk: &DriverTrunk,
        call: TrunkCallId,
        called: &str,
        caller: &TrunkCaller,
        now: Instant,
    ) {
        let refuse = |cause| trunk.report(TrunkEvent::Released { call, cause });
        let Ok(dnis) = called.parse::<Digits>() else {
            return refuse(INVALID_NUMBER);
        };
        let ani = caller
            .number
            .parse::<Digits>()
            .ok()
            .filter(|_| !caller.withheld);
        let epoll = self.epoll.clone();
        // The exchange takes the lowest first, so both rarely want the same one.
        for timeslot in self.timeslots.iter_mut().rev() {
            if timeslot.channel.line_state() != LineState::Idle {
                continue;
            }
            let outgoing = OutgoingCall {
                dnis,
                ani,
                category: Category::Subscriber,
            };
            match timeslot.channel.command(Command::Call(outgoing), now) {
                Ok(()) => {
                    timeslot.call = Some(call);
                    timeslot.carry_out(&epoll, trunk, now);
                    return;
                }
                Err(error) => {
                    tracing::debug!(%error, timeslot = timeslot.number, "a timeslot is not free")
                }
            }
        }
        refuse(NO_CIRCUIT);
    }
}

fn interest(timeslot: u32, sound: bool) -> EpollEvent {
    let flags = match sound {
        true => EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI,
        false => EpollFlags::EPOLLPRI,
    };
    EpollEvent::new(flags, u64::from(timeslot))
}

impl Timeslot {
    /// Does what the signalling wants done.
    fn carry_out(&mut self, epoll: &Epoll, trunk: &DriverTrunk, now: Instant) {
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
            self.sender = Sender::default();
        }
        let mut interest = interest(u32::from(self.number), wanted);
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
                    },
                    redirected_by: String::new(),
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

    /// Reads the bits as they are now, whatever events said.
    fn read_bits(&mut self, now: Instant) {
        match self.device.received_bits() {
            Ok(bits) => self.channel.line_bits(bits, now),
            Err(error) => tracing::error!(%error, "signalling bits cannot be read"),
        }
    }

    /// Fetches all events; false when the channel is gone.
    fn drain(&mut self, now: Instant) -> bool {
        while let Ok(Some(event)) = self.device.next_event() {
            if event == ChannelEvent::Removed {
                return false;
            }
        }
        self.read_bits(now);
        true
    }

    /// Carries the sound and tones that wait; false when the channel is gone.
    fn serve(&mut self, now: Instant) -> bool {
        if !self.drain(now) {
            return false;
        }
        if !self.flowing {
            return true;
        }
        let mut block = [0; FRAME_SAMPLES];
        loop {
            match self.device.receive(&mut block) {
                Received::Octets(length) => {
                    if length == FRAME_SAMPLES {
                        self.hear(&block, now);
                    }
                }
                Received::Nothing => return self.speak() || self.drain(now),
                Received::Event => {
                    if !self.drain(now) {
                        return false;
                    }
                }
                Received::Gone => return false,
            }
        }
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
            self.audio.put_octets(block);
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

impl SpanSignalling for R2 {
    fn command(&mut self, trunk: &DriverTrunk, command: TrunkCommand, now: Instant) {
        let epoll = self.epoll.clone();
        let (timeslot, wanted) = match command {
            TrunkCommand::Call {
                call,
                called,
                caller,
            } => return self.call_out(trunk, call, &called, &caller, now),
            TrunkCommand::Block { timeslot, blocked } => (
                self.numbered(timeslot),
                if blocked {
                    Command::Block
                } else {
                    Command::Unblock
                },
            ),
            TrunkCommand::Reset { timeslot } => {
                (self.numbered(timeslot), Command::Clear(Cause::Normal))
            }
            // The exchange knows that the number is complete from the register signals.
            TrunkCommand::Proceed(_) => return,
            TrunkCommand::Alert(call) | TrunkCommand::Progress(call) => {
                let timeslot = self.of_call(call).filter(|timeslot| !timeslot.speech);
                (timeslot, Command::Accept(Charge::Charge))
            }
            TrunkCommand::Answer(call) => (self.of_call(call), Command::Answer),
            TrunkCommand::HangUp(call, cause) => {
                let timeslot = self.of_call(call);
                // Q.850 has no word for it, and the exchange has one (B-7 in Brazil).
                let collect = timeslot.as_ref().is_some_and(|timeslot| timeslot.collect);
                let cause = match Cause::from_q850(cause) {
                    Cause::Rejected if collect => Cause::CollectRefused,
                    cause => cause,
                };
                (timeslot, Command::Clear(cause))
            }
        };
        let Some(timeslot) = timeslot else { return };
        if let Err(error) = timeslot.channel.command(wanted, now) {
            tracing::debug!(%error, timeslot = timeslot.number, "a command came too late");
        }
        timeslot.carry_out(&epoll, trunk, now);
    }

    fn ready(&mut self, trunk: &DriverTrunk, token: u64, now: Instant) -> bool {
        let epoll = self.epoll.clone();
        let Some(timeslot) = u8::try_from(token)
            .ok()
            .and_then(|number| self.numbered(number))
        else {
            return true;
        };
        let there = timeslot.serve(now);
        timeslot.carry_out(&epoll, trunk, now);
        there
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.timeslots
            .iter()
            .filter_map(|timeslot| timeslot.channel.next_timeout())
            .min()
    }

    fn timeout(&mut self, trunk: &DriverTrunk, now: Instant) {
        let epoll = self.epoll.clone();
        for timeslot in &mut self.timeslots {
            if timeslot
                .channel
                .next_timeout()
                .is_some_and(|due| due <= now)
            {
                timeslot.channel.timeout(now);
                timeslot.carry_out(&epoll, trunk, now);
            }
        }
    }

    fn line(&mut self, trunk: &DriverTrunk, alive: bool, now: Instant) {
        let epoll = self.epoll.clone();
        for timeslot in &mut self.timeslots {
            timeslot.channel.alarm(!alive, now);
            timeslot.read_bits(now);
            timeslot.carry_out(&epoll, trunk, now);
        }
    }

    fn is_up(&self) -> bool {
        let usable = |state| {
            matches!(
                state,
                LineState::Idle | LineState::Busy | LineState::Releasing
            )
        };
        self.timeslots
            .iter()
            .any(|timeslot| usable(timeslot.channel.line_state()))
    }

    fn timeslots(&self) -> Vec<TimeslotStatus> {
        let status = |timeslot: &Timeslot| TimeslotStatus {
            timeslot: timeslot.number,
            state: match timeslot.channel.line_state() {
                LineState::Idle => TimeslotState::Idle,
                LineState::Busy | LineState::Releasing => TimeslotState::Busy,
                LineState::LocalBlocked => TimeslotState::Blocked,
                _ => TimeslotState::RemotelyBlocked,
            },
        };
        self.timeslots.iter().map(status).collect()
    }

    fn end(&mut self, trunk: &DriverTrunk, cause: u8) {
        for timeslot in &mut self.timeslots {
            if let Some(call) = timeslot.call.take() {
                trunk.report(TrunkEvent::Released { call, cause });
            }
        }
    }
}
