//! Webhooks and text messages.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, extensions, next_call, refused};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{HttpSink, Received, address};

/// Whether a request is signed with this secret, by the Standard Webhooks specification.
fn is_signed(request: &Received, secret: &str) -> Result<bool> {
    let header = |name: &str| -> Result<String> {
        let value = request.headers.get(name).ok_or(name.to_owned())?;
        Ok(value.to_str()?.to_owned())
    };
    let key = secret.strip_prefix("whsec_").ok_or("the secret's form")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(key)?)?;
    let (id, time) = (header("webhook-id")?, header("webhook-timestamp")?);
    mac.update(format!("{id}.{time}.{}", request.body).as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    Ok(header("webhook-signature")? == format!("v1,{signature}"))
}

/// The deliveries to a target, latest first.
async fn deliveries(bench: &Bench, target: i64) -> Result<Vec<Value>> {
    let path = format!("/api/v1/deliveries?target={target}");
    let page = bench.gateway.api().get(&path).await?.expect(200)?;
    Ok(page["deliveries"].as_array().cloned().unwrap_or_default())
}

/// A call to the number that is refused, from this number.
async fn missed(bench: &Bench) -> Result {
    let mut call = bench.carrier.call(NUMBER).await?;
    refused(&mut call, 486).await
}

async fn webhook(bench: &Bench, url: String, events: Value) -> Result<(i64, String)> {
    let body = json!({ "name": "CRM", "url": url, "events": events });
    let made = bench.gateway.api().post("/api/v1/webhooks", &body).await?;
    let made = made.expect(201)?;
    let secret = made["new_secret"].as_str().ok_or("a secret")?;
    Ok((made["id"].as_i64().unwrap_or_default(), secret.to_owned()))
}

async fn busy_number(bench: &Bench, more: Value) -> Result<i64> {
    let mut settings = json!({ "mode": "reject", "reject_action": { "action": "busy" } });
    if let (Some(settings), Some(more)) = (settings.as_object_mut(), more.as_object()) {
        settings.extend(more.clone());
    }
    bench.number(settings).await
}

#[tokio::test]
async fn at_35_a_missed_call_is_told_signed_tried_again_and_replayed() -> Result {
    let bench = Bench::start().await?;
    busy_number(&bench, json!({})).await?;
    // The first answer is a fault of the server.
    let sink = HttpSink::start(address(), &[500]).await?;
    let events = json!(["call.missed"]);
    let (id, secret) = webhook(&bench, sink.url("/hook?source=pbx"), events).await?;
    missed(&bench).await?;
    let told = sink.told(2).await?;
    assert_eq!(told[0].uri, "/hook?source=pbx");
    assert_eq!(told[0].body, told[1].body);
    for request in &told {
        assert!(is_signed(request, &secret)?, "{request:?}");
        assert!(!is_signed(request, &format!("whsec_{}", "A".repeat(44)))?);
    }
    let event = told[1].json()?;
    let record = bench.record().await?;
    assert_eq!(event["type"], "call.missed", "{event}");
    assert_eq!(event["data"]["id"], record["id"], "{event}");
    assert_eq!(event["data"]["result"], "busy", "{event}");
    assert!(event["data"]["trace"].is_null(), "{event}");

    let of_event = |event: Value| event["event"].clone();
    let delivered = loop {
        let deliveries = deliveries(&bench, id).await?;
        assert_eq!(deliveries.len(), 1, "{deliveries:?}");
        if deliveries[0]["state"] == "delivered" {
            break deliveries[0].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(delivered["attempts"], 2, "{delivered}");
    assert_eq!(delivered["answer"], "204 No Content", "{delivered}");
    let path = format!("/api/v1/deliveries/{}/replay", delivered["id"]);
    let again = bench
        .gateway
        .api()
        .post(&path, &json!({}))
        .await?
        .expect(202)?;
    assert_eq!(of_event(again), of_event(delivered));
    let told = sink.told(3).await?;
    assert_eq!(told[2].headers["webhook-id"], told[0].headers["webhook-id"]);
    Ok(())
}

#[tokio::test]
async fn a_target_that_hangs_holds_up_neither_calls_nor_others_and_hears_it_after_a_restart()
-> Result {
    let mut bench = Bench::start().await?;
    busy_number(&bench, json!({})).await?;
    // It takes connections and never answers.
    let deaf = tokio::net::TcpListener::bind(address()).await?;
    let late = address();
    let events = json!(["call.ended"]);
    let body = |name: &str, url: String| json!({ "name": name, "url": url, "events": events });
    let hanging = bench
        .add(
            "webhooks",
            body("A", format!("http://{}/", deaf.local_addr()?)),
        )
        .await?;
    let absent = bench
        .add("webhooks", body("B", format!("http://{late}/")))
        .await?;
    let sink = HttpSink::start(address(), &[]).await?;
    bench.add("webhooks", body("C", sink.url("/"))).await?;
    for _ in 0..3 {
        missed(&bench).await?;
    }
    sink.told(3).await?;
    assert!(
        deliveries(&bench, hanging)
            .await?
            .iter()
            .all(|one| one["state"] == "pending")
    );
    bench.gateway.crash_and_restart().await?;
    let back = HttpSink::start(late, &[]).await?;
    let told = back.told(3).await?;
    let ids: std::collections::BTreeSet<_> = told.iter().map(|one| one.body.clone()).collect();
    assert!(ids.len() >= 3, "{told:?}");
    assert_eq!(deliveries(&bench, absent).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn at_35_a_mobile_caller_is_written_to_once() -> Result {
    let bench = Bench::start().await?;
    let sink = HttpSink::start(address(), &[]).await?;
    let carrier = json!({
        "way": "http", "url": sink.url("/send"), "body": r#"{"to":"${to}","text":"${text}"}"#,
        "secret_header": "Authorization",
    });
    let gateway = json!({ "name": "SMS", "carrier": carrier, "secret": "Bearer abc" });
    let gateway = bench.add("text-gateways", gateway).await?;
    busy_number(&bench, json!({ "text_back": { "gateway": gateway } })).await?;
    // The carrier calls from 51 98765432, which lacks a digit: a fixed line.
    missed(&bench).await?;
    let mobile = bench.caller("51998765432").await?;
    for _ in 0..2 {
        let mut call = mobile.call(NUMBER).await?;
        refused(&mut call, 486).await?;
    }
    let told = sink.told(1).await?;
    let message = told[0].json()?;
    assert_eq!(message["to"], "+5551998765432", "{message}");
    let text = message["text"].as_str().unwrap_or_default();
    assert!(
        text.contains(NUMBER) && text.contains("Padaria do Bairro"),
        "{text}"
    );
    assert_eq!(told[0].headers["authorization"], "Bearer abc");
    bench.gateway.records(3).await?;
    let path = format!("/api/v1/text-gateways/{gateway}");
    let shown = bench.gateway.api().get(&path).await?.expect(200)?;
    assert!(!shown.to_string().contains("abc"), "{shown}");
    // Nothing else waits: one message is all there ever was.
    assert_eq!(deliveries(&bench, gateway).await?.len(), 1);
    Ok(())
}

/// What a program with this token gets over HTTPS: the status.
fn fetched(bench: &Bench, path: &str, token: &str) -> Result<String> {
    let fetched = std::process::Command::new("curl")
        .args(["--silent", "--insecure", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code}"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .arg(format!("https://{}{path}", bench.gateway.https()))
        .output()?;
    Ok(String::from_utf8(fetched.stdout)?)
}

#[tokio::test]
async fn at_27_a_recording_is_told_of_with_an_address_for_those_who_may_listen() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let ring = json!({ "targets": extensions(&[ana]) });
    bench
        .number(json!({ "ring": ring, "recording": "all" }))
        .await?;
    let sink = HttpSink::start(address(), &[]).await?;
    let events = json!(["recording.ready"]);
    webhook(&bench, sink.url("/"), events).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&phone).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    // The recording begins when the notice was played.
    let recording = |calls: &Value| calls[0]["recording"] == "recording";
    bench
        .gateway
        .wait("/api/v1/calls/active", "the recording", recording)
        .await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;

    let event = sink.told(1).await?[0].json()?;
    assert_eq!(event["type"], "recording.ready", "{event}");
    let path = event["data"]["audio"].as_str().ok_or("no address")?;
    let api = bench.gateway.api();
    for (role, status) in [("auditor", "200"), ("agent", "403")] {
        let body = json!({ "name": role, "role": role });
        let made = api.post("/api/v1/tokens", &body).await?.expect(201)?;
        let secret = made["secret"].as_str().ok_or("no secret")?;
        assert_eq!(fetched(&bench, path, secret)?, status, "{role}");
    }
    assert_eq!(fetched(&bench, path, "nobody")?, "401");
    Ok(())
}

#[tokio::test]
async fn at_35_a_carrier_takes_the_text_over_its_trunk() -> Result {
    let bench = Bench::start().await?;
    let carrier = json!({ "way": "sip", "trunk": bench.trunk });
    let gateway = json!({ "name": "SMS", "carrier": carrier });
    let gateway = bench.add("text-gateways", gateway).await?;
    busy_number(&bench, json!({ "text_back": { "gateway": gateway } })).await?;
    let mobile = bench.caller("51998765432").await?;
    let mut call = mobile.call(NUMBER).await?;
    refused(&mut call, 486).await?;
    let text = tokio::time::timeout(SOON, bench.carrier.next_message()).await?;
    let text = text.ok_or("no text")?;
    assert_eq!(text.content_type, "text/plain;charset=UTF-8");
    assert_eq!(
        text.to,
        "<sip:+5551998765432@".to_owned() + &bench.carrier.local().ip().to_string() + ">"
    );
    assert!(text.text.contains(NUMBER), "{}", text.text);
    let told = |rows: &Value| rows["deliveries"][0]["state"] == "delivered";
    let path = format!("/api/v1/deliveries?target={gateway}");
    bench.gateway.wait(&path, "the delivery", told).await?;
    // It stays while it is used, and so does its trunk.
    let api = bench.gateway.api();
    api.delete(&format!("/api/v1/trunks/{}", bench.trunk))
        .await?
        .expect(409)?;
    Ok(())
}
