//! AT-19: what people press during a call, and the table of the codes.

use flow_tests::bench::{Bench, NUMBER, Result, extensions, hears, next_call, steps};
use flow_tests::{SOON, tone};
use serde_json::{Value, json};
use sipphone::{Call, EndReason, Phone};

/// Each of two hears the other, who says something that nobody else has said before.
async fn talk(one: &Call, other: &Call, tones: [f64; 2]) -> Result {
    one.audio().send(tone(tones[0]));
    other.audio().send(tone(tones[1]));
    hears(one, tones[1]).await?;
    hears(other, tones[0]).await
}

/// Somebody is free when the gateway has him in no call.
async fn is_free(bench: &Bench, number: &str) -> Result {
    let free = |calls: &Value| {
        let calls = calls.as_array().into_iter().flatten();
        calls
            .flat_map(|call| [&call["caller"]["number"], &call["callee"]["number"]])
            .all(|one| one != number)
    };
    let path = "/api/v1/calls/active";
    bench.gateway.wait(path, "somebody free", free).await?;
    Ok(())
}

/// A caller from outside who talks with the first of the phones 2001 to 2003, all ends and the phones.
async fn bench() -> Result<(Bench, Vec<Phone>, Call, Call)> {
    let bench = Bench::start().await?;
    let (first, phone) = bench.extension("2001").await?;
    let mut phones = vec![phone];
    for number in ["2002", "2003"] {
        phones.push(bench.extension(number).await?.1);
    }
    let ring = json!({ "targets": extensions(&[first]) });
    bench.number(json!({ "ring": ring })).await?;
    let mut caller = bench.carrier.call(NUMBER).await?;
    let mut ana = next_call(&phones[0]).await?;
    ana.answer();
    caller.wait_answered(SOON).await?;
    ana.wait_answered(SOON).await?;
    talk(&caller, &ana, [600.0, 900.0]).await?;
    Ok((bench, phones, caller, ana))
}

async fn takes(phone: &Phone) -> Result<Call> {
    let mut call = next_call(phone).await?;
    call.answer();
    call.wait_answered(SOON).await?;
    Ok(call)
}

#[tokio::test]
async fn at_19_a_caller_is_passed_on_by_keys_blind_and_after_asking_back() -> Result {
    let (bench, phones, mut caller, mut ana) = bench().await?;
    // Ana passes him on to Bruno, and is free.
    ana.audio().send_digits("##2002#");
    let mut bruno = takes(&phones[1]).await?;
    assert_eq!(ana.wait_ended(SOON).await?, EndReason::RemoteHangUp);
    talk(&caller, &bruno, [650.0, 1000.0]).await?;
    is_free(&bench, "2001").await?;
    let out = phones[2].call("2001").await?;
    let mut rings = next_call(&phones[0]).await?;
    rings.ring();
    out.hang_up();
    rings.wait_ended(SOON).await?;
    is_free(&bench, "2003").await?;

    // Bruno asks back at Carla, whom the caller does not hear yet, and passes him on.
    bruno.audio().send_digits("*22003#");
    let carla = takes(&phones[2]).await?;
    talk(&bruno, &carla, [1100.0, 1300.0]).await?;
    let unheard = sipphone::level_dbm0(&caller.audio().heard(), 1300.0);
    assert!(unheard < -40.0, "the caller heard {unheard} dBm0");
    bruno.audio().send_digits("*2");
    assert_eq!(bruno.wait_ended(SOON).await?, EndReason::RemoteHangUp);
    talk(&caller, &carla, [700.0, 1500.0]).await?;
    is_free(&bench, "2002").await?;

    // Carla asks back at Ana, and comes back to the caller.
    carla.audio().send_digits("*22001#");
    let mut ana = takes(&phones[0]).await?;
    talk(&carla, &ana, [1700.0, 1900.0]).await?;
    carla.audio().send_digits("*1");
    assert_eq!(ana.wait_ended(SOON).await?, EndReason::RemoteHangUp);
    talk(&caller, &carla, [750.0, 1600.0]).await?;
    is_free(&bench, "2001").await?;

    caller.hang_up();
    caller.wait_ended(SOON).await?;
    let record = bench.gateway.records(2).await?;
    let passed_on = record.iter().find(|one| steps(one).contains(&"consults"));
    let passed_on = passed_on.ok_or("the caller's record")?;
    let steps = steps(passed_on);
    let transfers = steps.iter().filter(|step| **step == "transferred").count();
    assert_eq!(transfers, 2, "{steps:?}");
    assert!(steps.contains(&"consult_ended"), "{steps:?}");
    assert_eq!(passed_on["result"], "answered", "{passed_on}");
    Ok(())
}

/// What the log of who did what has of the codes, once it has so much, the oldest first.
async fn log(bench: &Bench, count: usize) -> Result<Vec<Value>> {
    let ours = |page: &Value| {
        let entries = page["entries"].as_array().into_iter().flatten();
        let ours = entries.filter(|one| one["path"] == "/api/v1/feature-codes");
        ours.cloned().collect::<Vec<_>>()
    };
    let path = "/api/v1/audit-log?limit=100";
    let whole = |page: &Value| ours(page).len() >= count;
    let page = bench.gateway.wait(path, "the log", whole).await?;
    let mut entries = ours(&page);
    entries.reverse();
    Ok(entries)
}

#[tokio::test]
async fn at_19_a_code_is_nobodys_number_and_every_change_of_the_table_is_logged() -> Result {
    let bench = Bench::start().await?;
    let (_, ana) = bench.extension("2001").await?;
    let (_, bruno) = bench.extension("2002").await?;
    let (_, carla) = bench.extension("2003").await?;
    let api = bench.gateway.api();
    let path = "/api/v1/feature-codes";
    let table = api.get(path).await?.expect(200)?;
    for (feature, code) in [
        ("blind_transfer", "##"),
        ("attended_transfer", "*2"),
        ("record", "*3"),
        ("voicedrop", "*86"),
        ("forward_all", "*72"),
        ("forward_all_off", "*73"),
        ("forward_busy", "*90"),
        ("forward_busy_off", "*91"),
        ("forward_no_answer", "*52"),
        ("forward_no_answer_off", "*53"),
        ("do_not_disturb", "*78"),
        ("do_not_disturb_off", "*79"),
        ("call_back", "*69"),
        ("hide_number", "*67"),
        ("own_voicemail", "*97"),
        ("any_voicemail", "*98"),
        ("park", "700"),
        ("park_slots", "701"),
        ("group_pickup", "*8"),
        ("directed_pickup", "**"),
        ("intercom", "*80"),
        ("echo_test", "*43"),
        ("say_number", "*65"),
        ("agent_login", "*45"),
        ("agent_pause", "*46"),
        ("time_override", "*27"),
        ("speaking_clock", "*60"),
    ] {
        assert_eq!(table[feature], code, "{feature}");
    }
    let with = |code: &str| {
        let mut changed = table.clone();
        changed["group_pickup"] = json!(code);
        changed
    };
    // An extension has the number: the code is refused, and works as before.
    let refused = api.put(path, &with("2001")).await?.expect(409)?;
    assert!(
        refused["detail"].to_string().contains("extension 2001"),
        "{refused}"
    );
    api.put(path, &with("*88")).await?.expect(200)?;
    // Whoever picks up dials the new code from now on.
    let mut out = bruno.call("2001").await?;
    let mut rings = next_call(&ana).await?;
    rings.ring();
    out.wait_ringing(SOON).await?;
    let mut taken = carla.call("*88").await?;
    taken.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    rings.wait_ended(SOON).await?;
    talk(&out, &taken, [600.0, 900.0]).await?;
    out.hang_up();
    taken.wait_ended(SOON).await?;

    let reset = api.delete(path).await?.expect(200)?;
    assert_eq!(reset, table);
    assert_eq!(api.get(path).await?.expect(200)?, table);

    let log = log(&bench, 3).await?;
    let told: Vec<_> = log
        .iter()
        .map(|one| (one["method"].clone(), one["status"].clone()))
        .collect();
    let expected = [("PUT", 409), ("PUT", 200), ("DELETE", 200)];
    let expected = expected.map(|(method, status)| (json!(method), json!(status)));
    assert_eq!(told, expected, "{log:?}");
    for (entry, before, after) in [(&log[1], "*8", "*88"), (&log[2], "*88", "*8")] {
        assert!(
            entry["version"].is_u64() && !entry["actor"].is_null(),
            "{entry}"
        );
        let fields = entry["changes"][0]["fields"].as_array().ok_or("fields")?;
        let field = fields
            .iter()
            .find(|one| one["field"] == "feature_codes.group_pickup");
        let field = field.ok_or_else(|| format!("the code is not in {entry}"))?;
        assert_eq!(
            (&field["before"], &field["after"]),
            (&json!(before), &json!(after)),
            "{entry}"
        );
    }
    assert_eq!(log[0]["changes"], json!([]), "{}", log[0]);
    Ok(())
}
