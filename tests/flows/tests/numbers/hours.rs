//! AT-16: forks by the time that are switched by telephone, and the lamp that shows it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flow_tests::SOON;
use flow_tests::bench::{Bench, NUMBER, Result, next_call, to};
use flow_tests::prompts::Prompt;
use serde_json::{Value, json};
use sipphone::{Phone, Subscription};

/// Whoever dials has so much time before what he set is over.
const AT_LEAST: u64 = 30;

/// Somebody dials a code, and hears all of this.
async fn dials(phone: &Phone, code: &str, says: &[&str]) -> Result {
    let mut call = phone.call(code).await?;
    call.wait_answered(SOON).await?;
    call.wait_ended(2 * SOON).await?;
    let heard = call.audio().heard();
    for name in says {
        let prompt = Prompt::load("pt-BR", name)?;
        assert!(prompt.find(&heard).is_some(), "{code} does not say {name}");
    }
    Ok(())
}

/// Waits until the lamp is lit, or out.
async fn is_lit(lamp: &mut Subscription, lit: bool, limit: Duration) -> Result {
    let state = if lit { "confirmed" } else { "terminated" };
    let state = format!("<state>{state}</state>");
    lamp.wait(limit, |body| body.contains(&state)).await?;
    Ok(())
}

/// A call from outside rings at this phone.
async fn leads(bench: &Bench, phone: &Phone) -> Result {
    let mut out = bench.carrier.call(NUMBER).await?;
    let mut inn = next_call(phone).await?;
    inn.ring();
    out.hang_up();
    inn.wait_ended(SOON).await?;
    out.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn at_16_closed_until_a_time_by_code_wins_and_the_lamp_shows_it() -> Result {
    let bench = Bench::start().await?;
    let (ana, open) = bench.extension("2001").await?;
    let (bruno, closed) = bench.extension("2002").await?;
    let (_, desk) = bench.extension("2003").await?;
    let condition = json!({
        "name": "Expediente", "code_number": 1, "time_zone": "UTC",
        "periods": [{ "start": "00:00", "end": "24:00" }],
        "on_match": to("extension", ana), "on_no_match": to("extension", bruno),
    });
    let id = bench.add("time-conditions", condition).await?;
    let flow = json!({ "target": "flow", "flow": to("time_condition", id) });
    bench.number(flow).await?;
    let path = format!("/api/v1/time-conditions/{id}");
    let api = bench.gateway.api();
    let mut lamp = desk.subscribe("dialog", "*271", 600).await?;
    let off = lamp.next(SOON).await?;
    assert!(!off.body.contains("<dialog "), "{}", off.body);
    leads(&bench, &open).await?;

    // Closed until a full minute that is not too near, in place of 15:00.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let until = (now + AT_LEAST).div_ceil(60) * 60;
    let time = format!("{:02}{:02}", until / 3600 % 24, until / 60 % 60);
    let says = ["override-closed", "override-until"];
    dials(&desk, &format!("*271{time}"), &says).await?;
    is_lit(&mut lamp, true, SOON).await?;
    let switched = api.get(&path).await?.expect(200)?;
    let expected = json!({ "state": "closed", "until": until * 1_000 });
    assert_eq!(switched["override"], expected, "{switched}");
    leads(&bench, &closed).await?;
    // The time comes: the lamp goes out by itself, and calls go as usual.
    is_lit(&mut lamp, false, Duration::from_secs(90) + SOON).await?;
    leads(&bench, &open).await?;

    // Without a time it holds until somebody switches it back.
    dials(&desk, "*271", &["override-closed"]).await?;
    is_lit(&mut lamp, true, SOON).await?;
    leads(&bench, &closed).await?;
    let switched = api.get(&path).await?.expect(200)?;
    let expected = json!({ "state": "closed", "until": Value::Null });
    assert_eq!(switched["override"], expected, "{switched}");
    dials(&desk, "*271", &["override-off"]).await?;
    is_lit(&mut lamp, false, SOON).await?;
    leads(&bench, &open).await?;

    // No such time, and no such fork.
    for code in ["*2712460", "*272"] {
        dials(&desk, code, &["setting-refused"]).await?;
    }
    let same = api.get(&path).await?.expect(200)?;
    assert_eq!(same["override"], Value::Null, "{same}");
    Ok(())
}
