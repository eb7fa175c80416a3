//! Calls: ringing, refusing, answering, holding, hanging up, and what is written down about it.

use std::time::{Duration, Instant};

use ramal_model::{Actor, CallResult, ExtensionChange, NewExtension};
use ramal_pbx::CallState;
use sipphone::{AudioReport, CallEvent, EndReason, Law, Phone, Source, level_dbm0};

use crate::gateway::{Gateway, SOON, incoming, steps, talking};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_rings_is_answered_and_is_hung_up_by_the_caller() {
    let gateway = Gateway::start().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    assert!(
        inn.caller().contains("\"Ramal 2001\"") && inn.caller().contains("sip:2001@"),
        "{}",
        inn.caller()
    );
    inn.ring();
    out.wait_ringing(SOON).await.unwrap();
    let live = gateway.wait("ringing", |live| live.calls.len() == 1).await;
    assert_eq!(live.calls[0].state, CallState::Ringing);
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    let live = gateway
        .wait("the answer", |live| {
            live.calls[0].state == CallState::Answered
        })
        .await;
    assert_eq!(live.calls[0].codec.as_deref(), Some("PCMA"));
    for call in [&out, &inn] {
        call.audio().send(sipphone::Source::Silence);
        let heard = call
            .audio()
            .wait(SOON, "25 packets", |report| report.received >= 25)
            .await
            .unwrap();
        assert_eq!(heard.payload_type, Some(8));
    }
    out.hang_up();
    assert_eq!(inn.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);

    let record = gateway.record().await;
    assert_eq!(record.result, Some(CallResult::Answered));
    assert_eq!(
        (record.caller.number.as_str(), record.callee.number.as_str()),
        ("2001", "2002")
    );
    assert_eq!(record.legs.len(), 2);
    for leg in &record.legs {
        assert!(
            leg.packets_received >= 20 && leg.answered_at.is_some(),
            "{leg:?}"
        );
        assert_eq!(leg.codec.as_deref(), Some("PCMA"));
    }
    assert_eq!(
        steps(&record),
        ["dialled", "extension", "ringing", "answered_by", "hung_up"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_codec_is_used_on_both_legs() {
    let gateway = Gateway::start().await;
    let (extension, secret) = gateway.extension("2001").await;
    let mut config = gateway.config(&extension, &secret);
    config.laws = vec![Law::Mu, Law::A];
    let ana = Phone::start(config).await.unwrap();
    let bruno = gateway.phone("2002").await;
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    for call in [&out, &inn] {
        call.audio().send(sipphone::Source::Silence);
        let heard = call
            .audio()
            .wait(SOON, "a packet", |report| report.received >= 5)
            .await
            .unwrap();
        assert_eq!(heard.payload_type, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_which_one_end_is_heard_no_more_ends_after_a_minute() {
    let gateway = Gateway::start().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let (mut out, mut inn) = talking(&ana, "2002", &bruno).await;
    out.audio().send(Source::Silence);
    inn.audio().send(Source::Silence);
    let minute = Duration::from_secs(60);
    let heard = |report: &AudioReport| report.received > 50;
    out.audio().wait(SOON, "packets", heard).await.unwrap();
    inn.audio().wait(SOON, "packets", heard).await.unwrap();
    let start = Instant::now();
    inn.audio().send(Source::Off);
    let reason = out.wait_ended(minute + SOON).await.unwrap();
    assert_eq!(reason, EndReason::RemoteHangUp);
    assert!(start.elapsed() >= minute - Duration::from_secs(1));
    assert_eq!(inn.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    let record = gateway.record().await;
    let lost = record
        .trace
        .iter()
        .find(|step| step["step"] == "media_lost");
    assert_eq!(lost.unwrap()["from"], "callee", "{:?}", record.trace);
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_and_resume_reach_the_other_phone() {
    let gateway = Gateway::start().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    inn.hold();
    out.wait(SOON, |event| *event == CallEvent::Held)
        .await
        .unwrap();
    gateway
        .wait("hold", |live| live.calls[0].state == CallState::Held)
        .await;
    inn.resume();
    out.wait(SOON, |event| *event == CallEvent::Resumed)
        .await
        .unwrap();
    gateway
        .wait("resume", |live| live.calls[0].state == CallState::Answered)
        .await;
    inn.hang_up();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    let record = gateway.record().await;
    assert_eq!(
        steps(&record)[3..],
        ["answered_by", "held", "resumed", "hung_up"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_phone_a_number_that_is_not_there_and_a_phone_that_is_off() {
    let gateway = Gateway::start().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    gateway.extension("2003").await;
    let mut out = ana.call("2002").await.unwrap();
    let at_bruno = incoming(&bruno).await;
    at_bruno.reject(486);
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(486));
    for (number, status) in [("2999", 404), ("2003", 480), ("2001", 486), ("*99", 404)] {
        let mut out = ana.call(number).await.unwrap();
        assert_eq!(
            out.wait_ended(SOON).await.unwrap(),
            EndReason::Refused(status),
            "{number}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_phones_of_an_extension_ring_and_the_others_stop_when_one_answers() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, secret) = gateway.extension("2002").await;
    let desk = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    let mobile = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    for phone in [&desk, &mobile] {
        phone.register(600).await.unwrap();
    }
    let mut out = ana.call("2002").await.unwrap();
    let (mut at_desk, at_mobile) = (incoming(&desk).await, incoming(&mobile).await);
    at_desk.ring();
    at_mobile.ring();
    out.wait_ringing(SOON).await.unwrap();
    at_mobile.answer();
    out.wait_answered(SOON).await.unwrap();
    let reason = r#"SIP;cause=200;text="Call completed elsewhere""#;
    assert_eq!(
        at_desk.wait_ended(SOON).await.unwrap(),
        EndReason::Cancelled(Some(reason.into()))
    );
    out.hang_up();
    let record = gateway.record().await;
    assert_eq!(record.legs.len(), 3);
    assert_eq!(record.result, Some(CallResult::Answered));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_gives_up() {
    let gateway = Gateway::start().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    inn.ring();
    out.wait_ringing(SOON).await.unwrap();
    out.hang_up();
    assert!(matches!(
        inn.wait_ended(SOON).await.unwrap(),
        EndReason::Cancelled(_)
    ));
    let record = gateway.record().await;
    assert_eq!(record.result, Some(CallResult::Cancelled));
    assert_eq!(record.answered_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_within_the_ring_time() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, secret) = gateway
        .extension_with(NewExtension {
            number: "2002".into(),
            ring_time: Some(5),
            ..NewExtension::default()
        })
        .await;
    let bruno = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    bruno.register(600).await.unwrap();
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    inn.ring();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::Refused(480));
    assert!(matches!(
        inn.wait_ended(SOON).await.unwrap(),
        EndReason::Cancelled(_)
    ));
    assert_eq!(gateway.record().await.result, Some(CallResult::NoAnswer));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_takes_as_many_calls_as_it_may() {
    let gateway = Gateway::start().await;
    let (ana, carla) = (gateway.phone("2001").await, gateway.phone("2003").await);
    let (extension, secret) = gateway
        .extension_with(NewExtension {
            number: "2002".into(),
            max_calls: Some(1),
            ..NewExtension::default()
        })
        .await;
    let bruno = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    bruno.register(600).await.unwrap();
    let mut first = ana.call("2002").await.unwrap();
    let at_bruno = incoming(&bruno).await;
    at_bruno.answer();
    first.wait_answered(SOON).await.unwrap();
    let mut second = carla.call("2002").await.unwrap();
    assert_eq!(
        second.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(486)
    );
    first.hang_up();
    gateway.wait("the end", |live| live.calls.is_empty()).await;
    let mut third = carla.call("2002").await.unwrap();
    let at_bruno = incoming(&bruno).await;
    at_bruno.answer();
    third.wait_answered(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_administrator_ends_a_call_and_a_stop_ends_all() {
    let gateway = Gateway::start().await;
    let (ana, bruno) = (gateway.phone("2001").await, gateway.phone("2002").await);
    for by_stop in [false, true] {
        let mut out = ana.call("2002").await.unwrap();
        let mut inn = incoming(&bruno).await;
        inn.answer();
        out.wait_answered(SOON).await.unwrap();
        inn.wait_answered(SOON).await.unwrap();
        if by_stop {
            let begun = std::time::Instant::now();
            gateway.pbx.shutdown().await;
            assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
            assert!(!gateway.pbx.is_alive().await);
        } else {
            let live = gateway.wait("the call", |live| live.calls.len() == 1).await;
            assert!(gateway.pbx.hang_up(&live.calls[0].id));
        }
        assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
        assert_eq!(inn.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_extension_loses_its_phones_but_not_its_call() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, secret) = gateway.extension("2002").await;
    let bruno = Phone::start(gateway.config(&extension, &secret))
        .await
        .unwrap();
    bruno.register(600).await.unwrap();
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    let disabled = ExtensionChange {
        enabled: Some(false),
        ..ExtensionChange::default()
    };
    gateway
        .store
        .update_extension(&Actor::System, extension.id, disabled)
        .await
        .unwrap();
    gateway
        .wait("un-registration", |live| live.registrations.len() == 1)
        .await;
    inn.audio().send(sipphone::Source::Silence);
    let before = out.audio().report().received;
    out.audio()
        .wait(SOON, "media", |report| report.received > before + 10)
        .await
        .unwrap();
    let mut again = ana.call("2002").await.unwrap();
    assert_eq!(
        again.wait_ended(SOON).await.unwrap(),
        EndReason::Refused(404)
    );
    inn.hang_up();
    assert_eq!(out.wait_ended(SOON).await.unwrap(), EndReason::RemoteHangUp);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_prompts_still_echoes() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let mut out = ana.call("*43").await.unwrap();
    out.wait_answered(SOON).await.unwrap();
    out.audio().send(sipphone::Source::Silence);
    out.audio()
        .wait(SOON, "an echo", |report| report.received >= 50)
        .await
        .unwrap();
    out.hang_up();
    let record = gateway.record().await;
    assert_eq!(
        steps(&record),
        ["dialled", "feature_code", "answered_by_gateway", "hung_up"]
    );
    assert_eq!(record.legs[1].device, "echo");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_reach_a_phone_without_telephone_events_as_tones() {
    let gateway = Gateway::start().await;
    let ana = gateway.phone("2001").await;
    let (extension, secret) = gateway.extension("2002").await;
    let mut config = gateway.config(&extension, &secret);
    config.telephone_events = false;
    let bruno = Phone::start(config).await.unwrap();
    bruno.register(600).await.unwrap();
    let mut out = ana.call("2002").await.unwrap();
    let mut inn = incoming(&bruno).await;
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    out.audio().send_digits("5");
    let tones = |heard: &[i16]| [770.0, 1336.0].map(|tone| level_dbm0(heard, tone));
    let deadline = tokio::time::Instant::now() + SOON;
    let mut received = 0;
    // 100 ms of a key among other sound: some window of that length is the key alone.
    while !inn.audio().heard().windows(640).step_by(160).any(|window| {
        tones(window)
            .iter()
            .all(|level| (-10.0..-8.0).contains(level))
    }) {
        assert!(tokio::time::Instant::now() < deadline);
        received += 10;
        inn.audio()
            .wait(SOON, "more packets", |report| report.received >= received)
            .await
            .unwrap();
    }
}
