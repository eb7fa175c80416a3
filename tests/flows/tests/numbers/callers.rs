//! AT-38: who may call outside, and what those called see.

use flow_tests::SOON;
use flow_tests::bench::{Bench, Result, next_call, refused};
use flow_tests::prompts::Prompt;
use serde_json::{Value, json};
use sipphone::Phone;

/// What Ana dials, and what the carrier is to connect.
const OUTSIDE: &str = "951999990000";

/// Ana calls outside with a number of her own, by a route that has another; her user and the number.
async fn bench() -> Result<(Bench, Phone, i64, i64)> {
    let bench = Bench::start().await?;
    let (extension, ana) = bench.extension("2001").await?;
    let rule = json!([{
        "pattern": "9X.", "strip": 1, "caller_id": "5130000000",
        "ways": [{ "way": "trunk", "id": bench.trunk }],
    }]);
    let route = json!({ "name": "Com nove", "rules": rule });
    bench.add("outbound-routes", route).await?;
    let number = json!({ "label": "Da Ana", "number": "+555133335555" });
    let number = bench.add("numbers", number).await?;
    let user = json!({
        "login": "ana.lima", "role": "user", "password": "vermelho-cadeira-42",
        "extension": extension, "outbound_number": number,
    });
    let user = bench.add("users", user).await?;
    Ok((bench, ana, user, number))
}

/// Ana calls outside, and the carrier sees this number.
pub(super) async fn shows(bench: &Bench, ana: &Phone, number: &str) -> Result {
    let mut out = ana.call(OUTSIDE).await?;
    let mut inn = next_call(&bench.carrier).await?;
    assert!(inn.caller().contains(number), "{}", inn.caller());
    inn.answer();
    out.wait_answered(SOON).await?;
    out.hang_up();
    inn.wait_ended(SOON).await?;
    Ok(())
}

/// Ana cannot call outside, and hears why.
async fn is_told(ana: &Phone) -> Result {
    let mut out = ana.call(OUTSIDE).await?;
    refused(&mut out, 403).await?;
    let said = Prompt::load("pt-BR", "no-outbound-number")?;
    assert!(said.find(&out.audio().heard()).is_some(), "Ana is not told");
    Ok(())
}

async fn change(bench: &Bench, user: i64, change: Value) -> Result<Value> {
    let path = format!("/api/v1/users/{user}");
    let api = bench.gateway.api();
    Ok(api.patch(&path, &change).await?.expect(200)?)
}

#[tokio::test]
async fn at_38_whose_number_is_deleted_calls_nobody_outside_but_for_help() -> Result {
    let (bench, ana, user, number) = bench().await?;
    let api = bench.gateway.api();
    shows(&bench, &ana, "555133335555").await?;
    let path = format!("/api/v1/numbers/{number}");
    let asked = api.delete(&path).await?.expect(409)?;
    assert!(asked.to_string().contains("ana.lima"), "{asked}");
    shows(&bench, &ana, "555133335555").await?;
    api.delete(&format!("{path}?release=true"))
        .await?
        .expect(204)?;
    let now = api
        .get(&format!("/api/v1/users/{user}"))
        .await?
        .expect(200)?;
    assert_eq!(
        (&now["outbound_number"], &now["external_calls"]),
        (&Value::Null, &json!(false)),
        "{now}"
    );

    is_told(&ana).await?;
    let record = bench.gateway.records(3).await?.remove(0);
    let last = record["trace"].as_array().and_then(|trace| trace.last());
    let last = last.ok_or("a trace")?;
    assert_eq!(
        (&last["step"], &last["reason"]),
        (&json!("refused"), &json!("no_outbound_number")),
        "{record}"
    );
    assert_eq!(record["result"], "rejected", "{record}");
    // The simulator says the same.
    let thought = json!({ "from": "2001", "dialled": OUTSIDE, "taken_outside": true });
    let thought = api.post("/api/v1/simulate", &thought).await?.expect(200)?;
    assert_eq!(
        thought["end"],
        json!({ "end": "cleared", "clearing": "rejected" })
    );
    let last = thought["trace"].as_array().and_then(|trace| trace.last());
    let reason = last.map(|step| step["reason"].clone());
    assert_eq!(reason, Some(json!("no_outbound_number")), "{thought}");

    let out = ana.call("190").await?;
    let mut help = next_call(&bench.carrier).await?;
    assert!(help.called().contains("sip:190@"), "{}", help.called());
    out.hang_up();
    help.wait_ended(SOON).await?;
    let mut lost = bench.carrier.call("555133335555").await?;
    refused(&mut lost, 404).await?;
    Ok(())
}

#[tokio::test]
async fn at_38_who_lost_a_number_differs_from_who_never_had_one() -> Result {
    let (bench, ana, user, number) = bench().await?;
    // Taken away, it ends the calls outside.
    change(&bench, user, json!({ "outbound_number": null })).await?;
    is_told(&ana).await?;
    // Given back, it allows them.
    change(&bench, user, json!({ "outbound_number": number })).await?;
    shows(&bench, &ana, "555133335555").await?;
    // By the route's number, if that is said.
    let default = json!({ "outbound_number": null, "external_calls": true });
    change(&bench, user, default).await?;
    shows(&bench, &ana, "5130000000").await?;
    // Nothing is taken from who has none.
    let same = change(&bench, user, json!({ "outbound_number": null })).await?;
    assert_eq!(same["external_calls"], true, "{same}");
    shows(&bench, &ana, "5130000000").await?;
    change(&bench, user, json!({ "external_calls": false })).await?;
    is_told(&ana).await?;
    // The configuration keeps it when it is carried elsewhere.
    let api = bench.gateway.api();
    let whole = api.get("/api/v1/configuration/export").await?.expect(200)?;
    let users = whole["users"].as_array().ok_or("users")?;
    let ana = users.iter().find(|one| one["login"] == "ana.lima");
    assert_eq!(
        ana.map(|ana| ana["external_calls"].clone()),
        Some(json!(false))
    );
    Ok(())
}
