//! The database's copies, and recoveries, through the API.

use serde_json::json;

use crate::gateway::Gateway;

#[tokio::test]
async fn copies_are_made_listed_and_kept_from_those_who_may_not() {
    let (gateway, admin) = Gateway::set_up().await;
    let made = admin.post("/storage/backups", &json!({})).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!(made["kind"], "settings");
    let storage = admin.get("/storage").await.json();
    assert_eq!(storage["recovery"], json!(null));
    assert_eq!(storage["recoveries"], json!([]));
    assert_eq!(storage["unread"], json!([]));
    assert!(storage["backups"].as_array().unwrap().contains(&made));
    let status = gateway.client().get("/status").await.json();
    assert_eq!(status["storage"], "good");
    let stranger = gateway.client();
    assert_eq!(stranger.get("/storage").await.status, 401);
    let nothing = admin
        .post("/storage/recoveries/7/acknowledge", &json!({}))
        .await;
    assert_eq!(nothing.status, 404);
}
