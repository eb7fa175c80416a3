//! The flows of the standards, as they should go.

use std::time::Duration;

use ramal_model::CallResult;
use ramal_pbx::CallState;
use sipphone::{CallEvent, EndReason, level_dbm0};

use super::{hear_each_other, outcome, records, three_phones};
use crate::gateway::{Gateway, SOON, incoming, steps, talking};

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_1_call_hold() {
    let gateway = Gateway::start().await;
    let (alice, bob) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.hold();
    at_alice
        .wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    gateway
        .wait("hold", |live| live.calls[0].state == CallState::Held)
        .await;
    at_bob.resume();
    at_alice
        .wait(SOON, |event| *event == CallEvent::Resumed)
        .await
        .unwrap();
    hear_each_other(&at_alice, &at_bob).await;
    at_alice.hang_up();
    at_bob.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_2_consultation_hold() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, first) = talking(&alice, "2002", &bob).await;
    first.hold();
    at_alice
        .wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    // Bob asks Carol something, and goes back to Alice.
    let (second, mut at_carol) = talking(&bob, "2003", &carol).await;
    hear_each_other(&second, &at_carol).await;
    second.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
    first.resume();
    at_alice
        .wait(SOON, |event| *event == CallEvent::Resumed)
        .await
        .unwrap();
    hear_each_other(&first, &at_alice).await;
    first.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    records(&gateway, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_4_transfer_unattended() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    // Bob puts Alice on hold and passes her on to Carol.
    at_bob.hold();
    at_alice
        .wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    at_bob.refer("2003");
    at_bob
        .wait(SOON, |event| *event == CallEvent::ReferAnswered(202))
        .await
        .unwrap();
    let mut at_carol = incoming(&carol).await;
    assert!(
        at_carol.caller().contains("sip:2001@"),
        "{}",
        at_carol.caller()
    );
    at_carol.ring();
    at_bob
        .wait(SOON, |event| {
            *event == CallEvent::Referred("SIP/2.0 180 Ringing".into(), false)
        })
        .await
        .unwrap();
    at_carol.answer();
    at_carol.wait_answered(SOON).await.unwrap();
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 200 OK");
    assert_eq!(
        at_bob.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    // Alice is taken back from hold, and talks to Carol.
    at_alice
        .wait(SOON, |event| *event == CallEvent::Resumed)
        .await
        .unwrap();
    hear_each_other(&at_alice, &at_carol).await;
    let live = gateway.pbx.live();
    assert_eq!(live.calls.len(), 1);
    assert_eq!(
        (&*live.calls[0].caller.number, &*live.calls[0].callee.number),
        ("2001", "2003")
    );
    assert_eq!(live.calls[0].state, CallState::Answered);
    at_carol.hang_up();
    assert_eq!(
        at_alice.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    let record = records(&gateway, 1).await.remove(0);
    assert_eq!(record.result, Some(CallResult::Answered));
    assert_eq!(record.callee.number, "2002");
    let legs: Vec<&str> = record.legs.iter().map(|leg| &*leg.party).collect();
    assert_eq!(legs, ["2001", "2002", "2003"]);
    assert!(record.legs.iter().all(|leg| leg.answered_at.is_some()));
    assert!(record.legs[1].ended_at < record.legs[2].ended_at);
    let steps = steps(&record);
    let after = steps.iter().position(|step| *step == "transfer_asked");
    assert_eq!(
        steps[after.unwrap()..],
        [
            "transfer_asked",
            "dialled",
            "extension",
            "ringing",
            "answered_by",
            "transferred",
            "hung_up"
        ]
    );
}

/// Whoever holds and passes on in one breath does both: the second waits for the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_right_behind_a_hold_is_not_lost() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.hold();
    at_bob.refer("2003");
    at_bob
        .wait(SOON, |event| *event == CallEvent::ReferAnswered(202))
        .await
        .unwrap();
    let mut at_carol = incoming(&carol).await;
    at_carol.answer();
    at_carol.wait_answered(SOON).await.unwrap();
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 200 OK");
    hear_each_other(&at_alice, &at_carol).await;
    at_carol.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    records(&gateway, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_5_transfer_attended() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, mut first) = talking(&alice, "2002", &bob).await;
    first.hold();
    at_alice
        .wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    let (mut second, mut at_carol) = talking(&bob, "2003", &carol).await;
    first.refer_replacing("2003", &second).await.unwrap();
    assert_eq!(outcome(&mut first).await, "SIP/2.0 200 OK");
    for of_bob in [&mut first, &mut second] {
        assert_eq!(
            of_bob.wait_ended(SOON).await.unwrap(),
            EndReason::RemoteHangUp
        );
    }
    hear_each_other(&at_alice, &at_carol).await;
    let live = gateway.wait("one call", |live| live.calls.len() == 1).await;
    assert_eq!(
        (&*live.calls[0].caller.number, &*live.calls[0].callee.number),
        ("2001", "2003")
    );
    at_alice.hang_up();
    assert_eq!(
        at_carol.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    let records = records(&gateway, 2).await;
    assert!(
        records
            .iter()
            .all(|record| record.result == Some(CallResult::Answered))
    );
    assert_eq!(*steps(&records[0]).last().unwrap(), "transferred");
    let joined = &records[1];
    let legs: Vec<&str> = joined.legs.iter().map(|leg| &*leg.party).collect();
    assert_eq!(legs, ["2002", "2003", "2001"]);
    let replaced = joined.trace.iter().find(|step| step["step"] == "replaced");
    assert_eq!(replaced.unwrap()["from"], records[0].id.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5589_7_attended_while_the_target_still_rings() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, mut first) = talking(&alice, "2002", &bob).await;
    let mut second = bob.call("2003").await.unwrap();
    let mut at_carol = incoming(&carol).await;
    at_carol.ring();
    second.wait_ringing(SOON).await.unwrap();
    first.refer_replacing("2003", &second).await.unwrap();
    assert_eq!(outcome(&mut first).await, "SIP/2.0 200 OK");
    first.wait_ended(SOON).await.unwrap();
    second.wait_ended(SOON).await.unwrap();
    at_carol.answer();
    at_carol.wait_answered(SOON).await.unwrap();
    hear_each_other(&at_alice, &at_carol).await;
    at_carol.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    records(&gateway, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attended_transfer_by_the_targets_own_invite_with_replaces() {
    // RFC 5589 §7.1 as phones without a gateway between them do it: Carol calls to replace Bob.
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    let replaces = at_bob.name().await.unwrap().replaces();
    let mut at_carol = carol.call_replacing("2001", &replaces).await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    assert_eq!(
        at_bob.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    hear_each_other(&at_alice, &at_carol).await;
    // The dialog is gone now.
    for (value, status) in [
        (replaces.as_str(), 603),
        ("nobody;to-tag=1;from-tag=2", 481),
        ("nobody", 400),
    ] {
        let mut refused = carol.call_replacing("2001", value).await.unwrap();
        let end = refused.wait_ended(SOON).await.unwrap();
        let gone = end == EndReason::Refused(status) || end == EndReason::Refused(481);
        assert!(gone, "{value}: {end:?}");
    }
    at_alice.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
    records(&gateway, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_passed_on_hears_that_it_rings() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("2003");
    let at_carol = incoming(&carol).await;
    at_carol.ring();
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        at_alice.audio().forget();
        at_alice
            .audio()
            .wait(SOON, "10 packets", |report| report.received >= 10)
            .await
            .unwrap();
        if level_dbm0(&at_alice.audio().last(Duration::from_millis(160)), 425.0) > -18.0 {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "no ringing tone");
    }
    at_carol.hang_up();
    at_bob.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    records(&gateway, 1).await;
}
