//! AT-25: those who are called by forwarding press a key to take the call. AT-26: what they are told of who calls. Extensions
//! that forward (A.4).

use flow_tests::{SOON, tone};
use serde_json::{Value, json};

use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call, steps};

const MOBILE: &str = "51999990000";
/// Two playings of ten seconds, and as much again on a slow machine.
const TWO_PLAYINGS: std::time::Duration = std::time::Duration::from_secs(40);

/// A gateway whose number forwards all its calls to a mobile.
async fn forwarding(settings: Value) -> Result<Bench> {
    let bench = Bench::start().await?;
    way_out(&bench).await?;
    let mut number = json!({ "mode": "forward_all", "forward_to": MOBILE });
    if let (Some(number), Some(settings)) = (number.as_object_mut(), settings.as_object()) {
        number.extend(settings.clone());
    }
    bench.number(number).await?;
    Ok(bench)
}

async fn way_out(bench: &Bench) -> Result {
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    let route = json!({ "name": "Tudo", "rules": rule });
    bench.add("outbound-routes", route).await?;
    Ok(())
}

#[tokio::test]
async fn at_25_who_presses_a_key_has_the_call_and_the_caller_never_hears_the_whisper() -> Result {
    let bench = forwarding(json!({ "call_connect": true })).await?;
    let whisper = bench.tone(700.0, 3.0).await?;
    let numbers = bench.gateway.api().get("/api/v1/numbers").await?;
    let numbers = numbers.expect(200)?;
    let mut number = numbers[0].clone();
    let path = format!("/api/v1/numbers/{}", number["id"]);
    if let Some(number) = number.as_object_mut() {
        number.retain(|key, _| key != "id" && key != "used_by");
    }
    number["whisper"] = json!(whisper);
    let api = bench.gateway.api();
    api.put(&path, &number).await?.expect(200)?;

    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    mobile.answer();
    mobile.wait_answered(SOON).await?;
    hears(&mobile, 700.0).await?;
    assert!(out.wait_answered(std::time::Duration::ZERO).await.is_err());
    mobile.audio().send_digits("1");
    out.wait_answered(SOON).await?;
    out.audio().send(tone(1000.0));
    mobile.audio().send(tone(600.0));
    hears(&mobile, 1000.0).await?;
    hears(&out, 600.0).await?;
    let heard = sipphone::level_dbm0(&out.audio().last(std::time::Duration::from_secs(5)), 700.0);
    assert!(heard < -40.0, "the caller heard the whisper: {heard}");
    out.hang_up();
    mobile.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(record["result"], "answered", "{record}");
    let steps = steps(&record);
    assert!(
        steps.contains(&"key_asked") && steps.contains(&"key_pressed"),
        "{steps:?}"
    );
    Ok(())
}

#[tokio::test]
async fn at_25_a_mailbox_that_answers_is_no_answer() -> Result {
    let bench = Bench::start().await?;
    way_out(&bench).await?;
    let mailbox = bench
        .add("voicemail-boxes", json!({ "name": "Geral" }))
        .await?;
    bench
        .number(json!({
            "mode": "forward_all", "forward_to": MOBILE, "call_connect": true, "voicemail": mailbox,
        }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    mobile.answer();
    mobile.wait_answered(SOON).await?;
    mobile.wait_ended(TWO_PLAYINGS).await?;
    // The gateway's own mailbox takes the caller.
    out.wait_answered(SOON).await?;
    out.hang_up();
    let record = bench.record().await?;
    assert_eq!(record["result"], "no_answer", "{record}");
    let steps = steps(&record);
    assert!(
        steps.contains(&"key_missing") && steps.contains(&"voicemail"),
        "{steps:?}"
    );
    Ok(())
}

#[tokio::test]
async fn at_25_who_presses_the_star_does_not_take_the_call() -> Result {
    let bench = forwarding(json!({ "call_connect": true })).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    mobile.answer();
    mobile.wait_answered(SOON).await?;
    mobile.audio().send_digits("*");
    mobile.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_ne!(record["result"], "answered", "{record}");
    assert_eq!(record["answered_at"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn an_extension_forwards_as_far_as_it_may_call_itself() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let (bruno, _other) = bench.extension("2002").await?;
    let rule = json!([{
        "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }], "allowed": [ana],
    }]);
    let route = json!({ "name": "Tudo", "rules": rule });
    bench.add("outbound-routes", route).await?;
    bench
        .number(json!({ "target": "flow", "flow": flow_tests::bench::to("extension", ana) }))
        .await?;
    // By code at her own phone.
    let mut code = phone.call(&format!("*72{MOBILE}")).await?;
    code.wait_answered(SOON).await?;
    code.wait_ended(SOON).await?;
    let out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    assert!(mobile.called().contains(MOBILE), "{}", mobile.called());
    assert!(
        mobile.caller().contains("5198765432"),
        "{}",
        mobile.caller()
    );
    out.hang_up();
    mobile.wait_ended(SOON).await?;
    // Bruno may not call there: neither does his forward.
    let path = format!("/api/v1/extensions/{bruno}");
    let api = bench.gateway.api();
    let change = json!({ "forward_all": MOBILE });
    api.patch(&path, &change).await?.expect(200)?;
    let mut refused = phone.call("2002").await?;
    refused.wait_ended(SOON).await?;
    let mobile = tokio::time::timeout(
        std::time::Duration::from_millis(300),
        bench.carrier.next_call(),
    );
    assert!(mobile.await.is_err(), "it was called");
    Ok(())
}

/// The mobile's call of a number that forwards, and what its carrier is told.
async fn forwarded(settings: Value) -> Result<(String, Vec<String>, Vec<String>)> {
    let bench = forwarding(settings).await?;
    let caller = bench.caller("5198765432").await?;
    let mut out = caller.call(NUMBER).await?;
    let mobile = next_call(&bench.carrier).await?;
    let told = (
        mobile.caller().to_owned(),
        mobile.invite_values("Diversion"),
        mobile.invite_values("History-Info"),
    );
    mobile.reject(486);
    out.wait_ended(SOON).await?;
    Ok(told)
}

#[tokio::test]
async fn at_26_a_forward_tells_the_carrier_who_calls_and_by_whom_it_was_forwarded() -> Result {
    let (from, diversion, history) = forwarded(json!({ "pass_called_number": false })).await?;
    assert!(from.contains("sip:5198765432@"), "{from}");
    assert_eq!(diversion.len(), 1, "{diversion:?}");
    assert!(
        diversion[0].contains(&format!("sip:{NUMBER}@"))
            && diversion[0].ends_with(";reason=unconditional"),
        "{diversion:?}"
    );
    // RFC 7044: from the number that forwards to the one that is called now, which came about by mapping the first.
    let history = history.join(", ");
    let (first, second) = history.split_once(", ").ok_or("one entry")?;
    assert!(
        first.contains(&format!("sip:{NUMBER}@")) && first.ends_with(";index=1"),
        "{history}"
    );
    assert!(
        second.contains(&format!("sip:{MOBILE}@")) && second.ends_with(";index=1.1;mp=1"),
        "{history}"
    );
    Ok(())
}

#[tokio::test]
async fn at_26_a_forward_may_show_the_number_that_was_called() -> Result {
    let (from, diversion, _) = forwarded(json!({ "pass_called_number": true })).await?;
    assert!(from.contains(&format!("sip:{NUMBER}@")), "{from}");
    assert_eq!(diversion.len(), 1, "{diversion:?}");
    Ok(())
}

#[tokio::test]
async fn at_26_phones_inside_show_the_name_of_the_number_before_the_caller() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let number = bench
        .number(json!({
            "label": "Vendas", "pass_called_number": true, "ring": { "targets": extensions(&[ana]) },
        }))
        .await?;
    let caller = bench.caller("5198765432").await?;
    let mut out = caller.call(NUMBER).await?;
    let inn = next_call(&phone).await?;
    let shown = inn.caller();
    assert!(
        shown.starts_with("\"[Vendas] ") && shown.contains("98765432@"),
        "{shown}"
    );
    assert_eq!(inn.invite_values("X-Called-Number"), [NUMBER]);
    inn.reject(486);
    out.wait_ended(SOON).await?;
    // Who withholds his number is called so in the company's language.
    let caller = bench.caller("anonymous").await?;
    let mut out = caller.call(NUMBER).await?;
    let inn = next_call(&phone).await?;
    let shown = inn.caller();
    assert!(shown.starts_with("\"[Vendas] Anônimo\" "), "{shown}");
    inn.reject(486);
    out.wait_ended(SOON).await?;
    bench
        .change("numbers", number, json!({ "pass_called_number": false }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let inn = next_call(&phone).await?;
    assert!(!inn.caller().contains("Vendas"), "{}", inn.caller());
    inn.reject(486);
    out.wait_ended(SOON).await?;
    Ok(())
}
