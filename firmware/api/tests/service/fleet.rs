//! The fleet's settings, through the API.

use serde_json::{Value, json};

use crate::gateway::Gateway;

#[tokio::test]
async fn the_fleet_is_off_until_somebody_sets_it_and_its_token_is_never_shown() {
    let (gateway, admin) = Gateway::set_up().await;
    let state = admin.get("/fleet").await.json();
    assert_eq!(state["enabled"], false);
    assert_eq!(state["has_token"], false);
    assert_eq!(state["status"]["contact"], "none");
    let input = json!({
        "enabled": false, "server": "https://fleet.example", "tenant": "default", "token": "s3cret",
        "policy": "install", "window": { "from": "02:00", "to": "05:00" },
    });
    let set = admin.put("/fleet", &input).await;
    assert_eq!(set.status, 200, "{:?}", set.body);
    let text = String::from_utf8(set.body.to_vec()).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    let set: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&set["has_token"], &set["window"]["from"]),
        (&json!(true), &json!("02:00"))
    );
    // What is left out stays where it is a secret.
    let kept = json!({ "enabled": false, "server": "https://fleet.example", "tenant": "default" });
    assert_eq!(admin.put("/fleet", &kept).await.json()["has_token"], true);
    assert_eq!(admin.post("/fleet/ask", &json!({})).await.status, 409);
    assert_eq!(gateway.client().get("/fleet").await.status, 401);
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_field() {
    let (_gateway, admin) = Gateway::set_up().await;
    for (input, field, code) in [
        (
            json!({ "enabled": true, "tenant": "a", "token": "t" }),
            "server",
            "required",
        ),
        (
            json!({ "enabled": true, "server": "fleet", "tenant": "a", "token": "t" }),
            "server",
            "url",
        ),
        (
            json!({ "enabled": true, "server": "http://fleet.example", "tenant": "a", "token": "t" }),
            "server",
            "unencrypted",
        ),
        (
            json!({ "enabled": true, "server": "https://f.example", "token": "t" }),
            "tenant",
            "required",
        ),
        (
            json!({ "enabled": true, "server": "https://f.example", "tenant": "a" }),
            "token",
            "required",
        ),
        (
            json!({ "enabled": false, "server": "https://f.example", "tenant": "../a" }),
            "tenant",
            "character",
        ),
        (
            json!({ "enabled": false, "server": "https://f.example", "token": "a b" }),
            "token",
            "character",
        ),
        (
            json!({ "enabled": false, "window": { "from": "25:00", "to": "05:00" } }),
            "window.from",
            "invalid",
        ),
    ] {
        let refused = admin.put("/fleet", &input).await;
        assert_eq!(refused.status, 422, "{input}");
        assert_eq!(
            refused.refused_field(),
            (field.to_owned(), code.to_owned()),
            "{input}"
        );
    }
}
