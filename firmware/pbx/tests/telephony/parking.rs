//! Parked calls: RFC 5359 §2.15 and A.4.

use ramal_lines::simulated::{Hand, SimulatedConfig, SimulatedLines};
use ramal_model::{Actor, CallResult, NewCompany};
use ramal_store::CallFilter;
use sipphone::{Call, CallEvent, EndReason, Phone};

use crate::gateway::{Gateway, SOON, incoming, steps, talking};
use crate::hearing::{hear_each_other, hears};
use crate::music;

/// Waits until a call is in this slot.
async fn is_parked(gateway: &Gateway, slot: &str) {
    let parked = |live: &ramal_pbx::Live| {
        let mut calls = live.calls.iter();
        calls.any(|call| call.callee.number == slot || call.caller.number == slot)
    };
    gateway.wait("the parked call", parked).await;
}

/// Waits for the end of a transfer as the phone that asked for it hears of it.
async fn outcome(transferor: &mut Call) -> String {
    let end = |event: &CallEvent| matches!(event, CallEvent::Referred(_, true));
    match transferor.wait(SOON, end).await.unwrap() {
        CallEvent::Referred(line, _) => line,
        other => panic!("{other:?}"),
    }
}

async fn three_phones(gateway: &Gateway) -> [Phone; 3] {
    [
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_15_call_park() {
    let gateway = music::gateway().await;
    let [alice, bob, carol] = three_phones(&gateway).await;
    let mut lamp = carol.subscribe("dialog", "701", 600).await.unwrap();
    let off = lamp.next(SOON).await.unwrap();
    assert!(!off.body.contains("<dialog "), "{}", off.body);
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    // Bob parks Alice, who hears music; Carol sees it.
    at_bob.refer("700");
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 200 OK");
    at_bob.wait_ended(SOON).await.unwrap();
    hears(&at_alice, 500.0).await;
    let on = lamp.wait(SOON, |body| body.contains("<state>confirmed</state>"));
    let on = on.await.unwrap();
    assert!(on.body.contains("sip:2001@"), "{}", on.body);
    // She takes the call.
    let mut at_carol = carol.call("701").await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    let off = lamp.wait(SOON, |body| body.contains("<state>terminated</state>"));
    off.await.unwrap();
    hear_each_other(&at_alice, &at_carol).await;
    at_carol.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    assert_eq!(record.result, Some(CallResult::Answered));
    let legs: Vec<&str> = record.legs.iter().map(|leg| &*leg.party).collect();
    assert_eq!(legs, ["2001", "2002", "701", "2003"]);
    let steps = steps(&record);
    let asked = steps.iter().position(|step| *step == "transfer_asked");
    let way = [
        "transfer_asked",
        "dialled",
        "feature_code",
        "parked",
        "park_taken",
        "answered_by",
        "hung_up",
    ];
    assert_eq!(steps[asked.unwrap()..], way);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_parked_by_keys_and_taken_again_by_whoever_parked_it() {
    let gateway = Gateway::start().await;
    let [alice, bob, _] = three_phones(&gateway).await;
    let (at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.audio().send_digits("##700#");
    at_bob.wait_ended(SOON).await.unwrap();
    is_parked(&gateway, "701").await;
    let mut again = bob.call("701").await.unwrap();
    again.wait_answered(SOON).await.unwrap();
    hear_each_other(&at_alice, &again).await;
    // Nobody is parked there any more.
    let mut late = bob.call("701").await.unwrap();
    assert_eq!(
        late.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(480)
    );
    again.hang_up();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hears_the_slot_first_passes_his_call_on_to_it() {
    let gateway = Gateway::start().await;
    let [alice, bob, carol] = three_phones(&gateway).await;
    let (mut at_alice, mut first) = talking(&alice, "2002", &bob).await;
    first.hold();
    let held = at_alice.wait(SOON, |event| *event == CallEvent::Held);
    held.await.unwrap();
    let mut second = bob.call("700").await.unwrap();
    second.wait_answered(SOON).await.unwrap();
    // The slot is kept, but nobody waits in it.
    let mut early = carol.call("701").await.unwrap();
    assert_eq!(
        early.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(480)
    );
    first.refer_replacing("700", &second).await.unwrap();
    assert_eq!(outcome(&mut first).await, "SIP/2.0 200 OK");
    second.wait_ended(SOON).await.unwrap();
    // Alice is taken back from hold for whoever takes her.
    let resumed = at_alice.wait(SOON, |event| *event == CallEvent::Resumed);
    resumed.await.unwrap();
    let parked = |live: &ramal_pbx::Live| {
        let mut calls = live.calls.iter();
        calls.any(|call| call.caller.number == "2001" && call.callee.number == "701")
    };
    gateway.wait("the parked call", parked).await;
    let mut at_carol = carol.call("701").await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    hear_each_other(&at_alice, &at_carol).await;
    at_alice.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_is_taken_takes_nobody_else() {
    let gateway = Gateway::start().await;
    let [alice, bob, carol] = three_phones(&gateway).await;
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("705");
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 200 OK");
    is_parked(&gateway, "705").await;
    let (at_carol, mut at_bob) = talking(&carol, "2002", &bob).await;
    at_bob.refer("705");
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 486 Busy Here");
    hear_each_other(&at_carol, &at_bob).await;
    // Somebody else may be parked, and whoever is parked may give up.
    at_alice.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    gateway.wait("one call", |live| live.calls.len() == 1).await;
    at_bob.refer("705");
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 200 OK");
    is_parked(&gateway, "705").await;
    at_carol.hang_up();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_takes_goes_back_to_whoever_parked_it() {
    let gateway = Gateway::start().await;
    let company = gateway.store.configuration().company().cloned().unwrap();
    let company = NewCompany {
        park_seconds: Some(10),
        ..NewCompany::from(&company)
    };
    let changed = gateway.store.change_company(&Actor::System, company).await;
    changed.unwrap();
    let [alice, bob, _] = three_phones(&gateway).await;
    let (at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("700");
    at_bob.wait_ended(SOON).await.unwrap();
    let mut back = incoming(&bob).await;
    assert!(back.caller().contains("sip:2001@"), "{}", back.caller());
    // He is busy: she is parked on, and comes back once more.
    back.reject(486);
    back.wait_ended(SOON).await.unwrap();
    let mut back = incoming(&bob).await;
    back.answer();
    back.wait_answered(SOON).await.unwrap();
    hear_each_other(&at_alice, &back).await;
    // The slot is free.
    let mut late = bob.call("701").await.unwrap();
    assert_eq!(
        late.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(480)
    );
    at_alice.hang_up();
    back.wait_ended(SOON).await.unwrap();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let records = gateway.store.calls(CallFilter::default()).await.unwrap();
    let parked = records
        .iter()
        .find(|record| steps(record).contains(&"parked"));
    let trace = steps(parked.unwrap());
    let returns = trace.iter().filter(|step| **step == "park_returns");
    assert_eq!(returns.count(), 2, "{trace:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_on_a_port_parks_and_takes() {
    let gateway = Gateway::start().await;
    let lines = SimulatedLines::start(&SimulatedConfig::default()).unwrap();
    let hands = lines.hands()[0].clone();
    gateway.pbx.add_lines(Box::new(lines));
    let ana = gateway.phone("2001").await;
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("2001".into())).await.unwrap();
    let mut at_ana = incoming(&ana).await;
    at_ana.answer();
    at_ana.wait_answered(SOON).await.unwrap();
    // The tone that the telephone sends.
    hears(&at_ana, 440.0).await;
    hands.send(Hand::Recall).await.unwrap();
    hands.send(Hand::Press("700".into())).await.unwrap();
    is_parked(&gateway, "701").await;
    hands.send(Hand::PutDown).await.unwrap();
    let parked = |live: &ramal_pbx::Live| {
        let mut calls = live.calls.iter();
        live.calls.len() == 1
            && calls.any(|call| call.caller.number == "2001" && call.callee.number == "701")
    };
    gateway.wait("the parked call", parked).await;
    hands.send(Hand::Lift).await.unwrap();
    hands.send(Hand::Press("701".into())).await.unwrap();
    hears(&at_ana, 440.0).await;
    hands.send(Hand::PutDown).await.unwrap();
    at_ana.wait_ended(SOON).await.unwrap();
}
