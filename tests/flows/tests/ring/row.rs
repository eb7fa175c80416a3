//! AT-22 and AT-28: one after the other, by chance, by idle time, and all at once.

use std::time::Duration;

use flow_tests::bench::{NUMBER, Result, hears, next_call, taken_elsewhere};
use flow_tests::{SOON, tone};
use serde_json::json;

use super::People;

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

#[tokio::test]
async fn at_22_people_ring_twice_in_the_order_in_which_they_came_online() -> Result {
    let people = People::in_order([B, A, C]).await?;
    let nobody = people.announcement(900.0).await?;
    let ring = json!({
        "targets": people.targets(), "strategy": "sequential", "order": "online_since", "interval": 5, "cycles": 2,
    });
    let number = json!({ "ring": ring, "on_no_answer": nobody });
    people.bench.number(number).await?;
    let mut out = people.bench.carrier.call(NUMBER).await?;
    // The first rings for the interval, then the second.
    let (who, mut first) = people.rings().await?;
    assert_eq!(who, B);
    let began = tokio::time::Instant::now();
    let (who, second) = people.rings().await?;
    assert_eq!(who, A);
    assert!(
        began.elapsed() > Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    first.wait_ended(SOON).await?;
    second.reject(486);
    // Twice through the row, then where nobody took it.
    people.ring_in_turn(&[C, B, A, C]).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 900.0).await?;
    out.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn at_22_whoever_answered_goes_to_the_end_and_the_offline_are_left_out() -> Result {
    let people = People::in_order([B, A, C]).await?;
    let ring = json!({ "targets": people.targets(), "strategy": "sequential", "interval": 20 });
    people.bench.number(json!({ "ring": ring })).await?;
    people.takes(A).await?;
    let mut out = people.bench.carrier.call(NUMBER).await?;
    people.ring_in_turn(&[B, C, A]).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    people.rest().await?;
    people.phones[B].register(0).await?;
    let out = people.bench.carrier.call(NUMBER).await?;
    people.ring_in_turn(&[C, A]).await?;
    drop(out);
    Ok(())
}

#[tokio::test]
async fn at_22_behind_a_key_of_a_menu_once_or_twice() -> Result {
    let people = People::in_order([B, A, C]).await?;
    let bench = &people.bench;
    let nobody = people.announcement(900.0).await?;
    let menu = bench.tone(700.0, 20.0).await?;
    let leaf = |cycles: i64| {
        let ring = json!({
            "targets": people.targets(), "strategy": "sequential", "interval": 20, "cycles": cycles,
        });
        json!({ "to": "ring", "ring": ring, "on_no_answer": nobody })
    };
    let ivr = json!({
        "name": "Principal", "menu": menu,
        "keys": [
            { "key": "1", "label": "Vendas", "destination": leaf(1) },
            { "key": "2", "label": "Suporte", "destination": leaf(2) },
        ],
    });
    let ivr = bench.add("ivrs", ivr).await?;
    bench.number(json!({ "target": "ivr", "ivr": ivr })).await?;
    for (key, row) in [("1", &[B, A, C][..]), ("2", &[B, A, C, B, A, C])] {
        let mut out = bench.carrier.call(NUMBER).await?;
        out.wait_answered(SOON).await?;
        hears(&out, 700.0).await?;
        out.audio().send_digits(key);
        people.ring_in_turn(row).await?;
        hears(&out, 900.0).await?;
        out.wait_ended(SOON).await?;
    }
    Ok(())
}

#[tokio::test]
async fn at_28_by_chance_by_idle_time_and_all_at_once_from_call_to_call() -> Result {
    let people = People::in_order([A, B, C]).await?;
    let nobody = people.announcement(900.0).await?;
    let ring = |strategy: &str| {
        let ring = json!({ "targets": people.targets(), "strategy": strategy, "interval": 20 });
        json!({ "ring": ring, "on_no_answer": nobody })
    };
    let number = people.bench.number(ring("random")).await?;
    let mut out = people.bench.carrier.call(NUMBER).await?;
    let mut rung = Vec::new();
    for _ in 0..3 {
        let (who, call) = people.rings().await?;
        call.reject(486);
        rung.push(who);
    }
    rung.sort_unstable();
    assert_eq!(rung, [A, B, C], "nobody twice before all");
    hears(&out, 900.0).await?;
    out.wait_ended(SOON).await?;
    people.rest().await?;

    people
        .bench
        .change("numbers", number, ring("simultaneous"))
        .await?;
    for taker in [C, A] {
        let mut out = people.bench.carrier.call(NUMBER).await?;
        let mut calls = Vec::new();
        for phone in &people.phones {
            let call = next_call(phone).await?;
            call.ring();
            calls.push(call);
        }
        let mut taken = calls.swap_remove(taker);
        taken.answer();
        taken.wait_answered(SOON).await?;
        for other in &mut calls {
            let end = other.wait_ended(SOON).await?;
            assert!(taken_elsewhere(&end), "{end:?}");
        }
        out.hang_up();
        taken.wait_ended(SOON).await?;
        out.wait_ended(SOON).await?;
        people.rest().await?;
    }

    people
        .bench
        .change("numbers", number, ring("longest_idle"))
        .await?;
    let out = people.bench.carrier.call(NUMBER).await?;
    // B has had no call at all, C's ended before A's.
    people.ring_in_turn(&[B, C, A]).await?;
    drop(out);
    Ok(())
}

#[tokio::test]
async fn at_32_all_who_are_online_are_busy_a_message_and_then_the_queue() -> Result {
    let people = People::in_order([A, B, C]).await?;
    let bench = &people.bench;
    let (welcome, busy) = (bench.tone(500.0, 1.0).await?, bench.tone(900.0, 1.0).await?);
    let music = bench.tone(700.0, 5.0).await?;
    let music = bench
        .add("music-classes", json!({ "name": "Fila", "files": [music] }))
        .await?;
    let members = json!([{ "member": "extension", "id": people.extensions[A] }]);
    let queue = json!({
        "name": "Vendas", "number": "600", "members": members, "wrap_up": 0, "music_class": music,
    });
    let queue = bench.add("queues", queue).await?;
    let targets = json!([{ "ring": "user", "id": people.users[A] }]);
    bench
        .number(json!({
            "ring": { "targets": targets }, "welcome": welcome, "busy_message": busy, "queue": queue,
        }))
        .await?;
    // She talks to a colleague.
    let mut inside = people.phones[A].call("2002").await?;
    let at_bruno = next_call(&people.phones[B]).await?;
    at_bruno.answer();
    inside.wait_answered(SOON).await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 900.0).await?;
    hears(&out, 700.0).await?;
    let welcomed = sipphone::level_dbm0(&out.audio().heard(), 500.0);
    assert!(welcomed < -40.0, "the welcome was heard: {welcomed}");
    // When she is free, the queue rings her.
    inside.hang_up();
    inside.wait_ended(SOON).await?;
    let (who, mut call) = people.rings().await?;
    assert_eq!(who, A);
    call.answer();
    call.wait_answered(SOON).await?;
    call.audio().send(tone(1000.0));
    hears(&out, 1000.0).await?;
    out.hang_up();
    call.wait_ended(SOON).await?;
    let records = bench.gateway.records(2).await?;
    let inbound = records.iter().find(|one| one["direction"] == "inbound");
    let steps = inbound.map(flow_tests::bench::steps).unwrap_or_default();
    let place = |wanted| steps.iter().position(|step| *step == wanted);
    assert!(
        place("all_busy").is_some() && place("all_busy") < place("queue_taken"),
        "{steps:?}"
    );
    Ok(())
}
