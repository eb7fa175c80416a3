//! ISDN primary rate on a span: frames of timeslot 16 to and from `ramal-isdn`, sound of the other timeslots.

mod d_channel;
mod messages;
mod parties;
mod signalling;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use nix::sys::epoll::Epoll;
use ramal_isdn::{
    CallId, Cause, Command, Event, Interface, LinkError, OutgoingCall, Output, PartyNumber,
    Presentation, Settings, SetupError, TransferCapability,
};

use self::d_channel::DChannel;
use self::parties::{calling_name, party_number, redirected, redirecting_number};
use super::super::DahdiError;
use super::NO_CIRCUIT;
use super::bearers::Bearers;
use super::hardware::SpanHardware;
use super::worker::OUT_OF_ORDER;
use crate::trunk::DriverTrunk;
use crate::{TrunkCallId, TrunkCaller, TrunkEvent};

/// Cause "temporary failure" (Q.850 §2.2.7.1.6).
const TEMPORARY_FAILURE: u8 = 41;
/// Cause "incompatible destination" (Q.850 §2.2.7.1.6).
const INCOMPATIBLE: u8 = 88;
/// Cause "invalid number format" (Q.850 §2.2.7.1.5).
const INVALID_NUMBER: u8 = 28;
/// Looks (of half a second) between two reports of what the exchange does wrong.
const FAULTS_TOLD: u32 = 20;

/// A call as the trunk knows it.
struct Call {
    isdn: CallId,
    /// Its timeslot once its sound goes.
    timeslot: Option<u8>,
}

/// The signalling of a PRI span.
pub(super) struct Pri<'a, H: SpanHardware> {
    interface: Interface,
    d_channel: DChannel<H::Channel>,
    bearers: Bearers<'a, H>,
    calls: HashMap<TrunkCallId, Call>,
    ids: HashMap<CallId, TrunkCallId>,
    /// The D channel is gone, or can be used no more.
    failed: Option<DahdiError>,
    /// Nobody makes or takes calls here any more.
    leaving: bool,
    /// Breaches of the protocol since they were told, and looks since then.
    faults: u32,
    looks: u32,
}

impl<'a, H: SpanHardware> Pri<'a, H> {
    pub(super) fn new(
        epoll: &Arc<Epoll>,
        hardware: &'a H,
        settings: Settings,
        cancels_echo: bool,
    ) -> Result<Self, DahdiError> {
        Ok(Self {
            interface: Interface::new(settings),
            d_channel: DChannel::open(epoll, hardware)?,
            bearers: Bearers::new(epoll.clone(), hardware, cancels_echo),
            calls: HashMap::new(),
            ids: HashMap::new(),
            failed: None,
            leaving: false,
            faults: 0,
            looks: 0,
        })
    }

    /// Frames so far that nobody can have meant: unreadable ones, breaches of the link's rules, and those beyond what calls
    /// and their acknowledgements need.
    fn useless(&self) -> u64 {
        let link = self.interface.link_counters();
        let breaches = [
            LinkError::UnsolicitedSupervisory,
            LinkError::UnsolicitedDmFinal,
            LinkError::UnsolicitedUaFinal,
            LinkError::UnsolicitedUa,
            LinkError::NrError,
            LinkError::UndefinedFrame,
            LinkError::UnexpectedInformation,
            LinkError::TooLong,
            LinkError::SameRole,
        ];
        let breaches: u64 = breaches.map(|error| link.errors(error)).into_iter().sum();
        let needed = 2 * (link.information_received + link.information_sent);
        let unneeded = link.received.saturating_sub(needed);
        (breaches + link.discarded + self.interface.call_counters().unreadable).max(unneeded)
    }

    /// Does what the interface wants done.
    fn carry_out(&mut self, trunk: &DriverTrunk, now: Instant) {
        while let Some(output) = self.interface.poll() {
            match output {
                Output::Transmit(frame) => {
                    if let Err(error) = self.d_channel.send(frame) {
                        self.failed = Some(error);
                    }
                }
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
            Event::Fault(fault) => {
                // One that babbles has thousands of them.
                if self.faults == 0 {
                    tracing::warn!(?fault, "the exchange broke the protocol");
                }
                self.faults = self.faults.saturating_add(1);
            }
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
        if self.leaving {
            return self.end_call(call, OUT_OF_ORDER, now);
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
        let redirected_by = setup.redirecting.as_ref().map(redirected);
        let first_called = setup.original_called.as_ref().map(redirected);
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
                // An exchange that tells one of the two alone means who sent the call on.
                redirected_by: redirected_by.clone().or(first_called.clone()),
                first_called: first_called
                    .filter(|first| redirected_by.is_some_and(|by| by.number != first.number)),
            },
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
        if self.leaving {
            return refuse(OUT_OF_ORDER);
        }
        let Ok(number) = PartyNumber::new(called) else {
            return refuse(INVALID_NUMBER);
        };
        let mut outgoing = OutgoingCall::new(number);
        let presentation = match caller.withheld {
            true => Presentation::Restricted,
            false => Presentation::Allowed,
        };
        outgoing.calling = party_number(&caller.number).map(|it| it.presented(presentation));
        outgoing.calling_name = calling_name(caller);
        outgoing.redirecting = caller.redirected_by.as_ref().map(redirecting_number);
        outgoing.original_called = caller.first_called.as_ref().map(redirecting_number);
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
            Err(SetupError::LinkDown) => refuse(OUT_OF_ORDER),
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
