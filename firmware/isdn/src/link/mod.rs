//! The data link of the D channel: LAPD (Q.921) for one point-to-point link, SAPI 0 and TEI 0, as the state machine of
//! Q.921 annex B has it. Own receiver busy does not exist here: whatever comes is taken at once.

mod counters;
mod frame;
mod receive;
#[cfg(test)]
mod tests;
mod transmit;
mod words;

use std::collections::VecDeque;
use std::time::Instant;

use crate::settings::{LinkSettings, Role};

pub use counters::{LinkCounters, LinkError};
use frame::Unnumbered;
pub(crate) use words::frame_words;

/// Messages that may wait for the link; enough for every call to end at once.
const MAX_QUEUE: usize = 512;

/// States of Q.921 annex B. A primary rate interface has no others: its TEI is always assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// State 4: no link.
    TeiAssigned,
    /// State 5: SABME was sent.
    AwaitingEstablishment,
    /// State 6: DISC was sent.
    AwaitingRelease,
    /// State 7: the link is up.
    MultipleFrameEstablished,
    /// State 8: the link is up; the peer was asked what it has received.
    TimerRecovery,
}

/// Primitives to layer 3 and to management (Q.920 §4).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LinkOutput {
    /// PH-DATA request.
    Frame(Vec<u8>),
    /// DL-ESTABLISH confirm: the link we asked for is up.
    Confirmed,
    /// DL-ESTABLISH indication: the peer has brought the link up, or reset it.
    Established { was_up: bool },
    /// DL-RELEASE indication or confirm.
    Released,
    /// DL-DATA indication.
    Data(Vec<u8>),
    /// MDL-ERROR indication.
    Error(LinkError),
}

/// See the module. Time comes with each call; what is to be done is read from `poll`.
#[derive(Debug)]
pub(crate) struct Link {
    role: Role,
    settings: LinkSettings,
    state: LinkState,
    /// I frames from V(A) on: the first `outstanding` are sent and not acknowledged.
    queue: VecDeque<Vec<u8>>,
    /// V(S) - V(A).
    outstanding: usize,
    /// I frames of the queue that were sent at least once, for counting repetitions.
    sent_once: usize,
    va: u8,
    vr: u8,
    rc: u8,
    peer_busy: bool,
    reject_exception: bool,
    acknowledge_pending: bool,
    layer_3_initiated: bool,
    t200: Option<Instant>,
    t203: Option<Instant>,
    output: VecDeque<LinkOutput>,
    counters: LinkCounters,
}

impl Link {
    pub(crate) fn new(role: Role, mut settings: LinkSettings) -> Self {
        // Numbers go to 127 (Q.921 §5.9.5); none at all would stop everything.
        settings.window = settings.window.clamp(1, 127);
        Self {
            role,
            settings,
            state: LinkState::TeiAssigned,
            queue: VecDeque::new(),
            outstanding: 0,
            sent_once: 0,
            va: 0,
            vr: 0,
            rc: 0,
            peer_busy: false,
            reject_exception: false,
            acknowledge_pending: false,
            layer_3_initiated: false,
            t200: None,
            t203: None,
            output: VecDeque::new(),
            counters: LinkCounters::default(),
        }
    }

    pub(crate) fn state(&self) -> LinkState {
        self.state
    }

    pub(crate) fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(
            self.state,
            LinkState::MultipleFrameEstablished | LinkState::TimerRecovery
        )
    }

    pub(crate) fn poll(&mut self) -> Option<LinkOutput> {
        self.output.pop_front()
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.t200.into_iter().chain(self.t203).min()
    }

    /// DL-ESTABLISH request. In a link that is up it is reset.
    pub(crate) fn establish(&mut self, now: Instant) {
        self.discard_queue();
        self.layer_3_initiated = true;
        if self.state != LinkState::AwaitingEstablishment {
            self.start_establishing(now);
        }
    }

    /// DL-RELEASE request.
    pub(crate) fn release(&mut self, now: Instant) {
        self.discard_queue();
        match self.state {
            LinkState::TeiAssigned => self.output.push_back(LinkOutput::Released),
            LinkState::AwaitingRelease => {}
            LinkState::AwaitingEstablishment
            | LinkState::MultipleFrameEstablished
            | LinkState::TimerRecovery => {
                self.rc = 0;
                self.send_unnumbered(Unnumbered::Disconnect, true);
                self.t203 = None;
                self.start_t200(now);
                self.state = LinkState::AwaitingRelease;
            }
        }
    }

    /// PH-DEACTIVATE indication: nothing can be sent or received any more.
    pub(crate) fn deactivate(&mut self) {
        self.discard_queue();
        if self.state != LinkState::TeiAssigned {
            self.become_released();
        }
    }

    /// DL-DATA request. What is asked for while there is no link is lost; layer 3 has timers for that.
    pub(crate) fn send(&mut self, message: Vec<u8>, now: Instant) {
        let takes = match self.state {
            LinkState::MultipleFrameEstablished | LinkState::TimerRecovery => true,
            LinkState::AwaitingEstablishment => !self.layer_3_initiated,
            LinkState::TeiAssigned | LinkState::AwaitingRelease => false,
        };
        if !takes {
            return;
        }
        if self.queue.len() >= MAX_QUEUE {
            return self.error(LinkError::QueueOverflow);
        }
        self.queue.push_back(message);
        self.send_queued(now);
    }

    /// Lets timers run out.
    pub(crate) fn timeout(&mut self, now: Instant) {
        if self.t200.is_some_and(|at| at <= now) {
            self.t200 = None;
            self.t200_expired(now);
        }
        if self.t203.is_some_and(|at| at <= now) {
            self.t203 = None;
            // State 7 only: T203 does not run elsewhere.
            self.rc = 0;
            self.send_enquiry(now);
            self.state = LinkState::TimerRecovery;
        }
    }

    fn t200_expired(&mut self, now: Instant) {
        let exhausted = self.rc >= self.settings.n200;
        match self.state {
            LinkState::TeiAssigned => {}
            LinkState::AwaitingEstablishment if exhausted => {
                self.discard_queue();
                self.error(LinkError::SabmeUnanswered);
                self.become_released();
            }
            LinkState::AwaitingEstablishment => {
                self.rc += 1;
                self.send_unnumbered(Unnumbered::Sabme, true);
                self.start_t200(now);
            }
            LinkState::AwaitingRelease if exhausted => {
                self.error(LinkError::DiscUnanswered);
                self.become_released();
            }
            LinkState::AwaitingRelease => {
                self.rc += 1;
                self.send_unnumbered(Unnumbered::Disconnect, true);
                self.start_t200(now);
            }
            LinkState::MultipleFrameEstablished => {
                self.rc = 0;
                self.send_enquiry(now);
                self.rc += 1;
                self.state = LinkState::TimerRecovery;
            }
            LinkState::TimerRecovery if exhausted => {
                self.error(LinkError::EnquiryUnanswered);
                self.layer_3_initiated = false;
                self.start_establishing(now);
            }
            LinkState::TimerRecovery => {
                self.send_enquiry(now);
                self.rc += 1;
            }
        }
    }

    /// "Establish data link" of the state machine.
    fn start_establishing(&mut self, now: Instant) {
        self.clear_exceptions();
        self.rc = 0;
        self.send_unnumbered(Unnumbered::Sabme, true);
        self.t203 = None;
        self.start_t200(now);
        self.state = LinkState::AwaitingEstablishment;
    }

    fn become_established(&mut self, now: Instant) {
        self.t200 = None;
        self.t203 = Some(now + self.settings.t203);
        self.va = 0;
        self.vr = 0;
        self.outstanding = 0;
        self.sent_once = 0;
        self.state = LinkState::MultipleFrameEstablished;
        self.counters.established += 1;
    }

    fn become_released(&mut self) {
        if self.is_up() {
            self.counters.lost += 1;
        }
        self.t200 = None;
        self.t203 = None;
        self.clear_exceptions();
        self.layer_3_initiated = false;
        self.state = LinkState::TeiAssigned;
        self.output.push_back(LinkOutput::Released);
    }

    fn clear_exceptions(&mut self) {
        self.peer_busy = false;
        self.reject_exception = false;
        self.acknowledge_pending = false;
    }

    fn discard_queue(&mut self) {
        self.queue.clear();
        self.outstanding = 0;
        self.sent_once = 0;
    }

    fn start_t200(&mut self, now: Instant) {
        self.t200 = Some(now + self.settings.t200);
    }

    fn error(&mut self, error: LinkError) {
        self.counters.count(error);
        self.output.push_back(LinkOutput::Error(error));
    }
}
