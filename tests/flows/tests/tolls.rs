//! D9: what extensions may call outside, and how much.

use flow_tests::SOON;
use flow_tests::bench::{Bench, Result, next_call, refused};
use flow_tests::prompts::Prompt;
use serde_json::{Value, json};
use sipphone::{Call, EndReason, Phone};

/// A number in Spain, as it is dialled with a carrier of Brazil, and what the carrier here gets.
const SPAIN: &str = "002134912345678";
/// One in France.
const FRANCE: &str = "002133123456789";
/// A mobile telephone of the country.
const MOBILE: &str = "5551999990000";

/// Ana may call by routes for calls abroad and in the country.
async fn bench() -> Result<(Bench, Phone, i64)> {
    let bench = Bench::start().await?;
    let (extension, ana) = bench.extension("2001").await?;
    let ways = json!([{ "way": "trunk", "id": bench.trunk }]);
    let rules = json!([
        { "pattern": "00XXXXX.", "ways": ways },
        { "pattern": "ZXXXXXX.", "ways": ways },
    ]);
    let route = json!({ "name": "Fora", "rules": rules });
    bench.add("outbound-routes", route).await?;
    Ok((bench, ana, extension))
}

async fn class_of_service(bench: &Bench, extension: i64, class: Value) -> Result<Value> {
    let path = format!("/api/v1/extensions/{extension}");
    let change = json!({ "class_of_service": class });
    Ok(bench
        .gateway
        .api()
        .patch(&path, &change)
        .await?
        .expect(200)?)
}

async fn countries(bench: &Bench, settings: Value) -> Result<Value> {
    let path = "/api/v1/toll-settings";
    Ok(bench
        .gateway
        .api()
        .put(path, &settings)
        .await?
        .expect(200)?)
}

/// What the gateway thinks would become of Ana's call: why it is barred, when it is.
async fn barred(bench: &Bench, number: &str) -> Result<Option<Value>> {
    let thought = json!({ "from": "2001", "dialled": number, "taken_outside": true });
    let api = bench.gateway.api();
    let course = api.post("/api/v1/simulate", &thought).await?.expect(200)?;
    let steps = course["trace"].as_array().ok_or("no trace")?;
    let barred = steps.iter().find(|step| step["step"] == "toll_barred");
    Ok(barred.map(|step| step["reason"].clone()))
}

/// Ana's call is refused, she hears why, and so says its record and the simulator.
async fn is_barred(bench: &Bench, ana: &Phone, number: &str, reason: &str, words: &str) -> Result {
    assert_eq!(
        barred(bench, number).await?,
        Some(json!(reason)),
        "{number}"
    );
    let mut out = ana.call(number).await?;
    refused(&mut out, 403).await?;
    let said = Prompt::load("pt-BR", words)?;
    assert!(
        said.find(&out.audio().heard()).is_some(),
        "{number}: {words}"
    );
    let is_written = |answer: &Value| {
        let record = &answer["calls"][0];
        let steps = record["trace"].as_array();
        let barred = |step: &Value| step["step"] == "toll_barred" && step["reason"] == reason;
        record["result"] == "rejected" && steps.is_some_and(|steps| steps.iter().any(barred))
    };
    bench
        .gateway
        .wait("/api/v1/calls?limit=1", "the record", is_written)
        .await?;
    Ok(())
}

/// Ana's call comes to the carrier, who takes it.
async fn connects(bench: &Bench, ana: &Phone, number: &str) -> Result<(Call, Call)> {
    let mut out = ana.call(number).await?;
    let inn = next_call(&bench.carrier).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    Ok((out, inn))
}

async fn hang_up((out, mut inn): (Call, Call)) -> Result {
    out.hang_up();
    inn.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn d09_other_countries_are_off_until_somebody_lists_them() -> Result {
    let (bench, ana, extension) = bench().await?;
    let api = bench.gateway.api();
    let none = api.get("/api/v1/toll-settings").await?.expect(200)?;
    assert_eq!(none, json!({ "all_countries": false, "countries": [] }));
    hang_up(connects(&bench, &ana, MOBILE).await?).await?;
    let words = "international-barred";
    is_barred(&bench, &ana, SPAIN, "international_barred", words).await?;

    // The country alone does not open it for everybody.
    countries(&bench, json!({ "countries": ["+34"] })).await?;
    is_barred(&bench, &ana, SPAIN, "international_barred", words).await?;
    let classes = json!(["internal", "local", "national", "mobile", "international"]);
    class_of_service(&bench, extension, json!({ "classes": classes })).await?;
    let call = connects(&bench, &ana, SPAIN).await?;
    assert!(call.1.called().contains(SPAIN), "{}", call.1.called());
    hang_up(call).await?;
    is_barred(&bench, &ana, FRANCE, "country_barred", words).await?;

    // Nor does what is left out stay.
    countries(&bench, json!({})).await?;
    is_barred(&bench, &ana, SPAIN, "international_barred", words).await?;

    // Somebody who may call inside only still calls for help.
    class_of_service(&bench, extension, json!({ "classes": ["internal"] })).await?;
    is_barred(&bench, &ana, MOBILE, "class_barred", "call-barred").await?;
    let call = connects(&bench, &ana, "190").await?;
    assert!(call.1.called().contains("sip:190@"), "{}", call.1.called());
    hang_up(call).await?;

    // And somebody who may call outside only does not call the others.
    bench.extension("2002").await?;
    class_of_service(&bench, extension, json!({ "classes": ["mobile"] })).await?;
    is_barred(&bench, &ana, "2002", "class_barred", "call-barred").await?;
    hang_up(connects(&bench, &ana, MOBILE).await?).await?;

    let wrong = json!({ "countries": ["34", "Espanha"] });
    let problem = api
        .put("/api/v1/toll-settings", &wrong)
        .await?
        .expect(422)?;
    assert_eq!(problem["errors"][0]["field"], "countries[1]", "{problem}");
    assert_eq!(problem["errors"][0]["limit"], "1-7 digits", "{problem}");
    let wrong = json!({ "class_of_service": { "minutes_per_day": 10001 } });
    let path = format!("/api/v1/extensions/{extension}");
    let problem = api.patch(&path, &wrong).await?.expect(422)?;
    let field = "class_of_service.minutes_per_day";
    assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    Ok(())
}

#[tokio::test]
async fn d09_forwarded_calls_come_under_the_class_of_whoever_forwards() -> Result {
    let (bench, ana, extension) = bench().await?;
    let (_, bruno) = bench.extension("2002").await?;
    let api = bench.gateway.api();
    let path = format!("/api/v1/extensions/{extension}");
    let forward = json!({ "forward_all": SPAIN });
    api.patch(&path, &forward).await?.expect(200)?;
    let mut out = bruno.call("2001").await?;
    let end = out.wait_ended(SOON).await?;
    assert!(matches!(end, EndReason::Refused(_)), "{end:?}");
    let record = bench.record().await?;
    let steps = record["trace"].as_array().ok_or("no trace")?;
    let barred = steps.iter().find(|step| step["step"] == "toll_barred");
    let barred = barred.ok_or("not barred")?;
    assert_eq!(
        (&barred["by"], &barred["class"]),
        (&json!("2001"), &json!("international")),
        "{record}"
    );

    countries(&bench, json!({ "countries": ["34"] })).await?;
    let classes = json!(["internal", "international"]);
    class_of_service(&bench, extension, json!({ "classes": classes })).await?;
    hang_up(connects(&bench, &bruno, "2001").await?).await?;
    let record = bench.gateway.records(2).await?.remove(0);
    let leg = &record["legs"][1];
    assert_eq!(
        (&leg["charged_to"], &leg["toll"]),
        (&json!("2001"), &json!("international")),
        "{record}"
    );
    drop(ana);
    Ok(())
}

#[tokio::test]
async fn d09_limits_hold_and_raise_an_alarm_and_calls_for_help_pass() -> Result {
    let (mut bench, ana, extension) = bench().await?;
    class_of_service(&bench, extension, json!({ "calls_per_minute": 2 })).await?;
    for _ in 0..2 {
        hang_up(connects(&bench, &ana, MOBILE).await?).await?;
    }
    is_barred(&bench, &ana, MOBILE, "call_rate", "toll-limit-reached").await?;
    hang_up(connects(&bench, &ana, "190").await?).await?;
    let raised = |id: &'static str| {
        move |alarms: &Value| {
            let alarms = alarms.as_array();
            alarms.is_some_and(|alarms| alarms.iter().any(|alarm| alarm["id"] == id))
        }
    };
    let gateway = &bench.gateway;
    let rate = raised("toll_rate:2001");
    gateway.wait("/api/v1/alarms", "the alarm", rate).await?;

    // Together twenty calls last a minute within seconds.
    let limits = json!({ "calls_per_minute": 0, "minutes_per_day": 1 });
    class_of_service(&bench, extension, limits).await?;
    let many = json!({ "max_calls": 20 });
    let path = format!("/api/v1/extensions/{extension}");
    gateway.api().patch(&path, &many).await?.expect(200)?;
    let mut calls = Vec::new();
    for _ in 0..20 {
        if barred(&bench, MOBILE).await?.is_some() {
            break;
        }
        calls.push(connects(&bench, &ana, MOBILE).await?);
    }
    // All places are taken, and whoever calls for help gets through.
    let limit = json!({ "max_calls": calls.len() });
    gateway.api().patch(&path, &limit).await?.expect(200)?;
    let mut out = ana.call("2002").await?;
    refused(&mut out, 486).await?;
    hang_up(connects(&bench, &ana, "190").await?).await?;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while barred(&bench, MOBILE).await? != Some(json!("daily_cap")) {
        assert!(tokio::time::Instant::now() < deadline, "no cap");
    }
    // It is looked every quarter of a minute who has talked long enough.
    for (_out, mut inn) in calls {
        inn.wait_ended(std::time::Duration::from_secs(30)).await?;
    }
    is_barred(&bench, &ana, MOBILE, "daily_cap", "toll-limit-reached").await?;
    hang_up(connects(&bench, &ana, "190").await?).await?;
    let day = raised("toll_day:2001");
    bench
        .gateway
        .wait("/api/v1/alarms", "the alarm", day)
        .await?;

    // What was talked today is known after a restart.
    bench.gateway.restart().await?;
    ana.register(300).await?;
    is_barred(&bench, &ana, MOBILE, "daily_cap", "toll-limit-reached").await?;
    class_of_service(&bench, extension, json!({ "minutes_per_day": 480 })).await?;
    hang_up(connects(&bench, &ana, MOBILE).await?).await?;
    Ok(())
}
