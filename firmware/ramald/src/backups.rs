//! The alarm of scheduled archives that were not made.

use ramal_archive::State;
use ramal_model::{Alarm, Severity};
use ramal_pbx::Pbx;
use tokio::sync::watch;

const ALARM: &str = "backup_missed";

/// Keeps the alarm in line with the archives.
pub(crate) async fn follow(mut state: watch::Receiver<State>, pbx: Pbx) {
    loop {
        let missed = state.borrow_and_update().missed.clone();
        match missed {
            Some(missed) => pbx.raise(Alarm {
                id: ALARM.to_owned(),
                since: missed.since,
                severity: Severity::Major,
                object: missed.reason,
                text: ALARM.to_owned(),
                action: format!("{ALARM}_action"),
            }),
            None => pbx.clear(ALARM),
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}
