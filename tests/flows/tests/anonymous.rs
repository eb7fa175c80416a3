//! AT-40: callers who withhold their number, on SIP.

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call, steps};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn at_40_who_withholds_his_number_has_none_and_may_be_refused() -> Result {
    let bench = Bench::start().await?;
    let (ana, phone) = bench.extension("2001").await?;
    let targets = json!({ "targets": extensions(&[ana]) });
    let number = bench.number(json!({ "ring": targets })).await?;
    let withheld = bench.caller("anonymous").await?;
    let out = withheld.call(NUMBER).await?;
    let mut inn = next_call(&phone).await?;
    let shown = "\"Anônimo\" <sip:anonymous@anonymous.invalid>";
    assert!(inn.caller().contains(shown), "{}", inn.caller());
    let active = bench
        .gateway
        .api()
        .get("/api/v1/calls/active")
        .await?
        .expect(200)?;
    assert_eq!(active[0]["caller"]["number"], Value::Null, "{active}");
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    let record = bench.record().await?;
    assert_eq!(record["caller"]["number"], Value::Null, "{record}");
    assert!(!record.to_string().contains("266696687"), "{record}");

    let message = bench.tone(900.0, 1.0).await?;
    let policy = json!({ "reject_anonymous": true, "anonymous_message": message });
    bench.change("numbers", number, policy).await?;
    let mut out = withheld.call(NUMBER).await?;
    out.wait_answered(SOON).await?;
    hears(&out, 900.0).await?;
    out.wait_ended(SOON).await?;
    let rings = tokio::time::timeout(Duration::from_millis(100), phone.next_call()).await;
    assert!(rings.is_err(), "it rang");
    let records = bench.gateway.records(2).await?;
    assert!(
        steps(&records[0]).contains(&"number_refuses"),
        "{}",
        records[0]
    );
    // Whoever shows his number gets through.
    let out = bench.carrier.call(NUMBER).await?;
    let inn = next_call(&phone).await?;
    drop((inn, out));
    Ok(())
}
