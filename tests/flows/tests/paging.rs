//! Paging: what somebody says is played by the phones of a group, which take the call by themselves.

use std::time::Duration;

use flow_tests::bench::{Bench, Result, hears, next_call, refused, steps};
use flow_tests::{SOON, tone};
use serde_json::{Value, json};
use sipphone::{Call, Phone, level_dbm0};

/// The phone of whoever speaks, those of the group, and the group.
struct Office {
    bench: Bench,
    speaker: Phone,
    paged: [Phone; 2],
    group: i64,
}

async fn office() -> Result<Office> {
    let bench = Bench::start().await?;
    let (own, speaker) = bench.extension("2001").await?;
    let (one, at_one) = bench.extension("2002").await?;
    let (two, at_two) = bench.extension("2003").await?;
    let (quiet, _) = bench.extension("2004").await?;
    let path = format!("/api/v1/extensions/{quiet}");
    let change = json!({ "do_not_disturb": true });
    bench
        .gateway
        .api()
        .patch(&path, &change)
        .await?
        .expect(200)?;
    let group = json!({ "name": "Loja", "number": "650", "extensions": [own, one, two, quiet] });
    let group = bench.add("paging-groups", group).await?;
    Ok(Office {
        bench,
        speaker,
        paged: [at_one, at_two],
        group,
    })
}

/// Takes the call as a phone does that is asked to by the header.
async fn takes(phone: &Phone) -> Result<Call> {
    let mut call = next_call(phone).await?;
    let asked = call.invite_values("Call-Info");
    assert!(
        asked.iter().any(|one| one.ends_with(">;answer-after=0")),
        "{asked:?}"
    );
    call.answer();
    call.wait_answered(SOON).await?;
    Ok(call)
}

/// How loud a call hears a tone now.
fn level(call: &Call, frequency: f64) -> f64 {
    level_dbm0(&call.audio().last(Duration::from_millis(500)), frequency)
}

#[tokio::test]
async fn b_2_a_page_is_heard_at_all_phones_and_nobody_else_is_heard() -> Result {
    let office = office().await?;
    let mut speaks = office.speaker.call("650").await?;
    let mut one = takes(&office.paged[0]).await?;
    let mut two = takes(&office.paged[1]).await?;
    speaks.wait_answered(SOON).await?;
    one.audio().send(tone(900.0));
    two.audio().send(tone(1300.0));
    speaks.audio().send(tone(600.0));
    hears(&one, 600.0).await?;
    hears(&two, 600.0).await?;
    for (call, other) in [
        (&speaks, 900.0),
        (&speaks, 1300.0),
        (&one, 1300.0),
        (&two, 900.0),
    ] {
        let heard = level(call, other);
        assert!(heard < -40.0, "{other} Hz was heard with {heard} dBm0");
    }
    speaks.hang_up();
    one.wait_ended(SOON).await?;
    two.wait_ended(SOON).await?;
    let record = office.bench.record().await?;
    let steps = steps(&record);
    assert!(
        steps.contains(&"paging") && steps.contains(&"passed_over"),
        "{steps:?}"
    );
    assert_eq!(record["result"], "answered", "{record}");
    Ok(())
}

#[tokio::test]
async fn b_2_in_a_group_of_both_ways_all_are_heard_and_it_ends_with_the_last_phone() -> Result {
    let office = office().await?;
    let change = json!({ "two_way": true });
    office
        .bench
        .change("paging-groups", office.group, change)
        .await?;
    let mut speaks = office.speaker.call("650").await?;
    let one = takes(&office.paged[0]).await?;
    let two = takes(&office.paged[1]).await?;
    speaks.wait_answered(SOON).await?;
    one.audio().send(tone(900.0));
    two.audio().send(tone(1300.0));
    speaks.audio().send(tone(600.0));
    hears(&one, 600.0).await?;
    hears(&speaks, 900.0).await?;
    hears(&speaks, 1300.0).await?;
    hears(&two, 900.0).await?;
    one.hang_up();
    two.hang_up();
    speaks.wait_ended(SOON).await?;
    Ok(())
}

/// Whether this phone takes a call by itself, which it does not while its extension is in another.
async fn is_free(by: &Phone, number: &str, phone: &Phone) -> Result<bool> {
    let mut asks = by.call(&format!("*80{number}")).await?;
    tokio::select! {
        end = asks.wait_ended(SOON) => {
            end?;
            Ok(false)
        }
        taken = takes(phone) => {
            let mut taken = taken?;
            asks.hang_up();
            taken.wait_ended(SOON).await?;
            Ok(true)
        }
    }
}

#[tokio::test]
async fn b_2_a_phone_that_leaves_a_page_is_free_while_it_goes_on() -> Result {
    let office = office().await?;
    let (_, asks) = office.bench.extension("2005").await?;
    let mut speaks = office.speaker.call("650").await?;
    let one = takes(&office.paged[0]).await?;
    let mut two = takes(&office.paged[1]).await?;
    speaks.wait_answered(SOON).await?;
    assert!(!is_free(&asks, "2002", &office.paged[0]).await?);
    one.hang_up();
    let deadline = tokio::time::Instant::now() + SOON;
    while !is_free(&asks, "2002", &office.paged[0]).await? {
        let is_late = tokio::time::Instant::now() > deadline;
        assert!(!is_late, "whoever left the page is still in a call");
    }
    // It goes on, and whoever is in it is not free.
    assert!(!is_free(&asks, "2003", &office.paged[1]).await?);
    speaks.audio().send(tone(600.0));
    hears(&two, 600.0).await?;
    speaks.hang_up();
    two.wait_ended(SOON).await?;
    Ok(())
}

#[tokio::test]
async fn b_2_nobody_is_there_and_what_a_group_may_not_be() -> Result {
    let office = office().await?;
    let Office { bench, paged, .. } = &office;
    for phone in paged {
        phone.register(0).await?;
    }
    refused(&mut office.speaker.call("650").await?, 480).await?;
    let number = json!({ "name": "Outro", "number": "2002", "extensions": [1] });
    let said = bench.refusal("paging-groups", number, "number").await?;
    assert_eq!(said["code"], "taken", "{said}");
    let many: Vec<i64> = (1..=32).collect();
    for (extensions, field, code) in [
        (json!([]), "extensions", "required"),
        (json!(many), "extensions", "too_many"),
        (json!([999_999]), "extensions[0]", "no_such_object"),
    ] {
        let body = json!({ "name": "Outro", "number": "651", "extensions": extensions });
        let said = bench.refusal("paging-groups", body, field).await?;
        assert_eq!(said["code"], code, "{said}");
    }
    let body = json!({ "name": "Outro", "number": "651", "max_seconds": 5 });
    let said: Value = bench.refusal("paging-groups", body, "max_seconds").await?;
    assert_eq!(said["limit"], "10-600", "{said}");
    Ok(())
}
