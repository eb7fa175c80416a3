//! What can go wrong: targets that refuse or are gone, and parties that hang up or transfer at the same time.

use ramal_model::{CallResult, NewExtension};
use sipphone::{CallEvent, EndReason, Phone};

use super::{hear_each_other, outcome, records, three_phones};
use crate::gateway::{Gateway, SOON, incoming, steps, talking};

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_fails_leaves_the_call_as_it_was() {
    // RFC 5589 §6.3: the transferor still has the transferee.
    let (gateway, [alice, bob, carol]) = three_phones().await;
    gateway.extension("2004").await;
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    for (number, status) in [
        ("2999", "SIP/2.0 404 Not Found"),
        ("2004", "SIP/2.0 480 Temporarily Unavailable"),
        // To himself, and back to whom he talks to.
        ("2002", "SIP/2.0 486 Busy Here"),
        ("2001", "SIP/2.0 486 Busy Here"),
        ("*8", "SIP/2.0 480 Temporarily Unavailable"),
    ] {
        at_bob.refer(number);
        assert_eq!(outcome(&mut at_bob).await, status, "{number}");
    }
    at_bob.refer("2003");
    incoming(&carol).await.reject(486);
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 486 Busy Here");
    at_bob.refer_to("<sip:2003@gateway.invalid?Replaces=no%3Bto-tag%3D1%3Bfrom-tag%3D2>");
    assert_eq!(
        outcome(&mut at_bob).await,
        "SIP/2.0 481 Call/Transaction Does Not Exist"
    );
    at_bob.refer_to("<sip:2003@gateway.invalid;method=BYE>");
    at_bob
        .wait(SOON, |event| *event == CallEvent::ReferAnswered(603))
        .await
        .unwrap();
    hear_each_other(&at_alice, &at_bob).await;
    at_bob.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    let record = records(&gateway, 1).await.remove(0);
    let failed = steps(&record)
        .iter()
        .filter(|step| **step == "transfer_failed")
        .count();
    assert_eq!(failed, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transferor_hangs_up_at_once() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (at_alice, at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("2003");
    at_bob.hang_up();
    let mut at_carol = incoming(&carol).await;
    at_carol.ring();
    at_carol.answer();
    at_carol.wait_answered(SOON).await.unwrap();
    hear_each_other(&at_alice, &at_carol).await;
    at_alice.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();

    // And when the target does not want to: nobody is left to talk to.
    let (mut at_alice, at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("2003");
    at_bob.hang_up();
    incoming(&carol).await.reject(603);
    assert_eq!(
        at_alice.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    for record in records(&gateway, 2).await {
        assert_eq!(record.result, Some(CallResult::Answered));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transferor_of_two_calls_hangs_up_both_at_once() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, mut first) = talking(&alice, "2002", &bob).await;
    let (second, at_carol) = talking(&bob, "2003", &carol).await;
    first.refer_replacing("2003", &second).await.unwrap();
    // Its phone sends both BYEs as soon as the REFER is accepted.
    first
        .wait(SOON, |event| {
            matches!(event, CallEvent::ReferAnswered(202) | CallEvent::Ended(_))
        })
        .await
        .unwrap();
    second.hang_up();
    first.hang_up();
    hear_each_other(&at_alice, &at_carol).await;
    at_carol.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    records(&gateway, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transferee_gives_up_while_the_target_rings() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("2003");
    let mut at_carol = incoming(&carol).await;
    at_carol.ring();
    // Both want to transfer at the same time: one after the other is enough.
    at_alice.refer("2003");
    at_alice.hang_up();
    assert!(matches!(
        at_carol.wait_ended(SOON).await.unwrap(),
        EndReason::Cancelled(_)
    ));
    assert!(outcome(&mut at_bob).await.starts_with("SIP/2.0 4"));
    assert_eq!(
        at_bob.wait_ended(SOON).await.unwrap(),
        EndReason::RemoteHangUp
    );
    let record = records(&gateway, 1).await.remove(0);
    assert_eq!(record.result, Some(CallResult::Answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_has_disappeared() {
    let gateway = Gateway::start().await;
    let (alice, bob) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let new = NewExtension {
        number: "2003".into(),
        ring_time: Some(5),
        ..NewExtension::default()
    };
    let (extension, secret) = gateway.extension_with(new).await;
    let carol = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    carol.register(600).await.unwrap();
    // Registered, but switched off without a word.
    drop(carol);
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("2003");
    assert_eq!(
        outcome(&mut at_bob).await,
        "SIP/2.0 480 Temporarily Unavailable"
    );
    hear_each_other(&at_alice, &at_bob).await;
    at_bob.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    records(&gateway, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_transfer_at_the_same_time() {
    let (gateway, [alice, bob, carol]) = three_phones().await;
    let (mut at_alice, mut at_bob) = talking(&alice, "2002", &bob).await;
    at_bob.refer("2003");
    let mut at_carol = incoming(&carol).await;
    at_carol.ring();
    at_alice.refer("2003");
    at_alice
        .wait(SOON, |event| *event == CallEvent::ReferAnswered(491))
        .await
        .unwrap();
    at_carol.answer();
    at_carol.wait_answered(SOON).await.unwrap();
    assert_eq!(outcome(&mut at_bob).await, "SIP/2.0 200 OK");
    hear_each_other(&at_alice, &at_carol).await;
    at_alice.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
    records(&gateway, 1).await;
}
