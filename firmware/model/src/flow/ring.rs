//! Who is rung, in which order and for how long.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::nested;
use crate::problem::code;
use crate::{ExtensionId, Problems, Reference, UserId, text};

/// People who are rung for a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RingStep {
    /// Who, at most 50; with the limits of profile `seed`, at most 7.
    pub targets: Vec<RingTarget>,
    /// Who of them rings when.
    pub strategy: RingStrategy,
    /// In which order those ring who ring one after the other.
    pub order: RingOrder,
    /// Seconds each rings before the next: 5-120 one after the other, null is 20; 10-60 by chance or by idle time, null is 30.
    #[schema(minimum = 5, maximum = 120)]
    pub interval: Option<i64>,
    /// How often all of them are rung, 1 or 2, when they ring one after the other.
    #[schema(minimum = 1, maximum = 2)]
    pub cycles: i64,
    /// Seconds until nobody took the call, 1-300; null is 60. 1 to 4 rings nobody.
    #[schema(minimum = 1, maximum = 300)]
    pub timeout: Option<i64>,
}

/// Seconds a call rings where nothing else is said.
const DEFAULT_TIMEOUT: u16 = 60;
/// Seconds each rings in a row where nothing else is said.
const IN_A_ROW: u16 = 20;
/// Seconds each rings who is drawn by chance or idle time where nothing else is said (F056, C24).
const DRAWN: u16 = 30;
/// Up to this many seconds ring nobody (F041).
const NO_RING: i64 = 4;

impl Default for RingStep {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            strategy: RingStrategy::default(),
            order: RingOrder::default(),
            interval: None,
            cycles: 1,
            timeout: None,
        }
    }
}

/// Who is rung.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(tag = "ring", rename_all = "snake_case", deny_unknown_fields)]
pub enum RingTarget {
    /// The devices of an extension.
    Extension {
        /// Which.
        id: ExtensionId,
    },
    /// A person, on whatever device he is reached.
    User {
        /// Which.
        id: UserId,
    },
    /// A number outside.
    External {
        /// As it would be dialled on an extension.
        number: String,
        /// Whether he has to press a key to take the call; null is only where the line does not tell whether somebody has
        /// answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_connect: Option<bool>,
    },
}

/// Who of several rings when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RingStrategy {
    /// All at once; whoever answers first gets the call.
    #[default]
    Simultaneous,
    /// One after the other, as `order` says.
    Sequential,
    /// One after the other by chance, nobody twice before all were rung.
    Random,
    /// One after the other, whoever has been without a call longest first.
    LongestIdle,
}

/// In which order people ring one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RingOrder {
    /// Who came online first rings first; who answered goes to the end.
    #[default]
    OnlineSince,
    /// As they are listed.
    Fixed,
}

impl RingStep {
    /// Seconds until nobody took the call.
    #[must_use]
    pub fn timeout_seconds(&self) -> u16 {
        self.timeout
            .and_then(|seconds| u16::try_from(seconds).ok())
            .unwrap_or(DEFAULT_TIMEOUT)
    }

    /// Whether who rings next is drawn, by chance or by who has been idle longest.
    const fn draws(&self) -> bool {
        matches!(
            self.strategy,
            RingStrategy::Random | RingStrategy::LongestIdle
        )
    }

    /// Seconds each rings before the next.
    #[must_use]
    pub fn interval_seconds(&self) -> u16 {
        let otherwise = if self.draws() { DRAWN } else { IN_A_ROW };
        self.interval
            .and_then(|seconds| u16::try_from(seconds).ok())
            .unwrap_or(otherwise)
    }

    /// Whether nobody rings at all, because the time is too short to answer.
    #[must_use]
    pub fn rings_nobody(&self) -> bool {
        self.timeout.is_some_and(|seconds| seconds <= NO_RING)
    }

    pub(super) fn check(&mut self, problems: &mut Problems) {
        text::at_most(problems, "targets", self.targets.len(), 50);
        let mut seen = HashSet::new();
        for (index, target) in self.targets.iter_mut().enumerate() {
            nested(problems, &format!("targets[{index}]"), |inner| {
                if let RingTarget::External { number, .. } = target {
                    *number = text::dialled(inner, "number", number, 1, 32);
                }
                if !seen.insert(target.clone()) {
                    inner.add("", code::DUPLICATE, None, "is in the list twice");
                }
            });
        }
        if let Some(interval) = self.interval {
            let (least, most) = if self.draws() { (10, 60) } else { (5i64, 120) };
            text::range(problems, "interval", interval, least, most);
        }
        text::range(problems, "cycles", self.cycles, 1i64, 2);
        if let Some(timeout) = self.timeout {
            text::range(problems, "timeout", timeout, 1i64, 300);
        }
    }

    pub(super) fn references(&self, path: &str, tell: &mut dyn FnMut(Reference)) {
        for (index, target) in self.targets.iter().enumerate() {
            let field = format!("{path}.targets[{index}].id");
            match target {
                RingTarget::Extension { id } => tell(Reference::to_extension(field, *id)),
                RingTarget::User { id } => tell(Reference::to_user(field, *id)),
                RingTarget::External { .. } => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f056_who_is_drawn_rings_half_a_minute() {
        let mut step = RingStep::default();
        assert_eq!(step.interval_seconds(), 20);
        for strategy in [RingStrategy::Random, RingStrategy::LongestIdle] {
            step.strategy = strategy;
            step.interval = None;
            assert_eq!(step.interval_seconds(), 30);
            for (interval, allowed) in [(9, false), (10, true), (60, true), (61, false)] {
                step.interval = Some(interval);
                let mut problems = Problems::default();
                step.check(&mut problems);
                assert_eq!(problems.is_empty(), allowed, "{interval}");
            }
        }
        step.strategy = RingStrategy::Sequential;
        step.interval = Some(5);
        let mut problems = Problems::default();
        step.check(&mut problems);
        assert!(problems.is_empty());
    }
}
