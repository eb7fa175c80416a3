//! What is wrong with the gateway's database, as alarms.

use std::collections::BTreeMap;
use std::sync::Weak;

use ramal_model::{Alarm, Severity};
use ramal_store::{RecoveryCause, SettingsFrom, StorageState};
use tokio::sync::watch;

use crate::clock::utc_ms;
use crate::exchange::Exchange;

/// Keeps the alarms in line with the state of the store, for as long as the exchange lives.
pub(crate) async fn look_after(exchange: Weak<Exchange>, mut state: watch::Receiver<StorageState>) {
    let mut raised = BTreeMap::<String, Alarm>::new();
    loop {
        let found = alarms(&state.borrow_and_update());
        {
            let Some(exchange) = exchange.upgrade() else {
                return;
            };
            for id in raised.keys().filter(|id| !found.contains_key(*id)) {
                exchange.live.clear(id);
            }
            for alarm in found.values() {
                exchange.live.raise(alarm.clone());
            }
        }
        raised = found;
        if state.changed().await.is_err() {
            return;
        }
    }
}

fn alarms(state: &StorageState) -> BTreeMap<String, Alarm> {
    let mut found = BTreeMap::new();
    let mut add = |key: &str, severity, object: String, since| {
        let alarm = Alarm {
            id: key.to_owned(),
            since,
            severity,
            object,
            text: key.to_owned(),
            action: format!("{key}_action"),
        };
        found.insert(alarm.id.clone(), alarm);
    };
    if let Some(recovery) = &state.recovery {
        let (key, severity) = match (recovery.settings, recovery.cause) {
            (SettingsFrom::Backup, _) => ("storage_restored", Severity::Critical),
            (SettingsFrom::Kept, RecoveryCause::NewerSchema) => {
                ("storage_lowered", Severity::Warning)
            }
            (SettingsFrom::Kept, _) => ("storage_rebuilt", Severity::Major),
        };
        add(key, severity, String::new(), recovery.at);
    }
    if state.damage.is_some() {
        let none = String::new();
        add("storage_damaged", Severity::Critical, none, utc_ms());
    }
    if state.backup_problem.is_some() {
        let none = String::new();
        add("storage_no_backup", Severity::Warning, none, utc_ms());
    }
    if !state.unread.is_empty() {
        let objects: Vec<String> = state
            .unread
            .iter()
            .map(|one| format!("{} {}", one.kind, one.id))
            .collect();
        let severity = Severity::Major;
        add(
            "storage_objects_unread",
            severity,
            objects.join(", "),
            utc_ms(),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use ramal_store::{Recovery, UnreadObject};

    use super::*;

    fn recovery(cause: RecoveryCause, settings: SettingsFrom) -> StorageState {
        StorageState {
            recovery: Some(Recovery {
                id: 1,
                at: 5,
                cause,
                detail: String::new(),
                settings,
                settings_at: 4,
                settings_version: 3,
                kept_aside: String::new(),
                rows: 0,
                unreadable: Vec::new(),
                running: false,
                acknowledged_at: None,
                acknowledged_by: None,
            }),
            ..StorageState::default()
        }
    }

    fn ids(state: &StorageState) -> Vec<(String, Severity)> {
        let found = alarms(state).into_values();
        found.map(|alarm| (alarm.id, alarm.severity)).collect()
    }

    #[test]
    fn what_is_lost_decides_how_bad_it_is() {
        use RecoveryCause::*;
        use SettingsFrom::*;
        let only = |cause, settings| ids(&recovery(cause, settings));
        assert_eq!(
            only(Damaged, Backup),
            [("storage_restored".to_owned(), Severity::Critical)]
        );
        assert_eq!(
            only(Damaged, Kept),
            [("storage_rebuilt".to_owned(), Severity::Major)]
        );
        assert_eq!(
            only(NewerSchema, Kept),
            [("storage_lowered".to_owned(), Severity::Warning)]
        );
        assert!(ids(&StorageState::default()).is_empty());
        let bad = StorageState {
            damage: Some("page 4".into()),
            backup_problem: Some("disk full".into()),
            unread: vec![UnreadObject {
                kind: "ivr".into(),
                id: 7,
                problem: String::new(),
            }],
            ..StorageState::default()
        };
        assert_eq!(ids(&bad).len(), 3);
        assert_eq!(alarms(&bad)["storage_objects_unread"].object, "ivr 7");
    }
}
