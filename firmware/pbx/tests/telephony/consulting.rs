//! Asking back by keys: AT-19, A.4.

use sipphone::{Call, EndReason, Phone};

use crate::gateway::{Gateway, SOON, incoming, steps, talking};
use crate::hearing::{does_not_hear, hear_each_other, hears, says};
use crate::music;

/// Alice has called Bob, who asks back at Carol: the ends of all three, which all say something.
async fn asked_back(gateway: &Gateway) -> [(Phone, Call); 3] {
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let (at_alice, at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.audio().send_digits("*22003#");
    let mut at_carol = incoming(&carol).await;
    assert!(at_carol.caller().contains("2002"), "{}", at_carol.caller());
    at_carol.ring();
    at_carol.answer();
    at_carol.wait_answered(SOON).await.unwrap();
    for (call, frequency) in [(&at_alice, 600.0), (&at_bob, 900.0), (&at_carol, 1300.0)] {
        says(call, frequency);
    }
    hears(&at_bob, 1300.0).await;
    hears(&at_carol, 900.0).await;
    does_not_hear(&at_carol, 600.0).await;
    [(alice, at_alice), (bob, at_bob), (carol, at_carol)]
}

#[tokio::test(flavor = "multi_thread")]
async fn at_19_somebody_asks_back_and_passes_the_call_on() {
    let gateway = music::gateway().await;
    let [
        (_alice, mut at_alice),
        (_bob, mut at_bob),
        (_carol, at_carol),
    ] = asked_back(&gateway).await;
    // Meanwhile Alice hears music.
    hears(&at_alice, 500.0).await;
    at_bob.audio().send_digits("*2");
    let end = at_bob.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::RemoteHangUp);
    hears(&at_alice, 1300.0).await;
    hears(&at_carol, 600.0).await;
    at_carol.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    let steps = steps(&record);
    let asked = steps.iter().position(|step| *step == "consults").unwrap();
    let way = [
        "consults",
        "dialled",
        "extension",
        "ringing",
        "answered_by",
        "transferred",
        "hung_up",
    ];
    assert_eq!(steps[asked..], way);
    let legs: Vec<&str> = record.legs.iter().map(|leg| &*leg.party).collect();
    assert_eq!(legs, ["2001", "2002", "2003"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_19_somebody_asks_back_and_returns() {
    let gateway = Gateway::start().await;
    let [(_alice, at_alice), (_bob, at_bob), (carol, mut at_carol)] = asked_back(&gateway).await;
    at_bob.audio().send_digits("*1");
    at_carol.wait_ended(SOON).await.unwrap();
    hear_each_other(&at_alice, &at_bob).await;
    // He gives up while it rings.
    at_bob.audio().send_digits("*22003#");
    let mut rings = incoming(&carol).await;
    rings.ring();
    at_bob.audio().send_digits("*1");
    rings.wait_ended(SOON).await.unwrap();
    hear_each_other(&at_alice, &at_bob).await;
    // Nobody is there.
    at_bob.audio().send_digits("*22999#");
    hear_each_other(&at_alice, &at_bob).await;
    // Carol hangs up.
    at_bob.audio().send_digits("*22003#");
    let mut at_carol = incoming(&carol).await;
    at_carol.answer();
    at_carol.wait_answered(SOON).await.unwrap();
    at_carol.hang_up();
    hear_each_other(&at_alice, &at_bob).await;
    at_alice.hang_up();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_19_somebody_goes_between_two_and_brings_all_together() {
    let gateway = music::gateway().await;
    let [
        (_alice, at_alice),
        (_bob, mut at_bob),
        (_carol, mut at_carol),
    ] = asked_back(&gateway).await;
    at_bob.audio().send_digits("*4");
    hears(&at_bob, 600.0).await;
    hears(&at_alice, 900.0).await;
    does_not_hear(&at_carol, 900.0).await;
    at_bob.audio().send_digits("*4");
    hears(&at_bob, 1300.0).await;
    does_not_hear(&at_alice, 900.0).await;
    at_bob.audio().send_digits("*3");
    let all = [(&at_alice, 600.0), (&at_bob, 900.0), (&at_carol, 1300.0)];
    for (call, own) in all {
        for (_, other) in all {
            if own != other {
                hears(call, other).await;
            }
        }
    }
    // Bob leaves the two others.
    at_bob.hang_up();
    at_bob.wait_ended(SOON).await.unwrap();
    hears(&at_alice, 1300.0).await;
    hears(&at_carol, 600.0).await;
    at_alice.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    let steps = steps(&record);
    assert!(steps.contains(&"consult_swapped"), "{steps:?}");
    assert!(steps.contains(&"consult_ended"), "{steps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_while_it_rings_has_passed_the_call_on() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let (at_alice, at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.audio().send_digits("*22003#");
    let mut first = incoming(&carol).await;
    first.ring();
    at_bob.hang_up();
    first.wait_ended(SOON).await.unwrap();
    let mut second = incoming(&carol).await;
    assert!(second.caller().contains("2001"), "{}", second.caller());
    second.answer();
    second.wait_answered(SOON).await.unwrap();
    hear_each_other(&at_alice, &second).await;
    at_alice.hang_up();
    second.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_held_may_leave() {
    let gateway = Gateway::start().await;
    let [(_alice, at_alice), (_bob, at_bob), (_carol, mut at_carol)] = asked_back(&gateway).await;
    at_alice.hang_up();
    gateway
        .wait("Bob's and Carol's call", |live| {
            let mut calls = live.calls.iter();
            calls.any(|call| call.caller.number == "2003" && call.callee.number == "2002")
        })
        .await;
    hear_each_other(&at_bob, &at_carol).await;
    at_bob.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
}
