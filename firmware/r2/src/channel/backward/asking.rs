//! What the incoming register sends: requests, verdicts, and how (compelled or as pulses).

use std::time::{Duration, Instant};

use super::{BackwardRegister, Group, Outcome, Phase, Want};
use crate::channel::core::Core;
use crate::variant::{Request, Verdict};
use crate::{Event, IncomingCall, MfSignal};

/// Between an end of our signal and a pulse that follows it: at least 100 ms (Q.442 §4.3.2), and long enough
/// for the next forward signal to come instead.
const BEFORE_PULSE: Duration = Duration::from_millis(500);

impl BackwardRegister {
    /// Asks for what is missing, in the order of the settings.
    pub(super) fn go_on(&mut self, core: &mut Core, now: Instant) -> Outcome {
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

    pub(super) fn offer(&mut self, core: &mut Core, now: Instant) -> Outcome {
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

    pub(super) fn ask_digit(&mut self, core: &mut Core, now: Instant) -> Outcome {
        self.ask(core, Request::NextDigit, Want::Digit, now)
    }

    pub(super) fn ask(
        &mut self,
        core: &mut Core,
        request: Request,
        want: Want,
        now: Instant,
    ) -> Outcome {
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

    pub(super) fn tell(&mut self, core: &mut Core, verdict: Verdict, now: Instant) -> Outcome {
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
    pub(super) fn responded(&mut self, core: &mut Core, now: Instant) -> Outcome {
        core.transmit(None, now);
        if let Want::Nothing(verdict) = self.want {
            return Outcome::Told(verdict);
        }
        let timers = core.settings.timers;
        let silence_ends = self.want == Want::Digit && core.settings.variant.ends.called.is_none();
        // Call control wants no digit of those that were asked for.
        let enough = self.want == Want::Digit && self.dnis_done;
        let wait = if self.aborted || enough {
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
