//! AT-02, AT-09, AT-21, AT-29, AT-31, AT-32: people who ring, where numbers lead, and what is done when nobody can.

use flow_tests::SOON;
use serde_json::{Value, json};
use sipphone::EndReason;

use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call, refused, steps};
use flow_tests::prompts::Prompt;

#[tokio::test]
async fn at_21_all_ring_and_whoever_answers_stops_the_others() -> Result {
    let bench = Bench::start().await?;
    let (ana, first) = bench.extension("2001").await?;
    let (bruno, second) = bench.extension("2002").await?;
    bench
        .number(json!({ "ring": { "targets": extensions(&[ana, bruno]) } }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let (mut one, mut other) = (next_call(&first).await?, next_call(&second).await?);
    one.ring();
    other.ring();
    out.wait_ringing(SOON).await?;
    other.answer();
    out.wait_answered(SOON).await?;
    match one.wait_ended(SOON).await? {
        EndReason::Cancelled(Some(reason)) if reason.contains("200") => {}
        ended => panic!("it would show as missed: {ended:?}"),
    }
    out.hang_up();
    other.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(record["result"], "answered", "{record}");
    Ok(())
}

#[tokio::test]
async fn at_21_one_who_declines_does_not_decide_for_the_others() -> Result {
    let bench = Bench::start().await?;
    let (ana, first) = bench.extension("2001").await?;
    let (bruno, second) = bench.extension("2002").await?;
    bench
        .number(json!({ "ring": { "targets": extensions(&[ana, bruno]) } }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let (one, other) = (next_call(&first).await?, next_call(&second).await?);
    one.reject(603);
    other.ring();
    out.wait_ringing(SOON).await?;
    other.answer();
    out.wait_answered(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn the_lamp_of_whoever_takes_a_call_from_outside_is_lit() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let (_, desk) = bench.extension("2002").await?;
    let mut lamp = desk.subscribe("dialog", "2001", 600).await?;
    bench
        .number(json!({ "ring": { "targets": extensions(&[ana]) } }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&phone).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    for state in ["confirmed", "terminated"] {
        let is = format!("<state>{state}</state>");
        lamp.wait(SOON, |body| body.contains(&is)).await?;
        out.hang_up();
    }
    inn.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn at_02_whoever_is_off_work_counts_as_offline_on_a_number() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let user = json!({
        "login": "ana.souza", "role": "agent", "password": "correct horse battery", "extension": ana,
    });
    let user = bench.add("users", user).await?;
    bench
        .number(json!({
            "ring": { "targets": [{ "ring": "user", "id": user }] }, "offline_action": { "action": "busy" },
        }))
        .await?;
    let path = format!("/api/v1/users/{user}");
    let api = bench.gateway.api();
    // On 31 February.
    let never = json!({ "working_hours": [{ "days": [31], "months": [2] }] });
    api.patch(&path, &never).await?.expect(200)?;
    let mut out = bench.carrier.call(NUMBER).await?;
    refused(&mut out, 486).await?;
    let record = bench.record().await?;
    assert_eq!(record["trace"][2]["because"], "off_work", "{record}");

    api.patch(&path, &json!({ "working_hours": [] }))
        .await?
        .expect(200)?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let call = next_call(&phone).await?;
    call.answer();
    out.wait_answered(SOON).await?;
    Ok(())
}

async fn nobody_online(action: Value) -> Result<(Bench, i64)> {
    let bench = Bench::start().await?;
    // It has never registered.
    let ana = bench.gateway.extension("2001").await?;
    let welcome = bench.tone(500.0, 5.0).await?;
    let settings = json!({ "ring": { "targets": extensions(&[ana.id]) }, "welcome": welcome, "offline_action": action });
    let number = bench.number(settings).await?;
    Ok((bench, number))
}

#[tokio::test]
async fn at_29_nobody_online_is_busy_or_ended_at_once() -> Result {
    for (action, status, result) in [("busy", 486, "busy"), ("disconnect", 603, "rejected")] {
        let (bench, _) = nobody_online(json!({ "action": action })).await?;
        let mut out = bench.carrier.call(NUMBER).await?;
        refused(&mut out, status).await?;
        let record = bench.record().await?;
        assert_eq!(record["result"], result, "{record}");
        assert_eq!(
            steps(&record),
            [
                "came_in",
                "number",
                "passed_over",
                "nobody_online",
                "offline_action"
            ]
        );
        assert_eq!(record["answered_at"], Value::Null);
    }
    Ok(())
}

#[tokio::test]
async fn at_29_and_at_32_nobody_online_is_a_message_without_welcome() -> Result {
    let (bench, number) = nobody_online(json!({ "action": "disconnect" })).await?;
    let path = format!("/api/v1/numbers/{number}");
    let mut settings = bench.gateway.api().get(&path).await?.expect(200)?;
    if let Some(settings) = settings.as_object_mut() {
        settings.retain(|key, _| key != "id" && key != "used_by");
    }
    settings["offline_action"] =
        json!({ "action": "message", "file": bench.tone(900.0, 1.0).await? });
    bench
        .gateway
        .api()
        .put(&path, &settings)
        .await?
        .expect(200)?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 900.0).await?;
    out.wait_ended(SOON).await?;
    let heard = sipphone::level_dbm0(&out.audio().last(std::time::Duration::from_secs(5)), 500.0);
    assert!(heard < -40.0, "the welcome was heard: {heard}");
    assert_eq!(bench.record().await?["result"], "no_answer");
    Ok(())
}

#[tokio::test]
async fn at_29_a_free_tone_is_nothing_but_ringing() -> Result {
    let (bench, _) = nobody_online(json!({ "action": "ring" })).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_ringing(SOON).await?;
    // The 30 seconds pass in the simulator's own tests; a caller may hang up before.
    out.hang_up();
    let record = bench.record().await?;
    assert_eq!(
        (&record["result"], &record["answered_at"]),
        (&json!("cancelled"), &Value::Null),
        "{record}"
    );
    Ok(())
}

#[tokio::test]
async fn at_32_somebody_online_is_a_welcome_and_then_ringing() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let welcome = bench.tone(500.0, 1.0).await?;
    bench
        .number(json!({ "ring": { "targets": extensions(&[ana]) }, "welcome": welcome }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 500.0).await?;
    let inn = next_call(&phone).await?;
    inn.ring();
    hears(&out, 425.0).await?;
    Ok(())
}

#[tokio::test]
async fn at_31_a_number_that_forwards_calls_outside_and_one_that_rejects_rings_nobody() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    bench
        .add("outbound-routes", json!({ "name": "Tudo", "rules": rule }))
        .await?;
    let mut settings = json!({
        "label": "Geral", "number": NUMBER, "mode": "forward_all", "forward_to": "51999990000",
        "ring": { "targets": extensions(&[ana]) },
    });
    let id = bench.add("numbers", settings.clone()).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    assert!(
        mobile.called().contains("51999990000"),
        "{}",
        mobile.called()
    );
    assert!(
        mobile.caller().contains("5198765432"),
        "{}",
        mobile.caller()
    );
    mobile.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    mobile.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(
        (&record["result"], &record["direction"]),
        (&json!("answered"), &json!("inbound")),
        "{record}"
    );
    settings["mode"] = json!("reject");
    settings["reject_action"] = json!({ "action": "busy" });
    let path = format!("/api/v1/numbers/{id}");
    bench
        .gateway
        .api()
        .put(&path, &settings)
        .await?
        .expect(200)?;
    let mut out = bench.carrier.call(NUMBER).await?;
    refused(&mut out, 486).await?;
    let rings =
        tokio::time::timeout(std::time::Duration::from_millis(200), phone.next_call()).await;
    assert!(rings.is_err(), "it rang");
    Ok(())
}

#[tokio::test]
async fn at_29_an_agent_who_has_paused_is_busy_and_not_offline() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    bench
        .number(json!({ "ring": { "targets": extensions(&[ana]) } }))
        .await?;
    let user = json!({
        "login": "ana.lima", "role": "agent", "password": "vermelho-cadeira-42", "extension": ana,
    });
    let user = bench.add("users", user).await?;
    for what in ["login", "pause"] {
        let path = format!("/api/v1/agents/{user}/{what}");
        let done = bench.gateway.api().post(&path, &json!({})).await?;
        done.expect(200)?;
    }
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_ended(SOON).await?;
    let record = bench.record().await?;
    let way = ["came_in", "number", "passed_over", "all_busy", "led_to_end"];
    assert_eq!(steps(&record), way);
    let path = format!("/api/v1/agents/{user}/resume");
    let done = bench.gateway.api().post(&path, &json!({})).await?;
    done.expect(200)?;
    let out = bench.carrier.call(NUMBER).await?;
    let rings = next_call(&phone).await?;
    drop((rings, out));
    Ok(())
}

#[tokio::test]
async fn at_09_a_route_leads_to_an_announcement_and_says_when_its_trunk_does_not_work() -> Result {
    let bench = Bench::start().await?;
    let welcome = bench.tone(900.0, 2.0).await?;
    let welcome = json!({ "name": "Boas-vindas", "files": [welcome] });
    let welcome = bench.add("announcements", welcome).await?;
    let route = json!({
        "name": "Principal", "did": NUMBER, "trunk": bench.trunk,
        "destination": { "to": "announcement", "id": welcome },
    });
    let route = bench.add("inbound-routes", route).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 900.0).await?;
    out.wait_ended(SOON).await?;

    let mut unknown = bench.carrier.call("555133339999").await?;
    refused(&mut unknown, 404).await?;
    // He hears so before: nobody pays for that.
    let said = Prompt::load("pt-BR", "not-in-service")?;
    assert!(said.find(&unknown.audio().heard()).is_some(), "he is told");
    let record = bench.gateway.records(2).await?.remove(0);
    let last = steps(&record).last().map(ToString::to_string);
    assert_eq!(last.as_deref(), Some("refused"), "{record}");
    let trace = record["trace"].as_array().cloned().unwrap_or_default();
    assert_eq!(
        trace[trace.len() - 1]["reason"],
        "unconfigured_number",
        "{record}"
    );

    // A trunk whose registrar does not answer.
    let api = bench.gateway.api();
    let path = format!("/api/v1/inbound-routes/{route}");
    let row = api.get(&path).await?.expect(200)?;
    assert_eq!(row["unreachable"], Value::Null, "{row}");
    let nobody = flow_tests::bench::address()?;
    let trunk = json!({
        "name": "Mudo", "hosts": [nobody.to_string()], "auth": "register", "user": "ramal", "password": "segredo-longo-1",
    });
    let silent = bench.add("trunks", trunk).await?;
    let settings = json!({ "trunk": silent });
    bench.change("inbound-routes", route, settings).await?;
    let stands = |row: &Value| row["unreachable"] == "trunk";
    bench
        .gateway
        .wait(&path, "a route that cannot be reached", stands)
        .await?;
    let thought = json!({ "trunk": silent, "dialled": NUMBER });
    let course = api.post("/api/v1/simulate", &thought).await?.expect(200)?;
    assert_eq!(course["unreachable"], "trunk", "{course}");
    Ok(())
}

#[tokio::test]
async fn at_31_numbers_that_forward_to_each_other_end_the_call_with_an_alarm() -> Result {
    const OTHER: &str = "555133335555";
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    bench
        .add("outbound-routes", json!({ "name": "Tudo", "rules": rule }))
        .await?;
    let forwards = |label: &str, number: &str, to: Value| {
        json!({
            "label": label, "number": number, "mode": "forward_all", "forward_to": to,
            "ring": { "targets": extensions(&[ana]) },
        })
    };
    for to in [Value::Null, json!(NUMBER)] {
        let wrong = forwards("Geral", NUMBER, to);
        bench.refusal("numbers", wrong, "forward_to").await?;
    }
    let first = forwards("Geral", NUMBER, json!(OTHER));
    bench.add("numbers", first).await?;
    let other = forwards("Outro", OTHER, json!(NUMBER));
    let other = bench.add("numbers", other).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let end = out.wait_ended(SOON).await?;
    assert!(matches!(end, EndReason::Refused(_)), "{end:?}");
    let rings = tokio::time::timeout(std::time::Duration::from_millis(200), phone.next_call());
    assert!(rings.await.is_err(), "a phone rang");
    let record = bench.record().await?;
    assert!(steps(&record).contains(&"round_in_circles"), "{record}");
    let raised = |alarms: &Value| {
        let mut alarms = alarms.as_array().into_iter().flatten();
        alarms.any(|one| one["id"] == "calls_round_in_circles" && one["object"] == NUMBER)
    };
    let alarms = "/api/v1/alarms";
    bench.gateway.wait(alarms, "the alarm", raised).await?;
    // The next call goes where it leads now, and nothing is wrong any more.
    bench
        .change("numbers", other, json!({ "forward_to": "51999990000" }))
        .await?;
    let well = |alarms: &Value| !raised(alarms);
    bench.gateway.wait(alarms, "its end", well).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut mobile = next_call(&bench.carrier).await?;
    assert!(
        mobile.called().contains("51999990000"),
        "{}",
        mobile.called()
    );
    mobile.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    mobile.wait_ended(SOON).await?;
    Ok(())
}
