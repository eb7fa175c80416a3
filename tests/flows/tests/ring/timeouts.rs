//! AT-23 and AT-24: how long a call rings, inside and outside.

use std::time::Duration;

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call, steps};
use serde_json::{Value, json};
use sipphone::EndReason;

const MOBILE: &str = "51999990000";

/// A bench with a way out, and a voicemail box whose greeting is this tone.
async fn bench(greeting: f64) -> Result<(Bench, i64)> {
    let bench = Bench::start().await?;
    let rule = json!([{ "pattern": "X.", "ways": [{ "way": "trunk", "id": bench.trunk }], "ring_timeout": 2 }]);
    let route = json!({ "name": "Tudo", "rules": rule });
    bench.add("outbound-routes", route).await?;
    let greeting = bench.tone(greeting, 2.0).await?;
    let mailbox = json!({ "name": "Geral", "greeting": greeting });
    let mailbox = bench.add("voicemail-boxes", mailbox).await?;
    Ok((bench, mailbox))
}

#[tokio::test]
async fn at_23_after_its_time_the_box_takes_the_call_and_the_mobile_rings_no_more() -> Result {
    let (bench, mailbox) = bench(500.0).await?;
    let (ana, phone) = bench.extension("2001").await?;
    let number = bench
        .number(json!({
            "ring": { "targets": extensions(&[ana]) }, "voicemail": mailbox, "forward_to": MOBILE,
        }))
        .await?;
    let path = format!("/api/v1/numbers/{number}");
    let blank = bench.gateway.api().get(&path).await?.expect(200)?;
    assert_eq!(
        blank["ring"]["timeout"],
        Value::Null,
        "60 s, as the document says"
    );
    let ring = json!({ "targets": extensions(&[ana]), "timeout": 5 });
    bench
        .change("numbers", number, json!({ "ring": ring }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let (mut at_ana, mut at_mobile) = (next_call(&phone).await?, next_call(&bench.carrier).await?);
    let began = tokio::time::Instant::now();
    at_ana.ring();
    at_mobile.ring();
    assert!(
        at_mobile.called().contains(MOBILE),
        "{}",
        at_mobile.called()
    );
    out.wait_answered(2 * SOON).await?;
    assert!(
        began.elapsed() > Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    hears(&out, 500.0).await?;
    for call in [&mut at_ana, &mut at_mobile] {
        let end = call.wait_ended(SOON).await?;
        assert!(matches!(end, EndReason::Cancelled(_)), "{end:?}");
    }
    out.hang_up();
    let record = bench.record().await?;
    assert!(steps(&record).contains(&"voicemail"), "{record}");
    Ok(())
}

#[tokio::test]
async fn at_23_so_short_a_time_rings_nobody_and_needs_somewhere_to_go() -> Result {
    let (bench, mailbox) = bench(500.0).await?;
    let (ana, phone) = bench.extension("2001").await?;
    let ring = json!({ "targets": extensions(&[ana]), "timeout": 3 });
    let nowhere = json!({ "label": "Geral", "number": NUMBER, "ring": ring });
    bench.refusal("numbers", nowhere, "voicemail").await?;
    bench
        .number(json!({ "ring": ring, "voicemail": mailbox }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 500.0).await?;
    let rings = tokio::time::timeout(Duration::from_millis(100), phone.next_call()).await;
    assert!(rings.is_err(), "it rang");
    out.hang_up();
    let record = bench.record().await?;
    let greeting = record["trace"].as_array().into_iter().flatten();
    let greeting = greeting.filter(|step| step["step"] == "answered_by_gateway");
    let at: Vec<_> = greeting.filter_map(|step| step["at_ms"].as_i64()).collect();
    assert!(at.first().is_some_and(|at| *at < 2_000), "{record}");
    assert!(steps(&record).contains(&"rings_nobody"), "{record}");
    Ok(())
}

#[tokio::test]
async fn at_24_a_call_outside_is_cancelled_after_its_time() -> Result {
    let (bench, mailbox) = bench(500.0).await?;
    let (_, phone) = bench.extension("2001").await?;
    // By the rule of the route.
    let mut out = phone.call(MOBILE).await?;
    let mut inn = next_call(&bench.carrier).await?;
    let began = tokio::time::Instant::now();
    inn.ring();
    out.wait_ringing(SOON).await?;
    let end = inn.wait_ended(SOON).await?;
    assert!(matches!(end, EndReason::Cancelled(_)), "{end:?}");
    assert!(
        began.elapsed() > Duration::from_millis(1_500),
        "{:?}",
        began.elapsed()
    );
    out.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(record["result"], "no_answer", "{record}");
    // By the number that forwards; its box takes the call then.
    bench
        .number(json!({
            "mode": "forward_all", "forward_to": MOBILE, "ring_timeout_out": 1, "voicemail": mailbox,
        }))
        .await?;
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(&bench.carrier).await?;
    inn.ring();
    let end = inn.wait_ended(SOON).await?;
    assert!(matches!(end, EndReason::Cancelled(_)), "{end:?}");
    out.wait_answered(SOON).await?;
    hears(&out, 500.0).await?;
    Ok(())
}
