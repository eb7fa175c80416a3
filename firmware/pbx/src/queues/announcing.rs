//! When a caller who waits is told what (F127, F128).

use std::time::Duration;

/// The times at which one caller hears announcements: every so many seconds since he began to wait, however long each of
/// them takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announcing {
    every: Duration,
    next: u32,
}

impl Announcing {
    /// Every `every` seconds; never when none.
    pub(crate) fn new(every: Option<i64>) -> Option<Self> {
        let every = u64::try_from(every?).ok().filter(|every| *every > 0)?;
        Some(Self {
            every: Duration::from_secs(every),
            next: 1,
        })
    }

    /// How long after he began to wait the next one is due.
    pub(crate) fn next(&self) -> Duration {
        self.every.saturating_mul(self.next)
    }

    /// What was heard is over: those that fell into it are left out.
    pub(crate) fn over(&mut self, waited: Duration) {
        self.next = self.passed(waited).saturating_add(1).max(self.next);
    }

    fn passed(&self, waited: Duration) -> u32 {
        let passed = waited.as_millis() / self.every.as_millis().max(1);
        u32::try_from(passed).unwrap_or(u32::MAX - 1)
    }

    /// The one that is due after `waited` is heard now.
    pub(crate) fn heard(&mut self, waited: Duration) {
        self.next = self.passed(waited).max(self.next).saturating_add(1);
    }
}

/// The whole minutes a caller is told it may take: rounded up, at least one.
pub(crate) fn wait_in_minutes(expected: Duration) -> Duration {
    let minutes = expected.as_secs().div_ceil(60).max(1);
    Duration::from_secs(minutes * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_11_announcements_come_at_30_60_and_90_seconds_however_long_they_are() {
        let mut announcing = Announcing::new(Some(30)).unwrap();
        let mut heard = Vec::new();
        for late_ms in [3, 900, 0, 29_999] {
            heard.push(announcing.next().as_secs());
            let at = announcing.next() + Duration::from_millis(late_ms);
            announcing.heard(at);
            announcing.over(at);
        }
        assert_eq!(heard, [30, 60, 90, 120]);
        // One that lasts 70 s swallows two others.
        let mut announcing = Announcing::new(Some(30)).unwrap();
        announcing.heard(Duration::from_secs(30));
        announcing.over(Duration::from_secs(100));
        assert_eq!(announcing.next().as_secs(), 120);
        assert_eq!(Announcing::new(None), None);
    }

    #[test]
    fn the_wait_is_told_in_whole_minutes() {
        let told = |seconds| wait_in_minutes(Duration::from_secs(seconds)).as_secs();
        assert_eq!((told(0), told(60), told(61)), (60, 60, 120));
    }
}
