//! Archives that are made by themselves.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ramal_age::{PublicKey, Recipient};
use ramal_model::{Invalid, Problems, code};
use ramal_store::archive::Parts;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};
use utoipa::ToSchema;

use crate::archives::{Archives, Order};
use crate::files::ArchiveKind;

/// Name of the settings in the store.
pub const NAME: &str = "backup_schedule";
/// Archives that may be kept.
pub const MAX_KEPT: u8 = 30;
/// Keys that may open an archive.
pub const MAX_KEYS: usize = 10;
const MAX_DAYS: u8 = 31;
const DAY_MS: i64 = 86_400_000;
/// The hour begins earlier by so much where the clock was put forward meanwhile.
const EARLY_MS: i64 = 4 * 3_600_000;
/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_secs(60);

/// When an archive is made by itself, and for whom.
///
/// A scheduled archive is encrypted for keys only: the gateway could not keep a passphrase so that nobody finds it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Whether any is made.
    pub enabled: bool,
    /// Every so many days, 1-31.
    #[schema(minimum = 1, maximum = 31)]
    pub every_days: u8,
    /// In this hour of the company's time zone, 0-23.
    #[schema(minimum = 0, maximum = 23)]
    pub hour: u8,
    /// How many are kept, 1-30; older ones are deleted.
    #[schema(minimum = 1, maximum = 30)]
    pub keep: u8,
    /// Public keys (`age1…`) of whom may open them; at most 10, and one at least where it is enabled.
    pub keys: Vec<String>,
    /// What goes into them besides settings and sounds.
    pub parts: Parts,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            enabled: false,
            every_days: 1,
            hour: 3,
            keep: 7,
            keys: Vec::new(),
            parts: Parts {
                voicemail: true,
                ..Parts::default()
            },
        }
    }
}

impl Schedule {
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        let mut problems = Problems::default();
        let mut range = |field: &str, value: u8, least: u8, most: u8| {
            if !(least..=most).contains(&value) {
                let limit = format!("{least}-{most}");
                let message = format!("must be {limit}");
                problems.add(field, code::OUT_OF_RANGE, Some(&limit), &message);
            }
        };
        range("every_days", self.every_days, 1, MAX_DAYS);
        range("hour", self.hour, 0, 23);
        range("keep", self.keep, 1, MAX_KEPT);
        if self.keys.len() > MAX_KEYS {
            let message = format!("takes at most {MAX_KEYS} keys");
            problems.add(
                "keys",
                code::TOO_MANY,
                Some(&MAX_KEYS.to_string()),
                &message,
            );
        }
        if self.enabled && self.keys.is_empty() {
            let message = "needs the public key of whoever may open the archives";
            problems.add("keys", code::REQUIRED, None, message);
        }
        for (at, key) in self.keys.iter().enumerate() {
            if key.parse::<PublicKey>().is_err() {
                let message = "is no public key; one begins with age1";
                problems.add(
                    &format!("keys[{at}]"),
                    code::INVALID,
                    Some("age1…"),
                    message,
                );
            }
        }
        problems.finish(())
    }

    fn recipient(&self) -> Option<Recipient> {
        let keys: Result<Vec<PublicKey>, _> = self.keys.iter().map(|key| key.parse()).collect();
        keys.ok()
            .filter(|keys| !keys.is_empty())
            .map(Recipient::Keys)
    }

    /// Whether one is due now, when the last was made then.
    fn is_due(&self, now: i64, zone: &TimeZone, last: Option<i64>) -> bool {
        let Ok(moment) = Timestamp::from_millisecond(now) else {
            return false;
        };
        let hour = moment.to_zoned(zone.clone()).hour();
        let apart = i64::from(self.every_days) * DAY_MS - EARLY_MS;
        self.enabled
            && i8::try_from(self.hour).is_ok_and(|wanted| wanted == hour)
            // A clock that was wrong before must not put it off for years.
            && last.is_none_or(|last| (now - last).abs() >= apart)
    }

    /// Whether the one that was due a day ago was never made, when the last was made then.
    fn is_overdue(&self, now: i64, last: Option<i64>) -> bool {
        let apart = (i64::from(self.every_days) + 1) * DAY_MS;
        self.enabled && last.is_some_and(|last| now - last > apart)
    }
}

impl Archives {
    /// Makes archives when they are due, for as long as it is polled.
    pub async fn follow_schedule(self) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look().await;
        }
    }

    /// Makes an archive if one is due, and notes whether one is missing.
    pub(crate) async fn look(&self) {
        let Ok(schedule) = self.schedule().await else {
            return;
        };
        if !schedule.enabled {
            return self.note_missed(None);
        }
        if self.state().making.is_some() {
            return;
        }
        self.prune(schedule.keep.into());
        let now = self.store().now();
        let last = self.list().into_iter();
        let last = last.filter(|archive| archive.kind == ArchiveKind::Scheduled);
        let last = last.map(|archive| archive.at).max();
        if self.state().missed.is_none() && schedule.is_overdue(now, last) {
            self.note_missed(Some(""));
        }
        if !schedule.is_due(now, &self.zone(), last) {
            return;
        }
        let Some(recipient) = schedule.recipient() else {
            return;
        };
        // Room for the new one first, as the disk may be small; but never all that there is.
        self.prune(usize::from(schedule.keep).saturating_sub(1).max(1));
        let order = Order {
            parts: schedule.parts,
            recipient,
            kind: ArchiveKind::Scheduled,
        };
        if let Err(error) = self.start(order) {
            tracing::warn!(%error, "a scheduled archive is put off by a minute");
        }
    }

    fn zone(&self) -> TimeZone {
        let configuration = self.store().configuration();
        let name = configuration
            .company()
            .map(|company| company.time_zone.clone());
        name.and_then(|name| TimeZone::get(&name).ok())
            .unwrap_or(TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_in_its_hour_once() {
        let schedule = Schedule {
            enabled: true,
            every_days: 7,
            ..Schedule::default()
        };
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let now = at("2026-03-10T06:30:00Z");
        assert!(schedule.is_due(now, &zone, None));
        assert!(!schedule.is_due(now, &zone, Some(now - 60_000)));
        assert!(!schedule.is_due(now, &zone, Some(now - 6 * DAY_MS)));
        assert!(schedule.is_due(now, &zone, Some(now - 7 * DAY_MS + 3_600_000)));
        assert!(!schedule.is_due(at("2026-03-10T05:59:00Z"), &zone, None));
        assert!(!Schedule::default().is_due(now, &zone, None));
    }

    #[test]
    fn it_is_overdue_a_day_after_its_day() {
        let schedule = Schedule {
            enabled: true,
            every_days: 7,
            ..Schedule::default()
        };
        let now = 100 * DAY_MS;
        assert!(!schedule.is_overdue(now, None));
        assert!(!schedule.is_overdue(now, Some(now - 8 * DAY_MS)));
        assert!(schedule.is_overdue(now, Some(now - 8 * DAY_MS - 1)));
        assert!(!Schedule::default().is_overdue(now, Some(0)));
    }

    #[test]
    fn each_field_has_its_limit() {
        let wrong = Schedule {
            enabled: true,
            every_days: 0,
            hour: 24,
            keep: 31,
            keys: vec!["AGE-SECRET-KEY-1".into()],
            parts: Parts::default(),
        };
        let fields: Vec<String> = wrong
            .check()
            .unwrap_err()
            .problems
            .iter()
            .map(|problem| problem.field.clone())
            .collect();
        assert_eq!(fields, ["every_days", "hour", "keep", "keys[0]"]);
        Schedule::default().check().unwrap();
    }
}
