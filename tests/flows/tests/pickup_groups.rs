//! F171: who takes calls that ring at somebody else's phone.

use flow_tests::bench::{
    Bench, NUMBER, Result, extensions, hears, next_call, refused, taken_elsewhere,
};
use flow_tests::{SOON, tone};
use serde_json::{Value, json};

/// Puts an extension into pickup groups; what it is then.
async fn groups(bench: &Bench, id: i64, groups: Value) -> Result<Value> {
    let path = format!("/api/v1/extensions/{id}");
    let change = json!({ "pickup_groups": groups });
    let changed = bench.gateway.api().patch(&path, &change).await?;
    Ok(changed.expect(200)?["extension"].clone())
}

#[tokio::test]
async fn f171_who_is_in_a_group_takes_its_calls_and_nobody_else() -> Result {
    let bench = Bench::start().await?;
    let (rung, at_rung) = bench.extension("2001").await?;
    let (member, at_member) = bench.extension("2002").await?;
    let (other, at_other) = bench.extension("2003").await?;
    let (_, at_anybody) = bench.extension("2004").await?;
    let changed = groups(&bench, rung, json!(["Vendas"])).await?;
    assert_eq!(changed["pickup_groups"], json!(["Vendas"]));
    groups(&bench, member, json!([" vendas ", "Caixa"])).await?;
    groups(&bench, other, json!(["Suporte"])).await?;
    let ring = json!({ "targets": extensions(&[rung]) });
    bench.number(json!({ "ring": ring })).await?;

    let mut caller = bench.carrier.call(NUMBER).await?;
    let mut rings = next_call(&at_rung).await?;
    rings.ring();
    caller.wait_ringing(SOON).await?;
    for phone in [&at_other, &at_anybody] {
        refused(&mut phone.call("*8").await?, 480).await?;
        refused(&mut phone.call("**2001").await?, 403).await?;
    }
    let mut picks = at_member.call("*8").await?;
    picks.wait_answered(SOON).await?;
    caller.wait_answered(SOON).await?;
    assert!(taken_elsewhere(&rings.wait_ended(SOON).await?));
    caller.audio().send(tone(600.0));
    picks.audio().send(tone(900.0));
    hears(&caller, 900.0).await?;
    hears(&picks, 600.0).await?;
    caller.hang_up();
    picks.wait_ended(SOON).await?;

    // Asked for by number, and why somebody else was not let.
    let mut caller = bench.carrier.call(NUMBER).await?;
    let mut rings = next_call(&at_rung).await?;
    rings.ring();
    caller.wait_ringing(SOON).await?;
    let mut picks = at_member.call("**2001").await?;
    picks.wait_answered(SOON).await?;
    caller.wait_answered(SOON).await?;
    assert!(taken_elsewhere(&rings.wait_ended(SOON).await?));
    caller.hang_up();
    picks.wait_ended(SOON).await?;
    let records = bench.gateway.records(6).await?;
    let reasons = records
        .iter()
        .filter(|one| one["callee"]["number"] == "**2001");
    let reasons: Vec<_> = reasons.map(|one| one["trace"].to_string()).collect();
    assert_eq!(reasons.len(), 2);
    assert!(
        reasons
            .iter()
            .all(|one| one.contains("not_in_pickup_group")),
        "{reasons:?}"
    );
    Ok(())
}

#[tokio::test]
async fn f171_groups_are_refused_that_cannot_be_told_apart_or_are_too_many() -> Result {
    let bench = Bench::start().await?;
    let many: Vec<_> = (0..9).map(|n| format!("Grupo {n}")).collect();
    for (groups, field, code) in [
        (json!(many), "pickup_groups", "too_many"),
        (json!(["Vendas", "VENDAS"]), "pickup_groups[1]", "duplicate"),
        (json!(["Vendas, Caixa"]), "pickup_groups[0]", "character"),
        (json!([""]), "pickup_groups[0]", "required"),
    ] {
        let body = json!({ "number": "2011", "pickup_groups": groups });
        let said = bench.refusal("extensions", body, field).await?;
        assert_eq!(said["code"], code, "{said}");
    }
    Ok(())
}
