//! The thread of a span.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollTimeout};
use nix::sys::eventfd::EventFd;

use super::super::DahdiError;
use super::super::abi::alarm;
use super::super::sysfs::alarm_names;
use super::diagnosis::{Diagnosis, SignallingHealth};
use super::hardware::SpanHardware;
use super::pri::Pri;
use super::r2::R2;
use super::{Signalling, SpanConfig, SpanThread};
use crate::signals::TraceRequest;
use crate::trunk::DriverTrunk;
use crate::{
    MessageStep, SignalStep, TimeslotStatus, TrunkClock, TrunkCommand, TrunkEvent, TrunkFault,
    TrunkState,
};

/// How often alarms and counters are read.
const SUPERVISION: Duration = Duration::from_millis(500);
/// How often a span that is gone is looked for.
const RETURN: Duration = Duration::from_secs(1);
/// How long the far end has to agree that calls are over when the thread stops.
const CLEARING: Duration = Duration::from_millis(700);
/// And how long the whole farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// The wake-up among the epoll's numbers; the others are timeslots and the D channel.
pub(super) const WAKE: u64 = 1000;
/// Cause "network out of order" (Q.850 §2.2.7.1.3).
pub(super) const OUT_OF_ORDER: u8 = 38;

/// What the thread works with, whatever the signalling.
pub(super) struct Worker {
    pub epoll: Arc<Epoll>,
    pub wake: Arc<EventFd>,
    pub stop: Arc<AtomicBool>,
    pub trunk: DriverTrunk,
    /// Timeslots taken out of use, also while the span is gone.
    pub blocked: BTreeSet<u8>,
}

/// The signalling of a span.
pub(super) trait SpanSignalling {
    /// Carries out a command.
    fn command(&mut self, trunk: &DriverTrunk, command: TrunkCommand, now: Instant);
    /// Something waits at a channel.
    ///
    /// # Errors
    /// The span is gone, or can be used no more.
    fn ready(&mut self, trunk: &DriverTrunk, token: u64, now: Instant) -> Result<(), DahdiError>;
    /// When [`timeout`](Self::timeout) is to be called.
    fn next_timeout(&self) -> Option<Instant>;
    /// Time has passed.
    fn timeout(&mut self, trunk: &DriverTrunk, now: Instant);
    /// The line is dead or alive.
    fn line(&mut self, trunk: &DriverTrunk, alive: bool, now: Instant);
    /// Looks at the line itself, whatever events have said: a full queue loses them silently. Says how the signalling is.
    ///
    /// # Errors
    /// The span is gone.
    fn look(&mut self, trunk: &DriverTrunk, now: Instant) -> Result<SignallingHealth, DahdiError>;
    /// What the timeslots are doing.
    fn timeslots(&self) -> Vec<TimeslotStatus>;
    /// The signals of the present or last call on a timeslot, oldest first; none where there is no such timeslot, or it has
    /// no signals of its own.
    fn signals(&self, timeslot: u8) -> Option<Vec<SignalStep>>;
    /// The last frames of the D channel, oldest first; none where there is no such channel.
    fn messages(&self) -> Option<Vec<MessageStep>>;
    /// Tells the far end that all is over; to be called again whenever something has happened, until it is true. In a
    /// hurry nothing more is waited for than what has to be said at the end.
    fn take_leave(&mut self, trunk: &DriverTrunk, hurry: bool, now: Instant) -> bool;
    /// Ends what is left because the span is gone or the service stops.
    fn end(&mut self, trunk: &DriverTrunk, cause: u8);
}

impl Worker {
    /// Serves the span until it is told to stop; before, whoever had it has to be done with it.
    pub(super) fn run(
        mut self,
        mut hardware: impl SpanHardware,
        config: &SpanConfig,
        predecessor: Option<SpanThread>,
    ) {
        crate::real_time::request();
        drop(predecessor);
        let mut said = None;
        while !self.stop.load(Ordering::Acquire) {
            let Err(error) = self.serve(&mut hardware, config) else {
                return;
            };
            let fault = match hardware.is_there(config) {
                true => TrunkFault::Refused,
                false => TrunkFault::NoSpan,
            };
            // It is tried every second, and told when there is something new.
            if said.as_ref() != Some(&error) {
                tracing::warn!(span = config.name, %error, "a span cannot be used");
            }
            self.trunk.set_status(|status| {
                status.state = match fault {
                    TrunkFault::NoSpan => TrunkState::Gone,
                    _ => TrunkState::Refused,
                };
                status.fault = Some(fault);
                status.reason = Some(error.to_string());
                status.alarms.clear();
                status.clock = TrunkClock {
                    rank: config.clock_rank,
                    ..TrunkClock::default()
                };
                status.timeslots.clear();
            });
            said = Some(error);
            self.rest();
        }
    }

    /// Keeps what has to outlive the span.
    fn remember(&mut self, command: &TrunkCommand) {
        if let TrunkCommand::Block { timeslot, blocked } = *command {
            match blocked {
                true => self.blocked.insert(timeslot),
                false => self.blocked.remove(&timeslot),
            };
        }
    }

    /// Waits before the span is tried again; sooner when the thread is to stop.
    fn rest(&mut self) {
        let until = Instant::now() + RETURN;
        while !self.stop.load(Ordering::Acquire) {
            let wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                return;
            }
            // Rounded up, or the loop would spin through the last fraction of a millisecond.
            let wait = wait + Duration::from_millis(1);
            let limit = EpollTimeout::try_from(wait).unwrap_or(EpollTimeout::ZERO);
            let mut events = [EpollEvent::empty(); 1];
            // An interrupted wait is a short one.
            let _ = self.epoll.wait(&mut events, limit);
            let _ = self.wake.read();
            while let Ok(command) = self.trunk.commands.try_recv() {
                self.remember(&command);
                refuse(&self.trunk, &command);
            }
            while self.trunk.requests.try_recv().is_ok() {}
        }
    }

    /// Configures the span and serves it as long as it is there.
    ///
    /// # Errors
    /// Why it is no longer served; without one the thread is to stop.
    fn serve(
        &mut self,
        hardware: &mut impl SpanHardware,
        config: &SpanConfig,
    ) -> Result<(), DahdiError> {
        hardware.bring_up(config)?;
        let hardware = &*hardware;
        match &config.signalling {
            Signalling::Pri(settings) => {
                let settings = ramal_isdn::Settings::clone(settings);
                let signalling =
                    Pri::new(&self.epoll, hardware, settings, config.echo_cancellation)?;
                self.attend(hardware, config, signalling)
            }
            Signalling::R2(settings) => {
                let signalling = R2::new(
                    &self.epoll,
                    hardware,
                    settings,
                    config.echo_cancellation,
                    Instant::now(),
                )?;
                self.attend(hardware, config, signalling)
            }
        }
    }

    fn attend(
        &mut self,
        hardware: &impl SpanHardware,
        config: &SpanConfig,
        mut signalling: impl SpanSignalling,
    ) -> Result<(), DahdiError> {
        for timeslot in self.blocked.clone() {
            let blocked = true;
            let command = TrunkCommand::Block { timeslot, blocked };
            signalling.command(&self.trunk, command, Instant::now());
        }
        let served = self.attend_until_stop(hardware, config, &mut signalling);
        // A far end that is not told keeps calls that nobody has any more.
        let served = served.and_then(|()| self.take_leave(&mut signalling));
        signalling.end(&self.trunk, OUT_OF_ORDER);
        served
    }

    fn attend_until_stop(
        &mut self,
        hardware: &impl SpanHardware,
        config: &SpanConfig,
        signalling: &mut impl SpanSignalling,
    ) -> Result<(), DahdiError> {
        let mut supervise_at = Instant::now();
        let (mut alive, mut diagnosis) = (false, Diagnosis::default());
        while !self.stop.load(Ordering::Acquire) {
            let now = Instant::now();
            if now >= supervise_at {
                supervise_at = now + SUPERVISION;
                self.supervise(
                    hardware,
                    config,
                    signalling,
                    &mut diagnosis,
                    &mut alive,
                    now,
                )?;
            }
            self.turn(signalling, supervise_at)?;
        }
        Ok(())
    }

    /// Reads alarms and counters and shows how the trunk is.
    fn supervise(
        &mut self,
        hardware: &impl SpanHardware,
        config: &SpanConfig,
        signalling: &mut impl SpanSignalling,
        diagnosis: &mut Diagnosis,
        alive: &mut bool,
        now: Instant,
    ) -> Result<(), DahdiError> {
        let counters = hardware.counters()?;
        let lives = counters.alarms & alarm::DEAD == 0;
        if std::mem::replace(alive, lives) != lives {
            signalling.line(&self.trunk, lives, now);
        }
        let health = signalling.look(&self.trunk, now)?;
        let fault = diagnosis.look(&counters, health, now);
        self.trunk.set_status(|status| {
            status.state = match (lives, health.up) {
                (false, _) => TrunkState::LineDown,
                (true, false) => TrunkState::SignallingDown,
                (true, true) => TrunkState::Up,
            };
            status.fault = fault;
            status.reason = None;
            status.alarms = alarm_names(counters.alarms);
            status.crc4_errors = counters.crc4_errors;
            status.slips = counters.slips;
            status.clock = TrunkClock {
                rank: config.clock_rank,
                is_source: counters.clock_source.as_ref() == Some(&config.device),
                source: counters.clock_source,
            };
            status.timeslots = signalling.timeslots();
        });
        Ok(())
    }

    /// Waits for the next thing to happen, at most until `limit`, and lets it happen.
    fn turn(
        &mut self,
        signalling: &mut impl SpanSignalling,
        limit: Instant,
    ) -> Result<(), DahdiError> {
        let due = signalling
            .next_timeout()
            .map_or(limit, |due| due.min(limit));
        // Rounded up, or the loop would spin through the last fraction of a millisecond.
        let wait = due.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
        let wait = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let wait = EpollTimeout::try_from(wait).unwrap_or(EpollTimeout::from(500_u16));
        let mut events = [EpollEvent::empty(); 64];
        let ready = match self.epoll.wait(&mut events, wait) {
            Ok(ready) => ready,
            Err(Errno::EINTR) => 0,
            Err(error) => return Err(DahdiError::new("wait for the span's channels", error)),
        };
        let now = Instant::now();
        for event in events.iter().take(ready) {
            if event.data() == WAKE {
                // There is something in it, or somebody was faster.
                let _ = self.wake.read();
            } else {
                signalling.ready(&self.trunk, event.data(), now)?;
            }
        }
        while let Ok(command) = self.trunk.commands.try_recv() {
            self.remember(&command);
            signalling.command(&self.trunk, command, now);
        }
        while let Ok(request) = self.trunk.requests.try_recv() {
            answer(signalling, request);
        }
        if signalling.next_timeout().is_some_and(|due| due <= now) {
            signalling.timeout(&self.trunk, now);
        }
        Ok(())
    }

    /// Ends all calls as the standards have it, as far as the far end does so in time.
    fn take_leave(&mut self, signalling: &mut impl SpanSignalling) -> Result<(), DahdiError> {
        let begin = Instant::now();
        loop {
            let now = Instant::now();
            let lasts = now.saturating_duration_since(begin);
            let hurry = lasts >= CLEARING;
            if signalling.take_leave(&self.trunk, hurry, now) || lasts >= FAREWELL {
                return Ok(());
            }
            let limit = if hurry { FAREWELL } else { CLEARING };
            self.turn(signalling, begin + limit)?;
        }
    }
}

/// Shows the signalling to whoever asks; he may have left meanwhile.
fn answer(signalling: &impl SpanSignalling, request: TraceRequest) {
    match request {
        TraceRequest::Signals { timeslot, reply } => {
            if let Some(signals) = signalling.signals(timeslot) {
                let _ = reply.send(signals);
            }
        }
        TraceRequest::Messages(reply) => {
            if let Some(messages) = signalling.messages() {
                let _ = reply.send(messages);
            }
        }
    }
}

/// Answers a command that cannot be carried out.
fn refuse(trunk: &DriverTrunk, command: &TrunkCommand) {
    if let TrunkCommand::Call { call, .. } = command {
        trunk.report(TrunkEvent::Released {
            call: *call,
            cause: OUT_OF_ORDER,
        });
    }
}
