//! The two clocks: one for timers, one for people.

use std::time::Instant;

/// A point in time on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Never jumps; for everything that is waited for.
    pub(crate) instant: Instant,
    /// UTC milliseconds since the epoch; for everything that is shown or stored.
    pub(crate) utc_ms: i64,
}

impl Now {
    /// Reads both clocks. The first one stands still where tokio's time is paused.
    pub(crate) fn read() -> Self {
        Self {
            instant: tokio::time::Instant::now().into_std(),
            utc_ms: utc_ms(),
        }
    }
}

/// UTC milliseconds since the epoch.
pub(crate) fn utc_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
