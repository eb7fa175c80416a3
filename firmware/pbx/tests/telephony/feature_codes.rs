//! Codes that people dial: forwards, do not disturb, calling back, hiding one's number (A.4, AT-19).

use ramal_model::{
    Actor, CallResult, Destination, ExtensionChange, Override, OverrideState, Period, TimeCondition,
};

use ramal_store::CallFilter;
use sipphone::{EndReason, Phone, Source};

use crate::gateway::{Gateway, SOON, incoming, steps};

/// A phone dials a code and hears out what the gateway says.
async fn dial(phone: &Phone, code: &str) {
    let mut call = phone.call(code).await.unwrap();
    call.wait_answered(SOON).await.unwrap();
    let end = call.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::RemoteHangUp, "{code}");
}

/// A call from one phone comes to another one.
async fn comes_to(caller: &Phone, number: &str, callee: &Phone) {
    let out = caller.call(number).await.unwrap();
    let mut inn = incoming(callee).await;
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_7_all_calls_go_where_the_code_says() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    dial(&bob, "*722003").await;
    let extension = || {
        let configuration = gateway.store.configuration();
        configuration.extension_by_number("2002").unwrap().clone()
    };
    assert_eq!(extension().forward_all.as_deref(), Some("2003"));
    comes_to(&alice, "2002", &carol).await;
    // A code for a number that does not exist changes nothing.
    dial(&bob, "*722999").await;
    assert_eq!(extension().forward_all.as_deref(), Some("2003"));
    dial(&bob, "*73").await;
    assert_eq!(extension().forward_all, None);
    comes_to(&alice, "2002", &bob).await;
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let records = gateway.store.calls(CallFilter::default()).await.unwrap();
    let forwarded = records.iter().find(|record| {
        let steps = steps(record);
        steps.contains(&"forwarded_by")
    });
    let trace = &forwarded.unwrap().trace;
    let step = trace.iter().find(|step| step["step"] == "forwarded_by");
    assert_eq!(step.unwrap()["number"], "2003");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc_5359_2_8_and_2_9_calls_go_elsewhere_while_it_is_busy_and_when_nobody_answers() {
    let gateway = Gateway::start().await;
    let alice = gateway.phone("2001").await;
    let (carol, dora) = (gateway.phone("2003").await, gateway.phone("2004").await);
    let new = ramal_model::NewExtension {
        number: "2002".into(),
        max_calls: Some(1),
        ring_time: Some(5),
        ..Default::default()
    };
    let (extension, secret) = gateway.extension_with(new).await;
    let bob = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    bob.register(600).await.unwrap();
    dial(&bob, "*902004").await;
    dial(&bob, "*522001").await;
    let (out, _inn) = crate::gateway::talking(&carol, "2002", &bob).await;
    comes_to(&alice, "2002", &dora).await;
    out.hang_up();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    // Nobody answers: it rings at Bob's for his time, then at Alice's.
    let out = carol.call("2002").await.unwrap();
    let mut at_bob = incoming(&bob).await;
    at_bob.ring();
    let mut at_alice = incoming(&alice).await;
    at_bob.wait_ended(SOON).await.unwrap();
    out.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn forwards_that_go_round_end() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    dial(&bob, "*722003").await;
    dial(&carol, "*722002").await;
    let mut out = alice.call("2002").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(480));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_want_to_be_disturbed_is_not_there() {
    let gateway = Gateway::start().await;
    let (alice, bob) = (gateway.phone("2001").await, gateway.phone("2002").await);
    dial(&bob, "*78").await;
    let mut out = alice.call("2002").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(480));
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let last = gateway
        .store
        .calls(CallFilter::default())
        .await
        .unwrap()
        .remove(0);
    let why = last.trace.iter().find(|step| step["step"] == "passed_over");
    assert_eq!(why.unwrap()["because"], "do_not_disturb");
    // He may call himself.
    comes_to(&bob, "2001", &alice).await;
    dial(&bob, "*79").await;
    comes_to(&alice, "2002", &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_caller_is_called_back_and_numbers_are_hidden() {
    let gateway = Gateway::start().await;
    let (alice, bob) = (gateway.phone("2001").await, gateway.phone("2002").await);
    comes_to(&alice, "2002", &bob).await;
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let back = bob.call("*69").await.unwrap();
    let mut at_alice = incoming(&alice).await;
    assert!(at_alice.caller().contains("2002"), "{}", at_alice.caller());
    back.hang_up();
    at_alice.wait_ended(SOON).await.unwrap();
    let out = alice.call("*672002").await.unwrap();
    let mut hidden = incoming(&bob).await;
    assert!(!hidden.caller().contains("2001"), "{}", hidden.caller());
    out.hang_up();
    hidden.wait_ended(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_16_a_fork_is_switched_by_code_and_back() {
    let gateway = Gateway::start().await;
    let (alice, bob) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let fork = TimeCondition {
        name: "Horário".into(),
        code_number: Some(1),
        periods: vec![Period::default()],
        on_match: Destination::default(),
        on_no_match: Destination::default(),
        ..TimeCondition::default()
    };
    let store = &gateway.store;
    let id = store.create(&Actor::System, fork).await.unwrap().id;
    let state = || {
        let configuration = store.configuration();
        let fork = configuration.catalogue().time_conditions.get(id).unwrap();
        fork.switched
            .map(|switched| format!("{:?}", switched.state))
    };
    let mut lamp = bob.subscribe("dialog", "*271", 600).await.unwrap();
    let off = lamp.next(SOON).await.unwrap();
    assert!(!off.body.contains("<dialog "), "{}", off.body);
    dial(&alice, "*271").await;
    assert_eq!(state().as_deref(), Some("Closed"));
    let on = lamp.wait(SOON, |body| body.contains("<state>confirmed</state>"));
    on.await.unwrap();
    dial(&alice, "*271").await;
    assert_eq!(state(), None);
    let off = lamp.wait(SOON, |body| body.contains("<state>terminated</state>"));
    off.await.unwrap();
    // It goes out by itself when its time is over.
    let until = store.now() + 3_000;
    let switched = move |current: &TimeCondition| {
        let mut next = current.clone();
        next.switched = Some(Override {
            state: OverrideState::Closed,
            until: Some(until),
        });
        next
    };
    store.update(&Actor::System, id, switched).await.unwrap();
    let on = lamp.wait(SOON, |body| body.contains("<state>confirmed</state>"));
    on.await.unwrap();
    let off = lamp.wait(SOON, |body| body.contains("<state>terminated</state>"));
    off.await.unwrap();
    let back = |current: &TimeCondition| TimeCondition {
        switched: None,
        ..current.clone()
    };
    store.update(&Actor::System, id, back).await.unwrap();
    // There is no other to watch.
    assert!(bob.subscribe("dialog", "*272", 600).await.is_err());
    // There is no other.
    dial(&alice, "*272").await;
    assert_eq!(state(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_that_is_switched_off_forwards_nothing() {
    let gateway = Gateway::start().await;
    let (alice, _carol) = (gateway.phone("2001").await, gateway.phone("2003").await);
    let (extension, _) = gateway.extension("2002").await;
    let change = ExtensionChange {
        forward_all: Some(Some("2003".into())),
        enabled: Some(false),
        ..ExtensionChange::default()
    };
    let store = &gateway.store;
    let changed = store
        .update_extension(&Actor::System, extension.id, change)
        .await;
    changed.unwrap();
    let mut out = alice.call("2002").await.unwrap();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(404));
    let record = gateway.record().await;
    assert_eq!(record.result, Some(CallResult::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_19_somebody_is_passed_on_by_keys() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    let (out, mut inn) = crate::gateway::talking(&alice, "2002", &bob).await;
    // A number that does not exist: as if nothing had happened.
    inn.audio().send_digits("##2999#");
    inn.audio().send_digits("##2003#");
    let mut third = incoming(&carol).await;
    third.answer();
    third.wait_answered(SOON).await.unwrap();
    assert_eq!(inn.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    out.audio().send(Source::Tone {
        frequency: 600.0,
        dbm0: -10.0,
    });
    let heard = async {
        loop {
            let heard = third.audio().last(std::time::Duration::from_millis(300));
            if sipphone::level_dbm0(&heard, 600.0) > -20.0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, heard).await.unwrap();
    out.hang_up();
    third.wait_ended(SOON).await.unwrap();
    let record = gateway.record().await;
    let steps = steps(&record);
    assert!(steps.contains(&"transfer_failed"), "{steps:?}");
    assert!(steps.contains(&"transferred"), "{steps:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_that_are_spoken_to_are_asked_to_take_the_call_by_themselves() {
    let gateway = Gateway::start().await;
    let (alice, bob, carol) = (
        gateway.phone("2001").await,
        gateway.phone("2002").await,
        gateway.phone("2003").await,
    );
    // His own phone, wherever his calls go.
    dial(&bob, "*722003").await;
    let mut out = alice.call("*802002").await.unwrap();
    let mut inn = incoming(&bob).await;
    assert_eq!(inn.invite_values("Answer-Mode"), ["Auto"]);
    let call_info = inn.invite_values("Call-Info");
    assert!(call_info[0].ends_with(">;answer-after=0"), "{call_info:?}");
    let alert_info = inn.invite_values("Alert-Info");
    let asks = alert_info[0].contains(";info=alert-autoanswer");
    assert!(asks, "{alert_info:?}");
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    crate::hearing::hear_each_other(&out, &inn).await;
    // Nobody is spoken to who talks, or does not want to be disturbed.
    let mut second = carol.call("*802002").await.unwrap();
    let end = second.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::Refused(486));
    out.hang_up();
    inn.wait_ended(SOON).await.unwrap();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    dial(&bob, "*78").await;
    let mut third = carol.call("*802002").await.unwrap();
    let end = third.wait_ended(SOON).await.unwrap();
    assert_eq!(end, EndReason::Refused(486));
    // A call as usual asks for nothing.
    let out = bob.call("2001").await.unwrap();
    let inn = incoming(&alice).await;
    assert!(inn.invite_values("Call-Info").is_empty());
    out.hang_up();
}
