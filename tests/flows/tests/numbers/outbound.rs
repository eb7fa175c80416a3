//! AT-08, AT-34 and AT-38: outbound routes, caller IDs, emergency numbers and messages left on machines.

use serde_json::{Value, json};

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, hears, next_call, refused, steps};
use flow_tests::prompts::Prompt;

/// The carrier's trunk takes `55X.` from 2001 only, without the 55.
async fn bench() -> Result<(Bench, sipphone::Phone, sipphone::Phone, i64)> {
    let bench = Bench::start().await?;
    let (ana, first) = bench.extension("2001").await?;
    let (_, second) = bench.extension("2002").await?;
    let rule = json!([{
        "pattern": "55X.", "strip": 2, "ways": [{ "way": "trunk", "id": bench.trunk }],
        "caller_id": "5133334444", "force_caller_id": true, "allowed": [ana],
    }]);
    bench
        .add(
            "outbound-routes",
            json!({ "name": "Nacional", "rules": rule }),
        )
        .await?;
    Ok((bench, first, second, ana))
}

#[tokio::test]
async fn at_08_a_rule_takes_digits_off_and_shows_the_number_it_forces() -> Result {
    let (bench, ana, bruno, _) = bench().await?;
    let out = ana.call("555125554444").await?;
    let inn = next_call(&bench.carrier).await?;
    assert!(
        inn.called().contains("5125554444") && !inn.called().contains("555125554444"),
        "{}",
        inn.called()
    );
    assert!(inn.caller().contains("5133334444"), "{}", inn.caller());
    drop((out, inn));
    let mut barred = bruno.call("555125554444").await?;
    refused(&mut barred, 403).await?;
    let mut nowhere = ana.call("77777").await?;
    refused(&mut nowhere, 404).await?;
    let rings = tokio::time::timeout(
        std::time::Duration::from_millis(200),
        bench.carrier.next_call(),
    )
    .await;
    assert!(rings.is_err(), "the carrier got a call that was barred");
    let records = bench.gateway.records(3).await?;
    let refused = |record: &Value| {
        record["trace"]
            .as_array()
            .and_then(|trace| trace.last().cloned())
            .unwrap_or_default()["reason"]
            .clone()
    };
    let reasons: Vec<_> = records.iter().map(refused).collect();
    assert!(
        reasons.contains(&json!("route_barred")) && reasons.contains(&json!("unknown_number")),
        "{reasons:?}"
    );
    Ok(())
}

/// A trunk to this host that answers by its address, without looking whether the host is there.
async fn trunk(bench: &Bench, name: &str, host: &str) -> Result<i64> {
    let trunk = json!({
        "name": name, "hosts": [host], "auth": "ip", "sources": ["192.0.2.1"], "options_interval": 0,
    });
    bench.add("trunks", trunk).await
}

#[tokio::test]
async fn at_08_a_prefix_is_put_in_front_and_a_number_of_ones_own_wins_unless_another_is_forced()
-> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let (_, other) = bench.extension("2002").await?;
    let number = json!({ "label": "Da Ana", "number": "+555133335555" });
    let number = bench.add("numbers", number).await?;
    let user = json!({
        "login": "ana.lima", "role": "user", "password": "vermelho-cadeira-42", "extension": ana, "outbound_number": number,
    });
    bench.add("users", user).await?;
    let rule = |pattern: &str, force: bool| {
        json!({
            "pattern": pattern, "strip": 2, "prepend": "1234", "caller_id": "5133334444",
            "force_caller_id": force, "ways": [{ "way": "trunk", "id": bench.trunk }],
        })
    };
    let rules = json!([rule("55X.", false), rule("66X.", true)]);
    let route = json!({ "name": "Com prefixo", "rules": rules });
    bench.add("outbound-routes", route).await?;
    for (from, dialled, shown) in [
        (&phone, "555125554444", "555133335555"),
        (&other, "555125554444", "5133334444"),
        (&phone, "665125554444", "5133334444"),
    ] {
        let mut out = from.call(dialled).await?;
        let mut inn = next_call(&bench.carrier).await?;
        assert!(
            inn.called().contains("sip:12345125554444@"),
            "{}",
            inn.called()
        );
        assert!(
            inn.caller().contains(&format!("{shown}@")),
            "{}",
            inn.caller()
        );
        inn.answer();
        out.wait_answered(SOON).await?;
        out.hang_up();
        inn.wait_ended(SOON).await?;
    }
    Ok(())
}

/// The record of a call from outside has the company's number: who called is found by whom it rang at, and dialled as the rules
/// take it, not as the carrier sends it.
#[tokio::test]
async fn who_called_last_from_outside_is_called_back_by_the_rules() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let targets = json!([{ "ring": "extension", "id": ana }]);
    bench
        .number(json!({ "ring": { "targets": targets } }))
        .await?;
    let way = json!([{ "way": "trunk", "id": bench.trunk }]);
    let rules = json!([{ "pattern": "0ZZ[2-9]XXX.", "strip": 1, "ways": way }]);
    let route = json!({ "name": "Nacional", "rules": rules });
    bench.add("outbound-routes", route).await?;
    let missed = bench.carrier.call(NUMBER).await?;
    let mut rings = next_call(&phone).await?;
    missed.hang_up();
    rings.wait_ended(SOON).await?;
    bench.gateway.records(1).await?;
    let out = phone.call("*69").await?;
    let back = next_call(&bench.carrier).await?;
    assert!(
        back.called().contains("sip:5198765432@"),
        "{}",
        back.called()
    );
    out.hang_up();
    Ok(())
}

#[tokio::test]
async fn at_08_when_a_trunk_is_down_the_next_rule_takes_the_call() -> Result {
    let bench = Bench::start().await?;
    let (_, phone) = bench.extension("2001").await?;
    // Nothing listens there; the port was free a moment ago.
    let down = flow_tests::bench::address()?;
    let down = trunk(&bench, "Parado", &down.to_string()).await?;
    let rule = |trunk: i64, prepend: &str| {
        json!({
            "pattern": "55X.", "strip": 2, "prepend": prepend, "ways": [{ "way": "trunk", "id": trunk }],
        })
    };
    let rules = json!([rule(down, "1"), rule(bench.trunk, "2")]);
    let route = json!({ "name": "Com reserva", "rules": rules });
    bench.add("outbound-routes", route).await?;
    let mut out = phone.call("555125554444").await?;
    let mut inn = next_call(&bench.carrier).await?;
    assert!(
        inn.called().contains("sip:25125554444@"),
        "{}",
        inn.called()
    );
    inn.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    // By the gateway's own clock, so that a busy machine does not decide.
    let record = bench.record().await?;
    let trace = record["trace"].as_array().ok_or("a trace")?;
    let at = |step: &str, trunk: &str| {
        let mut steps = trace.iter();
        let found = steps.find(|one| one["step"] == step && one["trunk"] == trunk);
        found.and_then(|one| one["at_ms"].as_u64())
    };
    let tried = at("sip_trunk", "Parado").ok_or_else(|| format!("not tried: {record}"))?;
    let next = at("sip_trunk", "Carrier").ok_or_else(|| format!("not taken: {record}"))?;
    // 3 s, as all times within one.
    assert!(next - tried <= 4_000, "after {} ms: {record}", next - tried);
    Ok(())
}

#[tokio::test]
async fn emergency_numbers_go_out_whatever_else_is_set() -> Result {
    let (bench, _, bruno, _) = bench().await?;
    let out = bruno.call("190").await?;
    let inn = next_call(&bench.carrier).await?;
    assert!(inn.called().contains("190"), "{}", inn.called());
    drop((out, inn));
    let record = bench.record().await?;
    assert!(steps(&record).contains(&"emergency"), "{record}");
    let taken = bench
        .gateway
        .api()
        .post("/api/v1/extensions", &json!({ "number": "190" }))
        .await?;
    assert_eq!(taken.status, 422);
    Ok(())
}

#[tokio::test]
async fn at_38_a_user_calls_with_the_number_he_was_given() -> Result {
    let (bench, ana, _, id) = bench().await?;
    let rule = json!([{ "pattern": "9X.", "strip": 1, "caller_id": "5130000000", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    bench
        .add(
            "outbound-routes",
            json!({ "name": "Com nove", "rules": rule }),
        )
        .await?;
    let number = bench
        .add(
            "numbers",
            json!({ "label": "Da Ana", "number": "+555133335555" }),
        )
        .await?;
    let user = json!({
        "login": "ana.lima", "role": "user", "password": "vermelho-cadeira-42", "extension": id, "outbound_number": number,
    });
    bench.add("users", user).await?;
    let out = ana.call("951999990000").await?;
    let inn = next_call(&bench.carrier).await?;
    assert!(inn.caller().contains("555133335555"), "{}", inn.caller());
    drop((out, inn));
    let deleted = bench
        .gateway
        .api()
        .delete(&format!("/api/v1/numbers/{number}"))
        .await?;
    assert_eq!(deleted.status, 409, "somebody calls with it");
    Ok(())
}

#[tokio::test]
async fn f207_calls_with_a_number_go_out_first_where_it_comes_in() -> Result {
    let bench = Bench::start().await?;
    let (extension, ana) = bench.extension("2001").await?;
    let user = user(&bench, "ana.lima", extension).await?;
    let other = trunk(&bench, "Outro", &bench.carrier.local().to_string()).await?;
    let ways = [bench.trunk, other].map(|id| json!({ "way": "trunk", "id": id }));
    let rule = json!([{ "pattern": "9X.", "strip": 1, "ways": ways }]);
    let route = json!({ "name": "Com nove", "rules": rule });
    bench.add("outbound-routes", route).await?;
    let mut calls = 0;
    for (trunk, taken) in [(Value::Null, "Carrier"), (json!(other), "Outro")] {
        let number = json!({
            "label": format!("Por {taken}"), "number": format!("+55513333000{calls}"), "trunk": trunk,
        });
        let number = bench.add("numbers", number).await?;
        let path = format!("/api/v1/users/{user}");
        let change = json!({ "outbound_number": number });
        let api = bench.gateway.api();
        api.patch(&path, &change).await?.expect(200)?;
        let mut out = ana.call("951999990000").await?;
        next_call(&bench.carrier).await?.reject(486);
        out.wait_ended(SOON).await?;
        calls += 1;
        let records = bench.gateway.records(calls).await?;
        let mut trace = records[0]["trace"].as_array().ok_or("a trace")?.iter();
        let tried = trace.find(|one| one["step"] == "sip_trunk");
        assert_eq!(tried.ok_or("no trunk")?["trunk"], taken, "{}", records[0]);
    }
    Ok(())
}

/// A user at an extension; his id.
async fn user(bench: &Bench, login: &str, extension: i64) -> Result<i64> {
    let user = json!({
        "login": login, "role": "user", "password": "vermelho-cadeira-42", "extension": extension,
    });
    bench.add("users", user).await
}

#[tokio::test]
async fn at_38_a_number_is_everybodys_until_it_is_assigned_to_some() -> Result {
    let bench = Bench::start().await?;
    let (extension, ana) = bench.extension("2001").await?;
    let first = user(&bench, "ana.lima", extension).await?;
    let number = bench
        .number(json!({ "on_no_answer": { "to": "hang_up", "clearing": "busy" } }))
        .await?;
    // Whoever comes later has the number as well.
    let (extension, bruno) = bench.extension("2002").await?;
    let second = user(&bench, "bruno.sa", extension).await?;
    let mut out = bench.carrier.call(flow_tests::bench::NUMBER).await?;
    let (rings, mut taken) = (next_call(&ana).await?, next_call(&bruno).await?);
    rings.ring();
    taken.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    taken.wait_ended(SOON).await?;
    drop(rings);
    let api = bench.gateway.api();
    let path = format!("/api/v1/users/{second}");
    let with = json!({ "outbound_number": number });
    api.patch(&path, &with).await?.expect(200)?;
    let rule =
        json!([{ "pattern": "9X.", "strip": 1, "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    bench
        .add(
            "outbound-routes",
            json!({ "name": "Com nove", "rules": rule }),
        )
        .await?;
    let mut out = bruno.call("951999990000").await?;
    let mut inn = next_call(&bench.carrier).await?;
    assert!(
        inn.caller().contains(flow_tests::bench::NUMBER),
        "{}",
        inn.caller()
    );
    out.hang_up();
    inn.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;

    // From now on it is Ana's: Bruno is not rung, and does not call with it, but for help.
    let list = json!({ "users": { "assigned_to": "list", "users": [first] } });
    bench.change("numbers", number, list).await?;
    let mut out = bruno.call("951999990000").await?;
    refused(&mut out, 403).await?;
    let said = Prompt::load("pt-BR", "no-outbound-number")?;
    assert!(said.find(&out.audio().heard()).is_some(), "Bruno is told");
    let out = bruno.call("190").await?;
    let mut inn = next_call(&bench.carrier).await?;
    assert!(inn.called().contains("sip:190@"), "{}", inn.called());
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let refusal = |record: &Value| {
        let trace = record["trace"].as_array();
        let last = trace.and_then(|trace| trace.last());
        last.is_some_and(|step| step["reason"] == "number_not_assigned")
    };
    let records = bench.gateway.records(4).await?;
    assert!(records.iter().any(refusal), "{records:?}");
    let mut out = bench.carrier.call(flow_tests::bench::NUMBER).await?;
    let mut taken = next_call(&ana).await?;
    taken.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    taken.wait_ended(SOON).await?;
    let record = bench.gateway.records(5).await?.remove(0);
    assert!(
        !record["legs"].to_string().contains("2002"),
        "Bruno rang: {record}"
    );

    // Without the number calls lead nowhere.
    let path = format!("/api/v1/users/{second}");
    let without = json!({ "outbound_number": null });
    api.patch(&path, &without).await?.expect(200)?;
    let path = format!("/api/v1/numbers/{number}");
    api.delete(&path).await?.expect(204)?;
    let mut out = bench.carrier.call(flow_tests::bench::NUMBER).await?;
    refused(&mut out, 404).await?;
    let record = bench.gateway.records(6).await?.remove(0);
    let last = record["trace"]
        .as_array()
        .and_then(|trace| trace.last().cloned());
    let reason = last.map(|step| step["reason"].clone());
    assert_eq!(reason, Some(json!("unconfigured_number")), "{record}");
    Ok(())
}

#[tokio::test]
async fn at_34_a_message_is_left_on_a_machine_and_whoever_called_is_free_at_once() -> Result {
    let (bench, ana, bruno, id) = bench().await?;
    let message = bench.tone(700.0, 4.0).await?;
    let user = json!({
        "login": "ana.lima", "role": "agent", "password": "vermelho-cadeira-42", "extension": id,
        "voicedrops": [message],
    });
    let user = bench.add("users", user).await?;
    let api = bench.gateway.api();
    let mut out = ana.call("555125554444").await?;
    let mut inn = next_call(&bench.carrier).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    let calls = api.get("/api/v1/calls/active").await?.expect(200)?;
    let call = calls[0]["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("/api/v1/calls/active/{call}/voicedrop");
    let order = json!({ "extension": id });
    // Nothing has told yet that it is no person.
    let unsure = api.post(&path, &order).await?;
    assert_eq!(unsure.status, 409, "{:?}", unsure.json());
    let foreign = json!({ "extension": id, "message": 0 });
    let foreign = api.post(&path, &foreign).await?;
    assert_eq!(foreign.status, 422, "{:?}", foreign.json());

    inn.audio().send(flow_tests::tone(1000.0));
    flow_tests::hears(&out, 1000.0).await?;
    inn.audio().send(sipphone::Source::Silence);
    let began = std::time::Instant::now();
    while api.post(&path, &order).await?.status != 204 {
        assert!(began.elapsed() < SOON, "the beep was not noticed");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    out.wait_ended(std::time::Duration::from_secs(1)).await?;
    hears(&inn, 700.0).await?;
    // Ana talks with somebody else while her message plays.
    let mut other = ana.call("2002").await?;
    let colleague = next_call(&bruno).await?;
    colleague.reject(486);
    refused(&mut other, 486).await?;
    inn.wait_ended(SOON).await?;
    let heard = inn.audio().heard();
    let seconds = heard
        .chunks_exact(800)
        .filter(|tenth| sipphone::level_dbm0(tenth, 700.0) > -40.0)
        .count();
    assert!(
        seconds >= 39,
        "only {seconds} tenths of the message were heard"
    );
    let records = bench.gateway.records(2).await?;
    let record = records.iter().find(|one| one["id"] == call.as_str());
    let record = record.ok_or("the call has no record")?;
    assert!(steps(record).contains(&"voicedrop"), "{record}");
    assert_eq!(record["result"], "answered", "{record}");

    // By the code it is left without a question.
    let mut out = ana.call("555125554444").await?;
    let mut inn = next_call(&bench.carrier).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    out.audio().send_digits("*86");
    out.wait_ended(SOON).await?;
    hears(&inn, 700.0).await?;
    inn.wait_ended(SOON).await?;

    // F093: whoever has none of his own leaves that of the number he calls with.
    let of_number = bench.tone(1200.0, 2.0).await?;
    let number = json!({ "label": "Da Ana", "number": "+555133335555", "voicedrops": [of_number] });
    let number = bench.add("numbers", number).await?;
    let with = json!({ "voicedrops": [], "outbound_number": number });
    api.patch(&format!("/api/v1/users/{user}"), &with)
        .await?
        .expect(200)?;
    let used = api
        .delete(&format!("/api/v1/audio-files/{of_number}"))
        .await?;
    assert_eq!(used.status, 409, "the number has it");
    let mut out = ana.call("555125554444").await?;
    let mut inn = next_call(&bench.carrier).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    out.audio().send_digits("*86");
    out.wait_ended(SOON).await?;
    hears(&inn, 1200.0).await?;
    inn.wait_ended(SOON).await?;
    Ok(())
}
