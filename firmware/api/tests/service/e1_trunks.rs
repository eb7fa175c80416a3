//! E1 trunks, spans and the variants of MFC-R2.

use serde_json::{Value, json};

use crate::gateway::Gateway;

fn pri(name: &str, device: &str) -> Value {
    json!({ "name": name, "device": device, "signalling": { "kind": "e1_pri" } })
}

#[tokio::test]
async fn an_e1_trunk_lives_from_creation_to_deletion() {
    let (_gateway, admin) = Gateway::set_up().await;
    assert_eq!(admin.get("/e1-trunks").await.json(), json!([]));
    let made = admin.post("/e1-trunks", &pri("Vivo", "TE2/0/1")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!(
        made["signalling"],
        json!({ "kind": "e1_pri", "side": "user", "overlap": false, "calling_name": "off" })
    );
    assert_eq!(
        (&made["crc4"], &made["clock_rank"]),
        (&json!(true), &json!(1))
    );
    // How it stands changes by itself.
    let without_status = |mut trunk: serde_json::Value| {
        for of_now in ["status", "calls"] {
            trunk.as_object_mut().unwrap().remove(of_now);
        }
        trunk
    };
    let listed = admin.get("/e1-trunks").await.json();
    assert_eq!(
        without_status(listed[0].clone()),
        without_status(made.clone())
    );

    let path = format!("/e1-trunks/{}", made["id"]);
    let change = json!({
        "signalling": { "kind": "e1_r2", "variant": "br-embratel" }, "crc4": false, "blocked": [17, 5],
    });
    let changed = admin.patch(&path, &change).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let changed = changed.json();
    assert_eq!(changed["signalling"]["called_digits"], 4);
    assert_eq!(changed["blocked"], json!([5, 17]));
    assert_eq!(changed["name"], "Vivo");
    let shown = admin.get(&path).await.json();
    assert_eq!(without_status(shown), without_status(changed.clone()));

    let export = admin.get("/configuration/export").await.json();
    assert_eq!(
        export["e1_trunks"],
        json!([without_status(changed.clone())])
    );
    assert_eq!(admin.delete(&path).await.status, 204);
    for gone in [
        admin.get(&path).await,
        admin.delete(&path).await,
        admin.patch(&path, &json!({})).await,
    ] {
        assert_eq!(gone.status, 404);
    }
    let imported = admin.post("/configuration/import", &export).await;
    assert_eq!(imported.status, 204, "{imported:?}");
    let back = admin.get(&path).await.json();
    assert_eq!(without_status(back), without_status(changed));
}

#[tokio::test]
async fn what_is_wrong_with_an_e1_trunk_is_named_with_its_limit() {
    let (_gateway, admin) = Gateway::set_up().await;
    let extension = admin.post("/extensions", &json!({ "number": "201" })).await;
    let extension = extension.json()["extension"]["id"].clone();
    let mut first = pri("Vivo", "TE2/0/1");
    first["inbound"] = json!([{ "number": "33334444", "extension": extension }]);
    assert_eq!(admin.post("/e1-trunks", &first).await.status, 201);
    let sip = json!({ "name": "vivo", "hosts": ["192.0.2.1"], "auth": "none" });
    let bad = json!({
        "name": "VIVO", "device": "TE2/0/1", "blocked": [16],
        "signalling": { "kind": "e1_r2", "variant": "nowhere", "called_digits": 40 },
    });
    for (path, body, expected) in [
        ("/trunks", &sip, vec![("name", "taken", json!("Vivo"))]),
        (
            "/e1-trunks",
            &bad,
            vec![
                ("name", "taken", json!("Vivo")),
                ("device", "taken", json!("Vivo")),
                ("blocked[0]", "out_of_range", json!("1-15, 17-31")),
                ("signalling.called_digits", "out_of_range", json!("1-20")),
            ],
        ),
    ] {
        let refused = admin.post(path, body).await;
        assert_eq!(refused.status, 422, "{path}");
        let problem = refused.json();
        for (field, code, limit) in expected {
            let errors = problem["errors"].as_array().unwrap();
            let wanted = |one: &&Value| {
                one["field"] == field && one["code"] == code && one["limit"] == limit
            };
            assert!(errors.iter().any(|one| wanted(&one)), "{field}: {problem}");
        }
    }
    let used = admin.delete(&format!("/extensions/{extension}")).await;
    assert_eq!(used.status, 409);
    assert!(used.json().to_string().contains("used by trunk Vivo"));
}

#[tokio::test]
async fn roles_see_and_change_e1_trunks_as_other_trunks() {
    let (gateway, admin) = Gateway::set_up().await;
    let made = admin.post("/e1-trunks", &pri("Vivo", "TE2/0/1")).await;
    let path = format!("/e1-trunks/{}", made.json()["id"]);
    for (role, see, change) in [
        ("installer", 200, 200),
        ("supervisor", 200, 403),
        ("auditor", 200, 403),
        ("agent", 403, 403),
        ("user", 403, 403),
    ] {
        let client = gateway.user(&admin, role).await;
        for list in ["/e1-trunks", "/spans", "/r2-variants", &path] {
            assert_eq!(client.get(list).await.status, see, "{role} {list}");
        }
        // They would name callers, and there is no R2 here.
        let signals = client.get(&format!("{path}/timeslots/1/signals")).await;
        let expected = if change == 200 { 404 } else { 403 };
        assert_eq!(signals.status, expected, "{role} {signals:?}");
        // So would these, of a span that is not there.
        let messages = client.get(&format!("{path}/messages")).await;
        let expected = if change == 200 { 409 } else { 403 };
        assert_eq!(messages.status, expected, "{role} {messages:?}");
        let answer = client.patch(&path, &json!({ "priority": 7 })).await;
        assert_eq!(answer.status, change, "{role}");
    }
}

#[tokio::test]
async fn every_listed_variant_can_be_chosen() {
    let (_gateway, admin) = Gateway::set_up().await;
    let mut trunk = pri("R2", "TE2/0/1");
    trunk["signalling"] = json!({ "kind": "e1_r2", "variant": "itu" });
    let made = admin.post("/e1-trunks", &trunk).await.json();
    let path = format!("/e1-trunks/{}", made["id"]);
    // Its span is not there.
    let signals = |timeslot: &str| format!("{path}/timeslots/{timeslot}/signals");
    for (timeslot, status) in [("31", 409), ("16", 404), ("32", 404), ("x", 404)] {
        assert_eq!(
            admin.get(&signals(timeslot)).await.status,
            status,
            "{timeslot}"
        );
    }
    let messages = admin.get(&format!("{path}/messages")).await;
    assert_eq!(messages.status, 404, "R2 has no D channel");
    let variants = admin.get("/r2-variants").await.json();
    let variants = variants.as_array().unwrap();
    assert!(variants.len() > 20, "{variants:?}");
    for variant in variants {
        let change = json!({ "signalling": { "variant": variant["id"] } });
        let changed = admin.patch(&path, &change).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        assert_eq!(changed.json()["signalling"]["variant"], variant["id"]);
    }
}
