//! Service examples of RFC 5359 that have no file of their own. Hold, transfer and pickup are in [`crate::transfers`] and
//! [`crate::watching`], call park (§2.15) in [`crate::parking`], music on hold (§2.3) in [`crate::music`], forwarding (§2.7-2.9) in [`crate::feature_codes`]; calls in
//! and out are screened (§2.13, §2.14) by numbers and routes, in `tests/flows`.

use std::time::Duration;

use ramal_model::CallResult;
use sipphone::{CallEvent, EndReason, Phone, Source};

use crate::gateway::{Gateway, SOON, incoming, talking};
use crate::hearing::{hears, says};

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_6_transfer_instant_messaging() {
    // Bob tells Alice by text whom to call; she does, and lets him go.
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let mut first = alice.call("2002").await.unwrap();
    let mut at_bob = incoming(&bob).await;
    at_bob.answer();
    first.wait_answered(SOON).await.unwrap();
    at_bob.wait_answered(SOON).await.unwrap();
    let target = format!("sip:2003@{}", gateway.pbx.sip_address());
    assert_eq!(bob.message("2001", &target).await.unwrap(), 200);
    let text = tokio::time::timeout(SOON, alice.next_message()).await;
    let text = text.unwrap().unwrap();
    assert!(text.from.contains("sip:2002@"), "{}", text.from);
    let number = text.text.trim_start_matches("sip:").split('@').next();
    let mut second = alice.call(number.unwrap()).await.unwrap();
    let mut at_carol = incoming(&carol).await;
    at_carol.answer();
    second.wait_answered(SOON).await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    first.hang_up();
    let end = at_bob.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::RemoteHangUp);
    gateway
        .wait("the end of the first call", |live| live.calls.len() == 1)
        .await;
    second.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_10_three_way_conference_a_third_party_is_added() {
    // Bob's phone has two calls, and brings them together itself: it is heard in both and hears both at once.
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let (mut at_alice, first) = talking(&alice, "2002", &bob).await;
    first.hold();
    let held = at_alice.wait(SOON, |event| *event == CallEvent::Held);
    held.await.unwrap();
    let (second, mut at_carol) = talking(&bob, "2003", &carol).await;
    first.resume();
    let resumed = at_alice.wait(SOON, |event| *event == CallEvent::Resumed);
    resumed.await.unwrap();
    for (call, frequency) in [
        (&at_alice, 600.0),
        (&first, 900.0),
        (&second, 900.0),
        (&at_carol, 1300.0),
    ] {
        says(call, frequency);
    }
    hears(&first, 600.0).await;
    hears(&second, 1300.0).await;
    hears(&at_alice, 900.0).await;
    hears(&at_carol, 900.0).await;
    assert_eq!(gateway.pbx.live().calls.len(), 2);
    // Bob leaves: there is nobody who brings the two others together.
    first.hang_up();
    second.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    at_carol.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_11_three_way_conference_a_third_party_joins() {
    // Carol knows the dialog that Bob is in, and calls to join it (RFC 3911).
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let dora = gateway.phone("2004").await;
    let (mut at_alice, at_bob) = talking(&alice, "2002", &bob).await;
    let join = at_bob.name().await.unwrap().replaces();
    let mut at_carol = carol.call_joining("2002", &join).await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    let all = [(&at_alice, 600.0), (&at_bob, 900.0), (&at_carol, 1300.0)];
    for (call, own) in all {
        says(call, own);
    }
    for (call, own) in all {
        for (_, other) in all {
            if own != other {
                hears(call, other).await;
            }
        }
    }
    // There is no place for a fourth one, and no such dialog to join.
    let mut fourth = dora.call_joining("2002", &join).await.unwrap();
    let end = fourth.wait_ended(SOON).await.unwrap();
    assert!(matches!(end, EndReason::Refused(_)), "{end:?}");
    let mut nobody = dora
        .call_joining("2002", "nobody;to-tag=1;from-tag=2")
        .await
        .unwrap();
    assert_eq!(
        nobody.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(481)
    );
    // Bob leaves; the two others talk on.
    at_bob.hang_up();
    hears(&at_alice, 1300.0).await;
    hears(&at_carol, 600.0).await;
    at_carol.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    let steps = crate::gateway::steps(&record);
    assert!(steps.contains(&"third_joined"), "{steps:?}");
    assert_eq!(record.legs.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_12_find_me() {
    // Bob may be at either of two telephones; whichever he takes the call at, the other one is told.
    let gateway = Gateway::start().await;
    let alice = gateway.phone("2001").await;
    let (extension, secret) = gateway.extension("2002").await;
    let mut phones = Vec::new();
    for _ in 0..2 {
        let phone = Phone::start(gateway.config(&extension, &secret));
        let phone = phone.await.unwrap();
        phone.register(600).await.unwrap();
        phones.push(phone);
    }
    let mut out = alice.call("2002").await.unwrap();
    let mut at_desk = incoming(&phones[0]).await;
    let mut at_home = incoming(&phones[1]).await;
    at_desk.ring();
    at_home.ring();
    out.wait_ringing(SOON).await.unwrap();
    at_home.answer();
    out.wait_answered(SOON).await.unwrap();
    at_home.wait_answered(SOON).await.unwrap();
    let end = at_desk.wait_ended(SOON).await.unwrap();
    assert!(
        matches!(&end, EndReason::Cancelled(Some(reason)) if reason.contains("SIP;cause=200")),
        "{end:?}"
    );
    out.hang_up();
    at_home.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_17_automatic_redial() {
    // Bob is busy; Alice watches his dialogs and calls again when he has hung up.
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let mut talking = bob.call("2003").await.unwrap();
    let mut at_carol = incoming(&carol).await;
    at_carol.answer();
    talking.wait_answered(SOON).await.unwrap();
    at_carol.wait_answered(SOON).await.unwrap();
    let mut busy = alice.call("2002").await.unwrap();
    incoming(&bob).await.reject(486);
    assert_eq!(
        busy.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(486)
    );
    let mut watch = alice.subscribe("dialog", "2002", 600).await.unwrap();
    let state =
        |state: &'static str| move |body: &str| body.contains(&format!("<state>{state}</state>"));
    watch.wait(SOON, state("confirmed")).await.unwrap();
    talking.hang_up();
    at_carol.wait_ended(SOON).await.unwrap();
    watch.wait(SOON, state("terminated")).await.unwrap();
    let mut again = alice.call("2002").await.unwrap();
    let mut at_bob = incoming(&bob).await;
    at_bob.answer();
    again.wait_answered(SOON).await.unwrap();
    at_bob.wait_answered(SOON).await.unwrap();
    again.hang_up();
    at_bob.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_18_click_to_dial() {
    // A program has Alice's phone ring; when she answers, Bob is called for her.
    let gateway = Gateway::start().await;
    let (alice, bob) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let id = |number: &str| {
        let configuration = gateway.store.configuration();
        configuration.extension_by_number(number).unwrap().id
    };
    let call = gateway
        .pbx
        .click_to_dial(id("2001"), "2002".into())
        .unwrap();
    let mut at_alice = incoming(&alice).await;
    assert!(at_alice.caller().contains("2002"), "{}", at_alice.caller());
    at_alice.ring();
    at_alice.answer();
    at_alice.wait_answered(SOON).await.unwrap();
    let mut at_bob = incoming(&bob).await;
    assert!(at_bob.caller().contains("2001"), "{}", at_bob.caller());
    at_bob.ring();
    at_bob.answer();
    at_bob.wait_answered(SOON).await.unwrap();
    at_alice.audio().send(Source::Tone {
        frequency: 700.0,
        dbm0: -10.0,
    });
    let deadline = tokio::time::Instant::now() + SOON;
    let heard = || sipphone::level_dbm0(&at_bob.audio().last(Duration::from_millis(300)), 700.0);
    while heard() < -15.0 {
        assert!(tokio::time::Instant::now() < deadline, "{}", heard());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    at_bob.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let record = gateway.store.call(call).await.unwrap();
    assert_eq!(record.result, Some(CallResult::Answered), "{record:?}");
    assert_eq!(record.caller.number, "2001");
    assert_eq!(record.callee.number, "2002");
    assert_eq!(record.legs.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_nobody_answers_calls_nobody() {
    let gateway = Gateway::start().await;
    let (alice, bob) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let id = |number: &str| {
        let configuration = gateway.store.configuration();
        configuration.extension_by_number(number).unwrap().id
    };
    let declined = gateway.pbx.click_to_dial(id("2001"), "2002".into());
    let mut at_alice = incoming(&alice).await;
    at_alice.reject(603);
    at_alice.wait_ended(SOON).await.unwrap();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let record = gateway.store.call(declined.unwrap()).await.unwrap();
    assert_eq!(record.result, Some(CallResult::Rejected), "{record:?}");
    // Ended by an administrator while it rings.
    let ended = gateway
        .pbx
        .click_to_dial(id("2001"), "2002".into())
        .unwrap();
    let mut at_alice = incoming(&alice).await;
    at_alice.ring();
    assert!(gateway.pbx.hang_up(&ended));
    at_alice.wait_ended(SOON).await.unwrap();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let none = tokio::time::timeout(Duration::from_millis(50), bob.next_call()).await;
    assert!(none.is_err());
}
