//! Feature codes: AT-19, F220.

use serde_json::{Value, json};

use crate::gateway::Gateway;

#[tokio::test]
async fn at_19_feature_codes_are_changed_checked_and_reset() {
    let (_gateway, admin) = Gateway::set_up().await;
    let made = admin
        .post("/extensions", &json!({ "number": "2001" }))
        .await;
    assert_eq!(made.status, 201);
    let defaults = admin.get("/feature-codes").await.json();
    assert_eq!(defaults["group_pickup"], "*8");
    assert_eq!(defaults["blind_transfer"], "##");

    // An extension has the number.
    let refused = admin
        .put("/feature-codes", &json!({ "group_pickup": "2001" }))
        .await;
    assert_eq!(refused.status, 409);
    let detail = refused.json()["detail"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(detail.contains("extension 2001"), "{detail}");
    // And so has the emergency service.
    let refused = admin
        .put("/feature-codes", &json!({ "echo_test": "190" }))
        .await;
    assert_eq!(refused.status, 409);
    // Codes that cannot be told from each other.
    for (codes, field) in [
        (json!({ "group_pickup": "*43" }), "echo_test"),
        (json!({ "agent_login": "*4" }), "agent_login"),
        (json!({ "record": "#" }), "record"),
        (json!({ "echo_test": "*1234567" }), "echo_test"),
        (json!({ "echo_test": "4x" }), "echo_test"),
        (json!({ "echo_test": "" }), "echo_test"),
    ] {
        let refused = admin.put("/feature-codes", &codes).await;
        assert_eq!(refused.status, 422, "{codes}");
        let errors = refused.json()["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert!(
            errors.iter().any(|error| error["field"] == field),
            "{errors:?}"
        );
    }
    // Changed, and one switched off.
    let codes = json!({ "group_pickup": "*88", "echo_test": null });
    let changed = admin.put("/feature-codes", &codes).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    assert_eq!(changed.json()["group_pickup"], "*88");
    assert_eq!(changed.json()["echo_test"], Value::Null);
    // What a code takes cannot be an extension's any more.
    let codes = json!({ "own_voicemail": "690" });
    assert_eq!(admin.put("/feature-codes", &codes).await.status, 200);
    let taken = admin.post("/extensions", &json!({ "number": "690" })).await;
    assert_eq!(taken.status, 422);
    let reset = admin.delete("/feature-codes").await;
    assert_eq!(reset.status, 200);
    assert_eq!(reset.json(), defaults);
    assert_eq!(admin.get("/feature-codes").await.json(), defaults);
}

#[tokio::test]
async fn forwards_have_limits() {
    let (_gateway, admin) = Gateway::set_up().await;
    for field in ["forward_all", "forward_busy", "forward_no_answer"] {
        for to in ["2", "200x", "123456789012345678901", "2001"] {
            let body = json!({ "number": "2001", field: to });
            let refused = admin.post("/extensions", &body).await;
            assert_eq!(refused.status, 422, "{field} {to}");
            assert_eq!(refused.json()["errors"][0]["field"], field);
        }
    }
    let body = json!({ "number": "2001", "forward_all": "2002", "do_not_disturb": true });
    let made = admin.post("/extensions", &body).await.json();
    assert_eq!(made["extension"]["forward_all"], "2002");
    assert_eq!(made["extension"]["do_not_disturb"], true);
}
