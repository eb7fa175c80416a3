//! What is on a recording, and how a call keeps, pauses and passes it on.

use ramal_lines::simulated::{Hand, SimulatedConfig, SimulatedLines};
use ramal_model::{Actor, ExtensionChange, NewExtension, RecordingMode};
use ramal_pbx::{RecordingCommand, RecordingRefusal, RecordingState};
use sipphone::{CallEvent, Phone};

use super::{first, folder, gateway, hear, record_all, recorded, rows, say, sides, tenths};
use crate::gateway::{SOON, incoming, steps, talking};

#[tokio::test(flavor = "multi_thread")]
async fn f078_both_sides_of_a_call_are_on_their_channels_at_their_level() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 100).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    let row = &rows[0];
    // Nobody is outside: no notice.
    assert_eq!((row.problem, row.notice_played_at), (None, None));
    assert!(row.duration_ms >= 1_900 && row.lost_packets == 0, "{row:?}");
    let path = folder(&gateway).join(&row.file);
    assert_eq!(std::fs::metadata(&path).unwrap().len() as i64, row.bytes);
    let [left, right] = sides(&path);
    assert!(tenths(&left, 600.0) >= 15, "{}", tenths(&left, 600.0));
    assert!(tenths(&right, 900.0) >= 15, "{}", tenths(&right, 900.0));
    assert_eq!((tenths(&left, 900.0), tenths(&right, 600.0)), (0, 0));
    let record = gateway.record().await;
    assert!(steps(&record).contains(&"recording_started"));
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_off_records_nothing_and_an_extension_goes_before_the_company() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let id = gateway
        .store
        .configuration()
        .extension_by_number("2002")
        .map(|one| one.id);
    let off = ExtensionChange {
        recording: Some(Some(RecordingMode::Off)),
        ..ExtensionChange::default()
    };
    gateway
        .store
        .update_extension(&Actor::System, id.unwrap(), off)
        .await
        .unwrap();
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    hear(&inn, 10).await;
    let call = gateway.pbx.live().calls[0].clone();
    assert_eq!(call.recording, None);
    assert_eq!(
        gateway.pbx.record(&call.id, RecordingCommand::Start).await,
        Err(RecordingRefusal::Off)
    );
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    rows(&gateway, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_hold_and_pause_and_resume_during_a_recording() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (mut out, mut inn) = talking(&ana, "2002", &bruno).await;
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 50).await;
    inn.hold();
    out.wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    inn.resume();
    out.wait(SOON, |event| *event == CallEvent::Resumed)
        .await
        .unwrap();
    let call = gateway.pbx.live().calls[0].id.clone();
    gateway
        .pbx
        .record(&call, RecordingCommand::Pause)
        .await
        .unwrap();
    recorded(&gateway, Some(RecordingState::Paused)).await;
    assert_eq!(
        gateway.pbx.record(&call, RecordingCommand::Pause).await,
        Err(RecordingRefusal::NotRecording)
    );
    // What is said now is nobody's business.
    say(&out, 1_500.0);
    hear(&inn, 75).await;
    say(&out, 600.0);
    hear(&inn, 25).await;
    gateway
        .pbx
        .record(&call, RecordingCommand::Resume)
        .await
        .unwrap();
    hear(&inn, 50).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    let [left, right] = sides(&folder(&gateway).join(&rows[0].file));
    assert_eq!(first(&left, 1_500.0), None);
    assert!(tenths(&left, 600.0) >= 15 && tenths(&right, 900.0) >= 12);
    // Both sides go on together after the pause.
    let last = |samples: &[i16]| samples.iter().rposition(|sample| sample.abs() > 2_000);
    assert!(last(&left).unwrap().abs_diff(last(&right).unwrap()) < 800);
}

#[tokio::test(flavor = "multi_thread")]
async fn f087_a_recording_goes_on_when_the_call_is_passed_on() {
    let gateway = gateway(0, false).await;
    record_all(&gateway).await;
    let ana = gateway.phone("2001").await;
    let (bruno, carla) = (gateway.phone("2002").await, gateway.phone("2003").await);
    let (mut out, inn) = talking(&ana, "2002", &bruno).await;
    recorded(&gateway, Some(RecordingState::Recording)).await;
    say(&out, 600.0);
    say(&inn, 900.0);
    hear(&inn, 50).await;
    // The caller, at whom the recording sits, passes the callee on.
    out.refer("2003");
    let mut at_carla = incoming(&carla).await;
    at_carla.answer();
    at_carla.wait_answered(SOON).await.unwrap();
    out.wait_ended(SOON).await.unwrap();
    say(&at_carla, 1_700.0);
    hear(&inn, 75).await;
    inn.hang_up();
    at_carla.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    let [left, right] = sides(&folder(&gateway).join(&rows[0].file));
    assert!(tenths(&left, 600.0) >= 5);
    assert!(tenths(&left, 1_700.0) >= 5);
    assert!(tenths(&right, 900.0) >= 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_star_3_on_a_telephone_of_a_port_starts_and_stops_a_recording_too() {
    let gateway = gateway(0, false).await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    let hands = lines.hands()[0].clone();
    gateway.pbx.add_lines(Box::new(lines));
    let new = NewExtension {
        number: "2001".into(),
        recording: Some(RecordingMode::OnDemand),
        ..NewExtension::default()
    };
    let (extension, secret) = gateway.extension_with(new).await;
    let ana = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    ana.register(600).await.unwrap();
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("2001".into())).await.unwrap();
    let mut inn = incoming(&ana).await;
    inn.answer();
    inn.wait_answered(SOON).await.unwrap();
    hear(&inn, 10).await;
    assert_eq!(gateway.pbx.live().calls[0].recording, None);
    hands.send(Hand::Press("*3".into())).await.unwrap();
    recorded(&gateway, Some(RecordingState::OnDemand)).await;
    hear(&inn, 50).await;
    hands.send(Hand::Press("*3".into())).await.unwrap();
    recorded(&gateway, None).await;
    hands.send(Hand::PutDown).await.unwrap();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert!(rows[0].on_demand && rows[0].duration_ms > 500, "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f078_star_3_starts_and_stops_a_recording_on_demand() {
    let gateway = gateway(0, false).await;
    let new = NewExtension {
        number: "2001".into(),
        recording: Some(RecordingMode::OnDemand),
        ..NewExtension::default()
    };
    let (extension, secret) = gateway.extension_with(new).await;
    let ana = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    ana.register(600).await.unwrap();
    let bruno = gateway.phone("2002").await;
    let (out, mut inn) = talking(&ana, "2002", &bruno).await;
    hear(&inn, 10).await;
    assert_eq!(gateway.pbx.live().calls[0].recording, None);
    say(&inn, 900.0);
    out.audio().send_digits("*3");
    recorded(&gateway, Some(RecordingState::OnDemand)).await;
    hear(&out, 50).await;
    out.audio().send_digits("*3");
    recorded(&gateway, None).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    let rows = rows(&gateway, 1).await;
    assert!(rows[0].on_demand && rows[0].duration_ms > 500, "{rows:?}");
    let [_, right] = sides(&folder(&gateway).join(&rows[0].file));
    assert!(tenths(&right, 900.0) >= 5);
}
