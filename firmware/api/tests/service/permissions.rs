//! What profiles, scopes and scoped tokens allow, and what the log keeps of those who tried.

use hyper::Method;
use ramal_model::{CallId, CallRecord, CallResult, Direction, Party};
use serde_json::{Value, json};

use crate::client::Client;
use crate::gateway::{Gateway, PASSWORD};

async fn made(client: &Client, path: &str, body: Value) -> i64 {
    let made = client.post(path, &body).await;
    assert_eq!(made.status, 201, "{path}: {}", made.json());
    let made = made.json();
    let id = made["id"].as_i64().or(made["extension"]["id"].as_i64());
    id.unwrap()
}

/// A user with an extension of this number, logged in.
async fn person(
    gateway: &Gateway,
    admin: &Client,
    login: &str,
    number: &str,
    more: Value,
) -> (i64, Client) {
    let extension = made(admin, "/extensions", json!({ "number": number })).await;
    let mut body =
        json!({ "login": login, "role": "user", "password": PASSWORD, "extension": extension });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let id = made(admin, "/users", body).await;
    let mut client = gateway.client();
    let entered = client
        .post("/session", &json!({ "login": login, "password": PASSWORD }))
        .await;
    client.take_session(&entered);
    (id, client)
}

async fn call(gateway: &Gateway, at: i64, from: &str, to: &str) -> CallId {
    let id = CallId::new(at, [1; 10]);
    let party = |number: &str| Party {
        number: number.to_owned(),
        name: String::new(),
    };
    let record = CallRecord {
        id: id.clone(),
        started_at: at,
        answered_at: None,
        ended_at: Some(at + 1000),
        direction: Direction::Internal,
        caller: party(from),
        callee: party(to),
        result: Some(CallResult::NoAnswer),
        end_reason: String::new(),
        legs: Vec::new(),
        trace: Vec::new(),
        ivr_path: String::new(),
        company: ramal_model::CompanyId::DEFAULT,
        caller_e164: None,
        callee_e164: None,
    };
    gateway.store.call_ended(&record).await.unwrap();
    id
}

async fn calls(client: &Client) -> Vec<String> {
    let page = client.get("/calls").await;
    assert_eq!(page.status, 200);
    let page = page.json();
    let calls = page["calls"].as_array().unwrap().iter();
    calls
        .map(|call| call["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn at_03_a_profile_shows_one_menu_and_the_calls_of_the_team() {
    let (gateway, admin) = Gateway::set_up().await;
    let permissions = json!([{ "area": "calls", "verb": "view", "scope": "team" }]);
    let profile = json!({ "name": "Calls only", "menus": ["calls"], "permissions": permissions });
    let profile = made(&admin, "/profiles", profile).await;
    let (ana, watching) = person(
        &gateway,
        &admin,
        "ana.alves",
        "201",
        json!({ "profile": profile }),
    )
    .await;
    let (bruno, _) = person(&gateway, &admin, "bruno.lima", "202", json!({})).await;
    let (_, carla) = person(&gateway, &admin, "carla.reis", "203", json!({})).await;
    made(
        &admin,
        "/teams",
        json!({ "name": "Vendas", "members": [bruno], "supervisors": [ana] }),
    )
    .await;
    made(&admin, "/teams", json!({ "name": "Suporte" })).await;
    let of_team = call(&gateway, 1_000, "202", "299").await;
    let of_others = call(&gateway, 2_000, "203", "298").await;

    let session = watching.get("/session").await.json();
    assert_eq!(session["menus"], json!(["calls"]));
    assert_eq!(session["permissions"], permissions);
    assert_eq!(calls(&watching).await, [of_team.to_string()]);
    assert_eq!(calls(&carla).await, [of_others.to_string()]);
    assert_eq!(calls(&admin).await.len(), 2);
    // A supervisor takes the calls of his team as a file, and nobody else's.
    let (_, eva) = person(
        &gateway,
        &admin,
        "eva.prado",
        "205",
        json!({ "role": "supervisor" }),
    )
    .await;
    let table = eva.get("/calls/export?format=csv").await;
    assert_eq!(
        String::from_utf8(table.body.to_vec())
            .unwrap()
            .lines()
            .count(),
        1
    );
    let table = admin.get("/calls/export?format=csv&number=203").await;
    let table = String::from_utf8(table.body.to_vec()).unwrap();
    assert!(
        table.contains(&format!("{of_others},1970-01-01T00:00:02Z")),
        "{table}"
    );
    assert_eq!(table.lines().count(), 2);
    let file = admin.get("/calls/export").await.json();
    let ids: Vec<_> = file
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["id"].clone())
        .collect();
    assert_eq!(ids, [json!(of_others), json!(of_team)]);
    assert_eq!(carla.get("/calls/export").await.status, 403);
    for path in [
        "/extensions",
        "/users",
        "/recordings",
        "/voicemail-messages",
        "/events",
        "/audit-log",
    ] {
        assert_eq!(watching.get(path).await.status, 403, "{path}");
    }
    // Who has the number later does not get the calls of who had it before.
    let carlas = admin.get("/extensions").await.json();
    let carlas = carlas
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["number"] == "203")
        .unwrap()["id"]
        .clone();
    let path = format!("/extensions/{carlas}");
    assert_eq!(
        admin.patch(&path, &json!({ "number": "204" })).await.status,
        200
    );
    assert_eq!(calls(&carla).await, [of_others.to_string()]);
    let (_, dora) = person(&gateway, &admin, "dora.melo", "203", json!({})).await;
    assert_eq!(calls(&dora).await, [] as [String; 0]);
}

#[tokio::test]
async fn nobody_gives_more_than_he_has() {
    let (gateway, admin) = Gateway::set_up().await;
    let permission = |area: &str, verb: &str| json!({ "area": area, "verb": verb, "scope": "all" });
    let own = json!([
        permission("users", "view"),
        permission("users", "create"),
        permission("users", "edit"),
        permission("users", "delete"),
        permission("tokens", "create"),
        permission("calls", "view"),
    ]);
    let profile = json!({ "name": "Personnel", "permissions": own });
    let profile = made(&admin, "/profiles", profile).await;
    let (_, clerk) = person(
        &gateway,
        &admin,
        "ana.alves",
        "201",
        json!({ "profile": profile }),
    )
    .await;
    let administrator = admin.get("/session").await.json()["user"]["id"].clone();
    let user = |more: Value| {
        let mut body = json!({ "login": "bruno.lima", "role": "user", "password": PASSWORD });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    for answer in [
        clerk
            .post("/users", &user(json!({ "role": "admin" })))
            .await,
        // The role `user` may listen to its own voice messages, which the clerk may not.
        clerk.post("/users", &user(json!({}))).await,
        clerk
            .patch(
                &format!("/users/{administrator}"),
                &json!({ "password": "another long phrase" }),
            )
            .await,
        clerk.delete(&format!("/users/{administrator}")).await,
        clerk.post("/tokens", &json!({ "name": "x" })).await,
        clerk
            .post(
                "/profiles",
                &json!({ "name": "All", "permissions": [permission("tokens", "view")] }),
            )
            .await,
    ] {
        assert_eq!(answer.status, 403, "{}", answer.json());
    }
    let made = clerk
        .post("/users", &user(json!({ "profile": profile })))
        .await;
    assert_eq!(made.status, 201, "{}", made.json());
    // A profile that somebody has stays; an administrator under a profile is none, and one has to be left.
    assert_eq!(
        admin.delete(&format!("/profiles/{profile}")).await.status,
        409
    );
    let limited = admin
        .patch(
            &format!("/users/{administrator}"),
            &json!({ "profile": profile }),
        )
        .await;
    assert_eq!(limited.status, 422);
    assert_eq!(limited.json()["errors"][0]["code"], "last_admin");
    let scope = json!([{ "area": "trunks", "verb": "view", "scope": "own" }]);
    let senseless = admin
        .post("/profiles", &json!({ "name": "x", "permissions": scope }))
        .await;
    assert_eq!(
        senseless.json()["errors"][0]["field"],
        "permissions[0].scope"
    );
}

#[tokio::test]
async fn a_token_allows_what_it_says() {
    let (gateway, admin) = Gateway::set_up().await;
    let permissions = json!([{ "area": "calls", "verb": "view", "scope": "all" }]);
    let token = admin
        .post(
            "/tokens",
            &json!({ "name": "Report", "permissions": permissions }),
        )
        .await;
    assert_eq!(token.status, 201);
    assert_eq!(token.json()["token"]["permissions"], permissions);
    let mut client = gateway.client();
    client.token = token.json()["secret"].as_str().map(str::to_owned);
    assert_eq!(client.get("/calls").await.status, 200);
    assert_eq!(client.get("/extensions").await.status, 403);
    assert_eq!(
        client
            .post("/extensions", &json!({ "number": "201" }))
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn the_log_keeps_changes_and_failed_attempts_without_secrets() {
    let (gateway, admin) = Gateway::set_up().await;
    let auditor = gateway.user(&admin, "auditor").await;
    let pin = json!({ "name": "Recados", "pin": "73519" });
    let mailbox = made(&admin, "/voicemail-boxes", pin).await;
    let path = format!("/voicemail-boxes/{mailbox}");
    let changed = json!({ "name": "Recados", "pin": "84620", "max_seconds": 60 });
    assert_eq!(admin.put(&path, &changed).await.status, 200);
    assert_eq!(auditor.delete(&path).await.status, 403);
    assert_eq!(auditor.delete(&path).await.status, 403);
    let refused = json!({ "login": "abcd", "role": "user", "password": "a-secret-that-is-typed" });
    assert_eq!(admin.post("/users", &refused).await.status, 422);
    let guess = json!({ "login": "administrador", "password": "not-the-password" });
    assert_eq!(gateway.client().post("/session", &guess).await.status, 401);
    // Attempts are written down a moment later.
    let entries = loop {
        let page = auditor.get("/audit-log?limit=50").await.json();
        let entries = page["entries"].as_array().unwrap().clone();
        if entries.iter().any(|one| one["status"] == 401) {
            break entries;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let text = json!(entries).to_string();
    for secret in [
        "73519",
        "84620",
        "a-secret-that-is-typed",
        "not-the-password",
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
    let find = |status: i64, method: &str| {
        entries
            .iter()
            .find(|one| one["status"] == status && one["method"] == method)
    };
    let denied = find(403, "DELETE").unwrap();
    assert_eq!(
        (&denied["actor"]["login"], &denied["times"]),
        (&json!("the-auditor"), &json!(2))
    );
    assert_eq!(denied["problem"], "forbidden");
    let invalid = find(422, "POST").unwrap();
    assert_eq!(
        invalid["fields"],
        json!([{ "field": "login", "code": "too_short" }])
    );
    assert_eq!(find(401, "POST").unwrap()["actor"], Value::Null);
    let change = find(200, "PUT").unwrap();
    assert_eq!(change["address"], "127.0.0.1");
    let fields = change["changes"][0]["fields"].as_array().unwrap();
    let field = |name: &str| fields.iter().find(|one| one["field"] == name).unwrap();
    assert_eq!(
        (
            &field("max_seconds")["before"],
            &field("max_seconds")["after"]
        ),
        (&json!(180), &json!(60))
    );
    assert_eq!(
        (&field("pin")["after"], &field("pin")["secret"]),
        (&Value::Null, &json!(true))
    );
    let file = auditor
        .get("/audit-log/export?format=csv&refused=true")
        .await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert!(
        file.header("content-disposition")
            .contains("ramal-audit.csv")
    );
    assert_eq!(
        auditor.get("/audit-log/export?format=xml").await.status,
        422
    );
    let user = gateway.user(&admin, "supervisor").await;
    assert_eq!(
        user.send(Method::GET, "/audit-log", &[], bytes::Bytes::new())
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn at_02_logins_passwords_and_what_an_auditor_may() {
    let (gateway, admin) = Gateway::set_up().await;
    let user = |login: &str, password: &str| json!({ "login": login, "role": "auditor", "password": password });
    for (login, password, field, code) in [
        ("abcd", PASSWORD, "login", "too_short"),
        ("abcde", "12345", "password", "too_short"),
        ("abcde", "1234567890", "password", "common_password"),
    ] {
        let refused = admin.post("/users", &user(login, password)).await;
        assert_eq!(refused.status, 422, "{login} {password}");
        let errors = refused.json()["errors"].as_array().unwrap().clone();
        assert!(
            errors
                .iter()
                .any(|one| one["field"] == field && one["code"] == code),
            "{errors:?}"
        );
    }
    assert_eq!(
        admin.post("/users", &user("abcde", PASSWORD)).await.status,
        201
    );
    let mut at_night = user("abcdf", PASSWORD);
    at_night["working_hours"] = json!([{ "weekdays": [8], "start": "22:00", "end": "06:00" }]);
    let refused = admin.post("/users", &at_night).await;
    let refused = refused.json()["errors"][0].clone();
    assert_eq!(refused["field"], "working_hours[0].weekdays[0]");
    let auditor = gateway.user(&admin, "auditor").await;
    let extension = made(&admin, "/extensions", json!({ "number": "201" })).await;
    assert_eq!(auditor.get("/calls").await.status, 200);
    let change = json!({ "display_name": "x" });
    assert_eq!(
        auditor
            .patch(&format!("/extensions/{extension}"), &change)
            .await
            .status,
        403
    );
    assert_eq!(auditor.delete("/recordings/1").await.status, 403);
}

#[tokio::test]
async fn at_06_what_leads_to_an_extension_follows_its_number() {
    let (_gateway, admin) = Gateway::set_up().await;
    let id = made(
        &admin,
        "/extensions",
        json!({ "number": "2011", "display_name": "Ana" }),
    )
    .await;
    let queue = json!({ "name": "Vendas", "number": "600", "members": [{ "member": "extension", "id": id }] });
    let queue = admin.post("/queues", &queue).await;
    let user =
        json!({ "login": "ana.alves", "role": "agent", "password": PASSWORD, "extension": id });
    let user = made(&admin, "/users", user).await;
    let mailbox = made(
        &admin,
        "/voicemail-boxes",
        json!({ "name": "Ana", "extensions": [id] }),
    )
    .await;
    let route = json!({ "name": "Resto", "destination": { "to": "extension", "id": id } });
    let route = admin.post("/inbound-routes", &route).await;
    let path = format!("/extensions/{id}");
    let renumbered = admin.patch(&path, &json!({ "number": "2111" })).await;
    assert_eq!(renumbered.status, 200, "{}", renumbered.json());
    // Digest authentication hashes the number, so the phone needs the new secret.
    assert_eq!(renumbered.json()["secret"].as_str().unwrap().len(), 20);
    assert_eq!(
        admin.get(&format!("/users/{user}")).await.json()["extension"],
        id
    );
    assert_eq!(
        admin
            .get(&format!("/voicemail-boxes/{mailbox}"))
            .await
            .json()["extensions"],
        json!([id])
    );
    for made in [queue, route] {
        assert_eq!(made.status, 201, "{}", made.json());
    }
    let queues = admin.get("/queues").await.json();
    assert_eq!(queues[0]["members"][0]["id"], id);
    let routes = admin.get("/inbound-routes").await.json();
    assert_eq!(routes[0]["destination"]["id"], id);
    made(
        &admin,
        "/queues",
        json!({ "name": "Suporte", "number": "601" }),
    )
    .await;
    for taken in ["601", "190", "20"] {
        let refused = admin.patch(&path, &json!({ "number": taken })).await;
        let expected = if taken == "20" { 200 } else { 422 };
        assert_eq!(refused.status, expected, "{taken}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_37_a_program_calls_for_a_person_and_nobody_by_the_phones_of_others() {
    let (gateway, admin) = Gateway::set_up().await;
    let desk = gateway.phone(&admin, "2002").await;
    let (_, ana) = person(&gateway, &admin, "ana.lima", "2001", json!({})).await;
    let id_of = |number: &str| {
        let configuration = gateway.store.configuration();
        configuration.extension_by_number(number).unwrap().id.0
    };
    let click = |extension: i64, to: &str| json!({ "extension": extension, "to": to });
    let own = ana.post("/calls", &click(id_of("2001"), "2002")).await;
    assert_eq!(own.status, 202, "{}", own.json());
    let others = ana.post("/calls", &click(id_of("2002"), "2001")).await;
    assert_eq!(others.status, 403, "{}", others.json());
    let nobody = admin.post("/calls", &click(999, "2001")).await;
    assert_eq!(nobody.json()["errors"][0]["field"], "extension");

    let made = admin.post("/calls", &click(id_of("2002"), "*43")).await;
    assert_eq!(made.status, 202, "{}", made.json());
    let mut rings = desk.next_call().await.unwrap();
    rings.answer();
    rings
        .wait_answered(std::time::Duration::from_secs(10))
        .await
        .unwrap();
    let live = admin.get("/calls/active").await.json();
    let ids: Vec<_> = live.as_array().unwrap().iter().collect();
    assert!(
        ids.iter().any(|call| call["id"] == made.json()["id"]),
        "{live}"
    );
}
