//! MFC-R2 on a span: for each timeslot the bits and register tones to and from `ramal-r2`, and its sound.

mod timeslot;

use std::sync::Arc;
use std::time::Instant;

use nix::sys::epoll::Epoll;
use ramal_dsp::FRAME_SAMPLES;
use ramal_r2::{
    Category, Cause, Charge, Command, Digits, LineState, OutgoingCall, Settings, StepKind,
    TraceStep,
};

use self::timeslot::{Timeslot, interest};
use super::super::DahdiError;
use super::super::setup::SIGNALLING_TIMESLOT;
use super::NO_CIRCUIT;
use super::diagnosis::SignallingHealth;
use super::hardware::{SpanChannel, SpanHardware};
use super::worker::{OUT_OF_ORDER, SpanSignalling};
use crate::trunk::DriverTrunk;
use crate::{
    MessageStep, SignalKind, SignalStep, TimeslotState, TimeslotStatus, TrunkCallId, TrunkCaller,
    TrunkCommand, TrunkEvent,
};

/// Cause "invalid number format" (Q.850 §2.2.7.1.5).
const INVALID_NUMBER: u8 = 28;
/// The signalling of an R2 span.
pub(super) struct R2<C> {
    epoll: Arc<Epoll>,
    timeslots: Vec<Timeslot<C>>,
    /// Nobody makes or takes calls here any more.
    leaving: bool,
}

impl<C: SpanChannel> R2<C> {
    pub(super) fn new<H: SpanHardware<Channel = C>>(
        epoll: &Arc<Epoll>,
        hardware: &H,
        settings: &Arc<Settings>,
        cancels_echo: bool,
        now: Instant,
    ) -> Result<Self, DahdiError> {
        let mut timeslots = Vec::new();
        for number in 1..=hardware.timeslots() {
            if u32::from(number) == SIGNALLING_TIMESLOT {
                continue;
            }
            let device = hardware.open(number)?;
            device.carry_sound(FRAME_SAMPLES)?;
            epoll
                .add(device.as_fd(), interest(number, false))
                .map_err(|errno| DahdiError::new(format!("wait for timeslot {number}"), errno))?;
            timeslots.push(Timeslot::new(
                number,
                device,
                settings.clone(),
                cancels_echo,
                now,
            ));
        }
        Ok(Self {
            epoll: epoll.clone(),
            timeslots,
            leaving: false,
        })
    }

    fn of_call(&mut self, call: TrunkCallId) -> Option<&mut Timeslot<C>> {
        self.timeslots
            .iter_mut()
            .find(|timeslot| timeslot.call == Some(call))
    }

    fn numbered(&mut self, number: u8) -> Option<&mut Timeslot<C>> {
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
        if self.leaving {
            return refuse(OUT_OF_ORDER);
        }
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

impl<C: SpanChannel> SpanSignalling for R2<C> {
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

    fn ready(&mut self, trunk: &DriverTrunk, token: u64, now: Instant) -> Result<(), DahdiError> {
        let epoll = self.epoll.clone();
        let timeslot = u8::try_from(token)
            .ok()
            .and_then(|number| self.numbered(number));
        if let Some(timeslot) = timeslot {
            timeslot.serve(now)?;
            timeslot.carry_out(&epoll, trunk, now);
        }
        Ok(())
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
            timeslot.carry_out(&epoll, trunk, now);
        }
    }

    fn look(&mut self, trunk: &DriverTrunk, now: Instant) -> Result<SignallingHealth, DahdiError> {
        let epoll = self.epoll.clone();
        for timeslot in &mut self.timeslots {
            timeslot.read_bits(now)?;
            timeslot.carry_out(&epoll, trunk, now);
        }
        let usable = |timeslot: &Timeslot<C>| {
            matches!(
                timeslot.channel.line_state(),
                LineState::Idle | LineState::Busy | LineState::Releasing
            )
        };
        Ok(SignallingHealth {
            up: self.timeslots.iter().any(usable),
            babbles: false,
        })
    }

    fn timeslots(&self) -> Vec<TimeslotStatus> {
        let status = |timeslot: &Timeslot<C>| TimeslotStatus {
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

    fn signals(&self, timeslot: u8) -> Option<Vec<SignalStep>> {
        let mut timeslots = self.timeslots.iter();
        let timeslot = timeslots.find(|one| one.number == timeslot)?;
        let step = |step: &TraceStep| SignalStep {
            at_ms: u64::try_from(step.at.as_millis()).unwrap_or(u64::MAX),
            kind: match step.kind() {
                StepKind::LineSent => SignalKind::LineSent,
                StepKind::LineHeard => SignalKind::LineHeard,
                StepKind::RegisterSent => SignalKind::RegisterSent,
                StepKind::RegisterHeard => SignalKind::RegisterHeard,
                StepKind::Error => SignalKind::Error,
                StepKind::Ended => SignalKind::Ended,
                StepKind::Note => SignalKind::Note,
            },
            signal: step.signal(),
            begins: step.begins(),
        };
        Some(timeslot.channel.trace().steps().map(step).collect())
    }

    fn messages(&self) -> Option<Vec<MessageStep>> {
        // Timeslot 16 carries the bits of the others.
        None
    }

    fn take_leave(&mut self, trunk: &DriverTrunk, hurry: bool, now: Instant) -> bool {
        let epoll = self.epoll.clone();
        let first = !std::mem::replace(&mut self.leaving, true);
        let mut done = true;
        for timeslot in &mut self.timeslots {
            if first {
                // Clear-forward or clear-back, and blocked once the exchange has given the channel back (Q.422 §3.2.6).
                let _ = timeslot.channel.command(Command::Block, now);
                let _ = timeslot
                    .channel
                    .command(Command::Clear(Cause::OutOfOrder), now);
                timeslot.carry_out(&epoll, trunk, now);
            }
            done &= !matches!(
                timeslot.channel.line_state(),
                LineState::Busy | LineState::Releasing
            );
        }
        done || hurry
    }

    fn end(&mut self, trunk: &DriverTrunk, cause: u8) {
        for timeslot in &mut self.timeslots {
            if let Some(call) = timeslot.call.take() {
                trunk.report(TrunkEvent::Released { call, cause });
            }
        }
    }
}
