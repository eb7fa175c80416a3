//! AT-10: who of a queue's members rings for whom.

use flow_tests::bench::{Result, hears, next_call, taken_elsewhere};
use flow_tests::{SOON, tone};
use serde_json::json;

use super::{Desk, members};

impl Desk {
    /// A call that all are rung for and this member takes, to its end.
    async fn taken_by(&self, member: usize) -> Result {
        let mut out = self.call().await?;
        let mut calls = Vec::new();
        for phone in &self.phones {
            calls.push(next_call(phone).await?);
        }
        let mut taken = calls.swap_remove(member);
        taken.answer();
        taken.wait_answered(SOON).await?;
        for other in &mut calls {
            let end = other.wait_ended(SOON).await?;
            assert!(taken_elsewhere(&end), "{end:?}");
        }
        out.hang_up();
        taken.wait_ended(SOON).await?;
        out.wait_ended(SOON).await?;
        self.settle().await
    }

    /// The numbers that ring for the first who waits.
    async fn ringing(&self) -> Result<serde_json::Value> {
        let queue = self
            .wait("ringing", |queue| {
                queue["waiting"][0]["ringing"]
                    .as_array()
                    .is_some_and(|numbers| !numbers.is_empty())
            })
            .await?;
        Ok(queue["waiting"][0]["ringing"].clone())
    }

    /// The only member who is rung for a caller who then gives up.
    async fn alone(&self) -> Result<usize> {
        let mut out = self.call().await?;
        let (member, mut call) = self.rings().await?;
        let ringing = self.ringing().await?;
        assert_eq!(ringing, json!([format!("200{}", member + 1)]));
        out.hang_up();
        out.wait_ended(SOON).await?;
        call.wait_ended(SOON).await?;
        self.settle().await?;
        Ok(member)
    }
}

#[tokio::test]
async fn at_10_ring_all_rings_three_and_the_answerer_gets_the_caller() -> Result {
    let desk = Desk::open(json!({ "strategy": "ring_all" })).await?;
    let mut out = desk.call().await?;
    let mut calls = Vec::new();
    for phone in &desk.phones {
        let call = next_call(phone).await?;
        call.ring();
        calls.push(call);
    }
    assert_eq!(desk.ringing().await?, json!(["2001", "2002", "2003"]));
    let mut bruno = calls.swap_remove(1);
    bruno.answer();
    bruno.wait_answered(SOON).await?;
    for other in &mut calls {
        let end = other.wait_ended(SOON).await?;
        assert!(taken_elsewhere(&end), "{end:?}");
    }
    bruno.audio().send(tone(1000.0));
    out.audio().send(tone(600.0));
    hears(&out, 1000.0).await?;
    hears(&bruno, 600.0).await?;
    bruno.hang_up();
    out.wait_ended(SOON).await?;
    let record = desk.bench.record().await?;
    assert_eq!(record["result"], "answered", "{record}");
    // The others have missed nothing.
    let queue = desk
        .wait("the count", |queue| queue["answered"] == 1)
        .await?;
    let missed = queue["members"].as_array().into_iter().flatten();
    assert!(missed.into_iter().all(|one| one["missed"] == 0), "{queue}");
    Ok(())
}

#[tokio::test]
async fn at_10_longest_idle_and_fewest_calls_follow_what_each_has_answered() -> Result {
    let desk = Desk::open(json!({ "strategy": "ring_all" })).await?;
    for member in [2, 0, 1] {
        desk.taken_by(member).await?;
    }
    desk.change(json!({ "strategy": "longest_idle" })).await?;
    assert_eq!(desk.alone().await?, 2, "his last call ended first");
    desk.change(json!({ "strategy": "ring_all" })).await?;
    desk.taken_by(2).await?;
    desk.change(json!({ "strategy": "longest_idle" })).await?;
    assert_eq!(desk.alone().await?, 0, "now it is the other's");

    let reset = format!("/api/v1/queues/{}/reset", desk.queue);
    let api = desk.bench.gateway.api();
    api.post(&reset, &json!({})).await?.expect(204)?;
    desk.change(json!({ "strategy": "ring_all" })).await?;
    for member in [0, 0, 1] {
        desk.taken_by(member).await?;
    }
    desk.change(json!({ "strategy": "fewest_calls" })).await?;
    assert_eq!(desk.alone().await?, 2, "the others have answered 2 and 1");
    Ok(())
}

#[tokio::test]
async fn at_10_linear_keeps_its_order_and_changes_while_somebody_waits() -> Result {
    let desk = Desk::open(json!({ "strategy": "linear" })).await?;
    let [a, b, c] = desk.members[..] else {
        return Err("three members".into());
    };
    desk.change(json!({ "members": members(&[b, a, c]) }))
        .await?;
    for _ in 0..2 {
        assert_eq!(
            desk.gives_up().await?,
            1,
            "every call begins with the first"
        );
    }
    let mut out = desk.call().await?;
    let (first, call) = desk.rings().await?;
    assert_eq!(first, 1);
    call.reject(486);
    let (second, call) = desk.rings().await?;
    assert_eq!(second, 0);
    // Another strategy, and the caller waits on.
    desk.change(json!({ "strategy": "ring_all" })).await?;
    call.reject(486);
    let (third, mut call) = desk.rings().await?;
    assert_eq!(third, 2);
    call.answer();
    call.wait_answered(SOON).await?;
    call.audio().send(tone(1000.0));
    hears(&out, 1000.0).await?;
    out.hang_up();
    call.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn at_10_by_chance_everybody_has_his_turn() -> Result {
    let desk = Desk::open(json!({ "strategy": "random" })).await?;
    let mut rung = [0; 3];
    // Somebody is left out of so many once in 60,000 times.
    for _ in 0..30 {
        rung[desk.gives_up().await?] += 1;
    }
    assert!(rung.iter().all(|times| *times > 0), "{rung:?}");
    Ok(())
}

#[tokio::test]
async fn at_10_random_memory_rings_nobody_twice_before_all_others() -> Result {
    let desk = Desk::open(json!({ "strategy": "random_memory" })).await?;
    for _ in 0..10 {
        let mut three = Vec::new();
        for _ in 0..3 {
            three.push(desk.gives_up().await?);
        }
        three.sort_unstable();
        assert_eq!(three, [0, 1, 2]);
    }
    Ok(())
}
