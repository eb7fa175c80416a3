//! When something that is wrong becomes an alarm, and when that is over (U10): a short fault is none, a short recovery does
//! not end one. No clock.

use std::collections::BTreeMap;
use std::time::Duration;

use ramal_model::Alarm;
use tokio::time::Instant;

/// How long something has to be wrong without a break.
const RAISED_AFTER: Duration = Duration::from_secs(5);
/// How long it has to be well again without a break.
const CLEARED_AFTER: Duration = Duration::from_secs(10);

/// What has been seen so far.
#[derive(Debug, Default)]
pub(crate) struct Hysteresis {
    /// What is wrong and no alarm yet, since when.
    doubtful: BTreeMap<String, Instant>,
    /// What is an alarm, and when it was last seen wrong.
    raised: BTreeMap<String, Instant>,
}

/// What a look changes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Changes {
    /// These are alarms now.
    pub(crate) raised: Vec<Alarm>,
    /// These are over.
    pub(crate) cleared: Vec<String>,
}

impl Hysteresis {
    /// Takes what is wrong now, by the alarms' ids.
    pub(crate) fn look(&mut self, now: Instant, found: BTreeMap<String, Alarm>) -> Changes {
        let mut changes = Changes::default();
        self.doubtful.retain(|id, _| found.contains_key(id));
        for (id, alarm) in found {
            if let Some(seen) = self.raised.get_mut(&id) {
                *seen = now;
                continue;
            }
            let since = *self.doubtful.entry(id.clone()).or_insert(now);
            if now.saturating_duration_since(since) >= RAISED_AFTER {
                self.doubtful.remove(&id);
                self.raised.insert(id, now);
                changes.raised.push(alarm);
            }
        }
        self.raised.retain(|id, seen| {
            let stays = now.saturating_duration_since(*seen) < CLEARED_AFTER;
            if !stays {
                changes.cleared.push(id.clone());
            }
            stays
        });
        changes
    }
}

#[cfg(test)]
mod tests {
    use ramal_model::Severity;

    use super::*;

    /// Looks once a second; `#` is wrong, `.` is well. Gives the seconds at which the alarm is raised (`+`) and cleared (`-`).
    fn told(seconds: &str) -> Vec<(char, usize)> {
        let (mut hysteresis, start) = (Hysteresis::default(), Instant::now());
        let alarm = Alarm {
            id: "sip_trunk_rejected:1".to_owned(),
            since: 0,
            severity: Severity::Major,
            object: "Carrier".to_owned(),
            text: "sip_trunk_rejected".to_owned(),
            action: "sip_trunk_rejected_action".to_owned(),
        };
        let mut told = Vec::new();
        for (second, state) in seconds.chars().enumerate() {
            let found = (state == '#').then(|| (alarm.id.clone(), alarm.clone()));
            let now = start + Duration::from_secs(second as u64);
            let changes = hysteresis.look(now, found.into_iter().collect());
            told.extend(changes.raised.iter().map(|_| ('+', second)));
            told.extend(changes.cleared.iter().map(|_| ('-', second)));
        }
        told
    }

    #[test]
    fn five_seconds_raise_and_ten_seconds_clear() {
        assert_eq!(told("#####"), []);
        assert_eq!(told("######"), [('+', 5)]);
        assert_eq!(
            told("####.####.####.####"),
            [],
            "what comes and goes is none"
        );
        assert_eq!(
            told("######.........#.........#"),
            [('+', 5)],
            "nor does it end one"
        );
        assert_eq!(told("######.........."), [('+', 5), ('-', 15)]);
        assert_eq!(
            told("######..........######"),
            [('+', 5), ('-', 15), ('+', 21)]
        );
    }
}
