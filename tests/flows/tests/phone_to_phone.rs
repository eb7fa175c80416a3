//! F168, F222, F224: two phones talk, hold, press digits and hang up.

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Gateway, GatewayError};
use sipphone::{CallEvent, EndReason, Law, Phone};
use std::time::Duration;

type Result = std::result::Result<(), GatewayError>;

/// Calls from `caller` to `number` and answers at `callee`.
async fn connect(
    caller: &Phone,
    callee: &Phone,
    number: &str,
) -> std::result::Result<(sipphone::Call, sipphone::Call), GatewayError> {
    let mut out = caller.call(number).await?;
    let inn = tokio::time::timeout(SOON, callee.next_call())
        .await
        .ok()
        .flatten();
    let mut inn = inn.ok_or(GatewayError::Late("the incoming call"))?;
    inn.ring();
    out.wait_ringing(SOON).await?;
    inn.answer();
    out.wait_answered(SOON).await?;
    inn.wait_answered(SOON).await?;
    Ok((out, inn))
}

#[tokio::test]
async fn both_hear_each_other_without_loss_for_ten_seconds() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let (mut out, mut inn) = connect(&ana, &bruno, "2002").await?;
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(&inn, 600.0).await?;
    hears(&out, 1100.0).await?;
    let live = gateway
        .api()
        .get("/api/v1/calls/active")
        .await?
        .expect(200)?;
    let calls = live
        .as_array()
        .or_else(|| live.get("calls").and_then(|c| c.as_array()))
        .map_or(0, Vec::len);
    assert_eq!(calls, 1, "{live}");
    for call in [&out, &inn] {
        let report = call
            .audio()
            .wait(Duration::from_secs(15), "500 packets", |r| {
                r.received >= 500
            })
            .await?;
        assert_eq!(
            (report.lost, report.late, report.payload_type),
            (0, 0, Some(8))
        );
    }
    out.hang_up();
    assert_eq!(inn.wait_ended(SOON).await?, EndReason::RemoteHangUp);
    out.wait_ended(SOON).await?;

    let record = gateway.records(1).await?.remove(0);
    assert_eq!(record["result"], "answered", "{record}");
    assert_eq!(
        record["caller"]["number"]
            .as_str()
            .or(record["caller"].as_str()),
        Some("2001"),
        "{record}"
    );
    let times =
        ["started_at", "answered_at", "ended_at"].map(|k| record[k].as_i64().unwrap_or_default());
    assert!(
        times[0] > 0 && times[0] <= times[1] && times[1] + 9000 <= times[2],
        "{record}"
    );
    assert_eq!(record["legs"].as_array().map(Vec::len), Some(2), "{record}");
    Ok(())
}

#[tokio::test]
async fn the_called_side_hangs_up() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let (mut out, inn) = connect(&ana, &bruno, "2002").await?;
    inn.hang_up();
    assert_eq!(out.wait_ended(SOON).await?, EndReason::RemoteHangUp);
    Ok(())
}

#[tokio::test]
async fn digits_pass_both_ways_once_each() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let (out, inn) = connect(&ana, &bruno, "2002").await?;
    out.audio().send_digits("0123456789*#");
    inn.audio().send_digits("7755");
    inn.audio()
        .wait(SOON, "twelve digits", |r| r.digits == "0123456789*#")
        .await?;
    out.audio()
        .wait(SOON, "four digits", |r| r.digits == "7755")
        .await?;
    Ok(())
}

#[tokio::test]
async fn hold_and_resume_by_reinvite() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let (out, mut inn) = connect(&ana, &bruno, "2002").await?;
    out.audio().send(tone(600.0));
    hears(&inn, 600.0).await?;
    out.hold();
    inn.wait(SOON, |e| *e == CallEvent::Held).await?;
    out.resume();
    inn.wait(SOON, |e| *e == CallEvent::Resumed).await?;
    inn.audio().forget();
    hears(&inn, 600.0).await?;
    Ok(())
}

#[tokio::test]
async fn phones_without_a_common_law_are_transcoded() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    let mut config = gateway.phone_config(&ana);
    config.laws = vec![Law::A];
    let ana = Phone::start(config).await?;
    let mut config = gateway.phone_config(&bruno);
    config.laws = vec![Law::Mu];
    let bruno = Phone::start(config).await?;
    ana.register(300).await?;
    bruno.register(300).await?;
    let (out, inn) = connect(&ana, &bruno, "2002").await?;
    out.audio().send(tone(600.0));
    inn.audio().send(tone(1100.0));
    hears(&inn, 600.0).await?;
    hears(&out, 1100.0).await?;
    assert_eq!(inn.audio().report().payload_type, Some(0));
    Ok(())
}
