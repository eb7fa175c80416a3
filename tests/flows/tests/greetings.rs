//! F089: which greeting callers of a voicemail box hear.

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, hears, steps, to};
use serde_json::{Value, json};

/// The greetings that were played, in the order of the calls.
async fn greetings(bench: &Bench, calls: usize) -> Result<Vec<String>> {
    let mut records = bench.gateway.records(calls).await?;
    records.sort_by_key(|one| one["started_at"].as_i64());
    let played = records.iter().map(|record| {
        let trace = record["trace"].as_array();
        let mut trace = trace.into_iter().flatten();
        let step = trace.find(|step| step["step"] == "greeting_played");
        step.and_then(|step| step["greeting"].as_str())
            .map(str::to_owned)
            .ok_or_else(|| format!("no greeting: {:?}", steps(record)))
    });
    Ok(played.collect::<std::result::Result<_, _>>()?)
}

/// A caller hears this greeting and hangs up.
async fn greets(bench: &Bench, frequency: f64) -> Result {
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, frequency).await?;
    out.hang_up();
    out.wait_ended(SOON).await?;
    Ok(())
}

/// Chooses a greeting, or none again.
async fn choose(bench: &Bench, list: &str, id: i64, field: &str, file: Value) -> Result {
    bench.change(list, id, json!({ field: file })).await?;
    Ok(())
}

#[tokio::test]
async fn f089_box_before_number_before_queue_before_company() -> Result {
    let bench = Bench::start().await?;
    let api = bench.gateway.api();
    let mut tones = Vec::new();
    for frequency in [500.0, 700.0, 1100.0, 1600.0] {
        tones.push(bench.tone(frequency, 3.0).await?);
    }
    let [of_company, of_queue, of_number, of_box] = tones[..] else {
        return Err("four greetings".into());
    };
    let mailbox = bench
        .add("voicemail-boxes", json!({ "name": "Vendas" }))
        .await?;
    // Nobody is there: whoever calls is led on to the box at once.
    let queue = json!({
        "name": "Vendas", "number": "600", "on_empty": to("voicemail", mailbox),
    });
    let queue = bench.add("queues", queue).await?;
    let number = json!({ "target": "queue", "queue": queue });
    let number = bench.number(number).await?;
    let settings = json!({ "greeting": of_company });
    api.put("/api/v1/voicemail-settings", &settings)
        .await?
        .expect(200)?;
    greets(&bench, 500.0).await?;
    choose(
        &bench,
        "queues",
        queue,
        "voicemail_greeting",
        json!(of_queue),
    )
    .await?;
    greets(&bench, 700.0).await?;
    choose(
        &bench,
        "numbers",
        number,
        "voicemail_greeting",
        json!(of_number),
    )
    .await?;
    greets(&bench, 1100.0).await?;
    choose(
        &bench,
        "voicemail-boxes",
        mailbox,
        "greeting",
        json!(of_box),
    )
    .await?;
    greets(&bench, 1600.0).await?;
    let expected = ["company", "queue", "number", "mailbox"];
    assert_eq!(greetings(&bench, 4).await?, expected);
    // What is heard cannot be deleted, and only what there is can be chosen.
    for file in [of_queue, of_number] {
        let path = format!("/api/v1/audio-files/{file}");
        api.delete(&path).await?.expect(409)?;
    }
    let body = json!({ "label": "Outro", "number": "555133335555", "voicemail_greeting": 999_999 });
    let said = bench.refusal("numbers", body, "voicemail_greeting").await?;
    assert_eq!(said["code"], "no_such_object", "{said}");
    Ok(())
}
