//! Voice messages: who may hear and delete them, what is written down about it, and what their boxes and the company play
//! (F089, F091, F092); and conferences in use.

use ramal_model::{CallId, Id, Party};
use ramal_store::NewMessage;
use serde_json::{Value, json};

use crate::client::Client;
use crate::gateway::Gateway;

/// A box, and a message of a second in it.
async fn message(gateway: &Gateway, admin: &Client, name: &str) -> (i64, i64) {
    let made = admin
        .post("/voicemail-boxes", &json!({ "name": name }))
        .await;
    assert_eq!(made.status, 201, "{}", made.json());
    let mailbox = made.json()["id"].as_i64().unwrap();
    let call = CallId::new(1_700_000_000_000, [7; 10]);
    let file = format!("{call}-{mailbox:08x}.wav");
    std::fs::write(
        gateway.folder.path().join("voicemail").join(&file),
        vec![1; 16_044],
    )
    .unwrap();
    let new = NewMessage {
        mailbox: Id::new(mailbox),
        call,
        caller: Party {
            number: "5198765432".into(),
            name: String::new(),
        },
        file,
        started_at: 1_700_000_000_000,
    };
    let id = gateway.store.message_started(new).await.unwrap();
    let kept = gateway
        .store
        .message_kept(id, 1_700_000_001_000, 1_000, 16_044);
    kept.await.unwrap();
    (mailbox, id.0)
}

#[tokio::test]
async fn f091_a_message_is_listed_heard_marked_and_deleted_and_each_access_is_written_down() {
    let (gateway, admin) = Gateway::set_up().await;
    let (mailbox, id) = message(&gateway, &admin, "Recados").await;
    message(&gateway, &admin, "Vendas").await;
    let page = admin
        .get(&format!(
            "/voicemail-messages?mailbox={mailbox}&heard=false"
        ))
        .await
        .json();
    assert_eq!(page["messages"].as_array().unwrap().len(), 1, "{page}");
    let row = &page["messages"][0];
    assert_eq!(
        (&row["id"], &row["duration_ms"]),
        (&json!(id), &json!(1_000))
    );
    let all = admin.get("/voicemail-messages?limit=1").await.json();
    assert_eq!(all["messages"].as_array().unwrap().len(), 1);
    let next = format!("/voicemail-messages?limit=1&before={}", all["next"]);
    assert_eq!(admin.get(&next).await.json()["messages"][0]["id"], id);
    for wrong in [
        "mailbox=x",
        "heard=perhaps",
        "limit=0",
        "call=x",
        "colour=red",
    ] {
        let refused = admin.get(&format!("/voicemail-messages?{wrong}")).await;
        assert!(
            [400, 422].contains(&refused.status),
            "{wrong}: {}",
            refused.status
        );
    }

    let one = format!("/voicemail-messages/{id}");
    let sound = admin.get(&format!("{one}/audio")).await;
    assert_eq!((sound.status, sound.body.len()), (200, 16_044));
    let saved = admin.get(&format!("{one}/audio?download=1")).await;
    assert!(saved.header("content-disposition").contains(".wav"));
    // Listening is no mark: a player may be told to play something twice.
    assert_eq!(admin.get(&one).await.json()["heard_at"], Value::Null);
    let marked = admin
        .patch(&one, &json!({ "heard": true, "handled": true }))
        .await
        .json();
    assert_eq!(marked["heard_by"], "administrador");
    assert_eq!(marked["handled_by"], "administrador");
    let taken_back = admin.patch(&one, &json!({ "heard": false })).await.json();
    assert_eq!(taken_back["heard_at"], Value::Null);
    assert_eq!(taken_back["handled_by"], "administrador");

    // Deleting the box would lose it.
    let refused = admin.delete(&format!("/voicemail-boxes/{mailbox}")).await;
    assert_eq!(refused.status, 409, "{}", refused.json());
    assert_eq!(admin.delete(&one).await.status, 204);
    let gone = admin.get(&one).await.json();
    assert_eq!(gone["deleted_by"], "administrador");
    assert_eq!(admin.get(&format!("{one}/audio")).await.status, 404);
    assert_eq!(
        admin.patch(&one, &json!({ "heard": true })).await.status,
        404
    );
    assert_eq!(admin.delete(&one).await.status, 404);
    let list = admin.get("/voicemail-messages").await.json();
    assert!(
        list["messages"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["id"] != id)
    );
    let accesses = admin.get(&format!("{one}/accesses")).await.json();
    let actions: Vec<_> = accesses
        .as_array()
        .unwrap()
        .iter()
        .map(|access| access["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions[0], "deleted", "{accesses}");
    assert!(actions.contains(&"listened".to_owned()) && actions.contains(&"downloaded".to_owned()));
    let freed = admin.delete(&format!("/voicemail-boxes/{mailbox}")).await;
    assert_eq!(freed.status, 204);
}

#[tokio::test]
async fn only_those_who_may_hear_messages_do() {
    let (gateway, admin) = Gateway::set_up().await;
    let (_, id) = message(&gateway, &admin, "Recados").await;
    let one = format!("/voicemail-messages/{id}");
    for (role, hears, deletes) in [
        ("supervisor", 200, 204),
        ("auditor", 200, 403),
        ("installer", 403, 403),
        ("agent", 403, 403),
        ("user", 403, 403),
    ] {
        let client = gateway.user(&admin, role).await;
        assert_eq!(
            client.get(&format!("{one}/audio")).await.status,
            hears,
            "{role}"
        );
        assert_eq!(
            client.get("/voicemail-messages").await.status,
            if ["agent", "user"].contains(&role) {
                200
            } else {
                hears
            },
            "{role}"
        );
        if ["agent", "user"].contains(&role) {
            let own = client.get("/voicemail-messages").await.json();
            assert_eq!(own["messages"], json!([]), "{role}");
        }
        if deletes == 403 {
            assert_eq!(client.delete(&one).await.status, deletes, "{role}");
        }
    }
}

#[tokio::test]
async fn f089_the_companys_greeting_is_set_and_kept_while_it_is_used() {
    let (gateway, admin) = Gateway::set_up().await;
    let settings = admin.get("/voicemail-settings").await.json();
    assert_eq!(settings, json!({ "greeting": null }));
    let refused = admin
        .put("/voicemail-settings", &json!({ "greeting": 999 }))
        .await;
    assert_eq!(refused.status, 422, "{}", refused.json());
    let exported = gateway.store.configuration();
    assert!(exported.company().unwrap().voicemail_greeting.is_none());
}

#[tokio::test]
async fn nobody_is_in_a_conference() {
    let (_gateway, admin) = Gateway::set_up().await;
    let made = admin
        .post("/conferences", &json!({ "name": "Sala", "number": "5000" }))
        .await;
    let id = made.json()["id"].as_i64().unwrap();
    assert_eq!(admin.get("/conferences/active").await.json(), json!([]));
    let lock = admin
        .post(
            &format!("/conferences/{id}/lock"),
            &json!({ "locked": true }),
        )
        .await;
    assert_eq!(lock.status, 404);
    for member in ["01JCZ8Y8M6T5X0K3V9Q4R7N2BD", "x"] {
        let member = format!("/conferences/{id}/members/{member}");
        assert_eq!(
            admin.patch(&member, &json!({ "muted": true })).await.status,
            404
        );
        assert_eq!(admin.delete(&member).await.status, 404);
    }
}
