//! SIPp passes a call on (RFC 3515, RFC 5589).

use super::*;

#[tokio::test]
async fn passes_a_call_on_by_refer() -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno, carla) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
        gateway.extension("2003").await?,
    );
    let talking = callee(&gateway, &bruno, "answer", 1).await?;
    let target = callee(&gateway, &carla, "answer_and_leave", 1).await?;
    start(&run(&gateway, "transfer", &ana, "2002"))?
        .finish(LIMIT)
        .await?;
    target.finish(LIMIT).await?;
    talking.finish(LIMIT).await?;
    let records = gateway.records(1).await?;
    assert_eq!(records[0]["result"], "answered", "{records:?}");
    assert_eq!(
        records[0]["legs"].as_array().map(Vec::len),
        Some(3),
        "{records:?}"
    );
    Ok(())
}
