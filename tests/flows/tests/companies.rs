//! AT-03, third clause, and F234: several companies on one gateway.

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call, refused, to};
use flow_tests::session::{PASSWORD, Session};
use serde_json::{Value, json};
use sipphone::{Phone, PhoneError};

/// The number of the second company.
const OF_BETA: &str = "555133335555";
/// What callers hear in the voicemail of each company.
const GREETING: f64 = 500.0;
const GREETING_OF_BETA: f64 = 900.0;

/// Two companies: 2001 and `NUMBER` are the default one's, 2002 and `OF_BETA` those of Beta. Both administrators look after
/// theirs, by profile and by company.
struct Two {
    bench: Bench,
    beta: i64,
    number: i64,
    number_of_beta: i64,
    ana: Phone,
    bruno: Phone,
    user_of_beta: i64,
    extension: i64,
}

async fn person(bench: &Bench, number: &str, more: Value) -> Result<(i64, i64, Phone)> {
    let (extension, phone) = bench.extension(number).await?;
    let mut user = json!({
        "login": format!("user.{number}"), "role": "admin", "password": PASSWORD, "extension": extension,
    });
    if let (Some(user), Some(more)) = (user.as_object_mut(), more.as_object()) {
        user.extend(more.clone());
    }
    Ok((bench.add("users", user).await?, extension, phone))
}

/// A voicemail box that its company's greeting is heard in.
async fn mailbox(bench: &Bench, name: &str, company: i64) -> Result<i64> {
    let mailbox = json!({ "name": name, "company": company });
    bench.add("voicemail-boxes", mailbox).await
}

async fn two_companies() -> Result<Two> {
    let bench = Bench::start().await?;
    let api = bench.gateway.api();
    let greeting = bench.tone(GREETING_OF_BETA, 2.0).await?;
    let beta = json!({ "name": "Beta Ltda", "voicemail_greeting": greeting });
    let beta = bench.add("companies", beta).await?;
    let greeting = json!({ "greeting": bench.tone(GREETING, 2.0).await? });
    api.put("/api/v1/voicemail-settings", &greeting)
        .await?
        .expect(200)?;
    let company_only: Vec<_> = [
        ("directory", "view"),
        ("extensions", "view"),
        ("extensions", "edit"),
        ("telephony", "view"),
        ("telephony", "edit"),
        ("calls", "view"),
        ("users", "view"),
    ]
    .iter()
    .map(|(area, verb)| json!({ "area": area, "verb": verb, "scope": "company" }))
    .collect();
    let profile = json!({ "name": "Admin da empresa", "permissions": company_only });
    let profile = bench.add("profiles", profile).await?;
    let (_, extension, ana) = person(&bench, "2001", json!({ "profile": profile })).await?;
    let (user_of_beta, of_bruno, bruno) =
        person(&bench, "2002", json!({ "company": beta })).await?;
    let found = api
        .get(&format!("/api/v1/extensions/{of_bruno}"))
        .await?
        .expect(200)?;
    assert_eq!(
        found["company"], beta,
        "his extension goes with him: {found}"
    );
    let number = json!({ "ring": { "targets": extensions(&[extension]) } });
    let number = bench.number(number).await?;
    let voicemail = mailbox(&bench, "Beta", beta).await?;
    let of_beta = json!({
        "label": "Beta", "number": OF_BETA, "company": beta, "target": "flow",
        "flow": to("voicemail", voicemail),
    });
    let number_of_beta = bench.add("numbers", of_beta).await?;
    Ok(Two {
        bench,
        beta,
        number,
        number_of_beta,
        ana,
        bruno,
        user_of_beta,
        extension,
    })
}

fn names(companies: &Value) -> Vec<&str> {
    let companies = companies.as_array().into_iter().flatten();
    companies.filter_map(|one| one["name"].as_str()).collect()
}

fn called(page: &Value) -> Vec<&str> {
    let calls = page["calls"].as_array().into_iter().flatten();
    calls
        .filter_map(|call| call["callee"]["number"].as_str())
        .collect()
}

#[tokio::test]
async fn at_03_the_super_user_lists_both_companies_and_a_normal_admin_only_his_own() -> Result {
    let two = two_companies().await?;
    let Two { bench, beta, .. } = &two;
    let api = bench.gateway.api();
    // A call of each.
    let out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&two.ana).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    bench.gateway.records(1).await?;
    let mut out = bench.carrier.call(OF_BETA).await?;
    out.wait_answered(SOON).await?;
    hears(&out, GREETING_OF_BETA).await?;
    let live = api.get("/api/v1/calls/active").await?.expect(200)?;
    assert_eq!(live[0]["company"], *beta, "{live}");
    let path = "/api/v1/calls/active?company=0";
    let live = api.get(path).await?.expect(200)?;
    assert_eq!(live, json!([]));
    out.hang_up();
    bench.gateway.records(2).await?;

    let companies = api.get("/api/v1/companies").await?.expect(200)?;
    let all = names(&companies);
    assert_eq!(
        (all.len(), all.last()),
        (2, Some(&"Beta Ltda")),
        "{companies}"
    );
    let calls = api.get("/api/v1/calls").await?.expect(200)?;
    assert_eq!(called(&calls), [OF_BETA, NUMBER], "{calls}");
    let path = format!("/api/v1/calls?company={beta}");
    let calls = api.get(&path).await?.expect(200)?;
    assert_eq!(called(&calls), [OF_BETA], "{calls}");

    for (login, own, number, other) in [
        ("user.2001", 0, NUMBER, *beta),
        ("user.2002", *beta, OF_BETA, 0),
    ] {
        let session = Session::open(bench, login).await?;
        let companies = session.get("/companies").await?;
        assert_eq!(companies.as_array().map(Vec::len), Some(1), "{companies}");
        assert_eq!(companies[0]["id"], own, "{companies}");
        let calls = session.get("/calls").await?;
        assert_eq!(called(&calls), [number], "{calls}");
        let extensions = session.get("/extensions").await?;
        assert_eq!(extensions.as_array().map(Vec::len), Some(1), "{extensions}");
        let numbers = session.get("/numbers").await?;
        assert_eq!(numbers[0]["number"], number, "{numbers}");
        assert_eq!(numbers.as_array().map(Vec::len), Some(1), "{numbers}");
        let (status, told) = session
            .send("GET", &format!("/calls?company={other}"), None)
            .await?;
        assert_eq!(status, 403, "{told}");
        let change = Some(json!({ "legal_name": "Outra", "country": "BR" }));
        let (status, told) = session.send("PUT", "/company", change).await?;
        assert_eq!(status, 403, "{told}");
    }
    let session = Session::open(bench, "user.2002").await?;
    let refused = [
        ("GET", format!("/extensions/{}", two.extension), None),
        ("DELETE", format!("/numbers/{}", two.number), None),
        (
            "PATCH",
            format!("/users/{}", two.user_of_beta),
            Some(json!({ "company": 0 })),
        ),
        ("GET", "/audit-log".to_owned(), None),
        ("GET", "/configuration/export".to_owned(), None),
        ("GET", "/tokens".to_owned(), None),
        ("DELETE", format!("/companies/{beta}"), None),
    ];
    for (method, path, body) in refused {
        let (status, told) = session.send(method, &path, body).await?;
        assert_eq!(status, 403, "{method} {path}: {told}");
    }
    // What he makes is his company's.
    let new = json!({ "number": "2003" });
    let (status, made) = session.send("POST", "/extensions", Some(new)).await?;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["extension"]["company"], *beta, "{made}");
    // Nothing is lost with a company: it stays while anything belongs to it.
    let path = format!("/api/v1/companies/{beta}");
    api.delete(&path).await?.expect(409)?;
    Ok(())
}

#[tokio::test]
async fn f234_nobody_shows_a_number_of_another_company_and_each_has_its_greeting() -> Result {
    let two = two_companies().await?;
    let Two { bench, beta, .. } = &two;
    let api = bench.gateway.api();
    // A box of the default company is heard with that one's greeting.
    let voicemail = mailbox(bench, "Geral", 0).await?;
    let flow = json!({ "target": "flow", "flow": to("voicemail", voicemail) });
    bench.change("numbers", two.number, flow).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, GREETING).await?;
    out.hang_up();
    bench.gateway.records(1).await?;

    // He is not given the other company's number, and a number leads to nobody of another company.
    let user = format!("/api/v1/users/{}", two.user_of_beta);
    let shown = json!({ "outbound_number": two.number });
    let told = api.patch(&user, &shown).await?.expect(422)?;
    assert_eq!(told["errors"][0]["field"], "outbound_number", "{told}");
    let rings = json!({
        "label": "Beta", "number": OF_BETA, "company": beta, "ring": { "targets": extensions(&[two.extension]) },
    });
    let path = format!("/api/v1/numbers/{}", two.number_of_beta);
    let told = api.put(&path, &rings).await?.expect(422)?;
    assert_eq!(told["errors"][0]["code"], "other_company", "{told}");

    // The route shows the default company's number. His company has none to show instead.
    let rule = json!({
        "pattern": "51X.", "ways": [{ "way": "trunk", "id": bench.trunk }], "caller_id": NUMBER,
        "force_caller_id": true,
    });
    let route = json!({ "name": "Saída", "rules": [rule] });
    bench.add("outbound-routes", route).await?;
    let mut out = two.bruno.call("5133337777").await?;
    refused(&mut out, 403).await?;
    let record = bench.gateway.records(2).await?.remove(0);
    assert_eq!(record["company"], *beta, "{record}");
    // With one of its own, that is shown; the default company's people show what the route says.
    let own = json!({ "outbound_number": two.number_of_beta });
    bench.change("companies", *beta, own).await?;
    for (phone, shown) in [(&two.bruno, OF_BETA), (&two.ana, NUMBER)] {
        let out = phone.call("5133337777").await?;
        let inn = next_call(&bench.carrier).await?;
        assert!(inn.caller().contains(shown), "{}", inn.caller());
        out.hang_up();
    }
    bench.gateway.records(4).await?;
    Ok(())
}

/// Waits until this number is not there to be watched.
async fn unwatchable(phone: &Phone, event: &str, number: &str) -> Result {
    match phone.subscribe(event, number, 600).await {
        Err(PhoneError::Refused { status: 404, .. }) => Ok(()),
        other => Err(format!("{event} of {number}: 404 was expected, it was {other:?}").into()),
    }
}

/// The hours of the default company, that its people may switch by hand as 1.
async fn hours(two: &Two) -> Result<String> {
    let hours = json!({
        "name": "Expediente", "code_number": 1, "time_zone": "UTC",
        "periods": [{ "start": "00:00", "end": "24:00" }],
        "on_match": to("extension", two.extension), "on_no_match": to("extension", two.extension),
    });
    let id = two.bench.add("time-conditions", hours).await?;
    Ok(format!("/api/v1/time-conditions/{id}"))
}

#[tokio::test]
async fn f234_nobody_watches_what_another_company_does() -> Result {
    let two = two_companies().await?;
    let Two { bench, beta, .. } = &two;
    hours(&two).await?;
    let (moving, watcher) = bench.extension("2004").await?;
    for (event, number) in [("dialog", "2001"), ("presence", "2001"), ("dialog", "*271")] {
        unwatchable(&two.bruno, event, number).await?;
        let mut lamp = watcher.subscribe(event, number, 600).await?;
        lamp.next(SOON).await?;
    }
    unwatchable(&two.ana, "dialog", "2002").await?;

    // A slot is there for everybody, and is lit for the company that parks a call in it.
    let mut dark = two.bruno.subscribe("dialog", "701", 600).await?;
    dark.next(SOON).await?;
    let mut slot = watcher.subscribe("dialog", "701", 600).await?;
    slot.next(SOON).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&two.ana).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    inn.refer("700");
    inn.wait_ended(SOON).await?;
    slot.wait(SOON, |body| body.contains("5198765432")).await?;
    let told = dark.next(SOON).await?;
    assert!(!told.body.contains("<dialog "), "{}", told.body);
    let mut dark = two.bruno.subscribe("dialog", "701", 600).await?;
    let told = dark.next(SOON).await?;
    assert!(!told.body.contains("<dialog "), "{}", told.body);

    // Whoever goes to the other company sees nothing more of this one.
    let mut lamp = watcher.subscribe("dialog", "2001", 600).await?;
    lamp.next(SOON).await?;
    let moves = json!({ "company": beta });
    let path = format!("/api/v1/extensions/{moving}");
    bench
        .gateway
        .api()
        .patch(&path, &moves)
        .await?
        .expect(200)?;
    loop {
        let told = lamp.next(SOON).await?;
        if told.state.starts_with("terminated") {
            assert!(told.state.contains("noresource"), "{}", told.state);
            break;
        }
    }
    unwatchable(&watcher, "dialog", "2001").await?;
    slot.wait(SOON, |body| body.contains("<state>terminated</state>"))
        .await?;
    out.hang_up();
    Ok(())
}

#[tokio::test]
async fn f234_nobody_opens_or_closes_another_company() -> Result {
    let two = two_companies().await?;
    let path = hours(&two).await?;
    let api = two.bench.gateway.api();
    for (phone, is_switched) in [(&two.bruno, false), (&two.ana, true)] {
        let mut call = phone.call("*271").await?;
        call.wait_answered(SOON).await?;
        call.wait_ended(2 * SOON).await?;
        let hours = api.get(&path).await?.expect(200)?;
        assert_eq!(hours["override"] != Value::Null, is_switched, "{hours}");
    }
    Ok(())
}

#[tokio::test]
async fn f234_nobody_speaks_into_a_room_of_another_company() -> Result {
    let two = two_companies().await?;
    refused(&mut two.bruno.call("*802001").await?, 404).await?;
    refused(&mut two.ana.call("*802002").await?, 404).await?;
    Ok(())
}

#[tokio::test]
async fn f234_an_administrator_thinks_through_calls_of_his_company_only() -> Result {
    let two = two_companies().await?;
    for (login, own, other, number, number_of_other) in [
        ("user.2001", "2001", "2002", NUMBER, OF_BETA),
        ("user.2002", "2002", "2001", OF_BETA, NUMBER),
    ] {
        let session = Session::open(&two.bench, login).await?;
        for (thought, expected) in [
            (json!({ "dialled": number }), 200),
            (json!({ "dialled": number_of_other }), 403),
            (json!({ "dialled": format!("+{number_of_other}") }), 403),
            (json!({ "dialled": other }), 403),
            (json!({ "from": own, "dialled": own }), 200),
            (json!({ "from": other, "dialled": own }), 403),
        ] {
            let body = Some(thought.clone());
            let (status, told) = session.send("POST", "/simulate", body).await?;
            assert_eq!(status, expected, "{login}, {thought}: {told}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a4_a_parked_call_is_taken_by_nobody_of_another_company() -> Result {
    let two = two_companies().await?;
    let Two { bench, .. } = &two;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&two.ana).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    inn.refer("700");
    inn.wait_ended(SOON).await?;
    // To the other company the slot is an empty one.
    let mut taken = two.bruno.call("701").await?;
    refused(&mut taken, 480).await?;
    let mut taken = two.ana.call("701").await?;
    taken.wait_answered(SOON).await?;
    taken.hang_up();
    out.wait_ended(SOON).await?;
    Ok(())
}
