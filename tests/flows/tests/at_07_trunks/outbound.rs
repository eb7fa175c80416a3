//! Calls that go out: numbers, challenges, hosts and trunks that fail, limits, TCP and keys.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use flow_tests::SOON;
use gateway_under_test::Gateway;
use peers::Carrier;
use serde_json::{Value, json};
use sipphone::{EndReason, Phone, PhoneError};

use super::{
    ACCOUNT, Result, add, address, by_address, carrier_phone, change, extension, next_call,
    registering, state, steps, talk,
};

#[tokio::test]
async fn a_call_out_goes_over_the_trunk_and_both_hear_each_other() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let carrier = carrier_phone(&gateway, at).await?;
    let mut trunk = by_address(at, id);
    trunk["outbound"] = json!([{ "prefix": "55", "strip": 2 }, { "prefix": "9" }]);
    trunk["from_user"] = json!("5133334444");
    let trunk_id = add(&gateway, &trunk).await?;
    state(&gateway, trunk_id, "ok").await?;
    let mut out = ana.call("0555125554444").await?;
    let mut inn = next_call(&carrier).await?;
    assert_eq!(inn.called(), format!("sip:5125554444@{at}"));
    let from = format!("<sip:5133334444@{}>", at.ip());
    assert!(inn.caller().starts_with(&from), "{}", inn.caller());
    talk(&mut out, &mut inn).await?;
    inn.hang_up();
    out.wait_ended(SOON).await?;
    let record = gateway.records(1).await?.remove(0);
    assert_eq!(
        (&record["direction"], &record["result"]),
        (&json!("outbound"), &json!("answered")),
        "{record}"
    );
    assert_eq!(record["legs"][1]["party"], "Carrier", "{record}");
    assert!(steps(&record).contains(&"sip_trunk"), "{record}");

    // What no rule takes, and what leads abroad even when a prefix hides it, goes nowhere.
    for (number, status) in [
        ("0811112222", 404),
        ("000447911123456", 403),
        ("05500447911123456", 403),
    ] {
        let mut refused = ana.call(number).await?;
        match refused.wait_ended(SOON).await? {
            EndReason::Refused(refusal) if refusal == status => {}
            other => panic!("{number}: {other:?}"),
        }
    }
    let rings = tokio::time::timeout(Duration::from_millis(300), carrier.next_call()).await;
    assert!(rings.is_err(), "the carrier got one of them");
    Ok(())
}

#[tokio::test]
async fn a_challenge_of_the_carrier_is_answered_and_its_refusal_told() -> Result {
    let gateway = Gateway::start().await?;
    let (_, ana) = extension(&gateway, "2001").await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let id = add(&gateway, &registering(carrier.address())).await?;
    state(&gateway, id, "registered").await?;
    let mut out = ana.call("05125554444").await?;
    out.wait_answered(SOON).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    let invite = carrier
        .message(
            &["INVITE sip:5125554444@", "Proxy-Authorization: Digest"],
            SOON,
        )
        .await?;
    let host = carrier.address().ip();
    for line in [
        format!("Contact: <sip:{}@", ACCOUNT.0),
        format!("From: \"Ramal 2001\" <sip:2001@{host}>"),
        format!("P-Asserted-Identity: \"Ramal 2001\" <sip:2001@{host}>"),
    ] {
        assert!(invite.contains(&line), "{line} in {invite}");
    }
    let record = gateway.records(1).await?.remove(0);
    assert_eq!(record["result"], "answered", "{record}");
    Ok(())
}

#[tokio::test]
async fn the_next_host_and_the_next_trunk_take_over_within_seconds() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let silent = UdpSocket::bind(address()?)?;
    let overloaded = Carrier::start("overloaded", address()?, ACCOUNT).await?;
    let at = address()?;
    let carrier = carrier_phone(&gateway, at).await?;
    let first = json!({
        "name": "First", "auth": "none", "priority": 1, "options_interval": 0,
        "hosts": [overloaded.address().to_string(), silent.local_addr()?.to_string()],
    });
    add(&gateway, &first).await?;
    let mut second = by_address(at, id);
    second["name"] = json!("Second");
    let second = add(&gateway, &second).await?;
    state(&gateway, second, "ok").await?;
    let began = Instant::now();
    let mut out = ana.call("05125554444").await?;
    let mut inn = next_call(&carrier).await?;
    let took = began.elapsed();
    // 503 costs nothing, silence three seconds.
    assert!((2500..4500).contains(&took.as_millis()), "{took:?}");
    inn.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let record = gateway.records(1).await?.remove(0);
    let failures: Vec<_> = record["trace"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|step| step["step"] == "sip_trunk_failed")
        .map(|step| (step["host"].clone(), step["cause"].clone()))
        .collect();
    assert_eq!(
        failures,
        [
            (json!(overloaded.address().to_string()), json!(41)),
            (json!(silent.local_addr()?.to_string()), json!(102)),
        ],
        "{record}"
    );
    assert_eq!(record["legs"][1]["party"], "Second", "{record}");

    // Nothing is left when that one is gone, too.
    change(&gateway, second, &json!({ "enabled": false })).await?;
    let mut refused = ana.call("05125554444").await?;
    match refused.wait_ended(SOON).await? {
        EndReason::Refused(503 | 504) => {}
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn a_caller_who_gives_up_is_cancelled_at_the_carrier() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let carrier = carrier_phone(&gateway, at).await?;
    add(&gateway, &by_address(at, id)).await?;
    let mut out = ana.call("05125554444").await?;
    let mut inn = next_call(&carrier).await?;
    inn.ring();
    out.wait_ringing(SOON).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    let ended = inn.wait_ended(SOON).await?;
    assert!(matches!(ended, EndReason::Cancelled(_)), "{ended:?}");
    let record = gateway.records(1).await?.remove(0);
    assert_eq!(record["result"], "cancelled", "{record}");
    Ok(())
}

#[tokio::test]
async fn a_full_trunk_takes_no_more_calls_in_either_direction() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let mut trunk = by_address(at, id);
    trunk["max_channels"] = json!(1);
    let trunk_id = add(&gateway, &trunk).await?;
    let carrier = carrier_phone(&gateway, at).await?;
    let mut out = carrier.call("5133334444").await?;
    let mut inn = next_call(&ana).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    let path = format!("/api/v1/trunks/{trunk_id}");
    gateway
        .wait(&path, "one call", |trunk| trunk["calls"] == 1)
        .await?;
    for mut refused in [
        carrier.call("5133334444").await?,
        ana.call("05125554444").await?,
    ] {
        match refused.wait_ended(SOON).await? {
            EndReason::Refused(503) => {}
            other => panic!("{other:?}"),
        }
    }
    out.hang_up();
    inn.wait_ended(SOON).await?;
    gateway
        .wait(&path, "no call", |trunk| trunk["calls"] == 0)
        .await?;
    let records = gateway.records(3).await?;
    let busy = |record: &&Value| {
        record["trace"]
            .as_array()
            .is_some_and(|trace| trace.iter().any(|step| step["reason"] == "no_free_line"))
    };
    assert_eq!(records.iter().filter(busy).count(), 2, "{records:?}");
    Ok(())
}

/// AT-07, and the limit for bursts: one more call a second than the carrier allows would cost all of them.
#[tokio::test]
async fn no_more_calls_go_out_in_a_second_than_the_trunk_takes() -> Result {
    const AT_ONCE: usize = 10;
    let gateway = Gateway::start().await?;
    let ana = json!({
        "number": "2001", "display_name": "Ana", "max_calls": 20,
        "class_of_service": { "calls_per_minute": 0 },
    });
    let ana = gateway.extension_with(&ana).await?;
    let ana = Phone::start(gateway.phone_config(&ana)).await?;
    ana.register(300).await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["max_calls_per_second"] = json!(1);
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "registered").await?;
    let began = Instant::now();
    let mut calls = Vec::new();
    for _ in 0..AT_ONCE {
        calls.push(ana.call("05125554444").await?);
    }
    let (mut answered, mut refused) = (Vec::<sipphone::Call>::new(), 0);
    for mut call in calls {
        match call.wait_answered(SOON).await {
            Ok(()) => answered.push(call),
            Err(PhoneError::Ended(EndReason::Refused(503))) => refused += 1,
            Err(other) => return Err(other.into()),
        }
    }
    // One at once, and another one for each second that all this took.
    let most = 1 + usize::try_from(began.elapsed().as_secs())?;
    assert!((1..=most).contains(&answered.len()), "{}", answered.len());
    assert_eq!(answered.len() + refused, AT_ONCE);
    for call in &mut answered {
        call.hang_up();
        call.wait_ended(SOON).await?;
    }
    // The next second has room again.
    let deadline = Instant::now() + SOON;
    loop {
        let mut call = ana.call("05125554444").await?;
        if call.wait_answered(SOON).await.is_ok() {
            answered.push(call);
            break;
        }
        refused += 1;
        assert!(
            Instant::now() < deadline,
            "the trunk takes no call any more"
        );
        // Not as fast as it can refuse.
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    // None of the others got as far as the carrier: each begins with an INVITE without credentials.
    let mut begun: Vec<_> = carrier
        .messages()
        .split("\nINVITE sip:")
        .skip(1)
        .filter_map(|invite| {
            invite
                .split("Call-ID: ")
                .nth(1)?
                .lines()
                .next()
                .map(str::to_owned)
        })
        .collect();
    begun.sort();
    begun.dedup();
    assert_eq!(begun.len(), answered.len(), "{begun:?}");
    let records = gateway.records(answered.len() - 1 + refused).await?;
    let full = |record: &&Value| {
        record["trace"]
            .as_array()
            .is_some_and(|trace| trace.iter().any(|step| step["reason"] == "no_free_line"))
    };
    assert_eq!(records.iter().filter(full).count(), refused, "{records:?}");
    Ok(())
}

#[tokio::test]
async fn a_trunk_works_over_tcp() -> Result {
    let gateway = Gateway::start().await?;
    let (_, ana) = extension(&gateway, "2001").await?;
    let carrier = Carrier::start_tcp("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["transport"] = json!("tcp");
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "registered").await?;
    let mut out = ana.call("05125554444").await?;
    out.wait_answered(SOON).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    let invite = carrier.message(&["INVITE sip:5125554444@"], SOON).await?;
    assert!(invite.contains("SIP/2.0/TCP"), "{invite}");
    Ok(())
}

#[tokio::test]
async fn keys_go_to_the_carrier_by_info_where_the_trunk_says_so() -> Result {
    let gateway = Gateway::start().await?;
    let (_, ana) = extension(&gateway, "2001").await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["dtmf"] = json!("info");
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "registered").await?;
    let mut out = ana.call("05125554444").await?;
    out.wait_answered(SOON).await?;
    out.audio().send_digits("5");
    carrier
        .message(&["INFO sip:", "application/dtmf-relay", "Signal=5"], SOON)
        .await?;
    let invite = carrier.message(&["INVITE sip:5125554444@"], SOON).await?;
    assert!(!invite.contains("telephone-event"), "{invite}");
    Ok(())
}
