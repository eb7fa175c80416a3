//! Whether a host answers OPTIONS, with hysteresis: one lost datagram is no outage, one answer no recovery. No I/O, no
//! clock.

use std::time::{Duration, Instant};

/// Losses in a row after which a host is down.
const DOWN_AFTER: u8 = 3;
/// Answers in a row after which a host that was down is up.
const UP_AFTER: u8 = 2;
/// Between two OPTIONS while the next answers may change the verdict.
const UNDECIDED_INTERVAL: Duration = Duration::from_secs(5);

/// What is known about a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not asked often enough yet.
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// The health of one host.
#[derive(Debug)]
pub(super) struct Health {
    interval: Duration,
    verdict: Verdict,
    /// Losses, or answers of a host that was down, in a row.
    contrary: u8,
    /// When to ask next; none while an answer is awaited.
    due: Option<Instant>,
}

impl Health {
    /// A host to be asked every `interval` from `first` on.
    pub(super) fn new(interval: Duration, first: Instant) -> Self {
        Self {
            interval,
            verdict: Verdict::Unknown,
            contrary: 0,
            due: Some(first),
        }
    }

    /// When [`Health::ask`] is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is known.
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// An OPTIONS is sent now; its end is told by [`Health::finished`].
    pub(super) fn ask(&mut self) {
        self.due = None;
    }

    /// An OPTIONS has ended, answered usefully or not.
    pub(super) fn finished(&mut self, now: Instant, good: bool) {
        match (self.verdict, good) {
            (Verdict::Unknown, true) => self.decide(Verdict::Up),
            (Verdict::Up, true) | (Verdict::Down, false) => self.contrary = 0,
            (Verdict::Unknown | Verdict::Up, false) => {
                self.contrary += 1;
                if self.contrary >= DOWN_AFTER {
                    self.decide(Verdict::Down);
                }
            }
            (Verdict::Down, true) => {
                self.contrary += 1;
                if self.contrary >= UP_AFTER {
                    self.decide(Verdict::Up);
                }
            }
        }
        let decided = self.contrary == 0 && self.verdict != Verdict::Unknown;
        let wait = match decided {
            true => self.interval,
            false => self.interval.min(UNDECIDED_INTERVAL),
        };
        self.due = Some(now + wait);
    }

    fn decide(&mut self, verdict: Verdict) {
        self.verdict = verdict;
        self.contrary = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: &[bool]) -> Health {
        let now = Instant::now();
        let mut health = Health::new(Duration::from_secs(60), now);
        for good in answers {
            health.ask();
            assert_eq!(health.due(), None, "one at a time");
            health.finished(now, *good);
        }
        health
    }

    #[test]
    fn three_losses_in_a_row_are_an_outage_and_two_answers_its_end() {
        let cases: [(&[bool], Verdict); 8] = [
            (&[], Verdict::Unknown),
            (&[true], Verdict::Up),
            (&[false, false], Verdict::Unknown),
            (&[false, false, false], Verdict::Down),
            (&[true, false, false], Verdict::Up),
            (&[true, false, false, true, false, false], Verdict::Up),
            (&[false, false, false, true, false, true], Verdict::Down),
            (&[false, false, false, true, true], Verdict::Up),
        ];
        for (answers, verdict) in cases {
            assert_eq!(after(answers).verdict(), verdict, "{answers:?}");
        }
    }

    #[test]
    fn a_doubtful_host_is_asked_more_often() {
        let now = Instant::now();
        let wait = |answers: &[bool]| {
            let mut health = after(answers);
            health.finished(now, *answers.last().unwrap());
            health.due().unwrap() - now
        };
        assert_eq!(wait(&[true]), Duration::from_secs(60));
        assert_eq!(wait(&[true, false]), UNDECIDED_INTERVAL);
        assert_eq!(wait(&[false, false, false, false]), Duration::from_secs(60));
    }
}
