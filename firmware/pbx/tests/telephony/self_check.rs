//! The gateway's call to itself.

use ramal_store::CallFilter;

use crate::gateway::Gateway;

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_calls_itself_and_leaves_no_trace() {
    let gateway = Gateway::start().await;
    let mut events = gateway.pbx.subscribe();
    for _ in 0..2 {
        let call = gateway.pbx.self_check().await.unwrap();
        assert!((700.0..1700.0).contains(&call.tone_hz), "{call:?}");
    }
    assert_eq!(gateway.pbx.active_calls(), 0);
    let calls = gateway.store.calls(CallFilter::default()).await.unwrap();
    assert!(calls.is_empty(), "{calls:?}");
    assert!(events.try_recv().is_err(), "nobody is told of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_has_stopped_says_so() {
    let gateway = Gateway::start().await;
    gateway.pbx.shutdown().await;
    let refused = gateway.pbx.self_check().await;
    assert!(refused.is_err(), "{refused:?}");
}
