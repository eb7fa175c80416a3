//! The alarm of an update that did not work.

use jiff::Timestamp;
use ramal_model::{Alarm, Severity};
use ramal_pbx::Pbx;
use ramal_update::{Kind, State};
use tokio::sync::watch;

/// Keeps the alarm in line with what is known of updates.
pub(crate) async fn follow(pbx: Pbx, mut state: watch::Receiver<State>) {
    loop {
        let found = alarm(&state.borrow_and_update());
        for key in [FAILED, NO_WAY_BACK] {
            match &found {
                Some(alarm) if alarm.id == key => pbx.raise_alarm(alarm.clone()),
                _ => pbx.clear_alarm(key),
            }
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

const FAILED: &str = "update_failed";
const NO_WAY_BACK: &str = "update_back_failed";

fn alarm(state: &State) -> Option<Alarm> {
    let last = state.last.as_ref()?;
    if last.success || last.acknowledged {
        return None;
    }
    let key = match last.kind {
        Kind::Update => FAILED,
        Kind::Previous => NO_WAY_BACK,
    };
    Some(Alarm {
        id: key.to_owned(),
        since: last.at.min(Timestamp::now().as_millisecond()),
        severity: Severity::Major,
        object: format!("{}: {}", last.version, last.reason),
        text: key.to_owned(),
        action: format!("{key}_action"),
    })
}

#[cfg(test)]
mod tests {
    use ramal_update::Outcome;

    use super::*;

    #[test]
    fn a_failure_is_an_alarm_until_somebody_takes_note() {
        let mut state = State::default();
        assert_eq!(alarm(&state), None);
        let outcome = Outcome {
            kind: Kind::Update,
            version: "2.0.0".into(),
            from: "1.0.0".into(),
            success: false,
            reason: "it hangs".into(),
            at: 5,
            by: "admin".into(),
            acknowledged: false,
        };
        state.last = Some(outcome.clone());
        let raised = alarm(&state).unwrap();
        assert_eq!((raised.id.as_str(), raised.since), ("update_failed", 5));
        assert_eq!(raised.object, "2.0.0: it hangs");
        state.last = Some(Outcome {
            acknowledged: true,
            ..outcome.clone()
        });
        assert_eq!(alarm(&state), None);
        state.last = Some(Outcome {
            success: true,
            ..outcome
        });
        assert_eq!(alarm(&state), None);
    }
}
