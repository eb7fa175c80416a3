//! A.4: echo test, speaking clock, own number.

use flow_tests::{SOON, hears, tone};
use gateway_under_test::{Gateway, GatewayError};
use sipphone::{Call, EndReason};
use std::time::Duration;

type Result = std::result::Result<(), GatewayError>;

/// Root mean square of what was heard, in 16-bit units.
fn loudness(call: &Call) -> f64 {
    let heard = call.audio().heard();
    (heard.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / heard.len().max(1) as f64).sqrt()
}

#[tokio::test]
async fn star_43_echoes() -> Result {
    let gateway = Gateway::start().await?;
    let ana = gateway.phone("2001").await?;
    let mut call = ana.call("*43").await?;
    call.wait_answered(SOON).await?;
    call.audio().send(tone(850.0));
    hears(&call, 850.0).await?;
    call.hang_up();
    assert_eq!(call.wait_ended(SOON).await?, EndReason::LocalHangUp);
    Ok(())
}

#[tokio::test]
async fn star_65_says_the_number_and_hangs_up() -> Result {
    let gateway = Gateway::start().await?;
    let (short, long) = (gateway.phone("20").await?, gateway.phone("2000001").await?);
    let mut lengths = Vec::new();
    for phone in [&short, &long] {
        let mut call = phone.call("*65").await?;
        call.wait_answered(SOON).await?;
        assert_eq!(
            call.wait_ended(Duration::from_secs(40)).await?,
            EndReason::RemoteHangUp
        );
        assert!(
            loudness(&call) > 500.0,
            "speech must be heard, not {}",
            loudness(&call)
        );
        lengths.push(call.audio().heard().len());
    }
    assert!(
        lengths[1] > lengths[0] + 8000,
        "seven digits take longer than two: {lengths:?}"
    );
    Ok(())
}

#[tokio::test]
async fn star_60_tells_the_time_in_the_extensions_language() -> Result {
    let gateway = Gateway::start().await?;
    let mut heard = Vec::new();
    for (number, language) in [("2001", "pt-BR"), ("2002", "id")] {
        let body =
            serde_json::json!({ "number": number, "display_name": number, "language": language });
        let extension = gateway.extension_with(&body).await?;
        let phone = sipphone::Phone::start(gateway.phone_config(&extension)).await?;
        let mut call = phone.call("*60").await?;
        call.wait_answered(SOON).await?;
        call.audio()
            .wait(SOON, "two seconds of speech", |r| r.received >= 100)
            .await?;
        assert!(
            loudness(&call) > 500.0,
            "speech must be heard, not {}",
            loudness(&call)
        );
        heard.push(call.audio().heard());
        call.hang_up();
        call.wait_ended(SOON).await?;
    }
    assert_ne!(
        heard[0][..8000],
        heard[1][..8000],
        "two languages must not sound the same"
    );
    Ok(())
}
