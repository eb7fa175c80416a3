//! Each operation does what the contract says.

use std::sync::atomic::Ordering;

use hyper::Method;
use serde_json::{Value, json};

use crate::client::{collect, media_type};
use crate::gateway::{Gateway, PASSWORD, set_up_body};

#[tokio::test]
async fn the_status_is_public_and_knows_whether_the_gateway_is_set_up() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    let status = client.get("/status").await;
    assert_eq!(status.status, 200);
    assert_eq!(status.json()["product"], "ramal");
    assert_eq!(status.json()["set_up"], false);
    assert_eq!(client.post("/setup", &set_up_body()).await.status, 201);
    assert_eq!(client.get("/status").await.json()["set_up"], true);
    let countries = client.get("/countries").await.json();
    let brazil = countries
        .as_array()
        .unwrap()
        .iter()
        .find(|country| country["code"] == "BR")
        .unwrap();
    assert_eq!(brazil["dialling_code"], "55");
    assert_eq!(brazil["time_zone"], "America/Sao_Paulo");
    let document = client.get("/openapi.json").await;
    assert_eq!(&document.json(), gateway.document.as_ref());
}

#[tokio::test]
async fn the_first_set_up_logs_the_administrator_in_and_happens_once() {
    let (gateway, admin) = Gateway::set_up().await;
    let user = admin.get("/session").await.json()["user"].clone();
    assert_eq!(
        (&user["login"], &user["role"]),
        (&json!("administrador"), &json!("admin"))
    );
    assert_eq!(user["language"], "pt-BR");
    let company = admin.get("/company").await.json();
    assert_eq!(company["legal_name"], "Padaria Central Ltda");
    assert_eq!(
        (&company["country_code"], &company["area_code"]),
        (&json!("55"), &json!("11"))
    );
    assert_eq!(
        gateway.client().post("/setup", &set_up_body()).await.status,
        409
    );
}

#[tokio::test]
async fn the_company_is_replaced_as_a_whole() {
    let (_gateway, admin) = Gateway::set_up().await;
    let changed = json!({ "legal_name": "Panadería Sur SA", "country": "AR", "time_zone": "America/Argentina/Ushuaia" });
    let answer = admin.put("/company", &changed).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["country_code"], "54");
    assert_eq!(admin.get("/company").await.json(), answer.json());
}

#[tokio::test]
async fn an_extension_lives_from_creation_to_deletion() {
    let (_gateway, admin) = Gateway::set_up().await;
    let made = admin
        .post(
            "/extensions",
            &json!({ "number": "201", "display_name": "João", "language": "es" }),
        )
        .await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let first_secret = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(first_secret.len(), 20);
    let id = made["extension"]["id"].as_i64().unwrap();
    let list = admin.get("/extensions").await.json();
    assert_eq!(list, json!([made["extension"]]));
    assert_eq!(list[0]["registrations"], 0);
    assert!(!list.to_string().contains(&first_secret));

    let path = format!("/extensions/{id}");
    let changed = admin
        .patch(&path, &json!({ "language": null, "ring_time": 30 }))
        .await
        .json();
    assert_eq!(changed["extension"]["language"], Value::Null);
    assert_eq!(changed["extension"]["ring_time"], 30);
    assert_eq!(changed["extension"]["display_name"], "João");
    assert_eq!(changed["secret"], Value::Null);
    let renumbered = admin.patch(&path, &json!({ "number": "202" })).await.json();
    assert_ne!(renumbered["secret"], Value::Null);
    assert_eq!(admin.get(&path).await.json()["number"], "202");
    let renewed = admin
        .post(&format!("{path}/secret"), &json!({}))
        .await
        .json();
    assert_ne!(renewed["secret"], renumbered["secret"]);

    assert_eq!(admin.delete(&path).await.status, 204);
    for gone in [
        admin.get(&path).await,
        admin.delete(&path).await,
        admin.patch(&path, &json!({})).await,
    ] {
        assert_eq!(gone.status, 404);
    }
    assert_eq!(admin.get("/extensions").await.json(), json!([]));
}

#[tokio::test]
async fn users_are_made_changed_and_deleted_but_the_last_administrator_stays() {
    let (_gateway, admin) = Gateway::set_up().await;
    let body =
        json!({ "login": "bruno.lima", "name": "Bruno", "role": "auditor", "password": PASSWORD });
    let made = admin.post("/users", &body).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_i64().unwrap();
    let path = format!("/users/{id}");
    assert_eq!(
        admin
            .patch(&path, &json!({ "role": "supervisor" }))
            .await
            .json()["role"],
        "supervisor"
    );
    let users = admin.get("/users").await.json();
    assert_eq!(users.as_array().unwrap().len(), 2);
    assert!(!users.to_string().contains("argon2"));
    assert_eq!(admin.get(&path).await.json()["login"], "bruno.lima");
    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(admin.get(&path).await.status, 404);

    let own = admin.get("/session").await.json()["user"]["id"]
        .as_i64()
        .unwrap();
    assert_eq!(admin.delete(&format!("/users/{own}")).await.status, 409);
    let demoted = admin
        .patch(&format!("/users/{own}"), &json!({ "role": "user" }))
        .await;
    assert_eq!(
        demoted.refused_field(),
        ("role".into(), "last_admin".into())
    );
}

#[tokio::test]
async fn a_token_opens_the_api_until_it_is_deleted() {
    let (gateway, admin) = Gateway::set_up().await;
    let made = admin
        .post(
            "/tokens",
            &json!({ "name": "monitoring", "role": "auditor" }),
        )
        .await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let mut program = gateway.client();
    program.csrf = false;
    program.token = Some(made["secret"].as_str().unwrap().to_owned());
    assert_eq!(program.get("/calls").await.status, 200);
    assert_eq!(
        program
            .post("/extensions", &json!({ "number": "300" }))
            .await
            .status,
        403
    );
    assert_eq!(program.get("/session").await.status, 401);
    let list = admin.get("/tokens").await;
    assert_eq!(list.json()[0]["name"], "monitoring");
    assert!(!String::from_utf8_lossy(&list.body).contains(program.token.as_deref().unwrap()));
    let path = format!("/tokens/{}", made["token"]["id"]);
    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(admin.delete(&path).await.status, 404);
    assert_eq!(program.get("/calls").await.status, 401);
}

#[tokio::test]
async fn the_configuration_moves_to_another_gateway() {
    let (_first, admin) = Gateway::set_up().await;
    assert_eq!(
        admin
            .post("/extensions", &json!({ "number": "201" }))
            .await
            .status,
        201
    );
    let export = admin.get("/configuration/export").await;
    assert_eq!(export.status, 200);
    assert!(
        export
            .header("content-disposition")
            .contains("ramal-configuration.json")
    );
    let document = export.json();
    assert_eq!(document["format"], "ramal-configuration");

    let (second, other) = Gateway::set_up().await;
    assert_eq!(
        other.post("/configuration/import", &document).await.status,
        204
    );
    let mut moved = second.client();
    let login = json!({ "login": "Administrador", "password": PASSWORD });
    let answer = moved.post("/session", &login).await;
    moved.take_session(&answer);
    assert_eq!(moved.get("/extensions").await.json()[0]["number"], "201");

    let mut damaged = document.clone();
    damaged["extensions"][0]["number"] = json!("x");
    let refused = moved.post("/configuration/import", &damaged).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["errors"][0]["field"], "extensions[0].number");
    assert_eq!(moved.get("/extensions").await.json()[0]["number"], "201");
}

#[tokio::test]
async fn the_system_shows_its_load() {
    let (gateway, admin) = Gateway::set_up().await;
    let system = admin.get("/system").await.json();
    assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
    assert!(
        system["memory"]["total"].as_u64().unwrap() >= system["memory"]["free"].as_u64().unwrap()
    );
    assert!(system["disk_data"]["total"].as_u64().unwrap() > 0);
    assert!(system["web_connections"].as_u64().unwrap() >= 1);
    assert!(system["counters"]["sip"].is_object());
    assert_eq!(system["sip_port"], gateway.pbx.sip_address().port());
}

#[tokio::test]
async fn an_idle_session_ends() {
    let (gateway, admin) = Gateway::set_up().await;
    assert_eq!(admin.get("/session").await.status, 200);
    gateway
        .ahead
        .store(ramal_store::SESSION_IDLE_MS + 1000, Ordering::Relaxed);
    assert_eq!(admin.get("/session").await.status, 401);
}

#[tokio::test]
async fn both_http_versions_answer_the_same() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    let newer = collect(client.open_http2("/api/v1/countries", 65_535).await).await;
    let older = client.get("/countries").await;
    assert_eq!((newer.status, &newer.body), (older.status, &older.body));
    assert_eq!(media_type(&newer), "application/json");
    let head = client
        .raw(Method::HEAD, "/api/v1/status", &[], bytes::Bytes::new())
        .await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}
