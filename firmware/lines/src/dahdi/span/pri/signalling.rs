//! What a span's thread asks of ISDN.

use std::time::{Instant, SystemTime};

use ramal_isdn::{Cause, ChannelStatus, Command, ConnectedParty, LinkState};

use super::super::super::DahdiError;
use super::super::diagnosis::SignallingHealth;
use super::super::hardware::SpanHardware;
use super::super::worker::{OUT_OF_ORDER, SpanSignalling};
use super::d_channel::D_CHANNEL;
use super::messages::message_steps;
use super::{FAULTS_TOLD, Pri, disconnect};
use crate::trunk::DriverTrunk;
use crate::{
    MessageStep, SignalStep, TimeslotState, TimeslotStatus, TrunkCallId, TrunkCommand, TrunkEvent,
};

impl<H: SpanHardware> SpanSignalling for Pri<'_, H> {
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

    fn ready(&mut self, trunk: &DriverTrunk, token: u64, now: Instant) -> Result<(), DahdiError> {
        if token == D_CHANNEL {
            let interface = &mut self.interface;
            self.d_channel
                .receive(|frame| interface.receive(frame, now))?;
            self.carry_out(trunk, now);
        } else if let Ok(timeslot) = u8::try_from(token) {
            self.bearers.serve(timeslot)?;
        }
        self.failed.take().map_or(Ok(()), Err)
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

    fn look(
        &mut self,
        _trunk: &DriverTrunk,
        _now: Instant,
    ) -> Result<SignallingHealth, DahdiError> {
        self.looks += 1;
        if self.looks >= FAULTS_TOLD {
            if self.faults > 1 {
                tracing::warn!(breaches = self.faults, "the exchange breaks the protocol");
            }
            (self.looks, self.faults) = (0, 0);
        }
        let useless = self.useless();
        let health = SignallingHealth {
            up: self.interface.is_up(),
            babbles: self.d_channel.babbles(useless),
        };
        self.failed.take().map_or(Ok(health), Err)
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

    fn signals(&self, _timeslot: u8) -> Option<Vec<SignalStep>> {
        // They are messages of the D channel.
        None
    }

    fn messages(&self) -> Option<Vec<MessageStep>> {
        let steps = self.interface.trace().steps();
        Some(message_steps(steps, Instant::now(), SystemTime::now()))
    }

    fn take_leave(&mut self, trunk: &DriverTrunk, hurry: bool, now: Instant) -> bool {
        if !std::mem::replace(&mut self.leaving, true) {
            let cause = Cause::new(OUT_OF_ORDER).unwrap_or(Cause::NORMAL_CLEARING);
            self.interface.disconnect_all(cause, now);
        }
        if hurry || self.interface.calls().len() == 0 {
            // Frames that wait would be lost with the link.
            self.interface.want_link(false, now);
        }
        self.carry_out(trunk, now);
        self.interface.link_state() == LinkState::TeiAssigned
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
