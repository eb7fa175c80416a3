//! AT-11: places, patience, music and announcements.

use flow_tests::SOON;
use flow_tests::bench::{NUMBER, Result, hears, next_call, steps, to};
use serde_json::json;
use sipphone::level_dbm0;
use std::time::Duration;

use super::Desk;

#[tokio::test]
async fn at_11_what_a_queue_may_not_is_refused_with_field_and_limit() -> Result {
    let desk = Desk::open(json!({})).await?;
    for (field, value, limit) in [
        ("number", json!("6a0"), None),
        ("max_callers", json!(26), Some("25")),
        ("max_wait", json!(1501), Some("1500")),
        ("announce_every", json!(31), Some("30")),
    ] {
        let mut queue = json!({ "name": "Outra", "number": "601" });
        queue[field] = value;
        let said = desk.bench.refusal("queues", queue, field).await?;
        if let Some(limit) = limit {
            assert!(said.to_string().contains(limit), "{said}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn at_11_twenty_five_wait_and_one_more_is_told_so() -> Result {
    let desk = Desk::open(json!({ "members": [], "max_callers": 25 })).await?;
    let full = desk.bench.tone(900.0, 1.0).await?;
    let full = json!({ "name": "Lotada", "files": [full] });
    let full = desk.bench.add("announcements", full).await?;
    desk.change(json!({ "on_full": to("announcement", full) }))
        .await?;
    let mut waiting = Vec::new();
    for _ in 0..25 {
        waiting.push(desk.call().await?);
    }
    desk.wait("25 callers", |queue| {
        queue["waiting"]
            .as_array()
            .is_some_and(|all| all.len() == 25)
    })
    .await?;
    let mut late = desk.bench.carrier.call(NUMBER).await?;
    late.wait_answered(SOON).await?;
    hears(&late, 900.0).await?;
    late.wait_ended(SOON).await?;
    let record = desk.bench.record().await?;
    assert!(steps(&record).contains(&"queue_full"), "{record}");
    // Everybody else is still there.
    let queue = desk.wait("the callers", |_| true).await?;
    assert_eq!(queue["waiting"].as_array().map(Vec::len), Some(25));
    Ok(())
}

#[tokio::test]
async fn at_11_patience_ends_and_the_caller_goes_on() -> Result {
    let desk = Desk::open(json!({ "members": [], "max_wait": 2 })).await?;
    let [first, ..] = desk.members[..] else {
        return Err("no members".into());
    };
    desk.change(json!({ "on_timeout": to("extension", first) }))
        .await?;
    let began = tokio::time::Instant::now();
    let mut out = desk.call().await?;
    let mut inn = next_call(&desk.phones[0]).await?;
    assert!(
        began.elapsed() >= Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    inn.wait_ended(SOON).await?;
    let record = desk.bench.record().await?;
    assert!(steps(&record).contains(&"queue_timeout"), "{record}");
    Ok(())
}

#[tokio::test]
async fn at_11_music_and_every_ten_seconds_an_announcement() -> Result {
    let desk = Desk::open(json!({ "members": [] })).await?;
    let bench = &desk.bench;
    let music = bench.tone(600.0, 5.0).await?;
    let music = json!({ "name": "Fila", "files": [music] });
    let music = bench.add("music-classes", music).await?;
    let announcement = bench.tone(900.0, 1.0).await?;
    desk.change(json!({
        "music_class": music, "announcement": announcement, "announce_position": false, "announce_every": 10,
    }))
    .await?;
    let out = desk.call().await?;
    hears(&out, 600.0).await?;
    let said = |heard: &[i16]| {
        let blocks = heard.chunks_exact(1600);
        blocks
            .filter(|block| level_dbm0(block, 900.0) > -25.0)
            .count()
    };
    // Ten seconds and what a slow machine adds.
    let deadline = tokio::time::Instant::now() + 3 * SOON;
    while said(&out.audio().last(Duration::from_millis(400))) == 0 {
        assert!(tokio::time::Instant::now() < deadline, "no announcement");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = out.audio().heard();
    assert!(before.len() > 8 * 8000, "after {} samples", before.len());
    assert!(said(&before[..8 * 8000]) == 0, "it came too early");
    hears(&out, 600.0).await?;
    Ok(())
}
