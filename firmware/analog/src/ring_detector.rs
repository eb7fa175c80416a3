//! Finds calls in bursts of ringing voltage.

use std::time::{Duration, Instant};

/// A shorter burst is a spike. A ring pulse that announces caller ID (EN 300 659-1 §6.1.2: 200-300 ms) counts: the call
/// follows it.
const SHORTEST_RING: Duration = Duration::from_millis(120);
/// Without ringing for this long the caller has given up: longer than the rest of any cadence.
const RING_OVER: Duration = Duration::from_secs(6);
/// No cadence rings for so long without a rest.
const ENDLESS: Duration = Duration::from_secs(12);
/// No caller waits for so long.
const MOST_RINGING: Duration = Duration::from_secs(300);

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RingChange {
    /// A call has come.
    Started,
    /// It is over before anybody took it.
    Stopped,
    /// It rings for ever: something is broken. Nothing is reported until it has been quiet.
    Stuck,
    /// It no longer does.
    Quiet,
}

/// Fed with ringing voltage coming and going.
#[derive(Clone, Debug, Default)]
pub struct RingDetector {
    /// Since when the voltage is on, or off.
    on_since: Option<Instant>,
    off_since: Option<Instant>,
    /// Since when a call rings.
    call_since: Option<Instant>,
    stuck: bool,
}

impl RingDetector {
    /// Whether a call rings.
    #[must_use]
    pub fn is_ringing(&self) -> bool {
        self.call_since.is_some()
    }

    /// Whether the line was found to ring for ever.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// The voltage has come or gone. A burst whose length is over counts at once.
    pub fn voltage(&mut self, on: bool, now: Instant) -> Option<RingChange> {
        let change = self.advance(now);
        if on {
            self.on_since.get_or_insert(now);
        } else if self.on_since.take().is_some() {
            self.off_since = Some(now);
        }
        change
    }

    /// The call was taken, or the line is used for something else.
    pub fn taken(&mut self) {
        self.call_since = None;
        self.off_since = None;
    }

    /// Lets time go by.
    pub fn advance(&mut self, now: Instant) -> Option<RingChange> {
        let lasted = |since: Option<Instant>| since.map(|at| now.saturating_duration_since(at));
        if let Some(on) = lasted(self.on_since) {
            let endless = on >= ENDLESS || lasted(self.call_since) >= Some(MOST_RINGING);
            if endless && !self.stuck {
                self.stuck = true;
                self.call_since = None;
                return Some(RingChange::Stuck);
            }
            if on >= SHORTEST_RING && !self.stuck && self.call_since.is_none() {
                self.call_since = Some(now);
                return Some(RingChange::Started);
            }
            return None;
        }
        if lasted(self.off_since) < Some(RING_OVER) {
            return None;
        }
        self.off_since = None;
        if std::mem::take(&mut self.stuck) {
            return Some(RingChange::Quiet);
        }
        self.call_since.take().map(|_| RingChange::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes with their time when the voltage is on in these spans of milliseconds.
    fn changes(spans: &[(u64, u64)], for_ms: u64) -> Vec<(u64, RingChange)> {
        let start = Instant::now();
        let mut detector = RingDetector::default();
        let (mut on, mut found) = (false, Vec::new());
        for at in (0..for_ms).step_by(20) {
            let now = start + Duration::from_millis(at);
            let rings = spans.iter().any(|span| (span.0..span.1).contains(&at));
            if rings != on {
                on = rings;
                found.extend(detector.voltage(on, now).map(|change| (at, change)));
            }
            found.extend(detector.advance(now).map(|change| (at, change)));
        }
        found
    }

    #[test]
    fn a_call_begins_with_its_first_ring_and_ends_after_the_longest_rest() {
        use RingChange::{Started, Stopped};
        assert_eq!(
            changes(&[(0, 1_000), (5_000, 6_000)], 20_000),
            [(120, Started), (12_000, Stopped)]
        );
        // United Kingdom.
        let double: Vec<(u64, u64)> = (0..4)
            .flat_map(|ring| {
                [
                    (ring * 3_000, ring * 3_000 + 400),
                    (ring * 3_000 + 600, ring * 3_000 + 1_000),
                ]
            })
            .collect();
        assert_eq!(
            changes(&double, 20_000),
            [(120, Started), (16_000, Stopped)]
        );
    }

    #[test]
    fn spikes_are_no_calls() {
        assert_eq!(changes(&[(0, 40), (500, 540), (2_000, 2_100)], 20_000), []);
    }

    #[test]
    fn a_line_that_rings_for_ever_is_named_and_forgiven_when_quiet() {
        use RingChange::{Quiet, Started, Stuck};
        assert_eq!(
            changes(&[(0, 20_000)], 30_000),
            [(120, Started), (12_000, Stuck), (26_000, Quiet)]
        );
        let bells: Vec<(u64, u64)> = (0..70)
            .map(|ring| (ring * 5_000, ring * 5_000 + 1_000))
            .collect();
        let found = changes(&bells, 400_000);
        assert_eq!(
            found.iter().map(|found| found.1).collect::<Vec<_>>(),
            [Started, Stuck, Quiet]
        );
        assert!((300_000..306_000).contains(&found[1].0));
    }
}
