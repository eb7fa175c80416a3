//! Queues and agents through the API: limits, states and who may change them (AT-04, AT-10, AT-11).

use serde_json::{Value, json};

use crate::client::Client;
use crate::gateway::{Gateway, PASSWORD};

async fn logged_in(gateway: &Gateway, login: &str) -> Client {
    let mut client = gateway.client();
    let body = json!({ "login": login, "password": PASSWORD });
    let answer = client.post("/session", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    client.take_session(&answer);
    client
}

fn refused(problem: &Value, field: &str) -> bool {
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().any(|one| one["field"] == field)
}

#[tokio::test]
async fn at_10_and_at_11_what_a_queue_cannot_do_is_refused() {
    let (_gateway, admin) = Gateway::set_up().await;
    let queue = |field: &str, value: Value| {
        let mut queue = json!({ "name": "Vendas", "number": "600" });
        queue[field] = value;
        queue
    };
    for (field, value) in [
        ("number", json!("6a0")),
        ("max_callers", json!(26)),
        ("max_wait", json!(1501)),
        ("announce_every", json!(31)),
        ("agent_ring", json!(4)),
        ("wrap_up", json!(601)),
        ("pause_after_missed", json!(0)),
        ("callback_key", json!("x")),
    ] {
        let answer = admin.post("/queues", &queue(field, value)).await;
        assert_eq!(answer.status, 422, "{field}: {}", answer.json());
        assert!(refused(&answer.json(), field), "{}", answer.json());
    }
    for (field, value) in [
        ("number", 0),
        ("number", 100),
        ("minutes", 0),
        ("minutes", 481),
        ("max_agents", -1),
    ] {
        let mut one = json!({ "name": "Almoço" });
        one[field] = json!(value);
        let answer = admin.post("/breaks", &one).await;
        assert_eq!(answer.status, 422, "{field} {value}");
        assert!(refused(&answer.json(), field));
    }
    let lunch = json!({ "name": "Almoço", "number": 1 });
    assert_eq!(admin.post("/breaks", &lunch).await.status, 201);
    let again = json!({ "name": "Café", "number": 1 });
    let answer = admin.post("/breaks", &again).await;
    assert!(refused(&answer.json(), "number"), "{}", answer.json());
}

#[tokio::test]
async fn at_04_agents_change_their_own_state_and_supervisors_that_of_others() {
    let (gateway, admin) = Gateway::set_up().await;
    let mut users = Vec::new();
    let mut extensions = Vec::new();
    for (number, login, role) in [
        ("201", "ana.lima", "agent"),
        ("202", "bruno.sa", "agent"),
        ("203", "carla.reis", "supervisor"),
    ] {
        let made = admin
            .post("/extensions", &json!({ "number": number }))
            .await
            .json();
        let extension = made["extension"]["id"].clone();
        let user =
            json!({ "login": login, "role": role, "password": PASSWORD, "extension": &extension });
        let made = admin.post("/users", &user).await;
        assert_eq!(made.status, 201, "{}", made.json());
        users.push(made.json()["id"].as_i64().unwrap());
        extensions.push(extension);
    }
    let members: Vec<_> = users
        .iter()
        .map(|id| json!({ "member": "agent", "id": id }))
        .collect();
    let queue = json!({ "name": "Vendas", "number": "600", "members": members });
    let queue = admin.post("/queues", &queue).await.json()["id"].clone();
    let lunch = json!({ "name": "Almoço", "number": 1, "max_agents": 1 });
    let lunch = admin.post("/breaks", &lunch).await.json()["id"].clone();
    let (ana, bruno, at_ana) = (users[0], users[1], extensions[0].clone());
    let as_ana = logged_in(&gateway, "ana.lima").await;
    let as_carla = logged_in(&gateway, "carla.reis").await;

    let agents = admin.get("/agents").await.json();
    assert_eq!(agents.as_array().unwrap().len(), 3);
    assert_eq!(agents[0]["state"], "logged_out");
    let path = |who: i64, what: &str| format!("/agents/{who}/{what}");
    let nothing = json!({});
    // Pausing before logging in.
    let early = as_ana.post(&path(ana, "pause"), &nothing).await;
    assert_eq!(early.status, 409, "{}", early.json());
    let here = as_ana.post(&path(ana, "login"), &nothing).await;
    assert_eq!(here.status, 200, "{}", here.json());
    assert_eq!(here.json()["extension"], "201");
    // No telephone is registered there.
    assert_eq!(here.json()["state"], "offline");
    assert_eq!(as_ana.get(&format!("/agents/{ana}")).await.status, 200);
    // Not somebody else's.
    for what in ["login", "pause", "logout", "resume"] {
        let other = as_ana.post(&path(bruno, what), &nothing).await;
        assert_eq!(other.status, 403, "{what}: {}", other.json());
    }
    assert_eq!(as_ana.get(&format!("/agents/{bruno}")).await.status, 403);
    let done = as_carla.post(&path(bruno, "login"), &nothing).await;
    assert_eq!(done.status, 200);
    // Two at one telephone.
    let taken = as_carla
        .post(&path(users[2], "login"), &json!({ "extension": 999_999 }))
        .await;
    assert_eq!(taken.status, 422);
    let taken = as_carla
        .post(&path(users[2], "login"), &json!({ "extension": at_ana }))
        .await;
    assert_eq!(taken.status, 409, "{}", taken.json());
    let on_break = json!({ "break": lunch });
    let paused = as_ana.post(&path(ana, "pause"), &on_break).await.json();
    assert_eq!(paused["state"], "offline", "{paused}");
    assert_eq!(paused["break_name"], "Almoço");
    assert_eq!(paused["pause"], json!({ "reason": "break", "id": lunch }));
    let full = as_carla.post(&path(bruno, "pause"), &on_break).await;
    assert_eq!(full.status, 409);
    let detail = full.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("1 of 1"), "{detail}");
    assert!(detail.contains("place 1 in line"), "{detail}");
    let live = admin.get(&format!("/queues/{queue}/live")).await.json();
    assert_eq!(live["members"].as_array().unwrap().len(), 3);
    assert_eq!(live["waiting"], json!([]));
    assert_eq!(admin.get("/queue-status").await.json(), json!([live]));
    let resumed = as_carla.post(&path(ana, "resume"), &nothing).await;
    assert_eq!(resumed.json()["pause"], Value::Null);
    assert_eq!(
        as_carla.post(&path(ana, "resume"), &nothing).await.status,
        409
    );
    as_ana.post(&path(ana, "logout"), &nothing).await;
    let intervals = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        loop {
            let found = as_ana.get(&path(ana, "intervals")).await.json();
            if found.as_array().is_some_and(|all| all.len() == 2) {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let pause = intervals
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["kind"] == "pause");
    let pause = pause.unwrap();
    assert_eq!(pause["name"], "Almoço");
    assert_eq!(pause["ended_by"], "somebody_else");
    let reset = format!("/queues/{queue}/reset");
    assert_eq!(as_ana.post(&reset, &nothing).await.status, 403);
    assert_eq!(as_carla.post(&reset, &nothing).await.status, 204);
}
