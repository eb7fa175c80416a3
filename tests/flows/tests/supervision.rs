//! AT-03: what a profile shows, and whose calls a supervisor listens to.

use std::time::Duration;

use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call};
use flow_tests::session::{PASSWORD, Session};
use flow_tests::{SOON, tone};
use serde_json::{Value, json};
use sipphone::{Call, Phone, level_dbm0};

/// A user with an extension of his own; he and its phone.
async fn person(bench: &Bench, number: &str, more: Value) -> Result<(i64, Phone)> {
    let (extension, phone) = bench.extension(number).await?;
    let mut user = json!({
        "login": format!("user.{number}"), "role": "agent", "password": PASSWORD, "extension": extension,
    });
    if let (Some(user), Some(more)) = (user.as_object_mut(), more.as_object()) {
        user.extend(more.clone());
    }
    Ok((bench.add("users", user).await?, phone))
}

async fn team(bench: &Bench, name: &str, members: &[i64], supervisors: &[i64]) -> Result {
    let team = json!({ "name": name, "members": members, "supervisors": supervisors });
    bench.add("teams", team).await?;
    Ok(())
}

/// Two talk; caller and called.
async fn talk(from: &Phone, number: &str, to: &Phone) -> Result<(Call, Call)> {
    let mut out = from.call(number).await?;
    let mut inn = next_call(to).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    inn.wait_answered(SOON).await?;
    Ok((out, inn))
}

/// The call in progress at this number.
async fn at(bench: &Bench, number: &str) -> Result<String> {
    let there = |calls: &Value| {
        let mut calls = calls.as_array().into_iter().flatten();
        calls
            .find(|call| call["callee"]["number"] == number && call["state"] == "answered")
            .and_then(|call| call["id"].as_str())
            .map(str::to_owned)
    };
    let calls = bench
        .gateway
        .wait("/api/v1/calls/active", "the call", |calls| {
            there(calls).is_some()
        })
        .await?;
    Ok(there(&calls).ok_or("the call is gone")?)
}

#[tokio::test]
async fn at_03_a_profile_shows_one_menu_and_the_calls_of_the_team_only() -> Result {
    let bench = Bench::start().await?;
    let permissions = json!([{ "area": "calls", "verb": "view", "scope": "team" }]);
    let profile = json!({ "name": "Só chamadas", "menus": ["calls"], "permissions": permissions });
    let profile = bench.add("profiles", profile).await?;
    let (watcher, _) = person(&bench, "2001", json!({ "profile": profile })).await?;
    let (ana, of_ana) = person(&bench, "2002", json!({})).await?;
    let (bruno, of_bruno) = person(&bench, "2003", json!({})).await?;
    team(&bench, "Vendas", &[ana], &[watcher]).await?;
    team(&bench, "Suporte", &[bruno], &[]).await?;
    let (_, guest) = bench.extension("2004").await?;
    let ring = json!({ "targets": extensions(&[extension(&bench, "2002").await?]) });
    bench.number(json!({ "ring": ring })).await?;
    let calls = [
        (&guest, "2002", &of_ana),
        (&guest, "2003", &of_bruno),
        (&bench.carrier, NUMBER, &of_ana),
    ];
    for (count, (caller, number, phone)) in (1..).zip(calls) {
        let (out, mut inn) = talk(caller, number, phone).await?;
        out.hang_up();
        inn.wait_ended(SOON).await?;
        bench.gateway.records(count).await?;
    }
    let session = Session::open(&bench, "user.2001").await?;
    let own = session.get("/session").await?;
    assert_eq!(own["menus"], json!(["calls"]), "{own}");
    let page = session.get("/calls").await?;
    let calls = page["calls"].as_array().ok_or("calls")?;
    let called: Vec<_> = calls.iter().map(|call| &call["callee"]["number"]).collect();
    assert_eq!(called, [NUMBER, "2002"], "{page}");
    // All else is not for him, and nor is changing what he sees.
    for path in [
        "/extensions",
        "/users",
        "/queues",
        "/recordings",
        "/audit-log",
    ] {
        let (status, told) = session.send("GET", path, None).await?;
        assert_eq!(status, 403, "{path}: {told}");
    }
    let call = calls[0]["id"].as_str().ok_or("its id")?;
    let path = format!("/calls/active/{call}/supervision");
    let listen = json!({ "mode": "listen" });
    let (status, told) = session.send("POST", &path, Some(listen)).await?;
    assert_eq!(status, 403, "{told}");
    Ok(())
}

#[tokio::test]
async fn at_03_a_supervisor_hears_both_sides_of_a_call_of_his_team_and_nobody_hears_him() -> Result
{
    let bench = Bench::start().await?;
    let supervisor = json!({ "role": "supervisor" });
    let (eva, of_eva) = person(&bench, "2001", supervisor).await?;
    let (ana, of_ana) = person(&bench, "2002", json!({})).await?;
    let (bruno, of_bruno) = person(&bench, "2003", json!({})).await?;
    team(&bench, "Vendas", &[ana], &[eva]).await?;
    team(&bench, "Suporte", &[bruno], &[]).await?;
    // Ana talks with somebody outside, Bruno with somebody inside.
    let ring = json!({ "targets": extensions(&[extension(&bench, "2002").await?]) });
    bench.number(json!({ "ring": ring })).await?;
    let (mut caller, mut agent) = talk(&bench.carrier, NUMBER, &of_ana).await?;
    let (_, guest) = bench.extension("2004").await?;
    let _others = talk(&guest, "2003", &of_bruno).await?;

    let session = Session::open(&bench, "user.2001").await?;
    let listen = || Some(json!({ "mode": "listen" }));
    let of_others = at(&bench, "2003").await?;
    let path = format!("/calls/active/{of_others}/supervision");
    let (status, told) = session.send("POST", &path, listen()).await?;
    assert_eq!(status, 403, "{told}");
    // It came by a number of the company; who talks is she.
    let of_team = at(&bench, "2002").await?;
    let path = format!("/calls/active/{of_team}/supervision");
    let (status, told) = session.send("POST", &path, listen()).await?;
    assert_eq!(status, 202, "{told}");
    let mut listener = next_call(&of_eva).await?;
    listener.answer();
    listener.wait_answered(SOON).await?;
    let voices = [(&caller, 600.0), (&agent, 900.0), (&listener, 1300.0)];
    for (call, frequency) in voices {
        call.audio().send(tone(frequency));
    }
    hears(&listener, 600.0).await?;
    hears(&listener, 900.0).await?;
    // They hear each other as before, and in a whole second after she has spoken nothing of her.
    for (call, other) in [(&caller, 900.0), (&agent, 600.0)] {
        hears(call, other).await?;
        call.audio().forget();
        call.audio()
            .wait(SOON, "a second", |report| report.received >= 50)
            .await?;
        let unheard = level_dbm0(&call.audio().last(Duration::from_secs(1)), 1300.0);
        assert!(unheard < -40.0, "{unheard} dBm0");
    }
    // When she leaves, the call goes on; its end is theirs.
    listener.hang_up();
    listener.wait_ended(SOON).await?;
    for (call, other) in [(&caller, 900.0), (&agent, 600.0)] {
        call.audio().forget();
        hears(call, other).await?;
    }
    caller.hang_up();
    agent.wait_ended(SOON).await?;
    caller.wait_ended(SOON).await?;
    Ok(())
}

async fn extension(bench: &Bench, number: &str) -> Result<i64> {
    let all = bench.gateway.api().get("/api/v1/extensions").await?;
    let all = all.expect(200)?;
    let mut all = all.as_array().into_iter().flatten();
    let found = all.find(|one| one["number"] == number);
    Ok(found
        .and_then(|one| one["id"].as_i64())
        .ok_or("no such extension")?)
}
