//! Supervisors of calls in progress: AT-03.

use std::time::Duration;

use serde_json::{Value, json};
use sipphone::{Call, Phone, Source};

use crate::client::Client;
use crate::gateway::{Gateway, PASSWORD};

const SOON: Duration = Duration::from_secs(30);

/// A user with a phone of his own: his id, the id of his extension, and the phone.
async fn person(gateway: &Gateway, admin: &Client, number: &str, role: &str) -> (i64, i64, Phone) {
    let phone = gateway.phone(admin, number).await;
    let configuration = gateway.store.configuration();
    let extension = configuration.extension_by_number(number).unwrap().id.0;
    let body = json!({
        "login": format!("user.{number}"), "role": role, "password": PASSWORD, "extension": extension,
    });
    let made = admin.post("/users", &body).await;
    assert_eq!(made.status, 201, "{}", made.json());
    (made.json()["id"].as_i64().unwrap(), extension, phone)
}

/// Two phones talk; the id of their call.
async fn talking(
    admin: &Client,
    caller: &Phone,
    number: &str,
    callee: &Phone,
) -> (String, [Call; 2]) {
    let mut out = caller.call(number).await.unwrap();
    let mut inn = callee.next_call().await.unwrap();
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    inn.wait_answered(SOON).await.unwrap();
    let live = admin.get("/calls/active").await.json();
    let mut calls = live.as_array().unwrap().iter();
    let call = calls.find(|call| call["callee"]["number"] == number);
    let id = call.unwrap()["id"].as_str().unwrap().to_owned();
    (id, [out, inn])
}

/// Waits until a call hears this tone.
async fn hears(call: &Call, frequency: f64) {
    let deadline = tokio::time::Instant::now() + SOON;
    let heard = || sipphone::level_dbm0(&call.audio().last(Duration::from_millis(200)), frequency);
    while heard() < -25.0 {
        let now = tokio::time::Instant::now();
        assert!(
            now < deadline,
            "{frequency} Hz is heard at {} dBm0",
            heard()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_03_a_supervisor_listens_to_calls_of_his_team_only() {
    let (gateway, admin) = Gateway::set_up().await;
    let (ana, _, of_ana) = person(&gateway, &admin, "2001", "agent").await;
    let (bruno, _, of_bruno) = person(&gateway, &admin, "2002", "agent").await;
    let (eva, desk, of_eva) = person(&gateway, &admin, "2003", "supervisor").await;
    let (dora, erik) = (
        gateway.phone(&admin, "2004").await,
        gateway.phone(&admin, "2005").await,
    );
    for (name, members, supervisors) in [
        ("Vendas", json!([ana]), json!([eva])),
        ("Suporte", json!([bruno]), json!([])),
    ] {
        let team = json!({ "name": name, "members": members, "supervisors": supervisors });
        let made = admin.post("/teams", &team).await;
        assert_eq!(made.status, 201, "{}", made.json());
    }
    let (of_team, [dora_talks, ana_talks]) = talking(&admin, &dora, "2001", &of_ana).await;
    let (of_others, _others) = talking(&admin, &erik, "2002", &of_bruno).await;
    let mut supervisor = gateway.client();
    let login = json!({ "login": "user.2003", "password": PASSWORD });
    let entered = supervisor.post("/session", &login).await;
    supervisor.take_session(&entered);
    let path = |call: &str| format!("/calls/active/{call}/supervision");
    let listen = json!({ "mode": "listen" });

    let refused = supervisor.post(&path(&of_others), &listen).await;
    assert_eq!(refused.status, 403, "{}", refused.json());
    let rings = supervisor.post(&path(&of_team), &listen).await;
    assert_eq!(rings.status, 202, "{}", rings.json());
    assert!(rings.json()["call"].is_string(), "{}", rings.json());
    let mut at_eva = of_eva.next_call().await.unwrap();
    assert!(at_eva.caller().contains("2001"), "{}", at_eva.caller());
    at_eva.answer();
    at_eva.wait_answered(SOON).await.unwrap();
    for (call, frequency) in [(&dora_talks, 600.0), (&ana_talks, 900.0), (&at_eva, 1300.0)] {
        call.audio().send(Source::Tone {
            frequency,
            dbm0: -10.0,
        });
    }
    hears(&at_eva, 600.0).await;
    hears(&at_eva, 900.0).await;
    let unheard = sipphone::level_dbm0(&ana_talks.audio().heard(), 1300.0);
    assert!(unheard < -40.0, "{unheard}");
    // In the call already, she whispers at once.
    let whisper = json!({ "mode": "whisper" });
    let whisper = supervisor.post(&path(&of_team), &whisper).await;
    assert_eq!(
        (whisper.status, whisper.json()["call"].clone()),
        (202, Value::Null)
    );
    hears(&ana_talks, 1300.0).await;
    let unheard = sipphone::level_dbm0(&dora_talks.audio().heard(), 1300.0);
    assert!(unheard < -40.0, "{unheard}");

    // What is wrong is named at once, and who may do nothing of it is refused.
    let wrong = json!({ "mode": "listen", "extension": 998, "supervisor": 999 });
    let wrong = admin.post(&path(&of_team), &wrong).await;
    let fields: Vec<_> = wrong.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].clone())
        .collect();
    assert_eq!(fields, ["extension", "supervisor"]);
    let mut agent = gateway.client();
    let login = json!({ "login": "user.2001", "password": PASSWORD });
    let entered = agent.post("/session", &login).await;
    agent.take_session(&entered);
    assert_eq!(agent.post(&path(&of_team), &listen).await.status, 403);
    let body = json!({ "mode": "listen", "supervisor": desk });
    let nobody = admin.post(&path("00000000000000000000000000"), &body).await;
    assert_eq!(nobody.status, 404, "{}", nobody.json());
}
