//! The incoming register: asks for the numbers and tells what becomes of the call (Q.440-Q.480).

use std::time::{Duration, Instant};

use super::core::Core;
use crate::variant::{Request, Verdict};
use crate::{
    Category, Cause, Charge, Digits, Direction, Event, IncomingCall, MfSignal, ProtocolError,
};

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

/// Between an end of our signal and a pulse that follows it: at least 100 ms (Q.442 §4.3.2), and long enough
/// for the next forward signal to come instead.
const BEFORE_PULSE: Duration = Duration::from_millis(500);

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

    /// Asks for what is missing, in the order of the settings.
    fn go_on(&mut self, core: &mut Core, now: Instant) -> Outcome {
        if !self.ani_done && (self.dnis_done || core.settings.ani_first) {
            let request = match core.settings.variant.signal_a(Request::Category) {
                Some(_) => Request::Category,
                None => Request::CategoryAndGroupC,
            };
            return self.ask(core, request, Want::Category, now);
        }
        if !self.dnis_done {
            return self.ask_digit(core, now);
        }
        let settings = &core.settings;
        if settings.immediate_accept
            && settings.variant.accepts_in_group_a()
            && self.group == Group::A
        {
            return self.offer(core, now);
        }
        self.ask(core, Request::GroupB, Want::GroupTwo, now)
    }

    fn offer(&mut self, core: &mut Core, now: Instant) -> Outcome {
        let ani = (!self.ani.is_empty()).then_some(self.ani);
        core.event(Event::Incoming(IncomingCall {
            dnis: self.dnis,
            ani,
            ani_restricted: self.restricted,
            category: self.category.unwrap_or_default(),
        }));
        self.go(Phase::Offered, now + core.settings.timers.decision);
        Outcome::Going
    }

    fn ask_digit(&mut self, core: &mut Core, now: Instant) -> Outcome {
        self.ask(core, Request::NextDigit, Want::Digit, now)
    }

    fn ask(&mut self, core: &mut Core, request: Request, want: Want, now: Instant) -> Outcome {
        let variant = core.settings.variant;
        let signal = match self.group {
            Group::C => variant.signal_c(request),
            Group::A | Group::B => variant.signal_a(request),
        };
        self.late_digit = self.want == Want::Digit && self.phase == Phase::Waiting;
        self.want = want;
        if let Some(signal) = signal {
            self.respond(core, signal, now);
        }
        // What follows the signal belongs to another group.
        match request {
            Request::GroupB => self.change_group(core, Group::B),
            Request::CategoryAndGroupC => self.change_group(core, Group::C),
            Request::NextDigit if self.group == Group::C => self.change_group(core, Group::A),
            _ => {}
        }
        Outcome::Going
    }

    fn change_group(&mut self, core: &mut Core, group: Group) {
        self.group = group;
        match group {
            Group::A => core.groups("A", "I"),
            Group::B => core.groups("B", "II"),
            Group::C => core.groups("C", "I"),
        }
    }

    fn tell(&mut self, core: &mut Core, verdict: Verdict, now: Instant) -> Outcome {
        let variant = core.settings.variant;
        let request = match verdict {
            Verdict::Accept(_) => Request::Accept,
            Verdict::Refuse(_) => Request::Congestion,
        };
        let signal = match self.group {
            Group::A => variant.signal_a(request),
            Group::B => variant.signal_b(verdict),
            Group::C => variant.signal_c(request),
        };
        self.late_digit = false;
        self.want = Want::Nothing(verdict);
        match signal {
            Some(signal) => {
                self.respond(core, signal, now);
                Outcome::Going
            }
            None => Outcome::Told(verdict),
        }
    }

    /// Sends a signal: until the forward one ends, or as a pulse when there is none (Q.442 §4.3.2).
    fn respond(&mut self, core: &mut Core, signal: MfSignal, now: Instant) {
        let timers = core.settings.timers;
        if core.heard().is_some() {
            self.go(Phase::Responding, now + timers.backward);
        } else {
            self.go(Phase::Pulsing, now + timers.pulse);
        }
        core.transmit(Some(signal), now);
    }

    /// The forward signal, or our pulse, ended.
    fn responded(&mut self, core: &mut Core, now: Instant) -> Outcome {
        core.transmit(None, now);
        if let Want::Nothing(verdict) = self.want {
            return Outcome::Told(verdict);
        }
        let timers = core.settings.timers;
        let silence_ends = self.want == Want::Digit && core.settings.variant.ends.called.is_none();
        let wait = if self.aborted {
            BEFORE_PULSE
        } else if silence_ends {
            timers.dnis_end
        } else {
            timers.backward
        };
        self.go(Phase::Waiting, now + wait);
        Outcome::Going
    }
}

fn unknown(group: &'static str, signal: MfSignal) -> Outcome {
    Outcome::Failed(ProtocolError::UnknownSignal {
        group,
        signal: signal.number(),
    })
}
