//! U5: callers who hang up, keep their place and are called back, and who decides that they are not.

use flow_tests::bench::{Result, hears, next_call, steps};
use flow_tests::prompts::Prompt;
use flow_tests::session::{PASSWORD, Session};
use flow_tests::{SOON, tone};
use serde_json::{Value, json};
use sipphone::{Call, Phone, PhoneConfig};

use super::{Desk, members};

/// A queue with these members whose callers may be called back by the key 1, over the carrier.
async fn desk(with: &[usize]) -> Result<Desk> {
    let desk = Desk::open(json!({ "members": [], "callback_key": "1" })).await?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": desk.bench.trunk }] }]);
    let route = json!({ "name": "Tudo", "rules": rule });
    desk.bench.add("outbound-routes", route).await?;
    works(&desk, with).await?;
    Ok(desk)
}

async fn works(desk: &Desk, with: &[usize]) -> Result {
    let who: Vec<i64> = with.iter().map(|place| desk.members[*place]).collect();
    desk.change(json!({ "members": members(&who), "callback_key": "1" }))
        .await
}

/// A caller is promised to be called back, and hangs up when he was told so.
async fn promised(desk: &Desk) -> Result {
    let mut out = desk.call().await?;
    out.audio().send_digits("1");
    out.wait_ended(2 * SOON).await?;
    let said = Prompt::load("pt-BR", "queue-callback")?;
    assert!(
        said.find(&out.audio().heard()).is_some(),
        "the caller was not told"
    );
    Ok(())
}

/// The member takes the call, and so does whoever is called back.
async fn called_back(desk: &Desk) -> Result<(Call, Call)> {
    let mut inn = next_call(&desk.phones[0]).await?;
    assert!(inn.caller().contains("5198765432"), "{}", inn.caller());
    inn.answer();
    let mut out = next_call(&desk.bench.carrier).await?;
    assert!(out.called().contains("5198765432"), "{}", out.called());
    out.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    out.audio().send(tone(700.0));
    hears(&inn, 700.0).await?;
    Ok((inn, out))
}

#[tokio::test]
async fn u5_whoever_is_called_back_keeps_his_place() -> Result {
    let desk = desk(&[0]).await?;
    let first = desk.call().await?;
    let mut busy = next_call(&desk.phones[0]).await?;
    busy.answer();
    busy.wait_answered(SOON).await?;

    promised(&desk).await?;
    let later = desk.call().await?;
    let waiting = |queue: &Value| queue["waiting"].as_array().map_or(0, Vec::len);
    let queue = desk
        .wait("two who wait", |queue| waiting(queue) == 2)
        .await?;
    let marks: Vec<_> = queue["waiting"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["called_back"] == true)
        .collect();
    assert_eq!(marks, [true, false], "{queue}");

    first.hang_up();
    busy.wait_ended(SOON).await?;
    let (inn, mut out) = called_back(&desk).await?;
    inn.hang_up();
    out.wait_ended(SOON).await?;
    // Now it is the turn of who came after him.
    let mut inn = next_call(&desk.phones[0]).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    inn.audio().send(tone(900.0));
    hears(&later, 900.0).await?;
    later.hang_up();
    inn.wait_ended(SOON).await?;
    desk.settle().await?;
    let records = desk.bench.gateway.records(4).await?;
    let with = |step: &str| {
        records
            .iter()
            .filter(|one| steps(one).contains(&step))
            .count()
    };
    assert_eq!(with("queue_callback"), 1, "{records:?}");
    assert_eq!(with("queue_calls_back"), 1, "{records:?}");
    Ok(())
}

#[tokio::test]
async fn u5_a_promise_outlives_a_restart_and_a_member_who_does_not_answer() -> Result {
    let mut desk = desk(&[]).await?;
    promised(&desk).await?;
    desk.bench.gateway.crash_and_restart().await?;
    let queue = desk
        .wait("who was promised", |queue| {
            queue["waiting"][0]["called_back"] == true
        })
        .await?;
    assert_eq!(queue["waiting"][0]["number"], "5198765432", "{queue}");
    works(&desk, &[0]).await?;
    next_call(&desk.phones[0]).await?.reject(486);
    // He is rung again after a rest, and the promise holds.
    let (mut inn, out) = called_back(&desk).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    desk.settle().await?;
    Ok(())
}

/// The callbacks of the queue, once they look so.
async fn callbacks(desk: &Desk, what: &'static str, are: impl Fn(&Value) -> bool) -> Result<Value> {
    let path = format!("/api/v1/queues/{}/callbacks", desk.queue);
    Ok(desk.bench.gateway.wait(&path, what, are).await?)
}

/// Calls off what was promised to the first of them.
async fn call_off(desk: &Desk, callbacks: &Value) -> Result<u16> {
    let call = callbacks[0]["call"].as_str().ok_or("the call")?;
    let path = format!("/api/v1/queues/{}/callbacks/{call}", desk.queue);
    Ok(desk.bench.gateway.api().delete(&path).await?.status)
}

#[tokio::test]
async fn u5_whoever_waits_to_be_called_back_is_seen_and_may_be_let_go() -> Result {
    let mut desk = desk(&[]).await?;
    promised(&desk).await?;
    let waits = |all: &Value| all[0]["state"] == "waiting";
    let listed = callbacks(&desk, "who was promised", waits).await?;
    assert_eq!(listed[0]["number"], "5198765432", "{listed}");
    assert_eq!(listed[0]["attempts"], 0, "{listed}");
    // Nobody else's queue has him, and nobody by another name.
    let api = desk.bench.gateway.api();
    let call = listed[0]["call"].as_str().ok_or("the call")?;
    for path in [
        format!("/api/v1/queues/999/callbacks/{call}"),
        format!("/api/v1/queues/{}/callbacks/0", desk.queue),
        "/api/v1/queues/999/callbacks".to_owned(),
    ] {
        let (gone, found) = (api.delete(&path).await?, api.get(&path).await?);
        assert!([404, 405].contains(&gone.status), "{path}: {}", gone.status);
        assert!(
            [404, 405].contains(&found.status),
            "{path}: {}",
            found.status
        );
    }
    assert_eq!(call_off(&desk, &listed).await?, 204);
    callbacks(&desk, "nobody", |all| all == &json!([])).await?;
    desk.wait("nobody who waits", |queue| queue["waiting"] == json!([]))
        .await?;
    assert_eq!(call_off(&desk, &listed).await?, 404);
    // He is forgotten for good: the member who comes now takes whoever calls next.
    desk.bench.gateway.crash_and_restart().await?;
    desk.phones[0].register(300).await?;
    works(&desk, &[0]).await?;
    callbacks(&desk, "nobody", |all| all == &json!([])).await?;
    let mut out = desk.call().await?;
    let mut inn = next_call(&desk.phones[0]).await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.audio().send(tone(900.0));
    hears(&inn, 900.0).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    inn.wait_ended(SOON).await?;
    desk.settle().await?;
    Ok(())
}

#[tokio::test]
async fn u5_nobody_is_let_go_whose_turn_it_is_and_who_does_not_answer_may_be() -> Result {
    let desk = desk(&[0]).await?;
    let busy = desk.call().await?;
    let mut first = next_call(&desk.phones[0]).await?;
    first.answer();
    first.wait_answered(SOON).await?;
    promised(&desk).await?;
    busy.hang_up();
    first.wait_ended(SOON).await?;
    // The member's phone rings for him.
    let mut inn = next_call(&desk.phones[0]).await?;
    inn.ring();
    let calling = |all: &Value| all[0]["state"] == "calling";
    let listed = callbacks(&desk, "his turn", calling).await?;
    assert_eq!(call_off(&desk, &listed).await?, 409);
    inn.answer();
    inn.wait_answered(SOON).await?;
    // He does not answer, and is to be called again; until somebody decides otherwise.
    next_call(&desk.bench.carrier).await?.reject(486);
    inn.wait_ended(SOON).await?;
    let rests = |all: &Value| all[0]["state"] == "resting";
    let listed = callbacks(&desk, "his rest", rests).await?;
    assert_eq!(listed[0]["attempts"], 1, "{listed}");
    assert!(listed[0]["again_at"].is_i64(), "{listed}");
    assert_eq!(call_off(&desk, &listed).await?, 204);
    callbacks(&desk, "nobody", |all| all == &json!([])).await?;
    desk.settle().await?;
    Ok(())
}

#[tokio::test]
async fn u5_an_agent_lets_go_who_waits_for_his_own_queue_only() -> Result {
    let desk = desk(&[]).await?;
    let mut sessions = Vec::new();
    for (login, extension) in ["ana.lima", "bruno.sa"].iter().zip(&desk.members) {
        let user = json!({
            "login": login, "role": "agent", "password": PASSWORD, "extension": extension,
        });
        let id = desk.bench.add("users", user).await?;
        sessions.push((id, Session::open(&desk.bench, login).await?));
    }
    let (ana, at_ana) = &sessions[0];
    promised(&desk).await?;
    // Nobody is there: Ana works in the queue, and has not logged in.
    let agents = json!([{ "member": "agent", "id": ana }]);
    desk.change(json!({ "members": agents })).await?;
    let path = format!("/queues/{}/callbacks", desk.queue);
    let waits = |all: &Value| all[0]["state"] == "waiting";
    let listed = callbacks(&desk, "who was promised", waits).await?;
    assert_eq!(at_ana.get(&path).await?, listed);
    let one = format!("{path}/{}", listed[0]["call"].as_str().ok_or("the call")?);
    let (_, at_bruno) = &sessions[1];
    for (method, path) in [("GET", &path), ("DELETE", &one)] {
        let (status, told) = at_bruno.send(method, path, None).await?;
        assert_eq!(status, 403, "{method}: {told}");
    }
    let (status, told) = at_ana.send("DELETE", &one, None).await?;
    assert_eq!(status, 204, "{told}");
    assert_eq!(at_ana.get(&path).await?, json!([]));
    // Who has done it is written down.
    let done_by = |entry: &Value| {
        entry["method"] == "DELETE"
            && entry["status"] == 204
            && entry["path"]
                .as_str()
                .is_some_and(|path| path.ends_with(&one))
            && entry["actor"]["login"] == "ana.lima"
    };
    let logged = |log: &Value| {
        log["entries"]
            .as_array()
            .is_some_and(|all| all.iter().any(done_by))
    };
    let log = "/api/v1/audit-log";
    desk.bench.gateway.wait(log, "the entry", logged).await?;
    Ok(())
}

#[tokio::test]
async fn u15_a_promise_follows_the_new_number_of_who_was_promised() -> Result {
    let mut desk = desk(&[]).await?;
    let (id, old) = desk.bench.extension("2011").await?;
    let mut out = old.call("600").await?;
    out.wait_answered(SOON).await?;
    out.audio().send_digits("1");
    out.wait_ended(2 * SOON).await?;
    let at = |number: &'static str| move |all: &Value| all[0]["number"] == number;
    callbacks(&desk, "who was promised", at("2011")).await?;

    let renumbered = json!({ "number": "2111" });
    let api = desk.bench.gateway.api();
    let path = format!("/api/v1/extensions/{id}");
    let changed = api.patch(&path, &renumbered).await?.expect(200)?;
    let secret = changed["secret"].as_str().ok_or("a new secret")?;
    callbacks(&desk, "his new number", at("2111")).await?;
    // Also after a restart, and whoever has the old number now is not called.
    desk.bench.gateway.crash_and_restart().await?;
    callbacks(&desk, "his new number", at("2111")).await?;
    drop(old);
    let config = PhoneConfig::new(desk.bench.gateway.sip(), "2111", secret);
    let phone = Phone::start(config).await?;
    phone.register(300).await?;
    desk.bench.extension("2011").await?;
    desk.phones[0].register(300).await?;
    works(&desk, &[0]).await?;
    let mut inn = next_call(&desk.phones[0]).await?;
    inn.answer();
    let mut out = next_call(&phone).await?;
    out.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    out.audio().send(tone(700.0));
    hears(&inn, 700.0).await?;
    inn.hang_up();
    out.wait_ended(SOON).await?;
    callbacks(&desk, "nobody", |all| *all == json!([])).await?;
    Ok(())
}
