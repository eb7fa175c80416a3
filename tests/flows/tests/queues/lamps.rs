//! Lamps of extensions that are rung for others: for a queue, and for a number of the company.

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, extensions, next_call};
use serde_json::json;
use sipphone::{Phone, Subscription};

use super::{Desk, members};

async fn lamp(phone: &Phone, number: &str) -> Result<Subscription> {
    let mut lamp = phone.subscribe("dialog", number, 600).await?;
    let first = lamp.next(SOON).await?;
    assert!(!first.body.contains("<dialog "), "{}", first.body);
    Ok(lamp)
}

/// Waits until the lamp shows this, of a call by the carrier's caller.
async fn shows(lamp: &mut Subscription, state: &str) -> Result<String> {
    let wanted = format!("<state>{state}</state>");
    let told = lamp.wait(SOON, |body| body.contains(&wanted)).await?;
    assert!(told.body.contains("5198765432"), "{}", told.body);
    let id = told.body.split_once("<dialog id=\"");
    let id = id.and_then(|(_, rest)| rest.split_once('"'));
    Ok(id.ok_or("a dialog")?.0.to_owned())
}

#[tokio::test]
async fn a_lamp_is_early_while_a_queue_rings_its_member() -> Result {
    let desk = Desk::open(json!({ "members": [] })).await?;
    let only = json!({ "members": members(&desk.members[..1]) });
    desk.change(only).await?;
    let mut ana = lamp(&desk.phones[2], "2001").await?;
    // He waits in the queue, which has taken the call.
    let out = desk.call().await?;
    let mut inn = next_call(&desk.phones[0]).await?;
    inn.ring();
    let early = shows(&mut ana, "early").await?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    let confirmed = shows(&mut ana, "confirmed").await?;
    assert_eq!(early, confirmed, "the same dialog");
    out.hang_up();
    inn.wait_ended(SOON).await?;
    shows(&mut ana, "terminated").await?;
    Ok(())
}

#[tokio::test]
async fn lamps_are_early_while_a_number_rings_several() -> Result {
    let bench = Bench::start().await?;
    let (ana, first) = bench.extension("2001").await?;
    let (bruno, second) = bench.extension("2002").await?;
    let (_, watcher) = bench.extension("2003").await?;
    let ring = json!({ "targets": extensions(&[ana, bruno]) });
    bench.number(json!({ "ring": ring })).await?;
    let mut lamps = [lamp(&watcher, "2001").await?, lamp(&watcher, "2002").await?];
    let mut out = bench.carrier.call(NUMBER).await?;
    let (mut one, mut other) = (next_call(&first).await?, next_call(&second).await?);
    one.ring();
    other.ring();
    for lamp in &mut lamps {
        shows(lamp, "early").await?;
    }
    other.answer();
    out.wait_answered(SOON).await?;
    one.wait_ended(SOON).await?;
    shows(&mut lamps[0], "terminated").await?;
    shows(&mut lamps[1], "confirmed").await?;
    out.hang_up();
    other.wait_ended(SOON).await?;
    shows(&mut lamps[1], "terminated").await?;

    // Whoever gives up leaves no lamp burning.
    let mut out = bench.carrier.call(NUMBER).await?;
    let (mut one, mut other) = (next_call(&first).await?, next_call(&second).await?);
    one.ring();
    other.ring();
    shows(&mut lamps[0], "early").await?;
    out.hang_up();
    one.wait_ended(SOON).await?;
    other.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;
    for lamp in &mut lamps {
        shows(lamp, "terminated").await?;
    }
    Ok(())
}
