//! Tells of network settings that were taken back.

use ramal_model::{Alarm, Severity};
use ramal_network::Reverted;
use ramal_pbx::Pbx;
use tokio::sync::watch;

const ALARM: &str = "network_reverted";

/// Keeps the alarm in line with what was taken back.
pub(crate) async fn follow(mut reverted: watch::Receiver<Option<Reverted>>, pbx: Pbx) {
    loop {
        let since = reverted.borrow_and_update().as_ref().map(|one| one.at);
        match since {
            Some(since) => pbx.raise(Alarm {
                id: ALARM.to_owned(),
                since,
                severity: Severity::Warning,
                object: String::new(),
                text: ALARM.to_owned(),
                action: format!("{ALARM}_action"),
            }),
            None => pbx.clear(ALARM),
        }
        if reverted.changed().await.is_err() {
            return;
        }
    }
}
