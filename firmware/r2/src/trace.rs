//! The exchanged signals of a call in readable form.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use crate::line::{Ab, LineSignal};
use crate::{Cause, MfSignal, ProtocolError};

/// Most steps kept; the oldest go first.
pub const MAX_TRACE: usize = 400;

/// The signals of the channel's present or last call, oldest first.
#[derive(Clone, Debug)]
pub struct Trace {
    began: Instant,
    steps: VecDeque<TraceStep>,
    dropped: usize,
}

/// One signal or decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// Since the call began.
    pub at: Duration,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    LineSent(LineSignal),
    LineHeard(Ab),
    Sent(&'static str, MfSignal, bool),
    Heard(&'static str, MfSignal, bool),
    Error(ProtocolError),
    Ended(Cause),
    Note(&'static str),
}

impl Trace {
    pub(crate) fn new(now: Instant) -> Self {
        Trace {
            began: now,
            steps: VecDeque::new(),
            dropped: 0,
        }
    }

    pub(crate) fn add(&mut self, what: What, now: Instant) {
        if self.steps.len() == MAX_TRACE {
            self.steps.pop_front();
            self.dropped += 1;
        }
        self.steps.push_back(TraceStep {
            at: now.saturating_duration_since(self.began),
            what,
        });
    }

    /// The steps, oldest first.
    pub fn steps(&self) -> impl Iterator<Item = &TraceStep> {
        self.steps.iter()
    }

    /// Steps that were left out at the beginning.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.dropped
    }
}

/// What kind of step it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// A line signal of ours, by its name in Q.421 and the bits A and B.
    LineSent,
    /// Bits A and B of the other side.
    LineHeard,
    /// A register signal of ours began or ended, by its group and number (Q.441).
    RegisterSent,
    /// A register signal of the other side began or ended.
    RegisterHeard,
    /// Something was against the protocol.
    Error,
    /// The call is over.
    Ended,
    /// A decision.
    Note,
}

impl TraceStep {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self.what {
            What::LineSent(_) => StepKind::LineSent,
            What::LineHeard(_) => StepKind::LineHeard,
            What::Sent(..) => StepKind::RegisterSent,
            What::Heard(..) => StepKind::RegisterHeard,
            What::Error(_) => StepKind::Error,
            What::Ended(_) => StepKind::Ended,
            What::Note(_) => StepKind::Note,
        }
    }

    /// The signal, such as `I-5` or `AB=01 answer`; else what happened.
    #[must_use]
    pub fn signal(&self) -> String {
        match self.what {
            What::LineSent(signal) => format!("AB={:?} {}", signal.ab(), signal.name()),
            What::LineHeard(ab) => format!("AB={ab:?}"),
            What::Sent(group, signal, _) | What::Heard(group, signal, _) => {
                format!("{group}-{}", signal.number())
            }
            What::Error(error) => error.to_string(),
            What::Ended(cause) => cause.to_string(),
            What::Note(note) => note.to_owned(),
        }
    }

    /// Whether a register signal began, or ended; none for other kinds.
    #[must_use]
    pub fn begins(&self) -> Option<bool> {
        match self.what {
            What::Sent(.., on) | What::Heard(.., on) => Some(on),
            _ => None,
        }
    }
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.kind() {
            StepKind::LineSent | StepKind::RegisterSent => "->",
            StepKind::LineHeard | StepKind::RegisterHeard => "<-",
            StepKind::Error => "!!",
            StepKind::Ended => "==",
            StepKind::Note => "  ",
        };
        let on = match self.begins() {
            Some(true) => " on",
            Some(false) => " off",
            None => "",
        };
        let (at, signal) = (self.at.as_secs_f64(), self.signal());
        write!(f, "{at:9.3} {mark} {signal}{on}")
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dropped > 0 {
            writeln!(f, "({} steps left out)", self.dropped)?;
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}
