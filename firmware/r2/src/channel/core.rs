//! What every state of a channel works with: the way out, and the signals sent and heard.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::line::{Ab, LineSignal};
use crate::trace::{Trace, What};
use crate::{Cause, Direction, Event, MfSignal, Output, Party, ProtocolError, Settings};

/// Whether a state goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    /// The channel is free.
    Idle,
}

/// Names of the groups that signals belong to, for the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Groups {
    pub sent: &'static str,
    pub heard: &'static str,
}

#[derive(Debug)]
pub(super) struct Core {
    pub settings: Arc<Settings>,
    pub trace: Trace,
    /// The other side's bits, once recognized.
    pub ab: Option<Ab>,
    outputs: VecDeque<Output>,
    sent: Option<Ab>,
    /// With the group it was sent in.
    transmitting: Option<(&'static str, MfSignal)>,
    listening: Option<Direction>,
    /// With the group it was heard in.
    heard: Option<(&'static str, MfSignal)>,
    groups: Groups,
}

impl Core {
    pub fn new(settings: Arc<Settings>, now: Instant) -> Self {
        Core {
            settings,
            trace: Trace::new(now),
            ab: None,
            outputs: VecDeque::new(),
            sent: None,
            transmitting: None,
            listening: None,
            heard: None,
            groups: Groups {
                sent: "",
                heard: "",
            },
        }
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub fn error(&mut self, error: ProtocolError, now: Instant) {
        self.trace.add(What::Error(error), now);
        self.event(Event::Error(error));
    }

    pub fn ended(&mut self, cause: Cause, by: Party, now: Instant) {
        self.trace.add(What::Ended(cause), now);
        self.event(Event::Ended { cause, by });
    }

    pub fn note(&mut self, note: &'static str, now: Instant) {
        self.trace.add(What::Note(note), now);
    }

    pub fn send(&mut self, signal: LineSignal, now: Instant) {
        let ab = signal.ab();
        if self.sent != Some(ab) {
            self.sent = Some(ab);
            let bits = ab.with(self.settings.variant.cd);
            self.outputs.push_back(Output::SetBits(bits));
        }
        self.trace.add(What::LineSent(signal), now);
    }

    pub fn groups(&mut self, sent: &'static str, heard: &'static str) {
        self.groups = Groups { sent, heard };
    }

    pub fn transmit(&mut self, signal: Option<MfSignal>, now: Instant) {
        if self.transmitting() == signal {
            return;
        }
        if let (Some((group, before)), None) = (self.transmitting, signal) {
            self.trace.add(What::Sent(group, before, false), now);
        }
        self.transmitting = signal.map(|signal| (self.groups.sent, signal));
        if let Some((group, signal)) = self.transmitting {
            self.trace.add(What::Sent(group, signal, true), now);
        }
        self.outputs.push_back(Output::Transmit(signal));
    }

    pub fn transmitting(&self) -> Option<MfSignal> {
        self.transmitting.map(|(_, signal)| signal)
    }

    pub fn listen(&mut self, direction: Option<Direction>) {
        if self.listening != direction {
            self.listening = direction;
            self.heard = None;
            self.outputs.push_back(Output::Listen(direction));
        }
    }

    /// Ends the register signals.
    pub fn silence(&mut self, now: Instant) {
        self.transmit(None, now);
        self.listen(None);
    }

    /// The register signal that is heard now.
    pub fn heard(&self) -> Option<MfSignal> {
        self.heard.map(|(_, signal)| signal)
    }

    /// Takes in what is heard; what was heard before when that is a change.
    pub fn hear(&mut self, heard: Option<MfSignal>, now: Instant) -> Option<Option<MfSignal>> {
        if self.listening.is_none() || self.heard() == heard {
            return None;
        }
        let heard = heard.map(|signal| (self.groups.heard, signal));
        let before = std::mem::replace(&mut self.heard, heard);
        if let Some((group, signal)) = before {
            self.trace.add(What::Heard(group, signal, false), now);
        }
        if let Some((group, signal)) = heard {
            self.trace.add(What::Heard(group, signal, true), now);
        }
        Some(before.map(|(_, signal)| signal))
    }
}
