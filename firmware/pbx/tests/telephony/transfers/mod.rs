//! Holding calls and passing them on (RFC 5359 §2.1-2.5, RFC 5589), and what can go wrong with it.

mod failures;
mod flows;

use std::time::Duration;

use ramal_model::CallRecord;
use ramal_store::CallFilter;
use sipphone::{Call, CallEvent, Phone, Source, level_dbm0};

use crate::gateway::{Gateway, SOON};

/// A gateway with the phones of 2001, 2002 and 2003.
async fn three_phones() -> (Gateway, [Phone; 3]) {
    let gateway = Gateway::start().await;
    let phones = [
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    ];
    (gateway, phones)
}

/// Waits for what the transferor hears of the transfer in the end.
async fn outcome(transferor: &mut Call) -> String {
    let event = transferor
        .wait(SOON, |event| matches!(event, CallEvent::Referred(_, true)))
        .await
        .unwrap();
    match event {
        CallEvent::Referred(line, _) => line,
        other => panic!("{other:?}"),
    }
}

/// Checks that each hears the other's tone.
async fn hear_each_other(one: &Call, other: &Call) {
    for (call, frequency) in [(one, 600.0), (other, 900.0)] {
        call.audio().send(Source::Tone {
            frequency,
            dbm0: -10.0,
        });
    }
    for (call, frequency) in [(one, 900.0), (other, 600.0)] {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            call.audio().forget();
            call.audio()
                .wait(SOON, "10 packets", |report| report.received >= 10)
                .await
                .unwrap();
            let level = level_dbm0(&call.audio().last(Duration::from_millis(160)), frequency);
            if (level + 10.0).abs() < 1.5 {
                break;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{frequency} Hz is heard at {level} dBm0"
            );
        }
    }
}

/// All records, the oldest first, once no call is going on.
async fn records(gateway: &Gateway, number: usize) -> Vec<CallRecord> {
    gateway
        .wait("the end of all calls", |live| live.calls.is_empty())
        .await;
    let mut records = gateway.store.calls(CallFilter::default()).await.unwrap();
    records.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(records.len(), number, "{records:#?}");
    records
}
