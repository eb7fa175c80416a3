//! The incoming side of a call: line signals (Q.422 §3.2) and what they mean for the register.

use std::time::Instant;

use super::backward::{BackwardRegister, Outcome};
use super::core::{Core, Next};
use crate::line::{Ab, LineSignal};
use crate::variant::Verdict;
use crate::{Cause, Charge, Command, CommandError, Event, MfSignal, Party, ProtocolError};

/// How to answer once the register signals are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Wait,
    Once,
    Twice,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Register(BackwardRegister),
    /// The register signals are over; an answer would come too early.
    Settling,
    Accepted,
    Answered,
    /// The first answer of two, or the clear-back between them.
    FirstAnswer,
    AnswerGap,
    /// The call is over; the register still tells why.
    Refusing(BackwardRegister),
    /// The call is over; the calling side's clear-forward is awaited.
    Cleared,
    /// It came: our release-guard follows.
    Releasing,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    phase: Phase,
    due: Option<Instant>,
    /// The calling side's bits mean nothing; the call ends then.
    fault: Option<(Ab, Instant)>,
    charge: Charge,
    answer: Answer,
}

impl Incoming {
    pub fn start(core: &mut Core, now: Instant) -> Self {
        core.send(LineSignal::SeizureAck, now);
        core.event(Event::Seized);
        Incoming {
            phase: Phase::Register(BackwardRegister::start(core, now)),
            due: None,
            fault: None,
            charge: Charge::Charge,
            answer: Answer::Wait,
        }
    }

    pub fn due(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Register(register) | Phase::Refusing(register) => Some(register.due()),
            _ => self.due,
        };
        let fault = self.fault.map(|(_, due)| due);
        phase.into_iter().chain(fault).min()
    }

    /// False once the call is over.
    pub fn has_call(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Refusing(_) | Phase::Cleared | Phase::Releasing
        )
    }

    fn go(&mut self, phase: Phase, due: Option<Instant>) {
        self.phase = phase;
        self.due = due;
    }

    pub fn command(
        &mut self,
        core: &mut Core,
        command: Command,
        now: Instant,
    ) -> Result<(), CommandError> {
        match command {
            Command::NextDigit | Command::DnisComplete => {
                let Phase::Register(register) = &mut self.phase else {
                    return Err(CommandError::NoCall("collect digits of"));
                };
                let outcome = if command == Command::NextDigit {
                    register.next_digit(core, now)
                } else {
                    register.complete(core, now)
                };
                self.register_is(core, outcome, now);
                Ok(())
            }
            Command::Accept(charge) => self.accept(core, charge, now),
            Command::Answer => {
                let twice = core.settings.double_answer;
                let answer = if twice { Answer::Twice } else { Answer::Once };
                self.answer(core, answer, now)
            }
            Command::AnswerTwice => self.answer(core, Answer::Twice, now),
            Command::Clear(cause) if self.has_call() => {
                self.clear(core, cause, now);
                Ok(())
            }
            _ => Err(CommandError::NoCall("end")),
        }
    }

    fn accept(
        &mut self,
        core: &mut Core,
        charge: Charge,
        now: Instant,
    ) -> Result<(), CommandError> {
        let Phase::Register(register) = &mut self.phase else {
            return Err(CommandError::NoCall("accept"));
        };
        if !register.is_offered() {
            return Err(CommandError::NoCall("accept"));
        }
        self.charge = charge;
        let outcome = register.decide(core, Verdict::Accept(charge), now);
        self.register_is(core, outcome, now);
        Ok(())
    }

    fn answer(
        &mut self,
        core: &mut Core,
        answer: Answer,
        now: Instant,
    ) -> Result<(), CommandError> {
        match self.phase {
            Phase::Register(register) if register.is_offered() => {
                self.answer = answer;
                self.accept(core, Charge::Charge, now)
            }
            // Accepted, but the register signals are not over.
            Phase::Register(_) | Phase::Settling => {
                self.answer = answer;
                Ok(())
            }
            Phase::Accepted => {
                self.answer = answer;
                self.send_answer(core, now);
                Ok(())
            }
            _ => Err(CommandError::NoCall("answer")),
        }
    }

    fn send_answer(&mut self, core: &mut Core, now: Instant) {
        core.send(LineSignal::Answer, now);
        if self.answer == Answer::Twice {
            let due = now + core.settings.timers.first_answer;
            self.go(Phase::FirstAnswer, Some(due));
        } else {
            self.go(Phase::Answered, None);
        }
    }

    fn clear(&mut self, core: &mut Core, cause: Cause, now: Instant) {
        core.ended(cause, Party::Ours, now);
        match self.phase {
            Phase::Register(mut register) => {
                let told = match cause {
                    Cause::Rejected => core.settings.refuse_as,
                    Cause::LineAlarm | Cause::Protocol => Cause::Congestion,
                    cause => cause,
                };
                let outcome = register.decide(core, Verdict::Refuse(told), now);
                self.go(Phase::Refusing(register), None);
                self.register_is(core, outcome, now);
            }
            _ => self.drop_call(core, now),
        }
    }

    /// Ends an accepted call by line signal. One that was not answered looks the same before and after
    /// a clear-back: only a forced release tells its end.
    fn drop_call(&mut self, core: &mut Core, now: Instant) {
        let signal = if core.settings.forced_release {
            LineSignal::ForcedRelease
        } else {
            LineSignal::ClearBack
        };
        core.send(signal, now);
        self.cleared(core, now);
    }

    fn cleared(&mut self, core: &mut Core, now: Instant) {
        core.silence(now);
        let due = now + core.settings.timers.clear_forward;
        self.go(Phase::Cleared, Some(due));
    }

    /// Ends the call because of an error.
    fn fail(&mut self, core: &mut Core, error: ProtocolError, now: Instant) {
        core.error(error, now);
        let (cause, by) = match error {
            ProtocolError::Undecided => (Cause::Congestion, Party::Ours),
            _ => (Cause::Protocol, Party::Theirs),
        };
        if self.has_call() {
            core.ended(cause, by, now);
        }
        if let Phase::Register(mut register) = self.phase
            && register.congest(core, now)
        {
            self.go(Phase::Refusing(register), None);
            return;
        }
        core.silence(now);
        core.send(LineSignal::ClearBack, now);
        self.cleared(core, now);
    }

    /// The line is in alarm for too long.
    pub fn alarm(&mut self, core: &mut Core, now: Instant) {
        if self.has_call() {
            core.ended(Cause::LineAlarm, Party::Theirs, now);
            core.send(LineSignal::ClearBack, now);
            self.cleared(core, now);
        }
    }

    pub fn line(&mut self, core: &mut Core, ab: Ab, now: Instant) -> Next {
        match ab {
            Ab::B10 => {
                self.fault = None;
                if self.has_call() {
                    core.ended(Cause::Normal, Party::Theirs, now);
                }
                core.silence(now);
                let due = now + core.settings.timers.release;
                self.go(Phase::Releasing, Some(due));
            }
            Ab::B00 => self.fault = None,
            Ab::B01 | Ab::B11 if self.has_call() => {
                let due = now + core.settings.timers.fault;
                self.fault = Some((ab, self.fault.map_or(due, |(_, due)| due)));
            }
            Ab::B01 | Ab::B11 => {}
        }
        Next::Stay
    }

    pub fn signal(
        &mut self,
        core: &mut Core,
        before: Option<MfSignal>,
        heard: Option<MfSignal>,
        now: Instant,
    ) -> Next {
        if let Phase::Register(register) | Phase::Refusing(register) = &mut self.phase {
            let outcome = register.signal(core, before, heard, now);
            self.register_is(core, outcome, now);
        }
        Next::Stay
    }

    fn register_is(&mut self, core: &mut Core, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Going => {}
            Outcome::Told(Verdict::Accept(_)) if !self.has_call() => self.drop_call(core, now),
            Outcome::Told(Verdict::Accept(_)) => {
                core.silence(now);
                let due = now + core.settings.timers.answer_delay;
                self.go(Phase::Settling, Some(due));
            }
            Outcome::Told(Verdict::Refuse(_)) => self.cleared(core, now),
            Outcome::Failed(error) => self.fail(core, error, now),
        }
    }

    pub fn timeout(&mut self, core: &mut Core, now: Instant) -> Next {
        let timers = core.settings.timers;
        if let Some((ab, due)) = self.fault
            && due <= now
        {
            self.fault = None;
            let (bits, phase) = (ab as u8, "from the calling side");
            self.fail(core, ProtocolError::UnexpectedBits { bits, phase }, now);
            return Next::Stay;
        }
        match &mut self.phase {
            Phase::Register(register) | Phase::Refusing(register) => {
                if register.due() <= now {
                    let outcome = register.timeout(core, now);
                    self.register_is(core, outcome, now);
                }
                return Next::Stay;
            }
            _ => {}
        }
        if self.due.is_none_or(|due| due > now) {
            return Next::Stay;
        }
        match self.phase {
            Phase::Register(_) | Phase::Refusing(_) => {}
            Phase::Settling => {
                core.event(Event::Accepted(self.charge));
                self.go(Phase::Accepted, None);
                if self.answer != Answer::Wait {
                    self.send_answer(core, now);
                }
            }
            Phase::FirstAnswer => {
                core.send(LineSignal::ClearBack, now);
                self.go(Phase::AnswerGap, Some(now + timers.answer_gap));
            }
            Phase::AnswerGap => {
                core.send(LineSignal::Answer, now);
                self.go(Phase::Answered, None);
            }
            Phase::Cleared => {
                core.error(ProtocolError::ChannelHeld, now);
                self.due = None;
            }
            Phase::Releasing => return Next::Idle,
            Phase::Accepted | Phase::Answered => self.due = None,
        }
        Next::Stay
    }
}
