//! The incoming register: asks for the numbers and tells what becomes of the call (Q.440-Q.480).

mod asking;

use std::time::Instant;

use crate::channel::core::Core;
use crate::variant::{Request, Verdict};
use crate::{Category, Cause, Charge, Digits, Direction, Event, MfSignal, ProtocolError};

/// Where the register signals are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Going,
    /// The verdict was told; the register signals are over.
    Told(Verdict),
    Failed(ProtocolError),
}

/// What the next forward signal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Digit,
    Category,
    CallerDigit,
    GroupTwo,
    /// None: the verdict is being told.
    Nothing(Verdict),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No signal of ours is sent; a forward one is awaited.
    Waiting,
    /// Ours is sent until the forward one ends.
    Responding,
    /// Ours is sent as a pulse: there is no forward one to compel it.
    Pulsing,
    /// A digit came and call control decides what to ask for.
    Digit,
    /// The call is offered to call control.
    Offered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    A,
    B,
    C,
}

const CONGESTION: Verdict = Verdict::Refuse(Cause::Congestion);

#[derive(Clone, Copy, Debug)]
pub(super) struct BackwardRegister {
    want: Want,
    phase: Phase,
    group: Group,
    due: Instant,
    dnis: Digits,
    ani: Digits,
    restricted: bool,
    category: Option<Category>,
    dnis_done: bool,
    ani_done: bool,
    /// Decided before group B was reached.
    verdict: Option<Verdict>,
    /// The call is over: congestion is told as soon as a signal can tell it.
    aborted: bool,
    /// The pulse being sent was begun while a digit could have been on its way.
    late_digit: bool,
}

impl BackwardRegister {
    pub fn start(core: &mut Core, now: Instant) -> Self {
        core.groups("A", "I");
        core.listen(Some(Direction::Forward));
        BackwardRegister {
            want: Want::Digit,
            phase: Phase::Waiting,
            group: Group::A,
            due: now + core.settings.timers.backward,
            dnis: Digits::default(),
            ani: Digits::default(),
            restricted: false,
            category: None,
            dnis_done: false,
            ani_done: !core.settings.request_ani,
            verdict: None,
            aborted: false,
            late_digit: false,
        }
    }

    pub fn due(&self) -> Instant {
        self.due
    }

    /// True while call control may decide about the call.
    pub fn is_offered(&self) -> bool {
        self.phase == Phase::Offered
    }

    pub fn signal(
        &mut self,
        core: &mut Core,
        before: Option<MfSignal>,
        heard: Option<MfSignal>,
        now: Instant,
    ) -> Outcome {
        match (before, heard) {
            (Some(first), Some(second)) => {
                Outcome::Failed(ProtocolError::BrokenSequence { first, second })
            }
            (_, Some(signal)) => match self.phase {
                Phase::Waiting => self.receive(core, signal, now),
                // It began before our pulse reached the other side, which takes the pulse as its answer.
                Phase::Pulsing => {
                    if self.late_digit && !self.aborted {
                        self.take_digit(core, signal);
                    }
                    self.go(Phase::Responding, now + core.settings.timers.backward);
                    Outcome::Going
                }
                _ => Outcome::Going,
            },
            (_, None) => match self.phase {
                Phase::Responding => self.responded(core, now),
                _ => Outcome::Going,
            },
        }
    }

    pub fn timeout(&mut self, core: &mut Core, now: Instant) -> Outcome {
        match self.phase {
            Phase::Pulsing => self.responded(core, now),
            Phase::Responding => Outcome::Failed(match core.heard() {
                Some(signal) => ProtocolError::ForwardSignalStuck(signal),
                None => ProtocolError::NoForwardSignal("a pulse"),
            }),
            Phase::Digit => self.ask_digit(core, now),
            Phase::Offered => Outcome::Failed(ProtocolError::Undecided),
            Phase::Waiting if self.aborted => self.tell(core, CONGESTION, now),
            Phase::Waiting => match self.want {
                Want::Digit if self.dnis.is_empty() => Outcome::Failed(ProtocolError::NoDigits),
                Want::Digit => {
                    core.note("silence ends the called number", now);
                    self.dnis_done = true;
                    self.go_on(core, now)
                }
                Want::Category | Want::CallerDigit => {
                    core.note("silence ends the calling number", now);
                    self.ani_done = true;
                    self.go_on(core, now)
                }
                Want::GroupTwo => Outcome::Failed(ProtocolError::NoForwardSignal(
                    "the change to group II and B",
                )),
                Want::Nothing(verdict) => Outcome::Told(verdict),
            },
        }
    }

    /// Call control wants another digit.
    pub fn next_digit(&mut self, core: &mut Core, now: Instant) -> Outcome {
        match self.phase {
            Phase::Digit => self.ask_digit(core, now),
            _ => Outcome::Going,
        }
    }

    /// Call control has digits enough.
    pub fn complete(&mut self, core: &mut Core, now: Instant) -> Outcome {
        if self.dnis_done || self.dnis.is_empty() {
            return Outcome::Going;
        }
        self.dnis_done = true;
        match self.phase {
            Phase::Digit => self.go_on(core, now),
            // The other side has nothing to send or will take the pulse as the answer to what it sends.
            Phase::Waiting if self.want == Want::Digit => self.go_on(core, now),
            _ => Outcome::Going,
        }
    }

    /// Call control decided. Before the call is offered only a refusal is possible, and it is congestion.
    pub fn decide(&mut self, core: &mut Core, verdict: Verdict, now: Instant) -> Outcome {
        let in_group_a = self.group != Group::B;
        match self.phase {
            // Telling a verdict already: it cannot be taken back.
            _ if matches!(self.want, Want::Nothing(_)) => Outcome::Going,
            Phase::Offered if in_group_a && verdict != Verdict::Accept(Charge::Charge) => {
                self.verdict = Some(verdict);
                self.ask(core, Request::GroupB, Want::GroupTwo, now)
            }
            Phase::Offered => self.tell(core, verdict, now),
            Phase::Digit | Phase::Waiting => self.tell(core, CONGESTION, now),
            Phase::Responding | Phase::Pulsing => {
                self.aborted = true;
                Outcome::Going
            }
        }
    }

    /// Tells congestion after an error; false when no signal can say it any more.
    pub fn congest(&mut self, core: &mut Core, now: Instant) -> bool {
        let silent = core.transmitting().is_none();
        let undecided = !matches!(self.want, Want::Nothing(_));
        silent && undecided && matches!(self.tell(core, CONGESTION, now), Outcome::Going)
    }

    fn go(&mut self, phase: Phase, due: Instant) {
        self.phase = phase;
        self.due = due;
    }

    /// The forward signal that our last one asked for.
    fn receive(&mut self, core: &mut Core, signal: MfSignal, now: Instant) -> Outcome {
        if self.aborted {
            return self.tell(core, CONGESTION, now);
        }
        let (settings, ends) = (core.settings.clone(), core.settings.variant.ends);
        match self.want {
            Want::Digit => {
                if self.take_digit(core, signal) {
                    if self.dnis.len() >= usize::from(settings.max_dnis.max(1)) {
                        self.dnis_done = true;
                    } else if settings.overlap && !self.caller_first(core) {
                        self.go(Phase::Digit, now + settings.timers.digit);
                        return Outcome::Going;
                    }
                    self.go_on(core, now)
                } else if !self.dnis.is_empty()
                    && (ends.called == Some(signal) || signal == MfSignal::of(15))
                {
                    self.dnis_done = true;
                    self.go_on(core, now)
                } else {
                    unknown("I", signal)
                }
            }
            Want::Category => {
                self.category = Some(settings.variant.category(signal));
                if settings.max_ani > 0 || self.needs_caller_end(core) {
                    self.ask(core, Request::NextCallerDigit, Want::CallerDigit, now)
                } else {
                    self.ani_done = true;
                    self.go_on(core, now)
                }
            }
            Want::CallerDigit => {
                let hidden = signal == ends.restricted
                    && (ends.restricted != ends.caller || self.ani.is_empty());
                let most = usize::from(settings.max_ani);
                if signal.digit().is_some() {
                    let kept = self.ani.len() < most && self.ani.push(signal);
                    if kept && self.ani.len() < most || self.needs_caller_end(core) {
                        return self.ask(core, Request::NextCallerDigit, Want::CallerDigit, now);
                    }
                } else if hidden {
                    self.restricted = true;
                } else if signal != ends.caller && signal != MfSignal::of(15) {
                    return unknown("I", signal);
                }
                self.ani_done = true;
                self.go_on(core, now)
            }
            Want::GroupTwo => {
                let category = settings.variant.category(signal);
                if self.category.is_none() || !matches!(category, Category::Other(_)) {
                    self.category = Some(category);
                }
                match self.verdict {
                    Some(verdict) => self.tell(core, verdict, now),
                    None => self.offer(core, now),
                }
            }
            Want::Nothing(_) => Outcome::Going,
        }
    }

    fn take_digit(&mut self, core: &mut Core, signal: MfSignal) -> bool {
        match signal.digit() {
            Some(digit) if self.dnis.push(signal) => {
                let dnis = self.dnis;
                core.event(Event::Digit { digit, dnis });
                true
            }
            Some(_) => {
                self.dnis_done = true;
                true
            }
            None => false,
        }
    }

    /// The same signal asks for digits of either number (China): it means the called number's again only
    /// after the end of the calling number.
    fn needs_caller_end(&self, core: &Core) -> bool {
        let variant = core.settings.variant;
        let called = variant.signal_a(Request::NextDigit);
        !self.dnis_done
            && self.group == Group::A
            && called == variant.signal_a(Request::NextCallerDigit)
    }

    /// The calling number has to be asked for before more of the called one.
    fn caller_first(&self, core: &Core) -> bool {
        core.settings.ani_first && !self.ani_done
    }
}

fn unknown(group: &'static str, signal: MfSignal) -> Outcome {
    Outcome::Failed(ProtocolError::UnknownSignal {
        group,
        signal: signal.number(),
    })
}
