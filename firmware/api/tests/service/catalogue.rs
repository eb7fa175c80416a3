//! What leads calls: made, replaced, refused and deleted, all kinds alike.

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::gateway::Gateway;
use crate::sounds::speech;

/// The least that makes an object of each kind, the path of its id behind it. `file` is an audio file.
pub fn one_of_each(file: i64, extension: i64) -> [(&'static str, Value, &'static str); 19] {
    let all_day = json!([{ "start": "00:00", "end": "24:00" }]);
    let key = json!([{ "key": "1", "label": "Vendas" }]);
    let rule = json!([{ "pattern": "0X.", "strip": 1, "ways": [{ "way": "any_line" }] }]);
    [
        (
            "/numbers",
            json!({ "label": "Geral", "number": "+555133334444" }),
            "/id",
        ),
        ("/inbound-routes", json!({ "name": "Resto" }), "/id"),
        (
            "/outbound-routes",
            json!({ "name": "Linhas", "rules": rule }),
            "/id",
        ),
        (
            "/ivrs",
            json!({ "name": "Menu", "menu": file, "keys": key }),
            "/id",
        ),
        (
            "/queues",
            json!({ "name": "Vendas", "number": "600" }),
            "/id",
        ),
        ("/breaks", json!({ "name": "Almoço" }), "/id"),
        (
            "/time-conditions",
            json!({ "name": "Sempre", "periods": all_day }),
            "/id",
        ),
        ("/calendars", json!({ "name": "Feriados" }), "/id"),
        (
            "/announcements",
            json!({ "name": "Aviso", "files": [file] }),
            "/id",
        ),
        (
            "/conferences",
            json!({ "name": "Sala", "number": "5000" }),
            "/id",
        ),
        (
            "/paging-groups",
            json!({ "name": "Loja", "number": "650", "extensions": [extension] }),
            "/id",
        ),
        ("/voicemail-boxes", json!({ "name": "Recados" }), "/id"),
        ("/teams", json!({ "name": "Vendas" }), "/id"),
        ("/profiles", json!({ "name": "Vendas" }), "/id"),
        (
            "/webhooks",
            json!({ "name": "CRM", "url": "https://crm.example.com/", "events": ["call.missed"] }),
            "/id",
        ),
        (
            "/mail-servers",
            json!({ "name": "Correio", "host": "mail.example.com", "from": "pabx@example.com" }),
            "/id",
        ),
        (
            "/mail-notices",
            json!({ "name": "Alarmes", "events": ["alarm.raised"], "to": ["ti@example.com"] }),
            "/id",
        ),
        (
            "/text-gateways",
            json!({ "name": "SMS", "carrier": { "way": "http", "url": "https://sms.example.com/?t=${to}&m=${text}" } }),
            "/id",
        ),
        (
            "/contacts",
            json!({ "name": "Padaria Aurora", "numbers": ["+555133336666"] }),
            "/id",
        ),
    ]
}

/// An extension that objects may name.
pub async fn extension(admin: &Client) -> i64 {
    let made = admin
        .post("/extensions", &json!({ "number": "290" }))
        .await
        .json();
    made["extension"]["id"].as_i64().unwrap()
}

async fn made(admin: &Client, list: &str, body: Value) -> i64 {
    let made = admin.post(list, &body).await;
    assert_eq!(made.status, 201, "{list}: {}", made.json());
    made.json()["id"].as_i64().unwrap()
}

/// Asserts a refusal that names this field for this reason; gives what it says of the limit.
fn refused(answer: &Answer, field: &str, code: &str) -> Value {
    assert_eq!(answer.status, 422, "{answer:?}");
    let problem = answer.json();
    let errors = problem["errors"].as_array().unwrap().clone();
    let found = errors
        .iter()
        .find(|one| one["field"] == field && one["code"] == code);
    found.unwrap_or_else(|| panic!("{field} {code}: {problem:#}"))["limit"].clone()
}

#[tokio::test]
async fn objects_of_all_kinds_live_from_creation_to_deletion() {
    let (_gateway, admin) = Gateway::set_up().await;
    for (list, body, _) in one_of_each(speech(&admin).await, extension(&admin).await) {
        let id = made(&admin, list, body.clone()).await;
        let path = format!("{list}/{id}");
        let shown = admin.get(&path).await.json();
        assert_eq!(admin.get(list).await.json(), json!([shown]), "{list}");
        // Every field is shown, also what was left out.
        let settings = shown.as_object().unwrap().clone();
        let settings: Value = settings
            .into_iter()
            .filter(|(key, _)| !["id", "used_by", "warnings"].contains(&key.as_str()))
            .collect();
        let replaced = admin.put(&path, &settings).await;
        assert_eq!(replaced.json(), shown, "{list}");
        let again = admin.post(list, &body).await;
        assert_eq!(again.status, 422, "{list}: a second one of the same name");
        assert_eq!(admin.delete(&path).await.status, 204, "{list}");
        for gone in [
            admin.get(&path).await,
            admin.put(&path, &settings).await,
            admin.delete(&path).await,
        ] {
            assert_eq!(gone.status, 404, "{list}");
        }
    }
}

#[tokio::test]
async fn what_something_leads_to_cannot_be_deleted() {
    let (_gateway, admin) = Gateway::set_up().await;
    let file = speech(&admin).await;
    let ivr = json!({ "name": "Menu", "menu": file, "keys": [{ "key": "1", "label": "Vendas" }] });
    let ivr = made(&admin, "/ivrs", ivr).await;
    let number = json!({ "label": "Geral", "number": "33334444", "target": "ivr", "ivr": ivr });
    let number = made(&admin, "/numbers", number).await;
    let used = admin.get(&format!("/ivrs/{ivr}")).await.json()["used_by"].clone();
    assert_eq!(
        used,
        json!([{ "object": "number", "id": number, "name": "Geral" }])
    );
    for (path, by) in [
        (format!("/ivrs/{ivr}"), "Geral"),
        (format!("/audio-files/{file}"), "Menu"),
    ] {
        let answer = admin.delete(&path).await;
        assert_eq!(answer.status, 409);
        assert!(
            answer.json()["detail"].as_str().unwrap().contains(by),
            "{}",
            answer.json()
        );
    }
    assert_eq!(
        admin.delete(&format!("/numbers/{number}")).await.status,
        204
    );
    assert_eq!(admin.delete(&format!("/ivrs/{ivr}")).await.status, 204);
}

#[tokio::test]
async fn nothing_leads_nowhere_or_round_in_a_circle() {
    let (_gateway, admin) = Gateway::set_up().await;
    let file = speech(&admin).await;
    let to = |id: i64| json!({ "name": "Aviso", "files": [file], "after": { "to": "announcement", "id": id } });
    refused(
        &admin.post("/announcements", &to(99)).await,
        "after.id",
        "no_such_object",
    );
    let first = made(
        &admin,
        "/announcements",
        json!({ "name": "Primeiro", "files": [file] }),
    )
    .await;
    let second = made(&admin, "/announcements", to(first)).await;
    let mut round = to(second);
    round["name"] = json!("Primeiro");
    let answer = admin.put(&format!("/announcements/{first}"), &round).await;
    let way = refused(&answer, "after.id", "circle");
    assert_eq!(way, "Primeiro > Aviso > Primeiro");
    round["after"]["id"] = json!(first);
    let answer = admin.put(&format!("/announcements/{first}"), &round).await;
    refused(&answer, "after.id", "circle");
}

#[tokio::test]
async fn at_14_a_number_inside_belongs_to_one_object() {
    let (_gateway, admin) = Gateway::set_up().await;
    made(
        &admin,
        "/conferences",
        json!({ "name": "Sala", "number": "5000" }),
    )
    .await;
    let queue = json!({ "name": "Vendas", "number": "5000" });
    let holder = refused(&admin.post("/queues", &queue).await, "number", "taken");
    assert_eq!(holder, "conference Sala");
    let extension = admin
        .post("/extensions", &json!({ "number": "5000" }))
        .await;
    refused(&extension, "number", "taken");
    assert_eq!(
        admin
            .post("/extensions", &json!({ "number": "600" }))
            .await
            .status,
        201
    );
    let queue = json!({ "name": "Vendas", "number": "600" });
    refused(&admin.post("/queues", &queue).await, "number", "taken");
    for bad in ["6a0", "6", "60000000", ""] {
        let queue = json!({ "name": "Vendas", "number": bad });
        assert_eq!(admin.post("/queues", &queue).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn at_18_menus_keep_the_limits_of_the_profile() {
    let (_gateway, admin) = Gateway::set_up().await;
    let file = speech(&admin).await;
    let keys = |count: usize, below: Option<i64>| -> Value {
        let keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"]
            .into_iter()
            .take(count);
        let destination = below.map_or(
            json!({ "to": "hang_up" }),
            |id| json!({ "to": "ivr", "id": id }),
        );
        keys.map(|key| json!({ "key": key, "label": key, "destination": destination }))
            .collect()
    };
    let ivr = |name: &str, keys: Value| json!({ "name": name, "menu": file, "keys": keys });
    let answer = admin.post("/ivrs", &ivr("Dez", keys(10, None))).await;
    assert_eq!(refused(&answer, "keys", "too_many"), "9");
    let nine = made(&admin, "/ivrs", ivr("Nove", keys(9, None))).await;
    let answer = admin
        .post("/ivrs", &ivr("Acima", keys(1, Some(nine))))
        .await;
    assert_eq!(refused(&answer, "keys[0].destination", "too_many"), "5");
    let mut below = made(&admin, "/ivrs", ivr("Menu 5", keys(5, None))).await;
    let six = admin
        .put(&format!("/ivrs/{below}"), &ivr("Menu 5", keys(6, None)))
        .await;
    assert_eq!(six.status, 200, "nothing leads to it yet");
    admin
        .put(&format!("/ivrs/{below}"), &ivr("Menu 5", keys(5, None)))
        .await;
    for level in (1..5).rev() {
        below = made(
            &admin,
            "/ivrs",
            ivr(&format!("Menu {level}"), keys(1, Some(below))),
        )
        .await;
    }
    let answer = admin
        .post("/ivrs", &ivr("Menu 0", keys(1, Some(below))))
        .await;
    refused(&answer, "keys", "too_deep");
    let way = answer.json().to_string();
    assert!(
        way.contains("Menu 0 > Menu 1 > Menu 2 > Menu 3 > Menu 4 > Menu 5"),
        "{way}"
    );
    // The other profile raises them, without a licence.
    let mut company = admin.get("/company").await.json();
    company.as_object_mut().unwrap().remove("recording");
    company["limits"] = json!("open");
    assert_eq!(admin.put("/company", &company).await.status, 200);
    made(&admin, "/ivrs", ivr("Menu 0", keys(10, Some(below)))).await;
    company.as_object_mut().unwrap().remove("limits");
    assert_eq!(
        admin.put("/company", &company).await.json()["limits"],
        "open"
    );
}

#[tokio::test]
async fn at_11_queues_keep_the_limits_of_the_profile() {
    let (_gateway, admin) = Gateway::set_up().await;
    for (field, value, limit) in [
        ("max_callers", 26, "1-25"),
        ("max_wait", 1501, "0-1500"),
        ("announce_every", 31, "10-30"),
        ("announce_every", 9, "10-300"),
        ("max_callers", 501, "1-500"),
    ] {
        let mut queue = json!({ "name": "Vendas", "number": "600" });
        queue[field] = json!(value);
        let answer = admin.post("/queues", &queue).await;
        assert_eq!(refused(&answer, field, "out_of_range"), limit, "{field}");
    }
}

#[tokio::test]
async fn at_21_and_at_31_numbers_refuse_what_cannot_work() {
    let (_gateway, admin) = Gateway::set_up().await;
    let number = |extra: Value| {
        let mut body = json!({ "label": "Geral", "number": "+555133334444" });
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body
    };
    let targets: Value = (1..=8)
        .map(|n| json!({ "ring": "external", "number": n.to_string() }))
        .collect();
    for (extra, field, code) in [
        (
            json!({ "ring": { "targets": targets } }),
            "ring.targets",
            "too_many",
        ),
        (json!({ "mode": "forward_all" }), "forward_to", "required"),
        (
            json!({ "mode": "forward_all", "forward_to": "555133334444" }),
            "forward_to",
            "circle",
        ),
        (
            json!({ "reject_action": { "action": "transfer", "number": "1" } }),
            "reject_action",
            "invalid",
        ),
        (
            json!({ "offline_action": { "action": "voicemail" } }),
            "voicemail",
            "required",
        ),
        (json!({ "ring": { "timeout": 3 } }), "voicemail", "required"),
        (json!({ "target": "queue" }), "queue", "required"),
    ] {
        refused(&admin.post("/numbers", &number(extra)).await, field, code);
    }
    made(&admin, "/numbers", number(json!({ "line": "FXO1" }))).await;
    let other = json!({ "label": "Outro", "number": "555133334444", "line": "FXO1" });
    let answer = admin.post("/numbers", &other).await;
    refused(&answer, "number", "taken");
    refused(&answer, "line", "taken");
}

#[tokio::test]
async fn the_exported_document_brings_everything_back() {
    let (_gateway, admin) = Gateway::set_up().await;
    for (list, body, _) in one_of_each(speech(&admin).await, extension(&admin).await) {
        made(&admin, list, body).await;
    }
    let document = admin.get("/configuration/export").await.json();
    assert_eq!(document["schema"], 7);
    assert_eq!(document["queues"][0]["name"], "Vendas");
    let mut broken = document.clone();
    broken["announcements"][0]["after"] = json!({ "to": "queue", "id": 9999 });
    let answer = admin.post("/configuration/import", &broken).await;
    refused(&answer, "announcements[0].after.id", "no_such_object");
    assert_eq!(
        admin.post("/configuration/import", &document).await.status,
        204
    );
    assert_eq!(admin.get("/configuration/export").await.json(), document);
}

#[tokio::test]
async fn a_call_is_thought_through_as_it_would_go() {
    let (_gateway, admin) = Gateway::set_up().await;
    let extension = admin.post("/extensions", &json!({ "number": "200" })).await;
    let extension = extension.json()["extension"]["id"].clone();
    let file = speech(&admin).await;
    let key = json!([{ "key": "1", "label": "Vendas", "destination": { "to": "extension", "id": extension } }]);
    let ivr = json!({ "name": "Menu", "menu": file, "keys": key });
    let ivr = made(&admin, "/ivrs", ivr).await;
    let number = json!({ "label": "Geral", "number": "33334444", "target": "ivr", "ivr": ivr });
    made(&admin, "/numbers", number).await;
    let call = json!({ "dialled": "33334444", "caller": "51999", "keys": "91", "online": ["200"], "taken_by": "200" });
    let course = admin.post("/simulate", &call).await.json();
    assert_eq!(
        course["end"],
        json!({ "end": "taken_by", "extension": "200" })
    );
    assert_eq!(course["ivr_path"], "1");
    assert_eq!(course["rung"], json!(["200"]));
    let steps: Vec<_> = course["trace"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].clone())
        .collect();
    assert_eq!(steps, ["number", "ivr", "ivr_invalid", "ivr_key", "rings"]);
    // Nobody has registered here.
    let now = admin
        .post("/simulate", &json!({ "dialled": "33334444", "keys": "1" }))
        .await
        .json();
    assert_eq!(
        now["end"],
        json!({ "end": "cleared", "clearing": "rejected" })
    );
    let nowhere = admin
        .post("/simulate", &json!({ "dialled": "1" }))
        .await
        .json();
    assert_eq!(nowhere["end"], json!({ "end": "unconfigured" }));
    let unknown = admin.post("/simulate", &json!({ "taken_by": "999" })).await;
    refused(&unknown, "taken_by", "no_such_object");
}
