//! The outgoing side of a call: line signals (Q.422 §3.2) and what they mean for the register.

use std::time::Instant;

use super::core::{Core, Next};
use super::forward::{ForwardRegister, Outcome};
use crate::line::{Ab, LineSignal};
use crate::{Cause, Event, MfSignal, OutgoingCall, Party, ProtocolError};

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Seized, not acknowledged.
    Seizing(OutgoingCall),
    /// The call is over before its seizing was acknowledged: a clear-forward follows the
    /// acknowledgement (Q.422 §3.2.2) or the end of waiting for it.
    Unacknowledged,
    /// Both sides seized: the seizing has to stand for a while.
    Glare,
    Register {
        register: ForwardRegister,
        /// The answer came before the last register signal ended.
        answered: bool,
    },
    /// Accepted, not answered.
    Ringing,
    Answered,
    /// The answer is interrupted: a metering pulse unless it lasts.
    Interrupted(Ab),
    ClearedBack,
    /// Clear-forward is sent.
    Released {
        /// The other side's release-guard is there.
        free: bool,
        /// Its absence was complained about.
        complained: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    phase: Phase,
    due: Option<Instant>,
}

impl Outgoing {
    pub fn start(core: &mut Core, call: OutgoingCall, now: Instant) -> Self {
        core.send(LineSignal::Seizure, now);
        Outgoing {
            phase: Phase::Seizing(call),
            due: Some(now + core.settings.timers.seizure_ack),
        }
    }

    pub fn due(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Register { register, .. } => Some(register.due()),
            _ => self.due,
        }
    }

    /// False once the call is over.
    pub fn has_call(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Unacknowledged | Phase::Glare | Phase::Released { .. }
        )
    }

    fn go(&mut self, phase: Phase, due: Option<Instant>) -> Next {
        self.phase = phase;
        self.due = due;
        Next::Stay
    }

    /// Tells the end of the call and sends the clear-forward.
    fn end(&mut self, core: &mut Core, cause: Cause, by: Party, now: Instant) -> Next {
        core.silence(now);
        core.ended(cause, by, now);
        self.release(core, now)
    }

    fn fail(&mut self, core: &mut Core, error: ProtocolError, now: Instant) -> Next {
        core.silence(now);
        core.error(error, now);
        self.end(core, Cause::Protocol, Party::Theirs, now)
    }

    fn unexpected(&mut self, core: &mut Core, ab: Ab, phase: &'static str, now: Instant) -> Next {
        let bits = ab as u8;
        self.fail(core, ProtocolError::UnexpectedBits { bits, phase }, now)
    }

    fn release(&mut self, core: &mut Core, now: Instant) -> Next {
        core.send(LineSignal::ClearForward, now);
        let timers = core.settings.timers;
        let free = core.ab == Some(Ab::B10);
        let wait = if free {
            timers.glare
        } else {
            timers.release_guard
        };
        let complained = false;
        self.go(Phase::Released { free, complained }, Some(now + wait))
    }

    pub fn clear(&mut self, core: &mut Core, cause: Cause, now: Instant) -> Next {
        match self.phase {
            Phase::Seizing(_) => {
                core.ended(cause, Party::Ours, now);
                let due = self.due;
                self.go(Phase::Unacknowledged, due)
            }
            _ if self.has_call() => self.end(core, cause, Party::Ours, now),
            _ => Next::Stay,
        }
    }

    /// The line is in alarm for too long.
    pub fn alarm(&mut self, core: &mut Core, now: Instant) {
        if self.has_call() {
            self.end(core, Cause::LineAlarm, Party::Theirs, now);
        }
    }

    pub fn line(&mut self, core: &mut Core, ab: Ab, now: Instant) -> Next {
        let timers = core.settings.timers;
        match (self.phase, ab) {
            (Phase::Seizing(_), Ab::B00) if !core.settings.zero_seizure_ack => {
                core.ended(Cause::Glare, Party::Theirs, now);
                self.go(Phase::Glare, Some(now + timers.glare))
            }
            (Phase::Seizing(call), Ab::B11 | Ab::B00) => {
                let register = ForwardRegister::start(core, call, now);
                let answered = false;
                self.go(Phase::Register { register, answered }, None)
            }
            (Phase::Seizing(_), Ab::B10) => Next::Stay,
            (Phase::Seizing(_), Ab::B01) => {
                self.unexpected(core, ab, "instead of the seizing acknowledgement", now)
            }
            (Phase::Unacknowledged, Ab::B11) => self.release(core, now),
            (Phase::Unacknowledged, Ab::B00) if core.settings.zero_seizure_ack => {
                self.release(core, now)
            }
            (Phase::Unacknowledged | Phase::Glare, _) => Next::Stay,

            (Phase::Register { register, .. }, Ab::B01) => {
                let answered = true;
                self.go(Phase::Register { register, answered }, None)
            }
            // It looks like a seizing acknowledgement for the first time.
            (
                Phase::Register {
                    answered: false, ..
                }
                | Phase::Ringing,
                Ab::B11,
            ) if core.settings.zero_seizure_ack => Next::Stay,
            (Phase::Register { .. } | Phase::Ringing, Ab::B11) => {
                self.end(core, Cause::Normal, Party::Theirs, now)
            }
            (Phase::Register { .. } | Phase::Ringing | Phase::ClearedBack, Ab::B00) => {
                self.end(core, Cause::ForcedRelease, Party::Theirs, now)
            }
            (Phase::Register { .. }, Ab::B10) => {
                self.unexpected(core, ab, "while the number was sent", now)
            }
            (Phase::Ringing, Ab::B10) => {
                self.unexpected(core, ab, "before the call was answered", now)
            }
            (Phase::Ringing, Ab::B01) => self.answered(core, false),

            (Phase::Answered, Ab::B11 | Ab::B00) => match core.settings.metering_pulse {
                Some(pulse) => self.go(Phase::Interrupted(ab), Some(now + pulse)),
                None => self.dropped(core, ab, now),
            },
            (Phase::Interrupted(_), Ab::B11 | Ab::B00) => {
                let due = self.due;
                self.go(Phase::Interrupted(ab), due)
            }
            (Phase::Interrupted(_), Ab::B01) => {
                core.event(Event::MeteringPulse);
                self.go(Phase::Answered, None)
            }
            (Phase::Answered | Phase::Interrupted(_), Ab::B10) => {
                self.unexpected(core, ab, "in an answered call", now)
            }
            (Phase::Answered, Ab::B01) | (Phase::ClearedBack, Ab::B11) => Next::Stay,
            (Phase::ClearedBack, Ab::B01) => self.answered(core, true),
            (Phase::ClearedBack, Ab::B10) => self.end(core, Cause::Normal, Party::Theirs, now),

            (Phase::Released { complained, .. }, Ab::B10) => {
                let free = true;
                self.go(
                    Phase::Released { free, complained },
                    Some(now + timers.glare),
                )
            }
            // Seized or blocked again: a matter of the free channel.
            (Phase::Released { free: true, .. }, _) => Next::Idle,
            (Phase::Released { free: false, .. }, _) => Next::Stay,
        }
    }

    fn answered(&mut self, core: &mut Core, again: bool) -> Next {
        core.event(Event::Answered { again });
        self.go(Phase::Answered, None)
    }

    /// The answer ended.
    fn dropped(&mut self, core: &mut Core, ab: Ab, now: Instant) -> Next {
        if ab == Ab::B00 {
            return self.end(core, Cause::ForcedRelease, Party::Theirs, now);
        }
        core.event(Event::ClearBack);
        let due = now + core.settings.timers.clear_back;
        self.go(Phase::ClearedBack, Some(due))
    }

    pub fn signal(
        &mut self,
        core: &mut Core,
        before: Option<MfSignal>,
        heard: Option<MfSignal>,
        now: Instant,
    ) -> Next {
        let Phase::Register { register, answered } = &mut self.phase else {
            return Next::Stay;
        };
        let answered = *answered;
        match register.signal(core, before, heard, now) {
            Outcome::Going => Next::Stay,
            Outcome::Accepted(charge) => {
                core.silence(now);
                core.event(Event::Accepted(charge));
                if answered {
                    return self.answered(core, false);
                }
                let due = now + core.settings.timers.answer;
                self.go(Phase::Ringing, Some(due))
            }
            Outcome::Refused(cause) => self.end(core, cause, Party::Theirs, now),
            Outcome::Failed(error) => self.fail(core, error, now),
        }
    }

    pub fn timeout(&mut self, core: &mut Core, now: Instant) -> Next {
        let timers = core.settings.timers;
        match self.phase {
            Phase::Seizing(_) => {
                core.error(ProtocolError::SeizureNotAcknowledged, now);
                core.ended(Cause::NotAcknowledged, Party::Theirs, now);
                self.go(Phase::Unacknowledged, Some(now + timers.seizure_ack))
            }
            Phase::Unacknowledged | Phase::Glare => self.release(core, now),
            Phase::Register { register, .. } => self.fail(core, register.timeout(), now),
            Phase::Ringing => self.end(core, Cause::NoAnswer, Party::Ours, now),
            Phase::Interrupted(ab) => self.dropped(core, ab, now),
            Phase::ClearedBack => self.end(core, Cause::Normal, Party::Theirs, now),
            Phase::Released { free: true, .. } => Next::Idle,
            Phase::Released { complained, .. } => {
                if !complained {
                    core.error(ProtocolError::NoReleaseGuard, now);
                }
                let (free, complained) = (false, true);
                self.go(Phase::Released { free, complained }, None)
            }
            Phase::Answered => self.go(Phase::Answered, None),
        }
    }
}
