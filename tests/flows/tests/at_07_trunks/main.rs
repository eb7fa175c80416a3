//! AT-07 and what AT-08 and AT-09 say of trunks alone: registration, health, sources, failover, numbers in and out.
//!
//! Carriers have addresses of their own in 127.0.0.0/8, as sources are told apart by address. Where keys and audio count,
//! a `sipphone` is the carrier; where registration and challenges count, SIPp is.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Gateway, GatewayError};
use peers::Carrier;
use serde_json::{Value, json};
use sipphone::{Call, CallEvent, EndReason, Phone, PhoneConfig};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const ACCOUNT: (&str, &str) = ("5133334444", "pa@ss:word");

/// A loopback address that no other test of this process uses, with a port that is free there.
fn address() -> Result<SocketAddr> {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let ip = Ipv4Addr::new(
        127,
        7,
        (std::process::id() % 250) as u8,
        NEXT.fetch_add(1, Ordering::Relaxed),
    );
    Ok(UdpSocket::bind((ip, 0))?.local_addr()?)
}

async fn add(gateway: &Gateway, trunk: &Value) -> Result<i64> {
    let made = gateway
        .api()
        .post("/api/v1/trunks", trunk)
        .await?
        .expect(201)?;
    Ok(made["id"].as_i64().unwrap_or_default())
}

async fn change(gateway: &Gateway, id: i64, change: &Value) -> Result<Value> {
    let path = format!("/api/v1/trunks/{id}");
    Ok(gateway.api().patch(&path, change).await?.expect(200)?)
}

/// Waits until the trunk is in `state`; its status.
async fn state(gateway: &Gateway, id: i64, state: &'static str) -> Result<Value> {
    let path = format!("/api/v1/trunks/{id}");
    let found = gateway
        .wait(&path, state, |trunk| trunk["status"]["state"] == state)
        .await;
    match found {
        Ok(trunk) => Ok(trunk["status"].clone()),
        Err(error) => {
            let now = gateway.api().get(&path).await?.json();
            Err(format!("{error}; the trunk is {}; {}", now["status"], gateway.log()).into())
        }
    }
}

fn registering(carrier: SocketAddr) -> Value {
    json!({
        "name": "Carrier", "hosts": [carrier.to_string()], "auth": "register",
        "user": ACCOUNT.0, "password": ACCOUNT.1, "options_interval": 10,
    })
}

/// A trunk known by the address of `carrier`, with everything that comes in leading to `extension`.
fn by_address(carrier: SocketAddr, extension: i64) -> Value {
    json!({
        "name": "Carrier", "hosts": [carrier.to_string()], "auth": "ip",
        "sources": [carrier.ip().to_string()], "inbound_default": extension,
    })
}

/// A telephone that stands for a carrier: it has no account at the gateway.
async fn carrier_phone(gateway: &Gateway, local: SocketAddr) -> Result<Phone> {
    let config = PhoneConfig {
        local,
        ..PhoneConfig::new(gateway.sip(), "5198765432", "")
    };
    Ok(Phone::start(config).await?)
}

async fn next_call(phone: &Phone) -> Result<Call> {
    let call = tokio::time::timeout(SOON, phone.next_call()).await;
    Ok(call
        .ok()
        .flatten()
        .ok_or(GatewayError::Late("the incoming call"))?)
}

/// An extension with a registered phone; its id.
async fn extension(gateway: &Gateway, number: &str) -> Result<(i64, Phone)> {
    let extension = gateway.extension(number).await?;
    let phone = Phone::start(gateway.phone_config(&extension)).await?;
    phone.register(300).await?;
    Ok((extension.id, phone))
}

fn steps(record: &Value) -> Vec<&str> {
    let trace = record["trace"].as_array();
    trace
        .into_iter()
        .flatten()
        .filter_map(|step| step["step"].as_str())
        .collect()
}

#[tokio::test]
async fn a_trunk_registers_with_digest_and_says_good_bye() -> Result {
    let mut gateway = Gateway::start().await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let id = add(&gateway, &registering(carrier.address())).await?;
    let status = state(&gateway, id, "registered").await?;
    assert_eq!(status["host"], carrier.address().to_string());
    assert!(status["registered_until"].is_i64(), "{status}");
    let register = carrier
        .message(&["REGISTER sip:", "Authorization: Digest"], SOON)
        .await?;
    let contact = format!("Contact: <sip:{}@{}>", ACCOUNT.0, gateway.sip());
    assert!(register.contains(&contact), "{register}");
    assert!(register.contains("username=\"5133334444\""), "{register}");
    assert!(
        !carrier.messages().contains(ACCOUNT.1),
        "the password itself is never sent"
    );
    let listed = gateway.api().get("/api/v1/trunks").await?.expect(200)?;
    assert!(!listed.to_string().contains(ACCOUNT.1), "{listed}");

    // Disabled, it is taken off; enabled, it comes back; when the gateway stops, it is taken off again.
    change(&gateway, id, &json!({ "enabled": false })).await?;
    carrier
        .message(&["REGISTER sip:", "Expires: 0\r"], SOON)
        .await?;
    let path = format!("/api/v1/trunks/{id}");
    gateway
        .wait(&path, "the trunk's end", |trunk| trunk["status"].is_null())
        .await?;
    change(&gateway, id, &json!({ "enabled": true })).await?;
    state(&gateway, id, "registered").await?;
    let before = carrier.messages().matches("Expires: 0\r").count();
    assert_eq!(gateway.stop().await?, Some(0));
    let after = carrier.messages().matches("Expires: 0\r").count();
    assert!(after > before, "{}", carrier.messages());
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_is_seen_at_once_and_put_right_at_once() -> Result {
    let gateway = Gateway::start().await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["password"] = json!("wrong");
    let began = Instant::now();
    let id = add(&gateway, &trunk).await?;
    let status = state(&gateway, id, "rejected").await?;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        (&status["fault"], &status["status"]),
        (&json!("refused"), &json!(403))
    );
    assert!(
        gateway.log().contains("trunk is rejected"),
        "{}",
        gateway.log()
    );
    change(&gateway, id, &json!({ "password": ACCOUNT.1 })).await?;
    state(&gateway, id, "registered").await?;
    // A change of something else keeps password and registration.
    change(&gateway, id, &json!({ "name": "Other" })).await?;
    state(&gateway, id, "registered").await?;
    assert!(!carrier.messages().contains("Expires: 0\r"));
    Ok(())
}

#[tokio::test]
async fn a_restart_registers_again() -> Result {
    let mut gateway = Gateway::start().await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let id = add(&gateway, &registering(carrier.address())).await?;
    state(&gateway, id, "registered").await?;
    gateway.crash_and_restart().await?;
    state(&gateway, id, "registered").await?;
    Ok(())
}

#[tokio::test]
async fn a_dead_host_is_noticed_and_so_is_its_return() -> Result {
    let gateway = Gateway::start().await?;
    let at = address()?;
    let carrier = Carrier::start("carrier", at, ACCOUNT).await?;
    let trunk = json!({
        "name": "Carrier", "hosts": [at.to_string()], "auth": "none", "options_interval": 10,
    });
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "ok").await?;
    carrier.stop().await?;
    let path = format!("/api/v1/trunks/{id}");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let now = gateway.api().get(&path).await?.expect(200)?;
        if now["status"]["state"] == "unreachable" {
            break;
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let _carrier = Carrier::start("carrier", at, ACCOUNT).await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let now = gateway.api().get(&path).await?.expect(200)?;
        if now["status"]["state"] == "ok" {
            return Ok(());
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_carrier_known_by_address_rings_without_challenge_and_nobody_else_does() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let mut trunk = by_address(at, id);
    trunk["options_interval"] = json!(0);
    let trunk_id = add(&gateway, &trunk).await?;
    state(&gateway, trunk_id, "ok").await?;
    // Another port of the same address.
    let carrier = carrier_phone(&gateway, SocketAddr::new(at.ip(), 0)).await?;
    let mut out = carrier.call("5133334444").await?;
    let mut inn = next_call(&ana).await?;
    inn.ring();
    out.wait_ringing(SOON).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    inn.wait_answered(SOON).await?;
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(&inn, 600.0).await?;
    hears(&out, 1100.0).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let record = gateway.records(1).await?.remove(0);
    assert_eq!(record["direction"], "inbound", "{record}");
    assert_eq!(record["caller"]["number"], "5198765432", "{record}");
    assert_eq!(record["callee"]["number"], "5133334444", "{record}");
    assert_eq!(record["legs"][0]["party"], "Carrier", "{record}");

    // The same from elsewhere is challenged and rings nobody.
    let stranger = carrier_phone(&gateway, address()?).await?;
    let mut refused = stranger.call("5133334444").await?;
    match refused.wait_ended(SOON).await? {
        EndReason::Refused(401 | 403) => {}
        other => panic!("{other:?}"),
    }
    let rings = tokio::time::timeout(Duration::from_millis(300), ana.next_call()).await;
    assert!(rings.is_err(), "it rang");
    assert_eq!(gateway.records(1).await?.len(), 1, "and leaves no record");
    Ok(())
}

#[tokio::test]
async fn a_number_that_leads_nowhere_is_answered_404_and_written_down() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let mut trunk = by_address(at, id);
    trunk["inbound_default"] = Value::Null;
    trunk["inbound"] = json!([{ "number": "+555133334444", "extension": id }]);
    add(&gateway, &trunk).await?;
    let carrier = carrier_phone(&gateway, SocketAddr::new(at.ip(), 0)).await?;
    let mut out = carrier.call("5130000000").await?;
    match out.wait_ended(SOON).await? {
        EndReason::Refused(404) => {}
        other => panic!("{other:?}"),
    }
    let record = gateway.records(1).await?.remove(0);
    assert_eq!(record["result"], "not_found", "{record}");
    let refused = &record["trace"]
        .as_array()
        .and_then(|trace| trace.last().cloned());
    let reason = refused.as_ref().map(|step| step["reason"].clone());
    assert_eq!(reason, Some(json!("unconfigured_number")), "{record}");
    // With or without the plus, the configured number rings.
    let out = carrier.call("555133334444").await?;
    let inn = next_call(&ana).await?;
    drop((out, inn));
    Ok(())
}

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
    inn.ring();
    out.wait_ringing(SOON).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    inn.wait_answered(SOON).await?;
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(&inn, 600.0).await?;
    hears(&out, 1100.0).await?;
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

#[tokio::test]
async fn a_registered_trunk_takes_calls_from_its_registrar_only() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let carrier = Carrier::start("carrier", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["inbound_default"] = json!(id);
    let trunk = add(&gateway, &trunk).await?;
    state(&gateway, trunk, "registered").await?;
    let registrar = SocketAddr::new(carrier.address().ip(), 0);
    let out = carrier_phone(&gateway, registrar).await?;
    let call = out.call(ACCOUNT.0).await?;
    let rings = next_call(&ana).await?;
    drop((call, rings));
    let stranger = carrier_phone(&gateway, address()?).await?;
    let mut refused = stranger.call(ACCOUNT.0).await?;
    match refused.wait_ended(SOON).await? {
        EndReason::Refused(401 | 403) => Ok(()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_the_carrier_says_of_the_caller_is_believed_and_his_wish_for_privacy_kept() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    let mut trunk = by_address(at, id);
    trunk["session_timer"] = json!("refuse");
    trunk["codecs"] = json!(["PCMA"]);
    add(&gateway, &trunk).await?;
    for (calls, privacy, number, shown) in [
        (
            1,
            "Privacy: none",
            json!("+5551987654321"),
            "<sip:+5551987654321@",
        ),
        (
            2,
            "Privacy: id",
            Value::Null,
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
        ),
    ] {
        let sip = gateway.sip();
        let call = tokio::spawn(async move {
            Carrier::call("inbound", at.ip(), sip, "5133334444", privacy).await
        });
        let inn = next_call(&ana).await?;
        assert!(inn.caller().contains(shown), "{}", inn.caller());
        inn.answer();
        let messages = call.await??;
        // Min-SE and Session-Expires in the INVITE, nothing of them in what we say.
        let ours: Vec<_> = messages
            .split("-----------------------------------------------")
            .filter(|message| message.contains("SIP/2.0 200") && message.contains("INVITE"))
            .collect();
        assert!(!ours.is_empty(), "{messages}");
        for message in ours {
            assert!(!message.contains("Session-Expires"), "{message}");
            assert!(
                message.contains("RTP/AVP 8") && !message.contains("PCMU"),
                "{message}"
            );
        }
        let record = gateway.records(calls).await?.remove(0);
        // AT-40: a withheld number is none, and no digits stand for it.
        assert_eq!(record["caller"]["number"], number, "{record}");
        assert!(steps(&record).contains(&"diverted_by"), "{record}");
    }
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
async fn a_carrier_that_challenges_everything_gets_its_answers() -> Result {
    let gateway = Gateway::start().await?;
    let carrier = Carrier::start("challenging", address()?, ACCOUNT).await?;
    let mut trunk = registering(carrier.address());
    trunk["auth"] = json!("none");
    let id = add(&gateway, &trunk).await?;
    state(&gateway, id, "ok").await?;
    let options = ["OPTIONS sip:", "Authorization: Digest"];
    let answer = carrier.message(&options, SOON).await?;
    assert!(answer.contains("username=\"5133334444\""), "{answer}");
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

#[tokio::test]
async fn a_carrier_neither_takes_a_place_in_our_calls_nor_leads_one_out_again() -> Result {
    let gateway = Gateway::start().await?;
    let (id, ana) = extension(&gateway, "2001").await?;
    let at = address()?;
    add(&gateway, &by_address(at, id)).await?;
    let carrier = carrier_phone(&gateway, SocketAddr::new(at.ip(), 0)).await?;
    let mut out = carrier.call("5133334444").await?;
    let inn = next_call(&ana).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    // INVITE with Replaces (RFC 3891 §3), even for a dialog it knows.
    let replaces = out.name().await?.replaces();
    let mut taking = carrier.call_replacing("5133334444", &replaces).await?;
    assert_eq!(taking.wait_ended(SOON).await?, EndReason::Refused(403));
    // REFER leads where a call of the carrier would: never out, here to who is talking already.
    out.refer("051987654321");
    let told = out
        .wait(SOON, |event| matches!(event, CallEvent::Referred(_, true)))
        .await?;
    assert!(
        matches!(&told, CallEvent::Referred(line, _) if line.starts_with("SIP/2.0 4")),
        "{told:?}"
    );
    // The call goes on as it was.
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(&inn, 600.0).await?;
    hears(&out, 1100.0).await?;
    out.hang_up();
    let record = gateway.records(1).await?.remove(0);
    assert!(steps(&record).contains(&"transfer_failed"), "{record}");
    assert!(!steps(&record).contains(&"trunk"), "{record}");
    Ok(())
}
