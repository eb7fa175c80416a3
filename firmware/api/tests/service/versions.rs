//! Versions, undoing them, and drafts (D13).

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::gateway::{Gateway, PASSWORD};

async fn extension(admin: &Client, number: &str) -> i64 {
    let made = admin
        .post("/extensions", &json!({ "number": number }))
        .await;
    assert_eq!(made.status, 201, "{}", made.json());
    made.json()["extension"]["id"].as_i64().unwrap()
}

async fn last_version(admin: &Client) -> Value {
    admin.get("/configuration/versions?limit=1").await.json()["versions"][0].clone()
}

async fn undo(admin: &Client, version: &Value) -> Answer {
    let path = format!("/configuration/versions/{}/undo", version["version"]);
    admin.post(&path, &json!({})).await
}

async fn in_draft(admin: &Client, draft: i64, method: Method, path: &str, body: &Value) -> Answer {
    let id = draft.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-ramal-draft", id.as_str()),
    ];
    let body = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    admin.send(method, path, &headers, body).await
}

#[tokio::test]
async fn every_save_is_a_version_with_author_and_fields() {
    let (_gateway, admin) = Gateway::set_up().await;
    let id = extension(&admin, "201").await;
    let path = format!("/extensions/{id}");
    admin
        .patch(&path, &json!({ "display_name": "Ana", "ring_time": 30 }))
        .await;
    let version = last_version(&admin).await;
    assert_eq!(version["actor"]["login"], "administrador");
    let change = &version["changes"][0];
    assert_eq!(
        (&change["object"], &change["object_id"], &change["action"]),
        (&json!("extension"), &json!(id), &json!("changed"))
    );
    let fields: Vec<_> = change["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["field"])
        .collect();
    assert_eq!(fields, ["display_name", "ring_time"]);
    let one = admin
        .get(&format!("/configuration/versions/{}", version["version"]))
        .await
        .json();
    assert_eq!(one, version);
    let page = admin.get("/configuration/versions?limit=1").await.json();
    let next = admin
        .get(&format!(
            "/configuration/versions?limit=1&before={}",
            page["next"]
        ))
        .await
        .json();
    assert_eq!(next["versions"][0]["changes"][0]["action"], "created");
    assert_eq!(
        admin.get("/configuration/versions/999999").await.status,
        404
    );
    assert_eq!(
        undo(&admin, &json!({ "version": 999_999 })).await.status,
        404
    );
}

#[tokio::test]
async fn a_version_is_undone_unless_something_stands_in_its_way() {
    let (gateway, admin) = Gateway::set_up().await;
    let id = extension(&admin, "201").await;
    let made = last_version(&admin).await;
    let path = format!("/extensions/{id}");
    admin.patch(&path, &json!({ "ring_time": 30 })).await;
    let changed = last_version(&admin).await;
    // What was changed since is named, with what it is now.
    let refused = undo(&admin, &made).await;
    assert_eq!(refused.status, 409, "{}", refused.json());
    let error = refused.json()["errors"][0].clone();
    assert_eq!(
        (&error["field"], &error["code"]),
        (
            &json!(format!("extension {id}.ring_time")),
            &json!("changed_since")
        )
    );
    assert_eq!(undo(&admin, &changed).await.status, 204);
    assert_eq!(admin.get(&path).await.json()["ring_time"], 60);
    // What something leads to stays.
    let user =
        json!({ "login": "ana.alves", "role": "user", "password": PASSWORD, "extension": id });
    let user = admin.post("/users", &user).await.json()["id"].clone();
    assert_eq!(undo(&admin, &made).await.status, 409);
    admin
        .patch(&format!("/users/{user}"), &json!({ "extension": null }))
        .await;
    let credential = gateway
        .store
        .configuration()
        .credential(ramal_model::ExtensionId(id))
        .cloned();
    assert_eq!(admin.delete(&path).await.status, 204);
    let deleted = last_version(&admin).await;
    assert_eq!(undo(&admin, &deleted).await.status, 204);
    // It is the same as before, and its phone goes on with the secret it has.
    assert_eq!(admin.get(&path).await.json()["number"], "201");
    assert_eq!(
        gateway
            .store
            .configuration()
            .credential(ramal_model::ExtensionId(id))
            .cloned(),
        credential
    );
    // Undoing can be undone.
    assert_eq!(undo(&admin, &last_version(&admin).await).await.status, 204);
    assert_eq!(admin.get(&path).await.status, 404);
    // A number that somebody else has by now.
    extension(&admin, "201").await;
    let refused = undo(&admin, &deleted).await;
    assert_eq!(refused.status, 409);
}

#[tokio::test]
async fn a_deleted_user_comes_back_with_his_password() {
    let (gateway, admin) = Gateway::set_up().await;
    gateway.user(&admin, "auditor").await;
    let users = admin.get("/users").await.json();
    let user = users
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["role"] == "auditor")
        .unwrap();
    assert_eq!(
        admin.delete(&format!("/users/{}", user["id"])).await.status,
        204
    );
    let login = json!({ "login": "the-auditor", "password": PASSWORD });
    assert_eq!(gateway.client().post("/session", &login).await.status, 401);
    assert_eq!(undo(&admin, &last_version(&admin).await).await.status, 204);
    assert_eq!(gateway.client().post("/session", &login).await.status, 200);
}

#[tokio::test]
async fn a_draft_becomes_live_as_a_whole() {
    let (_gateway, admin) = Gateway::set_up().await;
    let first = extension(&admin, "201").await;
    let before = last_version(&admin).await;
    let draft = admin
        .post("/configuration/drafts", &json!({ "name": "Move" }))
        .await;
    assert_eq!(draft.status, 201);
    let draft = draft.json()["id"].as_i64().unwrap();
    let made = in_draft(
        &admin,
        draft,
        Method::POST,
        "/extensions",
        &json!({ "number": "202" }),
    )
    .await;
    assert_eq!(made.status, 201, "{}", made.json());
    let second = made.json()["extension"]["id"].as_i64().unwrap();
    let mailbox = json!({ "name": "Recados", "extensions": [first, second] });
    let mailbox = in_draft(&admin, draft, Method::POST, "/voicemail-boxes", &mailbox).await;
    assert_eq!(mailbox.status, 201, "{}", mailbox.json());
    let path = format!("/extensions/{first}");
    let changed = in_draft(
        &admin,
        draft,
        Method::PATCH,
        &path,
        &json!({ "display_name": "Ana" }),
    )
    .await;
    assert_eq!(changed.status, 200);
    // The same rules hold, and the draft sees itself.
    let taken = in_draft(
        &admin,
        draft,
        Method::POST,
        "/extensions",
        &json!({ "number": "202" }),
    )
    .await;
    assert_eq!(taken.status, 422);
    let seen = in_draft(&admin, draft, Method::GET, "/extensions", &Value::Null)
        .await
        .json();
    assert_eq!(seen.as_array().unwrap().len(), 2);
    // Nothing is live, and ids stay apart.
    assert_eq!(
        admin
            .get("/extensions")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(admin.get("/voicemail-boxes").await.json(), json!([]));
    assert_eq!(last_version(&admin).await, before);
    let third = extension(&admin, "203").await;
    assert!(third > second);
    let shown = admin
        .get(&format!("/configuration/drafts/{draft}"))
        .await
        .json();
    assert_eq!(shown["changes"].as_array().unwrap().len(), 3);
    for (method, path, body) in [
        (
            Method::POST,
            "/users",
            json!({ "login": "bruno.lima", "role": "user", "password": PASSWORD }),
        ),
        (Method::GET, "/calls", Value::Null),
        (Method::POST, "/tokens", json!({ "name": "x" })),
    ] {
        assert_eq!(
            in_draft(&admin, draft, method, path, &body).await.status,
            409,
            "{path}"
        );
    }
    assert_eq!(
        in_draft(&admin, 999, Method::GET, "/extensions", &Value::Null)
            .await
            .status,
        409
    );

    // What was changed since is named.
    admin.patch(&path, &json!({ "display_name": "Bea" })).await;
    let activate = format!("/configuration/drafts/{draft}/activate");
    let refused = admin.post(&activate, &json!({})).await;
    assert_eq!(refused.status, 409);
    let error = refused.json()["errors"][0].clone();
    assert_eq!(
        (&error["field"], &error["code"]),
        (
            &json!(format!("extension {first}.display_name")),
            &json!("changed_since")
        )
    );
    assert!(error["message"].as_str().unwrap().contains("Bea"));
    let undone = last_version(&admin).await;
    assert_eq!(undo(&admin, &undone).await.status, 204);
    assert_eq!(admin.post(&activate, &json!({})).await.status, 204);
    let live = last_version(&admin).await;
    assert_eq!(live["changes"].as_array().unwrap().len(), 3);
    assert_eq!(admin.get(&path).await.json()["display_name"], "Ana");
    assert_eq!(admin.get("/configuration/drafts").await.json(), json!([]));
    assert_eq!(undo(&admin, &live).await.status, 204);
    assert_eq!(admin.get("/voicemail-boxes").await.json(), json!([]));

    let draft = admin
        .post("/configuration/drafts", &json!({ "name": "Other" }))
        .await
        .json()["id"]
        .as_i64()
        .unwrap();
    in_draft(&admin, draft, Method::DELETE, &path, &Value::Null).await;
    assert_eq!(
        admin
            .delete(&format!("/configuration/drafts/{draft}"))
            .await
            .status,
        204
    );
    assert_eq!(admin.get(&path).await.status, 200);
}
