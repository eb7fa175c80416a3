//! Several companies on one gateway: what belongs to which, and who sees it (F234, F247, AT-03).

use bytes::Bytes;
use hyper::Method;
use ramal_model::{CallId, CallRecord, CallResult, CompanyId, Direction, Party};
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

async fn logged_in(gateway: &Gateway, admin: &Client, body: Value) -> (i64, Client) {
    let id = made(admin, "/users", body.clone()).await;
    let mut client = gateway.client();
    let entered = client
        .post(
            "/session",
            &json!({ "login": body["login"], "password": PASSWORD }),
        )
        .await;
    client.take_session(&entered);
    (id, client)
}

async fn call(gateway: &Gateway, at: i64, company: i64) -> String {
    let id = CallId::new(at, [1; 10]);
    let record = CallRecord {
        id: id.clone(),
        started_at: at,
        answered_at: None,
        ended_at: Some(at + 1000),
        direction: Direction::Inbound,
        company: CompanyId(company),
        caller: Party::default(),
        callee: Party::default(),
        result: Some(CallResult::NoAnswer),
        end_reason: String::new(),
        legs: Vec::new(),
        trace: Vec::new(),
        ivr_path: String::new(),
        caller_e164: None,
        callee_e164: None,
    };
    gateway.store.call_ended(&record).await.unwrap();
    id.to_string()
}

async fn calls(client: &Client, path: &str) -> Vec<String> {
    let page = client.get(path).await;
    assert_eq!(page.status, 200, "{}", page.json());
    let page = page.json();
    let calls = page["calls"].as_array().unwrap().iter();
    calls
        .map(|call| call["id"].as_str().unwrap().to_owned())
        .collect()
}

fn ids(list: &Value) -> Vec<i64> {
    let rows = list.as_array().unwrap().iter();
    rows.map(|row| row["id"].as_i64().unwrap()).collect()
}

/// F234: at most 20 in all, each name once, and none goes while anything belongs to it.
#[tokio::test]
async fn f234_there_are_at_most_20_companies_and_none_goes_that_is_in_use() {
    let (_gateway, admin) = Gateway::set_up().await;
    let default = admin.get("/companies").await.json();
    assert_eq!(ids(&default), [0]);
    let beta = made(&admin, "/companies", json!({ "name": "Beta" })).await;
    let twice = admin.post("/companies", &json!({ "name": "beta" })).await;
    assert_eq!(twice.refused_field(), ("name".into(), "taken".into()));
    let wrong = json!({ "name": "Gama", "tax_id": "11.222.333/0001-82" });
    let wrong = admin.post("/companies", &wrong).await;
    assert_eq!(wrong.refused_field().0, "tax_id");
    for index in 0..18 {
        let company = json!({ "name": format!("Empresa {index}") });
        made(&admin, "/companies", company).await;
    }
    let over = admin.post("/companies", &json!({ "name": "Demais" })).await;
    assert_eq!(over.status, 422);
    assert_eq!(over.json()["errors"][0]["code"], "too_many");
    assert_eq!(
        admin
            .get("/companies")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        20
    );

    let extension = json!({ "number": "201", "company": beta });
    let extension = made(&admin, "/extensions", extension).await;
    let nowhere = json!({ "number": "202", "company": 99_999 });
    let nowhere = admin.post("/extensions", &nowhere).await;
    assert_eq!(nowhere.refused_field().0, "company");
    let one = format!("/companies/{beta}");
    let used = admin.delete(&one).await;
    assert_eq!(used.status, 409);
    assert!(used.json()["detail"].as_str().unwrap().contains("201"));
    assert_eq!(admin.delete("/companies/0").await.status, 409);
    assert_eq!(admin.get(&one).await.json()["used_by"][0]["id"], extension);
    let to_default = json!({ "company": 0 });
    let path = format!("/extensions/{extension}");
    assert_eq!(admin.patch(&path, &to_default).await.status, 200);
    assert_eq!(admin.delete(&one).await.status, 204);
    assert_eq!(admin.get(&one).await.status, 404);
}

/// What leads to one another is one company's, and what is moved takes along what is his alone.
#[tokio::test]
async fn f234_objects_of_different_companies_do_not_lead_to_one_another() {
    let (gateway, admin) = Gateway::set_up().await;
    let beta = made(&admin, "/companies", json!({ "name": "Beta" })).await;
    let mine = made(&admin, "/extensions", json!({ "number": "201" })).await;
    let queue = json!({
        "name": "Vendas", "number": "300", "company": beta,
        "members": [{ "member": "extension", "id": mine, "penalty": 0 }],
    });
    let refused = admin.post("/queues", &queue).await;
    assert_eq!(
        refused.refused_field(),
        ("members[0].id".into(), "other_company".into())
    );
    let mut queue = queue;
    queue["company"] = json!(0);
    let id = made(&admin, "/queues", queue.clone()).await;
    let path = format!("/extensions/{mine}");
    let refused = admin.patch(&path, &json!({ "company": beta })).await;
    assert_eq!(
        refused.refused_field(),
        ("company".into(), "other_company".into())
    );
    queue["members"] = json!([]);
    assert_eq!(
        admin.put(&format!("/queues/{id}"), &queue).await.status,
        200
    );

    // A user takes his extension along, into the company and back.
    let user =
        json!({ "login": "bruno.lima", "role": "user", "password": PASSWORD, "extension": mine });
    let user = made(&admin, "/users", user).await;
    let moved = json!({ "company": beta });
    let moved = admin.patch(&format!("/users/{user}"), &moved).await;
    assert_eq!(
        (moved.status, &moved.json()["company"]),
        (200, &json!(beta))
    );
    assert_eq!(admin.get(&path).await.json()["company"], beta);
    let refused = admin.patch(&path, &json!({ "company": 0 })).await;
    assert_eq!(
        refused.refused_field(),
        ("company".into(), "other_company".into())
    );

    // Everything comes back as it was from an exported document, and by undoing.
    let export = admin.get("/configuration/export").await.json();
    assert_eq!(export["hosted_companies"][0]["name"], "Beta");
    let version = gateway.store.configuration().version();
    let renamed = json!({ "name": "Beta Nova" });
    let path = format!("/companies/{beta}");
    assert_eq!(admin.put(&path, &renamed).await.status, 200);
    let undone = format!("/configuration/versions/{}/undo", version + 1);
    let undone = admin.post(&undone, &json!({})).await;
    assert_eq!(undone.status, 204);
    assert_eq!(admin.get(&path).await.json()["name"], "Beta");
    let imported = admin.post("/configuration/import", &export).await;
    assert_eq!(imported.status, 204);
    let user = admin.get(&format!("/users/{user}")).await.json();
    assert_eq!(user["company"], beta);
}

/// AT-03: the super user lists both companies, a normal administrator only his own.
#[tokio::test]
async fn at_03_an_administrator_of_a_company_sees_and_changes_only_its_own() {
    let (gateway, admin) = Gateway::set_up().await;
    let beta = made(&admin, "/companies", json!({ "name": "Beta" })).await;
    let mine = made(&admin, "/extensions", json!({ "number": "201" })).await;
    let theirs = json!({ "number": "202", "company": beta });
    let theirs = made(&admin, "/extensions", theirs).await;
    let number = json!({ "label": "Geral", "number": "5133334444" });
    let number = made(&admin, "/numbers", number).await;
    let eva =
        json!({ "login": "eva.prado", "role": "admin", "password": PASSWORD, "company": beta });
    let (eva_id, eva) = logged_in(&gateway, &admin, eva).await;
    let of_default = call(&gateway, 1_000, 0).await;
    let of_beta = call(&gateway, 2_000, beta).await;

    assert_eq!(ids(&admin.get("/companies").await.json()), [0, beta]);
    assert_eq!(ids(&eva.get("/companies").await.json()), [beta]);
    assert_eq!(ids(&eva.get("/extensions").await.json()), [theirs]);
    assert_eq!(ids(&eva.get("/users").await.json()), [eva_id]);
    assert_eq!(ids(&eva.get("/numbers").await.json()), [0; 0]);
    assert_eq!(calls(&eva, "/calls").await, std::slice::from_ref(&of_beta));
    assert_eq!(
        calls(&admin, "/calls").await,
        [of_beta.clone(), of_default.clone()]
    );
    assert_eq!(calls(&admin, "/calls?company=0").await, [of_default]);
    let path = format!("/calls?company={beta}");
    assert_eq!(calls(&admin, &path).await, [of_beta]);
    assert_eq!(eva.get("/calls?company=0").await.status, 403);
    assert_eq!(admin.get("/calls?company=x").await.status, 422);
    let table = admin
        .get(&format!("/calls/export?format=csv&company={beta}"))
        .await;
    let table = String::from_utf8(table.body.to_vec()).unwrap();
    assert!(
        table.lines().count() == 2 && table.trim_end().ends_with(",Beta"),
        "{table}"
    );

    for path in [
        "/tokens",
        "/audit-log",
        "/configuration/export",
        "/webhooks",
        "/companies/0",
    ] {
        assert_eq!(eva.get(path).await.status, 403, "{path}");
    }
    let path = format!("/extensions/{mine}");
    assert_eq!(eva.get(&path).await.status, 403);
    assert_eq!(
        eva.patch(&path, &json!({ "ring_time": 30 })).await.status,
        403
    );
    assert_eq!(eva.delete(&format!("/numbers/{number}")).await.status, 403);
    let moved = json!({ "company": 0 });
    assert_eq!(
        eva.patch(&format!("/extensions/{theirs}"), &moved)
            .await
            .status,
        403
    );
    assert_eq!(
        eva.patch(&format!("/users/{eva_id}"), &moved).await.status,
        403
    );
    let taken = json!({ "extension": mine });
    assert_eq!(
        eva.patch(&format!("/users/{eva_id}"), &taken).await.status,
        403
    );
    for (path, body) in [
        ("/companies", json!({ "name": "Gama" })),
        ("/profiles", json!({ "name": "Tudo" })),
        ("/outbound-routes", json!({ "name": "Saída" })),
    ] {
        assert_eq!(eva.post(path, &body).await.status, 403, "{path}");
    }
    let whole = json!({ "legal_name": "Outra", "country": "BR" });
    assert_eq!(eva.put("/company", &whole).await.status, 403);
    assert_eq!(
        eva.put("/voicemail-settings", &json!({ "greeting": null }))
            .await
            .status,
        403
    );

    // What is made is the own company's, one by one and by a table.
    let own = json!({ "label": "Beta", "number": "5133335555" });
    let own = made(&eva, "/numbers", own).await;
    assert_eq!(
        admin.get(&format!("/numbers/{own}")).await.json()["company"],
        beta
    );
    let renamed = json!({ "name": "Beta Ltda" });
    assert_eq!(
        eva.put(&format!("/companies/{beta}"), &renamed)
            .await
            .status,
        200
    );
    let text = "number,display_name,company\n203,Nova,\n201,Alheia,\n204,Fora,Beta Ltda\n";
    let headers = [("content-type", "text/csv; charset=utf-8")];
    let report = eva
        .send(
            Method::POST,
            "/extensions/import",
            &headers,
            Bytes::from(text),
        )
        .await
        .json();
    assert_eq!(
        (&report["created"], &report["refused"]),
        (&json!(2), &json!(1)),
        "{report}"
    );
    let table = eva.get("/extensions/export").await;
    let table = String::from_utf8(table.body.to_vec()).unwrap();
    assert_eq!(table.lines().count(), 4, "{table}");
    assert!(
        table
            .lines()
            .skip(1)
            .all(|line| line.ends_with(",Beta Ltda")),
        "{table}"
    );
}

/// While there is but one company, nothing is asked of anybody.
#[tokio::test]
async fn f234_a_scope_of_the_only_company_is_everything() {
    let (gateway, admin) = Gateway::set_up().await;
    let permissions = json!([
        { "area": "company", "verb": "edit", "scope": "company" },
        { "area": "directory", "verb": "view", "scope": "company" },
    ]);
    let profile = json!({ "name": "Empresa", "permissions": permissions });
    let profile = made(&admin, "/profiles", profile).await;
    let eva =
        json!({ "login": "eva.prado", "role": "admin", "password": PASSWORD, "profile": profile });
    let (_, eva) = logged_in(&gateway, &admin, eva).await;
    let mut company = eva.get("/company").await.json();
    company["contact_name"] = json!("Eva");
    assert_eq!(eva.put("/company", &company).await.status, 200);
    let beta = made(&admin, "/companies", json!({ "name": "Beta" })).await;
    assert_eq!(eva.put("/company", &company).await.status, 403);
    assert_eq!(eva.get(&format!("/companies/{beta}")).await.status, 403);
}
