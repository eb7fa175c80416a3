//! Calls that nobody takes: busy, no answer, given up, nobody there, no such number.

use flow_tests::SOON;
use gateway_under_test::{Gateway, GatewayError};
use serde_json::json;
use sipphone::{EndReason, Phone};
use std::time::Duration;

type Result = std::result::Result<(), GatewayError>;

async fn next(phone: &Phone) -> std::result::Result<sipphone::Call, GatewayError> {
    tokio::time::timeout(SOON, phone.next_call())
        .await
        .ok()
        .flatten()
        .ok_or(GatewayError::Late("the incoming call"))
}

async fn result(gateway: &Gateway) -> std::result::Result<String, GatewayError> {
    let record = gateway.records(1).await?.remove(0);
    Ok(record["result"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn busy() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let mut out = ana.call("2002").await?;
    next(&bruno).await?.reject(486);
    assert_eq!(out.wait_ended(SOON).await?, EndReason::Refused(486));
    assert_eq!(result(&gateway).await?, "busy");
    Ok(())
}

#[tokio::test]
async fn nobody_answers_within_the_ring_time() -> Result {
    let gateway = Gateway::start().await?;
    let ana = gateway.phone("2001").await?;
    let bruno = gateway
        .extension_with(&json!({ "number": "2002", "display_name": "Bruno", "ring_time": 5 }))
        .await?;
    let bruno = Phone::start(gateway.phone_config(&bruno)).await?;
    bruno.register(300).await?;
    let mut out = ana.call("2002").await?;
    let mut inn = next(&bruno).await?;
    inn.ring();
    out.wait_ringing(SOON).await?;
    assert_eq!(
        out.wait_ended(Duration::from_secs(15)).await?,
        EndReason::Refused(480)
    );
    assert!(matches!(
        inn.wait_ended(SOON).await?,
        EndReason::Cancelled(_)
    ));
    assert_eq!(result(&gateway).await?, "no_answer");
    Ok(())
}

#[tokio::test]
async fn the_caller_gives_up() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (gateway.phone("2001").await?, gateway.phone("2002").await?);
    let mut out = ana.call("2002").await?;
    let mut inn = next(&bruno).await?;
    inn.ring();
    out.wait_ringing(SOON).await?;
    out.hang_up();
    assert_eq!(out.wait_ended(SOON).await?, EndReason::LocalHangUp);
    assert!(matches!(
        inn.wait_ended(SOON).await?,
        EndReason::Cancelled(_)
    ));
    assert_eq!(result(&gateway).await?, "cancelled");
    Ok(())
}

#[tokio::test]
async fn nobody_registered_and_no_such_number() -> Result {
    let gateway = Gateway::start().await?;
    let ana = gateway.phone("2001").await?;
    gateway.extension("2002").await?;
    assert_eq!(
        ana.call("2002").await?.wait_ended(SOON).await?,
        EndReason::Refused(480)
    );
    assert_eq!(
        ana.call("2999").await?.wait_ended(SOON).await?,
        EndReason::Refused(404)
    );
    let results: Vec<_> = gateway
        .records(2)
        .await?
        .iter()
        .map(|r| r["result"].clone())
        .collect();
    assert!(results.contains(&json!("not_found")), "{results:?}");
    Ok(())
}

#[tokio::test]
async fn a_stranger_gets_nowhere() -> Result {
    let gateway = Gateway::start().await?;
    let bruno = gateway.phone("2002").await?;
    let ana = gateway.extension("2001").await?;
    let mut config = gateway.phone_config(&ana);
    config.secret = "not the secret at all".into();
    let thief = Phone::start(config).await?;
    let end = thief.call("2002").await?.wait_ended(SOON).await?;
    assert!(matches!(end, EndReason::Refused(401 | 403)), "{end:?}");
    let rang = tokio::time::timeout(Duration::from_millis(300), bruno.next_call()).await;
    assert!(rang.is_err(), "the phone must not ring");
    Ok(())
}
