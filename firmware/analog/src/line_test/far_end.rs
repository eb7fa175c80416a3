//! A call of a test: how the exchange tells that its far end has answered and hung up.

use std::time::{Duration, Instant};

use super::LineFinding;
use crate::SupervisionEvent;

/// A call has to be over after so long.
const LONGEST: Duration = Duration::from_secs(120);
/// After the exchange has told the end of a call otherwise, its tone has to come within this.
const TONE: Duration = Duration::from_secs(20);

/// Shorter and longer parts than these are of no tone that ends a call (ITU-T E.180 §§5, 6: 100-660 ms; some countries
/// have up to a second), milliseconds.
const SHORTEST_MS: u32 = 60;
const LONGEST_MS: u32 = 1_100;

/// Whether a tone of this rhythm may be the one at a call's end; ringback has long pauses.
pub(super) fn may_be_hang_up(on_ms: u32, off_ms: u32) -> bool {
    let range = SHORTEST_MS..=LONGEST_MS;
    range.contains(&on_ms) && range.contains(&off_ms)
}

#[derive(Debug)]
pub(super) struct FarCall {
    since: Instant,
    answered: bool,
    reversal_told: bool,
    /// When the exchange has told that it is over.
    over: Option<Instant>,
    /// Since when no current flows.
    cut: Option<Instant>,
    cut_told: bool,
}

impl FarCall {
    pub fn outgoing(now: Instant) -> Self {
        FarCall {
            since: now,
            answered: false,
            reversal_told: false,
            over: None,
            cut: None,
            cut_told: false,
        }
    }

    pub fn incoming(now: Instant) -> Self {
        FarCall {
            answered: true,
            ..FarCall::outgoing(now)
        }
    }

    pub fn event(&mut self, event: SupervisionEvent, now: Instant) -> Option<LineFinding> {
        match event {
            SupervisionEvent::Answered if !self.answered => {
                self.answered = true;
                Some(LineFinding::AnswerReversal)
            }
            // The exchange turns the battery at the answer of the called side, too.
            SupervisionEvent::PolarityReversed
                if self.answered
                    && !self.reversal_told
                    && now.saturating_duration_since(self.since) > Duration::from_secs(1) =>
            {
                self.over.get_or_insert(now);
                self.reversal_told = true;
                Some(LineFinding::HangUpReversal)
            }
            _ => None,
        }
    }

    pub fn current(&mut self, flows: bool, now: Instant) -> Option<LineFinding> {
        if !flows {
            self.cut.get_or_insert(now);
            self.over.get_or_insert(now);
            return None;
        }
        let cut = self.cut.take()?;
        self.cut_told = true;
        Some(LineFinding::LoopInterruption(Some(
            now.saturating_duration_since(cut),
        )))
    }

    /// The call is over; an interruption whose end was not seen.
    pub fn end(&mut self) -> Option<LineFinding> {
        (self.cut.take().is_some() && !self.cut_told).then_some(LineFinding::LoopInterruption(None))
    }

    /// Whether no tone comes any more.
    pub fn is_silent(&self, now: Instant) -> bool {
        let late = |since: Instant, longest| now.saturating_duration_since(since) >= longest;
        self.over.is_some_and(|over| late(over, TONE)) || late(self.since, LONGEST)
    }
}
