//! SIPp registers, calls, cancels and finds the other side busy.

use peers::sipp::{Run, start};

use crate::*;

#[tokio::test]
async fn registers() -> Result {
    let gateway = Gateway::start().await?;
    let extension = gateway.extension("2001").await?;
    start(&run(&gateway, "register", &extension, ""))?
        .finish(LIMIT)
        .await?;
    Ok(())
}

#[tokio::test]
async fn calls_twenty_times() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    let body = r#"{ "max_calls": 20 }"#.as_bytes();
    for extension in [&ana, &bruno] {
        let path = format!("/api/v1/extensions/{}", extension.id);
        gateway
            .api()
            .send("PATCH".parse()?, &path, body.to_vec())
            .await?
            .expect(200)?;
    }
    let answering = callee(&gateway, &bruno, "answer", 20).await?;
    start(&Run {
        calls: 20,
        rate: 5,
        ..run(&gateway, "call", &ana, "2002")
    })?
    .finish(LIMIT)
    .await?;
    answering.finish(LIMIT).await?;
    let records = gateway.records(20).await?;
    assert!(
        records.iter().all(|r| r["result"] == "answered"),
        "{records:?}"
    );
    Ok(())
}

#[tokio::test]
async fn cancels() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    let ringing = callee(&gateway, &bruno, "ring", 1).await?;
    start(&run(&gateway, "cancel", &ana, "2002"))?
        .finish(LIMIT)
        .await?;
    ringing.finish(LIMIT).await?;
    Ok(())
}

#[tokio::test]
async fn finds_the_other_side_busy() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    let refusing = callee(&gateway, &bruno, "refuse", 1).await?;
    start(&run(&gateway, "busy", &ana, "2002"))?
        .finish(LIMIT)
        .await?;
    refusing.finish(LIMIT).await?;
    Ok(())
}
