//! The outgoing register: sends the numbers as the called side asks for them (Q.440-Q.480).

use std::time::Instant;

use super::core::Core;
use crate::variant::{Request, Verdict, meanings};
use crate::{Category, Cause, Charge, Direction, MfSignal, OutgoingCall, ProtocolError};

/// Where the register signals are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Going,
    Accepted(Charge),
    Refused(Cause),
    Failed(ProtocolError),
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// A forward signal is sent and its answer awaited.
    Sending(MfSignal),
    /// The answer is heard; what it asks for is sent when it ends.
    Answered(MfSignal),
    /// There is nothing to send; a pulse of the called side goes on.
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    First,
    Second,
    /// Group I signals while the called side uses group C.
    Third,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ForwardRegister {
    call: OutgoingCall,
    group: Group,
    phase: Phase,
    due: Instant,
    /// Place of the digit of the called number that was sent last.
    dnis: usize,
    /// Digits of the calling number sent.
    ani: usize,
    category_sent: bool,
    ani_ended: bool,
}

impl ForwardRegister {
    /// Begins with the first digit.
    pub fn start(core: &mut Core, call: OutgoingCall, now: Instant) -> Self {
        let mut register = ForwardRegister {
            call,
            group: Group::First,
            phase: Phase::Silent,
            due: now + core.settings.timers.forward_off,
            dnis: 0,
            ani: 0,
            category_sent: false,
            ani_ended: false,
        };
        core.groups("I", "A");
        core.listen(Some(Direction::Backward));
        register.send_digit(core, now);
        register
    }

    pub fn due(&self) -> Instant {
        self.due
    }

    pub fn signal(
        &mut self,
        core: &mut Core,
        before: Option<MfSignal>,
        heard: Option<MfSignal>,
        now: Instant,
    ) -> Outcome {
        let timers = core.settings.timers;
        match (self.phase, heard) {
            (Phase::Sending(_) | Phase::Silent, Some(signal)) => {
                core.transmit(None, now);
                self.phase = Phase::Answered(signal);
                self.due = now + timers.forward_on;
                Outcome::Going
            }
            (Phase::Answered(signal), None) => self.answered(core, signal, now),
            (Phase::Answered(first), Some(second)) => {
                Outcome::Failed(ProtocolError::BrokenSequence {
                    first: before.unwrap_or(first),
                    second,
                })
            }
            (_, None) => Outcome::Going,
        }
    }

    pub fn timeout(&self) -> ProtocolError {
        match self.phase {
            Phase::Sending(signal) => ProtocolError::NoBackwardSignal(signal),
            Phase::Answered(signal) => ProtocolError::BackwardSignalStuck(signal),
            Phase::Silent => ProtocolError::MoreDigitsExpected,
        }
    }

    /// The called side's signal ended: does what it asks for.
    fn answered(&mut self, core: &mut Core, signal: MfSignal, now: Instant) -> Outcome {
        let variant = core.settings.variant;
        let (name, request) = match self.group {
            Group::First => ("A", self.request(variant.group_a, signal)),
            Group::Third => ("C", self.request(variant.group_c, signal)),
            Group::Second => {
                return match variant.verdict(signal) {
                    Some(Verdict::Accept(charge)) => Outcome::Accepted(charge),
                    Some(Verdict::Refuse(cause)) => Outcome::Refused(cause),
                    None => unknown("B", signal),
                };
            }
        };
        let Some(request) = request else {
            return unknown(name, signal);
        };
        match request {
            Request::NextDigit => {
                self.change_group(core, Group::First);
                self.dnis = (self.dnis + 1).min(self.call.dnis.len() + 1);
                self.send_digit(core, now);
            }
            Request::Previous => self.send_earlier(core, 1, now),
            Request::SecondPrevious => self.send_earlier(core, 2, now),
            Request::ThirdPrevious => self.send_earlier(core, 3, now),
            Request::Restart => self.send_earlier(core, usize::MAX, now),
            Request::Category => self.send_category(core, now),
            Request::CategoryAndGroupC => {
                self.change_group(core, Group::Third);
                self.send_category(core, now);
            }
            Request::NextCallerDigit => self.send_caller_digit(core, now),
            Request::GroupB => {
                self.change_group(core, Group::Second);
                self.send_category(core, now);
            }
            Request::Accept => return Outcome::Accepted(Charge::Charge),
            Request::Congestion => return Outcome::Refused(Cause::Congestion),
        }
        Outcome::Going
    }

    /// Which meaning a signal with two of them has now: the caller's digits follow the category, and
    /// go on until their end was sent where the same signal asks for digits of the called number.
    fn request(&self, rows: &'static [(MfSignal, Request)], signal: MfSignal) -> Option<Request> {
        let find = |wanted: fn(Request) -> bool| meanings(rows, signal).find(|row| wanted(*row));
        let caller = find(|row| row == Request::NextCallerDigit);
        let other = find(|row| row != Request::NextCallerDigit);
        let called_follows = self.ani_ended && other == Some(Request::NextDigit);
        if self.category_sent && !called_follows {
            caller.or(other)
        } else {
            other.or(caller)
        }
    }

    fn change_group(&mut self, core: &mut Core, group: Group) {
        self.group = group;
        match group {
            Group::First => core.groups("I", "A"),
            Group::Second => core.groups("II", "B"),
            Group::Third => core.groups("I", "C"),
        }
    }

    fn send(&mut self, core: &mut Core, signal: MfSignal, now: Instant) {
        self.phase = Phase::Sending(signal);
        self.due = now + core.settings.timers.forward_on;
        core.transmit(Some(signal), now);
    }

    /// The digit of the called number at the present place, its end, or nothing.
    fn send_digit(&mut self, core: &mut Core, now: Instant) {
        let length = self.call.dnis.len();
        let end = (self.dnis == length).then_some(core.settings.variant.ends.called);
        match self.call.dnis.signal(self.dnis).or(end.flatten()) {
            Some(signal) => self.send(core, signal, now),
            None => {
                core.note("no more digits: silence until the called side goes on", now);
                self.phase = Phase::Silent;
                self.due = now + core.settings.timers.forward_off;
            }
        }
    }

    fn send_earlier(&mut self, core: &mut Core, places: usize, now: Instant) {
        self.dnis = self.dnis.min(self.call.dnis.len()).saturating_sub(places);
        self.send_digit(core, now);
    }

    fn send_category(&mut self, core: &mut Core, now: Instant) {
        self.category_sent = true;
        let category: Category = self.call.category;
        let signal = core.settings.variant.category_signal(category);
        self.send(core, signal, now);
    }

    fn send_caller_digit(&mut self, core: &mut Core, now: Instant) {
        let ends = core.settings.variant.ends;
        let digit = self.call.ani.map(|ani| ani.signal(self.ani));
        let signal = match digit {
            None => {
                self.ani_ended = true;
                ends.restricted
            }
            Some(None) => {
                self.ani_ended = true;
                ends.caller
            }
            Some(Some(signal)) => {
                self.ani += 1;
                signal
            }
        };
        self.send(core, signal, now);
    }
}

fn unknown(group: &'static str, signal: MfSignal) -> Outcome {
    Outcome::Failed(ProtocolError::UnknownSignal {
        group,
        signal: signal.number(),
    })
}
