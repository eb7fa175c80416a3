//! Updates and the gateway's call to itself, through the API. What needs two systems on a disk is tried in QEMU.

use serde_json::json;

use crate::gateway::Gateway;

#[tokio::test]
async fn a_gateway_without_two_systems_says_so_and_takes_nothing() {
    let (gateway, admin) = Gateway::set_up().await;
    let state = admin.get("/system/update").await.json();
    assert_eq!(state["supported"], false);
    assert_eq!(state["phase"], "idle");
    for (path, body) in [
        ("/system/update/bundle", json!({})),
        ("/system/update/install", json!({})),
        ("/system/update/restart", json!({ "when": "idle" })),
        ("/system/update/previous", json!({ "when": "now" })),
    ] {
        let refused = admin.post(path, &body).await;
        assert_eq!(refused.status, 409, "{path}");
        let problem = refused.json();
        assert_eq!(problem["errors"][0]["code"], "unsupported", "{path}");
        assert!(problem["detail"].as_str().unwrap().contains("two systems"));
    }
    let stranger = gateway.client();
    assert_eq!(stranger.get("/system/update").await.status, 401);
    let nobody = stranger.post("/system/update/install", &json!({})).await;
    assert_eq!(nobody.status, 401);
}

#[tokio::test]
async fn a_restart_needs_its_time_and_no_other() {
    let (_gateway, admin) = Gateway::set_up().await;
    for (wish, field) in [
        (json!({ "when": "at" }), "time"),
        (json!({ "when": "idle", "time": 5 }), "time"),
        (json!({ "when": "soon" }), "when"),
        (json!({}), "when"),
    ] {
        let refused = admin.post("/system/update/restart", &wish).await;
        assert_eq!(refused.status, 422, "{wish}");
        assert_eq!(refused.refused_field().0, field, "{wish}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_finds_out_whether_it_carries_calls() {
    let (gateway, admin) = Gateway::set_up().await;
    let check = admin.post("/system/self-check", &json!({})).await;
    assert_eq!(check.status, 200, "{:?}", check.body);
    assert!(check.json()["call"]["tone_hz"].as_f64().unwrap() >= 700.0);
    let calls = admin.get("/calls").await.json();
    assert_eq!(calls["calls"], json!([]), "it is in no history");
    let stranger = gateway.client();
    let nobody = stranger.post("/system/self-check", &json!({})).await;
    assert_eq!(nobody.status, 401);
}
