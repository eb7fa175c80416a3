//! One channel: what comes in, in which state, and what goes out.

mod backward;
mod core;
mod forward;
mod incoming;
mod outgoing;

use std::sync::Arc;
use std::time::Instant;

use self::core::{Core, Next};
use self::incoming::Incoming;
use self::outgoing::Outgoing;
use crate::line::{Ab, LineSignal};
use crate::trace::{Trace, What};
use crate::{Command, CommandError, Event, LineState, MfSignal, Output, Settings};

// Exactly one exists per channel and it lies within it: its size is of no matter.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Outgoing(Outgoing),
    Incoming(Incoming),
}

/// The signalling of one timeslot, without I/O and clock.
///
/// Everything that happens on the line is handed in with the time; after each call its user carries
/// out everything that [`poll`](Self::poll) gives, and calls [`timeout`](Self::timeout) at
/// [`next_timeout`](Self::next_timeout).
#[derive(Debug)]
pub struct Channel {
    core: Core,
    state: State,
    /// Bits that have not stood long enough to count.
    pending: Option<(Ab, Instant)>,
    /// The last bits had C and D as the variant has them: four zeros are no signal then.
    framed: bool,
    /// The line is in alarm since the other side's bits were these.
    alarm: Option<Option<Ab>>,
    alarm_due: Option<Instant>,
    blocked: bool,
    /// Idle bits have to stand until then before blocking: they are the release-guard of a call.
    block_due: Option<Instant>,
    /// A seizing until then crossed our blocking.
    blocking_crossed: Option<Instant>,
    told: LineState,
}

impl Channel {
    /// A channel that is free, of a line with these settings. Its first outputs set the line bits.
    #[must_use]
    pub fn new(settings: Arc<Settings>, now: Instant) -> Self {
        let mut core = Core::new(settings, now);
        core.send(LineSignal::Idle, now);
        Channel {
            core,
            state: State::Idle,
            pending: None,
            framed: false,
            alarm: None,
            alarm_due: None,
            blocked: false,
            block_due: None,
            blocking_crossed: None,
            told: LineState::Unknown,
        }
    }

    /// The next thing to do; `None` when there is nothing left.
    pub fn poll(&mut self) -> Option<Output> {
        self.core.poll()
    }

    /// When [`timeout`](Self::timeout) has to be called, if nothing comes before.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Idle => None,
            State::Outgoing(outgoing) => outgoing.due(),
            State::Incoming(incoming) => incoming.due(),
        };
        let pending = self.pending.map(|(_, due)| due);
        [state, pending, self.alarm_due, self.block_due]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether it can take a call.
    #[must_use]
    pub fn line_state(&self) -> LineState {
        let has_call = match &self.state {
            State::Idle => None,
            State::Outgoing(outgoing) => Some(outgoing.has_call()),
            State::Incoming(incoming) => Some(incoming.has_call()),
        };
        match (has_call, self.core.ab) {
            (Some(true), _) => LineState::Busy,
            _ if self.alarm.is_some() => LineState::Alarm,
            (Some(false), _) => LineState::Releasing,
            _ if self.blocked => LineState::LocalBlocked,
            (None, None) => LineState::Unknown,
            (None, Some(Ab::B10)) => LineState::Idle,
            (None, Some(Ab::B11)) => LineState::RemoteBlocked,
            (None, Some(Ab::B00 | Ab::B01)) => LineState::Faulty,
        }
    }

    /// The signals of the present call, or of the last one.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.core.trace
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> &Arc<Settings> {
        &self.core.settings
    }

    /// Uses other settings from now on. Only for a channel without a call: true when they are taken.
    pub fn set_settings(&mut self, settings: Arc<Settings>, now: Instant) -> bool {
        let free = matches!(self.state, State::Idle);
        if free {
            self.core.settings = settings;
            self.send_free(now);
        }
        free
    }

    /// The other side's line bits: A, B, C, D from the highest of the lowest four. Has to be told at
    /// the beginning and whenever they change; telling them again does no harm.
    pub fn line_bits(&mut self, abcd: u8, now: Instant) {
        self.run_until(now);
        let cd = self.core.settings.variant.cd;
        if abcd & 0xF != 0 {
            self.framed = abcd & 3 == cd;
        } else if self.framed && cd != 0 {
            // Not used for signalling (G.704 §5.1.3.2.2): the multiframe is lost, not the channel seized.
            self.pending = None;
            return;
        }
        let ab = Ab::of(abcd);
        if self.core.ab == Some(ab) {
            self.pending = None;
        } else if self.pending.is_none_or(|(before, _)| before != ab) {
            let due = now + self.core.settings.timers.recognition;
            self.pending = Some((ab, due));
            self.run_until(now);
        }
        self.tell_line_state();
    }

    /// The line's alarm (no signal, no framing, the other side's alarm) came or went. Bits and
    /// register signals count for nothing meanwhile.
    pub fn alarm(&mut self, alarm: bool, now: Instant) {
        self.run_until(now);
        match (alarm, self.alarm) {
            (true, None) => {
                self.alarm = Some(self.core.ab);
                self.alarm_due = Some(now + self.core.settings.timers.alarm);
                self.core.note("line alarm", now);
            }
            (false, Some(before)) => {
                self.alarm = None;
                self.alarm_due = None;
                self.core.note("line alarm over", now);
                let in_call = self.line_state() == LineState::Busy;
                if let Some(ab) = self.core.ab
                    && (before != Some(ab) || !in_call)
                {
                    self.line(ab, now);
                }
            }
            _ => {}
        }
        self.tell_line_state();
    }

    /// A register signal of the direction listened to began (`Some`) or ended (`None`).
    pub fn signal(&mut self, heard: Option<MfSignal>, now: Instant) {
        self.run_until(now);
        if self.alarm.is_some() {
            return;
        }
        if let Some(before) = self.core.hear(heard, now) {
            let next = match &mut self.state {
                State::Idle => Next::Stay,
                State::Outgoing(outgoing) => outgoing.signal(&mut self.core, before, heard, now),
                State::Incoming(incoming) => incoming.signal(&mut self.core, before, heard, now),
            };
            self.follow(next, now);
        }
        self.tell_line_state();
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant) {
        self.run_until(now);
        self.tell_line_state();
    }

    /// Carries out what call control wants.
    ///
    /// # Errors
    /// When the channel has no such call, or is not free for one.
    pub fn command(&mut self, command: Command, now: Instant) -> Result<(), CommandError> {
        self.run_until(now);
        let result = self.carry_out(command, now);
        self.tell_line_state();
        result
    }

    fn carry_out(&mut self, command: Command, now: Instant) -> Result<(), CommandError> {
        match command {
            Command::Block | Command::Unblock => {
                self.blocked = command == Command::Block;
                self.blocking_crossed = self
                    .blocked
                    .then(|| now + self.core.settings.timers.seizure_ack);
                if matches!(self.state, State::Idle) {
                    self.free(now);
                }
                Ok(())
            }
            Command::Call(call) => {
                let state = match self.pending {
                    // Bits that are about to count: most likely a seizing.
                    Some(_) => LineState::Busy,
                    None => self.line_state(),
                };
                if state != LineState::Idle {
                    return Err(CommandError::NotIdle(state));
                }
                if call.dnis.is_empty() {
                    return Err(CommandError::NoDigits);
                }
                self.core.trace = Trace::new(now);
                self.state = State::Outgoing(Outgoing::start(&mut self.core, call, now));
                Ok(())
            }
            Command::Clear(cause) if matches!(self.state, State::Outgoing(_)) => {
                if let State::Outgoing(outgoing) = &mut self.state {
                    if !outgoing.has_call() {
                        return Err(CommandError::NoCall("end"));
                    }
                    let next = outgoing.clear(&mut self.core, cause, now);
                    self.follow(next, now);
                }
                Ok(())
            }
            _ => match &mut self.state {
                State::Incoming(incoming) => incoming.command(&mut self.core, command, now),
                State::Idle | State::Outgoing(_) => Err(CommandError::NoCall("answer or end")),
            },
        }
    }

    /// Does everything that is due, in order.
    fn run_until(&mut self, now: Instant) {
        while let Some(due) = self.next_timeout().filter(|due| *due <= now) {
            if self.alarm_due == Some(due) {
                self.alarm_due = None;
                match &mut self.state {
                    State::Idle => {}
                    State::Outgoing(outgoing) => outgoing.alarm(&mut self.core, now),
                    State::Incoming(incoming) => incoming.alarm(&mut self.core, now),
                }
                continue;
            }
            if self.block_due == Some(due) {
                self.block_due = None;
                if matches!(self.state, State::Idle) {
                    self.send_free(now);
                }
                continue;
            }
            match self.pending {
                // A change of the bits comes before what waited for it.
                Some((ab, at)) if at == due => {
                    self.pending = None;
                    self.recognized(ab, now);
                }
                _ => {
                    let next = match &mut self.state {
                        State::Idle => Next::Stay,
                        State::Outgoing(outgoing) => outgoing.timeout(&mut self.core, now),
                        State::Incoming(incoming) => incoming.timeout(&mut self.core, now),
                    };
                    self.follow(next, now);
                }
            }
        }
    }

    fn recognized(&mut self, ab: Ab, now: Instant) {
        if matches!(self.state, State::Idle) && ab == Ab::B00 && self.alarm.is_none() {
            self.core.trace = Trace::new(now);
        }
        self.core.ab = Some(ab);
        self.core.trace.add(What::LineHeard(ab), now);
        if self.alarm.is_none() {
            self.line(ab, now);
        }
    }

    fn line(&mut self, ab: Ab, now: Instant) {
        let next = match &mut self.state {
            State::Idle => {
                let crossed = self.blocking_crossed.is_some_and(|until| now < until);
                if ab == Ab::B00 && (!self.blocked || crossed) {
                    self.state = State::Incoming(Incoming::start(&mut self.core, now));
                }
                Next::Stay
            }
            State::Outgoing(outgoing) => outgoing.line(&mut self.core, ab, now),
            State::Incoming(incoming) => incoming.line(&mut self.core, ab, now),
        };
        self.follow(next, now);
    }

    fn follow(&mut self, next: Next, now: Instant) {
        if next == Next::Idle {
            self.state = State::Idle;
            self.core.silence(now);
            if self.blocked {
                self.core.send(LineSignal::Idle, now);
                self.block_due = Some(now + self.core.settings.timers.glare);
            } else {
                self.free(now);
            }
        }
    }

    /// Takes calls, or none. What the other side sends may be one already.
    fn free(&mut self, now: Instant) {
        self.send_free(now);
        if let Some(ab) = self.core.ab.filter(|_| self.alarm.is_none()) {
            self.line(ab, now);
        }
    }

    /// The bits of a channel without a call.
    fn send_free(&mut self, now: Instant) {
        let signal = if self.blocked {
            LineSignal::Blocked
        } else {
            LineSignal::Idle
        };
        self.core.send(signal, now);
    }

    fn tell_line_state(&mut self) {
        let state = self.line_state();
        if state != self.told {
            self.told = state;
            self.core.event(Event::Line(state));
        }
    }
}
