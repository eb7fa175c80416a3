//! What a telephone hears that is not put down after a call.

use std::time::{Duration, Instant};

/// What is to be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffHookSound {
    /// Busy tone.
    Busy,
    /// The howler: loud, so that somebody in the room hears it (receiver off-hook tone, GR-506 §17.2.7).
    Howler,
    /// Nothing any more; the line is parked until the telephone is put down.
    Silence,
}

/// Busy tone, then the howler, then silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOffHook {
    /// How long busy tone lasts.
    pub busy: Duration,
    /// How long the howler does; zero leaves it out.
    pub howler: Duration,
}

impl Default for LeftOffHook {
    /// 30 s of busy tone, 30 s of howler.
    fn default() -> Self {
        LeftOffHook {
            busy: Duration::from_secs(30),
            howler: Duration::from_secs(30),
        }
    }
}

impl LeftOffHook {
    /// What is heard at `now` when the call was over at `since`.
    #[must_use]
    pub fn sound(&self, since: Instant, now: Instant) -> OffHookSound {
        let lasted = now.saturating_duration_since(since);
        if lasted < self.busy {
            OffHookSound::Busy
        } else if lasted < self.busy + self.howler {
            OffHookSound::Howler
        } else {
            OffHookSound::Silence
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_then_howler_then_silence() {
        let start = Instant::now();
        let plan = LeftOffHook::default();
        let at = |seconds| plan.sound(start, start + Duration::from_secs(seconds));
        assert_eq!(
            [at(0), at(29), at(30), at(59), at(60)],
            [
                OffHookSound::Busy,
                OffHookSound::Busy,
                OffHookSound::Howler,
                OffHookSound::Howler,
                OffHookSound::Silence
            ]
        );
    }
}
