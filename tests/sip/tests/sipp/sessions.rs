//! SIPp holds, shows early media, sends UPDATE and is refreshed.

use peers::sipp::start;

use crate::*;

/// Ana calls Bruno with one scenario, Bruno answers with another; the call must be recorded as answered.
async fn call(calling: &str, answering: &str) -> Result {
    let gateway = Gateway::start().await?;
    let (ana, bruno) = (
        gateway.extension("2001").await?,
        gateway.extension("2002").await?,
    );
    let answering = callee(&gateway, &bruno, answering, 1).await?;
    start(&run(&gateway, calling, &ana, "2002"))?
        .finish(LIMIT)
        .await?;
    answering.finish(LIMIT).await?;
    let records = gateway.records(1).await?;
    assert_eq!(records[0]["result"], "answered", "{records:?}");
    Ok(())
}

#[tokio::test]
async fn holds_and_resumes_by_re_invite() -> Result {
    call("hold_call", "held_answer").await
}

#[tokio::test]
async fn holds_and_resumes_by_update() -> Result {
    call("update_call", "held_answer").await
}

#[tokio::test]
async fn faxes_by_t38_and_talks_again() -> Result {
    call("fax_call", "fax_answer").await
}

#[tokio::test]
async fn goes_on_talking_when_a_fax_is_refused() -> Result {
    call("fax_refused_call", "fax_refused_answer").await
}

#[tokio::test]
async fn hears_early_media_and_acknowledges_it() -> Result {
    call("early_media_call", "early_media_answer").await
}

/// The shortest session interval there is, 90 s, is refreshed after half of it, in real time.
#[tokio::test]
async fn is_refreshed_by_update_and_by_re_invite() -> Result {
    call("refreshed_call", "refreshed_answer").await
}

#[tokio::test]
async fn is_told_the_shortest_session_interval() -> Result {
    let gateway = Gateway::start().await?;
    let ana = gateway.extension("2001").await?;
    start(&run(&gateway, "short_interval", &ana, "2002"))?
        .finish(LIMIT)
        .await?;
    Ok(())
}
