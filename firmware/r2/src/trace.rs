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

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |on: bool| if on { "on" } else { "off" };
        write!(f, "{:9.3} ", self.at.as_secs_f64())?;
        match self.what {
            What::LineSent(signal) => write!(f, "-> AB={:?} {}", signal.ab(), signal.name()),
            What::LineHeard(ab) => write!(f, "<- AB={ab:?}"),
            What::Sent(group, signal, state) => {
                write!(f, "-> {group}-{} {}", signal.number(), on(state))
            }
            What::Heard(group, signal, state) => {
                write!(f, "<- {group}-{} {}", signal.number(), on(state))
            }
            What::Error(error) => write!(f, "!! {error}"),
            What::Ended(cause) => write!(f, "== {cause}"),
            What::Note(note) => write!(f, "   {note}"),
        }
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
