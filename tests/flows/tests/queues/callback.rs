//! U5: callers who hang up, keep their place and are called back.

use flow_tests::bench::{Result, hears, next_call, steps};
use flow_tests::prompts::Prompt;
use flow_tests::{SOON, tone};
use serde_json::{Value, json};
use sipphone::Call;

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
