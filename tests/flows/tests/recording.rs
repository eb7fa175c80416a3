//! AT-27: calls are recorded after the party outside was told.

use audio_codec_algorithms::decode_alaw;
use flow_tests::bench::{Bench, NUMBER, Result, extensions, next_call, steps};
use flow_tests::prompts::Prompt;
use flow_tests::{SOON, hears, tone};
use serde_json::{Value, json};
use sipphone::{Call, Phone, level_dbm0};
use std::process::Command;
use std::time::Duration;

/// Octets of a recording before its samples.
const HEADER: usize = 58;
const MOBILE: &str = "51999990000";

/// A number whose calls are recorded, and 2001 behind it.
async fn recorded(settings: Value) -> Result<(Bench, i64, Phone)> {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let mut number = json!({ "ring": { "targets": extensions(&[ana]) }, "recording": "all" });
    if let (Some(number), Some(settings)) = (number.as_object_mut(), settings.as_object()) {
        number.extend(settings.clone());
    }
    let number = bench.number(number).await?;
    Ok((bench, number, phone))
}

/// The only recording, once it is over.
async fn recording(bench: &Bench) -> Result<Value> {
    let over = |page: &Value| page["recordings"][0]["ended_at"].is_i64();
    let page = bench
        .gateway
        .wait("/api/v1/recordings", "the recording", over)
        .await?;
    assert_eq!(
        page["recordings"].as_array().map(Vec::len),
        Some(1),
        "{page}"
    );
    Ok(page["recordings"][0].clone())
}

/// Both sides of a recording: the party outside, then the one inside.
async fn sides(bench: &Bench, recording: &Value) -> Result<[Vec<i16>; 2]> {
    let path = format!("/api/v1/recordings/{}/audio", recording["id"]);
    let file = bench.gateway.api().get(&path).await?;
    assert_eq!(
        (file.status, &file.body[20..22], &file.body[22..24]),
        (200, &[6, 0][..], &[2, 0][..])
    );
    Ok([0, 1].map(|side| {
        let frames = file.body[HEADER..].chunks_exact(2);
        frames.map(|frame| decode_alaw(frame[side])).collect()
    }))
}

/// Whether this is the tone and nothing else: speech has some of every tone.
fn is_tone(heard: &[i16], frequency: f64) -> bool {
    let squares: f64 = heard.iter().map(|one| f64::from(*one).powi(2)).sum();
    let sine = (squares / heard.len().max(1) as f64 * 2.0).sqrt();
    let all = 20.0 * (sine / 32_767.0).log10() + 3.1;
    let level = level_dbm0(heard, frequency);
    level > -25.0 && all - level < 0.5
}

/// Where the first tenth of a second begins that is this tone.
fn first(heard: &[i16], frequency: f64) -> Option<usize> {
    let mut blocks = heard.chunks_exact(800);
    let at = blocks.position(|block| is_tone(block, frequency))?;
    Some(at * 800)
}

/// Waits until the gateway rings for a caller.
async fn hears_ringing(call: &Call) -> Result {
    let deadline = tokio::time::Instant::now() + 2 * SOON;
    while !is_tone(&call.audio().last(Duration::from_millis(200)), 425.0) {
        if tokio::time::Instant::now() > deadline {
            return Err("nothing rang".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Both talk until each has heard the other.
async fn talk(out: &Call, inn: &Call) -> Result {
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(inn, 600.0).await?;
    hears(out, 1100.0).await?;
    Ok(())
}

#[tokio::test]
async fn at_27_welcome_notice_ringing_and_then_two_channels() -> Result {
    let (bench, number, ana) = recorded(json!({})).await?;
    let notice = Prompt::load("pt-BR", "recording-notice")?;
    let welcome = bench.tone(500.0, 0.6).await?;
    bench
        .change("numbers", number, json!({ "welcome": welcome }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    let mut inn = next_call(&ana).await?;
    inn.ring();
    hears_ringing(&out).await?;
    let heard = out.audio().heard();
    let (welcomed, told) = (first(&heard, 500.0), notice.find(&heard));
    let rung = told.and_then(|told| Some(told + first(&heard[told..], 425.0)?));
    assert!(
        welcomed.is_some() && welcomed < told && told < rung,
        "{welcomed:?} {told:?} {rung:?}"
    );
    inn.answer();
    inn.wait_answered(SOON).await?;
    talk(&out, &inn).await?;
    assert_eq!(
        notice.find(&inn.audio().heard()),
        None,
        "the agent heard the notice"
    );
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let recording = recording(&bench).await?;
    let played = recording["notice_played_at"].as_i64().ok_or("no notice")?;
    assert!(
        Some(played) <= recording["started_at"].as_i64(),
        "{recording}"
    );
    let [outside, inside] = sides(&bench, &recording).await?;
    assert!(first(&outside, 600.0).is_some() && first(&inside, 1100.0).is_some());
    assert!(first(&outside, 1100.0).is_none() && first(&inside, 600.0).is_none());
    assert_eq!(
        [&outside, &inside].map(|side| (side.len(), notice.find(side))),
        [(outside.len(), None), (inside.len(), None)]
    );
    let record = bench.record().await?;
    assert_eq!(record["id"], recording["call"]);
    assert!(
        steps(&record).contains(&"recording_notice_played"),
        "{record}"
    );

    // Strangers get nothing; whoever listens is written down.
    let url = format!(
        "https://{}/api/v1/recordings/{}/audio",
        bench.gateway.https(),
        recording["id"]
    );
    let stranger = Command::new("curl")
        .args([
            "--silent",
            "--insecure",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            &url,
        ])
        .output()?;
    assert_eq!(stranger.stdout, b"401");
    let path = format!("/api/v1/recordings/{}/accesses", recording["id"]);
    let accesses = bench.gateway.api().get(&path).await?.expect(200)?;
    assert!(
        accesses.as_array().is_some_and(|all| !all.is_empty()),
        "{accesses}"
    );
    Ok(())
}

#[tokio::test]
async fn at_27_outside_the_callee_is_told_on_answer() -> Result {
    let (bench, _, ana) = recorded(json!({})).await?;
    let notice = Prompt::load("pt-BR", "recording-notice")?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    bench
        .add("outbound-routes", json!({ "name": "Tudo", "rules": rule }))
        .await?;
    let all = json!({ "mode": "all" });
    bench
        .gateway
        .api()
        .patch("/api/v1/recording-settings", &all)
        .await?
        .expect(200)?;
    let mut out = ana.call(MOBILE).await?;
    let mut inn = next_call(&bench.carrier).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(2 * SOON).await?;
    talk(&out, &inn).await?;
    assert!(
        notice.find(&inn.audio().heard()).is_some(),
        "the callee was not told"
    );
    assert_eq!(notice.find(&out.audio().heard()), None);
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let recording = recording(&bench).await?;
    let [outside, inside] = sides(&bench, &recording).await?;
    assert!(first(&outside, 1100.0).is_some() && first(&inside, 600.0).is_some());
    assert_eq!(
        [&outside, &inside].map(|side| (side.len(), notice.find(side))),
        [(outside.len(), None), (inside.len(), None)]
    );
    Ok(())
}

#[tokio::test]
async fn at_27_the_notice_goes_only_with_a_reason_that_is_written_down() -> Result {
    let (bench, _, _ana) = recorded(json!({})).await?;
    let api = bench.gateway.api();
    let path = "/api/v1/recording-settings";
    let refused = api
        .patch(path, &json!({ "notice": false }))
        .await?
        .expect(422)?;
    assert_eq!(refused["errors"][0]["field"], "notice_waiver", "{refused}");
    let reason = "Os dois lados são avisados por escrito.";
    let waived = json!({ "notice": false, "notice_waiver": reason });
    api.patch(path, &waived).await?.expect(200)?;
    let log = api.get("/api/v1/audit-log").await?.expect(200)?;
    assert!(log.to_string().contains("recording-settings"), "{log}");
    let versions = api
        .get("/api/v1/configuration/versions")
        .await?
        .expect(200)?;
    let version = &versions["versions"][0]["version"];
    let version = api
        .get(&format!("/api/v1/configuration/versions/{version}"))
        .await?
        .expect(200)?;
    assert!(version.to_string().contains(reason), "{version}");
    Ok(())
}

#[tokio::test]
async fn at_27_off_leaves_no_file_and_forwarded_calls_are_recorded_once_told() -> Result {
    let (bench, number, ana) = recorded(json!({ "recording": "off" })).await?;
    let notice = Prompt::load("pt-BR", "recording-notice")?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    bench
        .add("outbound-routes", json!({ "name": "Tudo", "rules": rule }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&ana).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    talk(&out, &inn).await?;
    assert_eq!(notice.find(&out.audio().heard()), None);
    out.hang_up();
    inn.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;
    bench.gateway.records(1).await?;
    let page = bench
        .gateway
        .api()
        .get("/api/v1/recordings")
        .await?
        .expect(200)?;
    assert_eq!(page["recordings"], json!([]), "{page}");

    let forward = json!({ "recording": "all", "mode": "forward_all", "forward_to": MOBILE });
    bench.change("numbers", number, forward).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    mobile.answer();
    mobile.wait_answered(SOON).await?;
    out.wait_answered(2 * SOON).await?;
    talk(&out, &mobile).await?;
    out.hang_up();
    mobile.wait_ended(SOON).await?;
    let recording = recording(&bench).await?;
    assert!(recording["notice_played_at"].is_i64(), "{recording}");
    let [one, other] = sides(&bench, &recording).await?;
    assert!(first(&one, 600.0).is_some() && first(&other, 1100.0).is_some());
    Ok(())
}

#[tokio::test]
async fn at_27_somebody_who_is_passed_on_is_not_told_again() -> Result {
    let (bench, _, ana) = recorded(json!({})).await?;
    let (_, bruno) = bench.extension("2002").await?;
    let notice = Prompt::load("pt-BR", "recording-notice")?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&ana).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    talk(&out, &inn).await?;
    let before = out.audio().heard();
    assert!(notice.find(&before).is_some(), "he was not told");
    out.audio().forget();
    inn.refer("2002");
    let mut on = next_call(&bruno).await?;
    on.answer();
    on.wait_answered(SOON).await?;
    on.audio().send(tone(1500.0));
    hears(&out, 1500.0).await?;
    assert_eq!(notice.find(&out.audio().heard()), None, "he was told again");
    out.hang_up();
    on.wait_ended(SOON).await?;
    inn.wait_ended(SOON).await?;
    let record = bench.record().await?;
    let told = steps(&record);
    let told = told
        .iter()
        .filter(|step| **step == "recording_notice_played");
    assert_eq!(told.count(), 1, "{record}");
    Ok(())
}

/// Somebody at 2001 who calls outside with the number.
async fn calling_with(settings: Value) -> Result<(Bench, i64, Phone)> {
    let (bench, number, ana) = recorded(settings).await?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    let route = json!({ "name": "Tudo", "rules": rule });
    bench.add("outbound-routes", route).await?;
    let extensions = bench.gateway.api().get("/api/v1/extensions").await?;
    let extensions = extensions.expect(200)?;
    let extension = &extensions[0]["id"];
    let user = json!({
        "login": "ana.lima", "role": "user", "password": "vermelho-cadeira-42",
        "extension": extension, "outbound_number": number,
    });
    bench.add("users", user).await?;
    Ok((bench, number, ana))
}

#[tokio::test]
async fn f082_calls_outside_with_a_number_are_recorded_as_it_says() -> Result {
    let (bench, _, ana) = calling_with(json!({ "recording_out": "all" })).await?;
    let out = ana.call(MOBILE).await?;
    let mut inn = next_call(&bench.carrier).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    let notice = Prompt::load("pt-BR", "recording-notice")?;
    talk(&out, &inn).await?;
    assert!(
        notice.find(&inn.audio().heard()).is_some(),
        "the party outside is not told"
    );
    out.hang_up();
    inn.wait_ended(SOON).await?;
    recording(&bench).await?;
    Ok(())
}

#[tokio::test]
async fn f086_whoever_is_called_is_told_what_the_number_says_that_he_is_called_with() -> Result {
    let (bench, number, ana) = calling_with(json!({ "recording_out": "all" })).await?;
    let own = bench.tone(800.0, 1.0).await?;
    let change = json!({ "recording_notice": own });
    bench.change("numbers", number, change).await?;
    let out = ana.call(MOBILE).await?;
    let mut inn = next_call(&bench.carrier).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    talk(&out, &inn).await?;
    let heard = inn.audio().heard();
    assert!(
        first(&heard, 800.0).is_some(),
        "the party outside is not told"
    );
    let words = Prompt::load("pt-BR", "recording-notice")?;
    assert_eq!(words.find(&heard), None, "the gateway's own words");
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let recording = recording(&bench).await?;
    assert!(recording["notice_played_at"].is_i64(), "{recording}");
    Ok(())
}

/// What a caller hears first: this tone, and none of the gateway's own words.
async fn is_told(bench: &Bench, ana: &Phone, frequency: f64) -> Result {
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(ana).await?;
    inn.ring();
    hears_ringing(&out).await?;
    let heard = out.audio().heard();
    let told = first(&heard, frequency);
    let rung = told.and_then(|told| first(&heard[told..], 425.0));
    assert!(rung.is_some(), "{told:?} {rung:?}");
    for language in ["pt-BR", "es"] {
        let own = Prompt::load(language, "recording-notice")?;
        assert_eq!(
            own.find(&heard),
            None,
            "the gateway's own words in {language}"
        );
    }
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    talk(&out, &inn).await?;
    assert_eq!(
        first(&inn.audio().heard(), frequency),
        None,
        "the agent heard the notice"
    );
    out.hang_up();
    inn.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn f084_the_number_says_what_is_told_before_the_company_and_the_gateway_last() -> Result {
    let (bench, number, ana) = recorded(json!({ "language": "es" })).await?;
    let api = bench.gateway.api();
    let path = "/api/v1/recording-settings";
    // Nothing is chosen: the gateway's own words, in the language of the number.
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&ana).await?;
    inn.ring();
    hears_ringing(&out).await?;
    let heard = out.audio().heard();
    assert!(
        Prompt::load("es", "recording-notice")?
            .find(&heard)
            .is_some()
    );
    out.hang_up();
    inn.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;
    // The company's.
    let [company, own] = [bench.tone(500.0, 1.0).await?, bench.tone(800.0, 1.0).await?];
    let refused = api.patch(path, &json!({ "notice_file": 999_999 })).await?;
    let refused = refused.expect(422)?;
    assert_eq!(refused["errors"][0]["field"], "notice_file", "{refused}");
    let changed = api.patch(path, &json!({ "notice_file": company })).await?;
    assert_eq!(changed.expect(200)?["notice_file"], company);
    is_told(&bench, &ana, 500.0).await?;
    // The number's.
    let change = json!({ "recording_notice": own });
    bench.change("numbers", number, change).await?;
    is_told(&bench, &ana, 800.0).await?;
    // Neither can be deleted.
    for file in [company, own] {
        let path = format!("/api/v1/audio-files/{file}");
        api.delete(&path).await?.expect(409)?;
    }
    let steps_of = bench.gateway.records(3).await?;
    let told = steps_of
        .iter()
        .filter(|one| steps(one).contains(&"recording_notice_played"));
    assert_eq!(told.count(), 3);
    Ok(())
}
