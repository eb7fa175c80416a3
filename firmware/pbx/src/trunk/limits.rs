//! How many calls a trunk carries at a time, and how many new ones a second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The calls of one trunk. Outlives changes of its settings.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    calls: AtomicUsize,
    rate: Mutex<Option<Bucket>>,
}

/// Calls that may begin now: a token bucket that holds one second's worth.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

/// One call of a trunk; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Channel(Arc<Usage>);

impl Usage {
    /// Calls in progress.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Takes a channel if fewer than `limit` are taken.
    pub(super) fn take(self: &Arc<Self>, limit: usize) -> Option<Channel> {
        self.calls
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |calls| {
                (calls < limit).then_some(calls + 1)
            })
            .ok()
            .map(|_| Channel(self.clone()))
    }

    /// Counts one more new call; false when more than `per_second` have begun within a second.
    pub(super) fn begin(&self, now: Instant, per_second: u16) -> bool {
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let full = f64::from(per_second);
        let bucket = rate.get_or_insert(Bucket {
            tokens: full,
            filled_at: now,
        });
        let elapsed = now.saturating_duration_since(bucket.filled_at);
        bucket.tokens = (bucket.tokens + elapsed.as_secs_f64() * full).min(full);
        bucket.filled_at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn channels_are_given_back() {
        let usage = Arc::new(Usage::default());
        let first = usage.take(2).unwrap();
        let _second = usage.take(2).unwrap();
        assert!(usage.take(2).is_none());
        assert_eq!(usage.calls(), 2);
        drop(first);
        assert!(usage.take(2).is_some());
    }

    #[test]
    fn a_second_holds_only_so_many_new_calls() {
        let usage = Usage::default();
        let start = Instant::now();
        let begun = |at: Duration| (0..50).filter(|_| usage.begin(start + at, 10)).count();
        assert_eq!(begun(Duration::ZERO), 10);
        assert_eq!(begun(Duration::from_millis(500)), 5);
        assert_eq!(
            begun(Duration::from_secs(60)),
            10,
            "idle time is not saved up"
        );
    }
}
