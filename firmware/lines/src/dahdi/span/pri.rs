//! ISDN primary rate on a span: frames of timeslot 16 to and from `ramal-isdn`, sound of the other timeslots.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use ramal_isdn::{
    CallId, Cause, ChannelStatus, Command, ConnectedParty, Event, Interface, OutgoingCall, Output,
    PartyNumber, Presentation, Settings, SetupError, TransferCapability,
};

use super::super::setup::SIGNALLING_TIMESLOT;
use super::super::{ChannelDevice, ChannelEvent, DahdiError, Received, Span};
use super::bearers::Bearers;
use super::{NO_CIRCUIT, SpanSignalling};
use crate::trunk::DriverTrunk;
use crate::{TimeslotState, TimeslotStatus, TrunkCallId, TrunkCaller, TrunkCommand, TrunkEvent};

/// The D channel among the epoll's numbers.
const D_CHANNEL: u64 = 0;
/// Longest frame with its check sequence.
const FRAME: usize = 512;
/// Cause "temporary failure" (Q.850 §2.2.7.1.6).
const TEMPORARY_FAILURE: u8 = 41;
/// Cause "incompatible destination" (Q.850 §2.2.7.1.6).
const INCOMPATIBLE: u8 = 88;
/// Cause "invalid number format" (Q.850 §2.2.7.1.5).
const INVALID_NUMBER: u8 = 28;

/// A call as the trunk knows it.
struct Call {
    isdn: CallId,
    /// Its timeslot once its sound goes.
    timeslot: Option<u8>,
}

/// The signalling of a PRI span.
pub(super) struct Pri {
    interface: Interface,
    d_channel: ChannelDevice,
    bearers: Bearers,
    calls: HashMap<TrunkCallId, Call>,
    ids: HashMap<CallId, TrunkCallId>,
}

impl Pri {
    pub(super) fn new(
        epoll: &Arc<Epoll>,
        span: &Span,
        settings: Settings,
    ) -> Result<Self, DahdiError> {
        let count = u8::try_from(span.channels.len()).unwrap_or(31);
        let d_channel = ChannelDevice::open(span.first_channel + SIGNALLING_TIMESLOT - 1)?;
        d_channel.carry_frames()?;
        epoll
            .add(
                d_channel.as_fd(),
                EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLPRI, D_CHANNEL),
            )
            .map_err(|errno| DahdiError::new("wait for the D channel", errno))?;
        Ok(Self {
            interface: Interface::new(settings),
            d_channel,
            bearers: Bearers::new(epoll.clone(), span.first_channel, count),
            calls: HashMap::new(),
            ids: HashMap::new(),
        })
    }

    /// Reads all frames that wait; false when the channel is gone.
    fn read_frames(&mut self, now: Instant) -> bool {
        let mut frame = [0; FRAME];
        loop {
            match self.d_channel.receive(&mut frame) {
                Received::Octets(length) => {
                    // The check sequence is the driver's business.
                    if let Some(frame) = length.checked_sub(2).and_then(|end| frame.get(..end)) {
                        self.interface.receive(frame, now);
                    }
                }
                Received::Nothing => return true,
                Received::Event => {
                    while let Ok(Some(event)) = self.d_channel.next_event() {
                        match event {
                            ChannelEvent::Removed => return false,
                            event => tracing::debug!(?event, "an event of a D channel"),
                        }
                    }
                }
                Received::Gone => return false,
            }
        }
    }

    fn send_frame(&self, mut frame: Vec<u8>) {
        // The driver overwrites these with the check sequence.
        frame.extend([0, 0]);
        for _ in 0..2 {
            match self.d_channel.transmit(&frame) {
                Received::Event => while let Ok(Some(_)) = self.d_channel.next_event() {},
                // A full queue loses the frame, as a bad line does; layer 2 sends it again.
                _ => return,
            }
        }
    }

    /// Does what the interface wants done.
    fn carry_out(&mut self, trunk: &DriverTrunk, now: Instant) {
        while let Some(output) = self.interface.poll() {
            match output {
                Output::Transmit(frame) => self.send_frame(frame),
                Output::Event(event) => self.report(trunk, event, now),
            }
        }
    }

    fn report(&mut self, trunk: &DriverTrunk, event: Event, now: Instant) {
        match event {
            Event::Incoming { call, setup } => self.incoming(trunk, call, &setup, now),
            Event::Digits {
                call,
                digits,
                complete,
            } => self.tell(trunk, call, |call| TrunkEvent::Digits {
                call,
                digits,
                complete,
            }),
            Event::MoreDigitsWanted { call, .. } => self.open_sound(trunk, call, now),
            Event::Proceeding { call, in_band } => {
                self.open_sound(trunk, call, now);
                self.tell(trunk, call, TrunkEvent::Proceeding);
                if in_band {
                    self.tell(trunk, call, TrunkEvent::Progress);
                }
            }
            Event::Alerting { call, in_band, .. } => {
                self.open_sound(trunk, call, now);
                self.tell(trunk, call, |call| TrunkEvent::Ringing { call, in_band });
            }
            Event::Progress { call, in_band, .. } => {
                self.open_sound(trunk, call, now);
                if in_band {
                    self.tell(trunk, call, TrunkEvent::Progress);
                }
            }
            Event::Connected { call, .. } => {
                self.open_sound(trunk, call, now);
                self.tell(trunk, call, TrunkEvent::Answered);
            }
            Event::ChannelChanged { call, .. } => {
                self.close_sound(call);
                self.open_sound(trunk, call, now);
            }
            Event::Disconnected {
                call,
                cause,
                in_band,
                ..
            } => self.tell(trunk, call, |call| TrunkEvent::Disconnecting {
                call,
                cause: cause.value(),
                in_band,
            }),
            Event::Released { call, cause } => {
                self.close_sound(call);
                self.tell(trunk, call, |call| TrunkEvent::Released {
                    call,
                    cause: cause.value(),
                });
                if let Some(id) = self.ids.remove(&call) {
                    self.calls.remove(&id);
                }
            }
            Event::LinkUp => tracing::info!("the D channel is up"),
            Event::LinkDown => tracing::warn!("the D channel is down"),
            Event::Fault(fault) => tracing::warn!(?fault, "the exchange broke the protocol"),
            other => tracing::debug!(event = ?other, "an event of an ISDN line"),
        }
    }

    /// Tells of an event of a call that is known.
    fn tell(
        &self,
        trunk: &DriverTrunk,
        call: CallId,
        event: impl FnOnce(TrunkCallId) -> TrunkEvent,
    ) {
        if let Some(id) = self.ids.get(&call) {
            trunk.report(event(*id));
        }
    }

    fn incoming(
        &mut self,
        trunk: &DriverTrunk,
        call: CallId,
        setup: &ramal_isdn::IncomingCall,
        now: Instant,
    ) {
        if setup.bearer.capability == TransferCapability::UnrestrictedDigital {
            // Data, of which nobody here would hear anything but noise.
            return self.end_call(call, INCOMPATIBLE, now);
        }
        let timeslot = setup.channel;
        let audio = match self.bearers.open(timeslot) {
            Ok(audio) => audio,
            Err(error) => {
                tracing::error!(%error, timeslot, "a call has no sound");
                self.end_call(call, TEMPORARY_FAILURE, now);
                return;
            }
        };
        if !setup.complete {
            // The exchange gives the tones of dialling.
            self.act(call, Command::WantMoreDigits { in_band: false }, now);
        }
        let id = TrunkCallId::new();
        self.ids.insert(call, id);
        self.calls.insert(
            id,
            Call {
                isdn: call,
                timeslot: Some(timeslot),
            },
        );
        let digits = |number: &Option<PartyNumber>| {
            number
                .as_ref()
                .map(|number| number.digits().to_owned())
                .unwrap_or_default()
        };
        let withheld = setup
            .calling
            .as_ref()
            .is_some_and(|number| number.presentation != Presentation::Allowed);
        let name = setup.calling_name.as_ref().map(|name| name.name.clone());
        trunk.report(TrunkEvent::Incoming {
            call: id,
            called: digits(&setup.called),
            complete: setup.complete,
            caller: TrunkCaller {
                number: digits(&setup.calling),
                name: name.unwrap_or_default(),
                withheld,
            },
            redirected_by: digits(&setup.redirecting),
            collect: false,
            timeslot,
            audio,
        });
    }

    /// Sets the sound of a call out going once its timeslot is settled.
    fn open_sound(&mut self, trunk: &DriverTrunk, call: CallId, now: Instant) {
        let Some(id) = self.ids.get(&call).copied() else {
            return;
        };
        let Some(timeslot) = self.interface.channel(call) else {
            return;
        };
        let Some(known) = self
            .calls
            .get_mut(&id)
            .filter(|known| known.timeslot.is_none())
        else {
            return;
        };
        match self.bearers.open(timeslot) {
            Ok(audio) => {
                known.timeslot = Some(timeslot);
                trunk.report(TrunkEvent::Channel {
                    call: id,
                    timeslot,
                    audio,
                });
            }
            Err(error) => {
                tracing::error!(%error, timeslot, "a call has no sound");
                self.end_call(call, TEMPORARY_FAILURE, now);
            }
        }
    }

    fn close_sound(&mut self, call: CallId) {
        let known = self.ids.get(&call).and_then(|id| self.calls.get_mut(id));
        if let Some(timeslot) = known.and_then(|known| known.timeslot.take()) {
            self.bearers.close(timeslot);
        }
    }

    fn end_call(&mut self, call: CallId, cause: u8, now: Instant) {
        self.act(call, disconnect(cause), now);
    }

    fn act(&mut self, call: CallId, command: Command, now: Instant) {
        if let Err(error) = self.interface.command(call, command, now) {
            // Both sides often end a call at once.
            tracing::debug!(%error, "a command came too late");
        }
    }

    fn call_out(
        &mut self,
        trunk: &DriverTrunk,
        id: TrunkCallId,
        called: &str,
        caller: &TrunkCaller,
        now: Instant,
    ) {
        let refuse = |cause| trunk.report(TrunkEvent::Released { call: id, cause });
        let Ok(number) = PartyNumber::new(called) else {
            return refuse(INVALID_NUMBER);
        };
        let mut outgoing = OutgoingCall::new(number);
        outgoing.calling = PartyNumber::new(&caller.number).ok().map(|number| {
            number.presented(match caller.withheld {
                true => Presentation::Restricted,
                false => Presentation::Allowed,
            })
        });
        match self.interface.setup(outgoing, now) {
            Ok(call) => {
                self.ids.insert(call, id);
                self.calls.insert(
                    id,
                    Call {
                        isdn: call,
                        timeslot: None,
                    },
                );
            }
            Err(SetupError::LinkDown) => refuse(super::OUT_OF_ORDER),
            Err(error) => {
                tracing::info!(%error, "no timeslot for a call");
                refuse(NO_CIRCUIT);
            }
        }
    }
}

fn disconnect(cause: u8) -> Command {
    Command::Disconnect {
        cause: Cause::new(cause).unwrap_or(Cause::NORMAL_CLEARING),
        in_band: false,
    }
}

impl SpanSignalling for Pri {
    fn command(&mut self, trunk: &DriverTrunk, command: TrunkCommand, now: Instant) {
        let on_call = |call: TrunkCallId| self.calls.get(&call).map(|call| call.isdn);
        let (call, wanted) = match command {
            TrunkCommand::Call {
                call,
                called,
                caller,
            } => {
                self.call_out(trunk, call, &called, &caller, now);
                return self.carry_out(trunk, now);
            }
            TrunkCommand::Block { timeslot, blocked } => {
                if let Err(error) = self.interface.block(timeslot, blocked) {
                    tracing::warn!(%error, "a timeslot cannot be blocked");
                }
                return self.carry_out(trunk, now);
            }
            TrunkCommand::Reset { timeslot } => {
                if let Err(error) = self.interface.restart(Some(timeslot), now) {
                    tracing::warn!(%error, "a timeslot cannot be restarted");
                }
                return self.carry_out(trunk, now);
            }
            TrunkCommand::Proceed(call) => (on_call(call), Command::Proceeding { in_band: false }),
            TrunkCommand::Alert(call) => (on_call(call), Command::Alerting { in_band: false }),
            TrunkCommand::Progress(call) => (
                on_call(call),
                Command::Progress {
                    in_band: true,
                    cause: None,
                },
            ),
            TrunkCommand::Answer(call) => {
                (on_call(call), Command::Connect(ConnectedParty::default()))
            }
            TrunkCommand::HangUp(call, cause) => (on_call(call), disconnect(cause)),
        };
        if let Some(call) = call {
            self.act(call, wanted, now);
            self.carry_out(trunk, now);
        }
    }

    fn ready(&mut self, trunk: &DriverTrunk, token: u64, now: Instant) -> bool {
        if token == D_CHANNEL {
            let there = self.read_frames(now);
            self.carry_out(trunk, now);
            return there;
        }
        let event = u8::try_from(token)
            .ok()
            .and_then(|timeslot| self.bearers.serve(timeslot));
        event != Some(ChannelEvent::Removed)
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.interface.next_timeout()
    }

    fn timeout(&mut self, trunk: &DriverTrunk, now: Instant) {
        self.interface.timeout(now);
        self.carry_out(trunk, now);
    }

    fn line(&mut self, trunk: &DriverTrunk, alive: bool, now: Instant) {
        self.interface.layer1(alive, now);
        self.carry_out(trunk, now);
    }

    fn is_up(&self) -> bool {
        self.interface.is_up()
    }

    fn timeslots(&self) -> Vec<TimeslotStatus> {
        let bearer = |timeslot| TimeslotStatus {
            timeslot,
            state: match self.interface.channel_status(timeslot) {
                _ if self.interface.is_blocked(timeslot) => TimeslotState::Blocked,
                _ if self.interface.is_blocked_by_peer(timeslot) => TimeslotState::RemotelyBlocked,
                Some(ChannelStatus::Idle) => TimeslotState::Idle,
                Some(ChannelStatus::InUse(_)) => TimeslotState::Busy,
                Some(ChannelStatus::Restarting | ChannelStatus::OutOfService) | None => {
                    TimeslotState::RemotelyBlocked
                }
            },
        };
        self.bearers.timeslots().map(bearer).collect()
    }

    fn end(&mut self, trunk: &DriverTrunk, cause: u8) {
        for (id, call) in self.calls.drain() {
            if let Some(timeslot) = call.timeslot {
                self.bearers.close(timeslot);
            }
            trunk.report(TrunkEvent::Released { call: id, cause });
        }
        self.ids.clear();
    }
}
