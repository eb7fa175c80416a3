//! Killing the service in the middle of calls loses no committed row, and it comes back by itself.

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Gateway, GatewayError};
use sipphone::EndReason;

type Result = std::result::Result<(), GatewayError>;

#[tokio::test]
async fn records_settings_and_registrations_survive() -> Result {
    let mut gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    for _ in 0..5 {
        let mut out = ana.call("2002").await?;
        let inn = bruno
            .next_call()
            .await
            .ok_or(GatewayError::Late("the call"))?;
        inn.reject(486);
        out.wait_ended(SOON).await?;
    }
    gateway.records(5).await?;
    let mut out = ana.call("2002").await?;
    let mut inn = bruno
        .next_call()
        .await
        .ok_or(GatewayError::Late("the call"))?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    // The row of a call is on the disk soon after its start; half a second of talk is later than that.
    out.audio().send(tone(600.0));
    hears(&inn, 600.0).await?;

    gateway.crash_and_restart().await?;

    let records = gateway.records(6).await?;
    let interrupted = records
        .iter()
        .filter(|r| r["result"] == "interrupted")
        .count();
    assert_eq!((records.len(), interrupted), (6, 1), "{records:?}");
    // The phones have not registered again: their bindings were kept.
    let mut out = ana.call("2002").await?;
    bruno
        .next_call()
        .await
        .ok_or(GatewayError::Late("the call after the restart"))?
        .reject(486);
    assert_eq!(out.wait_ended(SOON).await?, EndReason::Refused(486));
    Ok(())
}

#[tokio::test]
async fn stopping_ends_calls_properly() -> Result {
    let mut gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let mut out = ana.call("2002").await?;
    let mut inn = bruno
        .next_call()
        .await
        .ok_or(GatewayError::Late("the call"))?;
    inn.answer();
    inn.wait_answered(SOON).await?;
    out.wait_answered(SOON).await?;
    assert_eq!(gateway.stop().await?, Some(0));
    assert_eq!(out.wait_ended(SOON).await?, EndReason::RemoteHangUp);
    assert_eq!(inn.wait_ended(SOON).await?, EndReason::RemoteHangUp);
    Ok(())
}
