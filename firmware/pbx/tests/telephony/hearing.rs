//! Who hears whom, by a tone for everybody.

use std::time::Duration;

use sipphone::{Call, Source, level_dbm0};

use crate::gateway::SOON;

/// Lets a phone send a tone.
pub fn says(call: &Call, frequency: f64) {
    call.audio().send(Source::Tone {
        frequency,
        dbm0: -10.0,
    });
}

/// Waits until a call hears this tone (`true`), or does not.
async fn wait(call: &Call, frequency: f64, wanted: bool) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        call.audio().forget();
        let enough = call
            .audio()
            .wait(SOON, "15 packets", |it| it.received >= 15);
        enough.await.unwrap();
        let level = level_dbm0(&call.audio().last(Duration::from_millis(200)), frequency);
        let is_heard = level > -25.0;
        if is_heard == wanted && (is_heard || level < -40.0) {
            return;
        }
        let now = tokio::time::Instant::now();
        assert!(now < deadline, "{frequency} Hz is heard at {level} dBm0");
    }
}

/// Waits until a call hears this tone.
pub async fn hears(call: &Call, frequency: f64) {
    wait(call, frequency, true).await;
}

/// Waits until a call does not hear this tone.
pub async fn does_not_hear(call: &Call, frequency: f64) {
    wait(call, frequency, false).await;
}

/// Checks that each hears the other.
pub async fn hear_each_other(one: &Call, other: &Call) {
    says(one, 600.0);
    says(other, 900.0);
    hears(one, 900.0).await;
    hears(other, 600.0).await;
}
