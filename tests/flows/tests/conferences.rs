//! AT-14: conference rooms.

use flow_tests::bench::{Bench, Result, hears};
use flow_tests::{SOON, tone};
use gateway_under_test::Options;
use serde_json::{Value, json};
use sipphone::{Call, Phone, level_dbm0};
use std::time::Duration;

/// What somebody hears who is alone.
const MUSIC: f64 = 440.0;
const VOICES: [f64; 3] = [600.0, 1000.0, 1500.0];

/// Phones 2001 to 2003 at a gateway whose music is a tone.
async fn bench() -> Result<(Bench, Vec<Phone>, tempfile::TempDir)> {
    let music = tempfile::tempdir()?;
    std::fs::write(
        music.path().join("a.wav"),
        flow_tests::bench::wav(MUSIC, 5.0),
    )?;
    let folder = music.path().to_string_lossy().into_owned();
    let options = Options {
        arguments: vec!["--music-dir".into(), folder],
        ..Options::default()
    };
    let bench = Bench::start_with(options).await?;
    let mut phones = Vec::new();
    for number in ["2001", "2002", "2003"] {
        phones.push(bench.extension(number).await?.1);
    }
    Ok((bench, phones, music))
}

async fn joins(phone: &Phone) -> Result<Call> {
    let mut call = phone.call("5000").await?;
    call.wait_answered(SOON).await?;
    Ok(call)
}

/// Waits until a call hears this frequency no more.
async fn does_not_hear(call: &Call, frequency: f64) -> Result {
    let deadline = tokio::time::Instant::now() + SOON;
    let heard = || call.audio().last(Duration::from_millis(300));
    while level_dbm0(&heard(), frequency) > -35.0 {
        if tokio::time::Instant::now() > deadline {
            return Err(format!("{frequency} Hz is still heard").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until so many are in the only conference.
async fn members(bench: &Bench, count: usize) -> Result {
    let path = "/api/v1/conferences/active";
    let are = |rooms: &Value| rooms[0]["members"].as_array().map_or(0, Vec::len) == count;
    bench.gateway.wait(path, "the members", are).await?;
    Ok(())
}

#[tokio::test]
async fn at_14_three_hear_each_other_and_whoever_is_alone_hears_music() -> Result {
    let (bench, phones, _music) = bench().await?;
    let room = json!({ "name": "Reunião", "number": "5000", "join_tone": false });
    bench.add("conferences", room).await?;
    let queue = json!({ "name": "Vendas", "number": "5000" });
    let taken = bench.refusal("queues", queue, "number").await?;
    assert!(taken.to_string().contains("Reunião"), "{taken}");

    let ana = joins(&phones[0]).await?;
    hears(&ana, MUSIC).await?;
    let (bruno, carla) = (joins(&phones[1]).await?, joins(&phones[2]).await?);
    members(&bench, 3).await?;
    let calls = [&ana, &bruno, &carla];
    for (call, voice) in calls.iter().zip(VOICES) {
        call.audio().send(tone(voice));
    }
    for (call, own) in calls.iter().zip(VOICES) {
        for voice in VOICES.into_iter().filter(|voice| *voice != own) {
            hears(call, voice).await?;
        }
        for silent in [own, MUSIC] {
            does_not_hear(call, silent).await?;
        }
    }
    bruno.hang_up();
    carla.hang_up();
    members(&bench, 1).await?;
    hears(&ana, MUSIC).await?;
    Ok(())
}

#[tokio::test]
async fn at_14_three_wrong_pins_end_the_call_and_the_right_one_joins() -> Result {
    let (bench, phones, _music) = bench().await?;
    let room = json!({ "name": "Reunião", "number": "5000", "use_pin": true, "pin": "4321" });
    bench.add("conferences", room).await?;
    let mut call = joins(&phones[0]).await?;
    call.audio().send_digits("1111#");
    // Each attempt is written down in its turn; until then no key counts for the next one.
    for _ in 0..2 {
        call.audio()
            .wait(SOON, "what is said", |report| report.received > 100)
            .await?;
        call.audio().forget();
        call.audio().send_digits("1111#");
    }
    call.wait_ended(3 * SOON).await?;
    let record = bench.record().await?;
    let steps = flow_tests::bench::steps(&record);
    let wrong = steps.iter().filter(|step| **step == "wrong_pin").count();
    assert_eq!(wrong, 3, "{steps:?}");
    assert!(steps.contains(&"conference_refused"), "{steps:?}");
    let call = joins(&phones[0]).await?;
    call.audio().send_digits("4321#");
    hears(&call, MUSIC).await?;
    members(&bench, 1).await?;
    Ok(())
}
