//! AT-08 and AT-38: outbound routes, caller IDs and emergency numbers.

use serde_json::{Value, json};

use flow_tests::bench::{Bench, Result, next_call, refused, steps};

/// The carrier's trunk takes `55X.` from 2001 only, without the 55.
async fn bench() -> Result<(Bench, sipphone::Phone, sipphone::Phone, i64)> {
    let bench = Bench::start().await?;
    let (ana, first) = bench.extension("2001").await?;
    let (_, second) = bench.extension("2002").await?;
    let rule = json!([{
        "pattern": "55X.", "strip": 2, "ways": [{ "way": "trunk", "id": bench.trunk }],
        "caller_id": "5133334444", "force_caller_id": true, "allowed": [ana],
    }]);
    bench
        .add(
            "outbound-routes",
            json!({ "name": "Nacional", "rules": rule }),
        )
        .await?;
    Ok((bench, first, second, ana))
}

#[tokio::test]
async fn at_08_a_rule_takes_digits_off_and_shows_the_number_it_forces() -> Result {
    let (bench, ana, bruno, _) = bench().await?;
    let out = ana.call("555125554444").await?;
    let inn = next_call(&bench.carrier).await?;
    assert!(
        inn.called().contains("5125554444") && !inn.called().contains("555125554444"),
        "{}",
        inn.called()
    );
    assert!(inn.caller().contains("5133334444"), "{}", inn.caller());
    drop((out, inn));
    let mut barred = bruno.call("555125554444").await?;
    refused(&mut barred, 403).await?;
    let mut nowhere = ana.call("77777").await?;
    refused(&mut nowhere, 404).await?;
    let rings = tokio::time::timeout(
        std::time::Duration::from_millis(200),
        bench.carrier.next_call(),
    )
    .await;
    assert!(rings.is_err(), "the carrier got a call that was barred");
    let records = bench.gateway.records(3).await?;
    let refused = |record: &Value| {
        record["trace"]
            .as_array()
            .and_then(|trace| trace.last().cloned())
            .unwrap_or_default()["reason"]
            .clone()
    };
    let reasons: Vec<_> = records.iter().map(refused).collect();
    assert!(
        reasons.contains(&json!("route_barred")) && reasons.contains(&json!("unknown_number")),
        "{reasons:?}"
    );
    Ok(())
}

#[tokio::test]
async fn emergency_numbers_go_out_whatever_else_is_set() -> Result {
    let (bench, _, bruno, _) = bench().await?;
    let out = bruno.call("190").await?;
    let inn = next_call(&bench.carrier).await?;
    assert!(inn.called().contains("190"), "{}", inn.called());
    drop((out, inn));
    let record = bench.record().await?;
    assert!(steps(&record).contains(&"emergency"), "{record}");
    let taken = bench
        .gateway
        .api()
        .post("/api/v1/extensions", &json!({ "number": "190" }))
        .await?;
    assert_eq!(taken.status, 422);
    Ok(())
}

#[tokio::test]
async fn at_38_a_user_calls_with_the_number_he_was_given() -> Result {
    let (bench, ana, _, id) = bench().await?;
    let rule = json!([{ "pattern": "9X.", "strip": 1, "caller_id": "5130000000", "ways": [{ "way": "trunk", "id": bench.trunk }] }]);
    bench
        .add(
            "outbound-routes",
            json!({ "name": "Com nove", "rules": rule }),
        )
        .await?;
    let number = bench
        .add(
            "numbers",
            json!({ "label": "Da Ana", "number": "+555133335555" }),
        )
        .await?;
    let user = json!({
        "login": "ana.lima", "role": "user", "password": "vermelho-cadeira-42", "extension": id, "outbound_number": number,
    });
    bench.add("users", user).await?;
    let out = ana.call("951999990000").await?;
    let inn = next_call(&bench.carrier).await?;
    assert!(inn.caller().contains("555133335555"), "{}", inn.caller());
    drop((out, inn));
    let deleted = bench
        .gateway
        .api()
        .delete(&format!("/api/v1/numbers/{number}"))
        .await?;
    assert_eq!(deleted.status, 409, "somebody calls with it");
    Ok(())
}
