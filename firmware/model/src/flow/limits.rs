//! How much of something there may be: what the seeds say, or what the engine can do (D4, A.5).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which limits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitsProfile {
    /// The numbers of small offices, which keep menus and queues usable.
    #[default]
    Seed,
    /// What the gateway can do.
    Open,
}

/// The limits of a profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits(LimitsProfile);

impl From<LimitsProfile> for Limits {
    fn from(profile: LimitsProfile) -> Self {
        Self(profile)
    }
}

impl Limits {
    /// More levels of menus than any profile allows.
    pub(super) const MOST_LEVELS: usize = 20;

    const fn choose(self, seed: usize, open: usize) -> usize {
        match self.0 {
            LimitsProfile::Seed => seed,
            LimitsProfile::Open => open,
        }
    }

    /// People who ring at once for a number (S0:83).
    #[must_use]
    pub const fn ring_targets(self) -> usize {
        self.choose(7, 50)
    }

    /// Keys of a first menu (S1:77).
    #[must_use]
    pub const fn menu_entries(self) -> usize {
        self.choose(9, 12)
    }

    /// Keys of a menu below another one (S1:77).
    #[must_use]
    pub const fn submenu_entries(self) -> usize {
        self.choose(5, 12)
    }

    /// Menus one below the other (S1:51).
    #[must_use]
    pub const fn ivr_levels(self) -> usize {
        self.choose(5, Self::MOST_LEVELS)
    }

    /// Callers waiting in a queue (S1:67).
    #[must_use]
    pub const fn queue_callers(self) -> i64 {
        self.choose(25, 500) as i64
    }

    /// Seconds a caller waits in a queue (S1:68).
    #[must_use]
    pub const fn queue_wait(self) -> i64 {
        self.choose(1500, 14_400) as i64
    }

    /// Seconds between announcements in a queue (S1:71).
    #[must_use]
    pub const fn announce_every(self) -> i64 {
        self.choose(30, 300) as i64
    }
}
