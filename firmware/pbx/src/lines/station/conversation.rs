//! One call of a telephone's.

use ramal_lines::Command;
use ramal_model::Party;
use tokio::sync::oneshot;

use super::LineTask;
use crate::leg::line::PortCall;
use crate::leg::{Cause, LegEvent, MediaFlow, Transfer};

/// Held: the other end is heard no more, and hears music.
const HELD: MediaFlow = MediaFlow {
    send: false,
    receive: true,
};

/// A call of the telephone's.
pub(super) struct Conversation {
    pub(super) port: PortCall,
    /// The other end, for its number.
    pub(super) other: Party,
    pub(super) answered: bool,
}

impl Conversation {
    /// The telephone takes the call.
    pub(super) fn take(&mut self, line: &LineTask) {
        line.command(Command::Tone(None));
        self.port.connect(true);
        if std::mem::replace(&mut self.answered, true) {
            self.port.report(LegEvent::MediaFlow(MediaFlow::BOTH));
        } else {
            self.port.report(LegEvent::Answered);
        }
    }

    pub(super) fn hold(self) -> Self {
        self.port.connect(false);
        self.port.report(LegEvent::MediaFlow(HELD));
        self
    }

    pub(super) fn hang_up(&self, cause: Cause) {
        self.port.report(LegEvent::HungUp(cause));
    }
}

/// Connects the other ends of two calls with each other.
pub(super) fn transfer(active: &Conversation, held: &Conversation) {
    // Whoever wants to know what became of it has put the telephone down.
    let nobody = Box::new(|_| {});
    let target = active.other.number.clone();
    if active.answered {
        let (join, newcomer) = oneshot::channel();
        let transfer = Transfer::new(target, Some(join), nobody);
        active.port.report(LegEvent::Replaced(newcomer));
        held.port.report(LegEvent::Transfer(Box::new(transfer)));
        active.hang_up(Cause::NORMAL_CLEARING);
    } else {
        active.hang_up(Cause::NORMAL_CLEARING);
        let transfer = Transfer::new(target, None, nobody);
        held.port.report(LegEvent::Transfer(Box::new(transfer)));
    }
    held.hang_up(Cause::NORMAL_CLEARING);
}
