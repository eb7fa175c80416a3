//! Phones and calls as the API shows them, with real phones on loopback.

use std::time::Duration;

use ramal_model::{CallId, CallRecord, CallResult, Direction, Party};
use serde_json::json;

use crate::events::Events;
use crate::gateway::Gateway;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_seen_live_hung_up_and_found_in_the_history() {
    let (gateway, admin) = Gateway::set_up().await;
    let ana = gateway.phone(&admin, "2001").await;
    let bruno = gateway.phone(&admin, "2002").await;
    let registrations = admin.get("/registrations").await.json();
    assert_eq!(registrations.as_array().unwrap().len(), 2);
    assert_eq!(registrations[0]["extension"], "2001");
    assert_eq!(
        registrations[0]["source"],
        ana.local().to_string(),
        "{registrations}"
    );
    assert_eq!(admin.get("/extensions").await.json()[0]["registrations"], 1);

    let mut events = Events::open(&admin).await;
    let (name, live) = events.next().await;
    assert_eq!(name, "snapshot");
    assert_eq!(live["registrations"], registrations);

    let mut out = ana.call("2002").await.unwrap();
    let (name, started) = events.next().await;
    assert_eq!(name, "call_started");
    assert_eq!(started["call"]["state"], "ringing");
    let mut inn = bruno.next_call().await.unwrap();
    inn.answer();
    out.wait_answered(SOON).await.unwrap();
    loop {
        let (name, changed) = events.next().await;
        assert_eq!(name, "call_changed");
        if changed["call"]["state"] == "answered" {
            break;
        }
    }
    let active = admin.get("/calls/active").await.json();
    let id = active[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(active[0]["caller"]["number"], "2001");
    assert_eq!(
        admin.get("/system").await.json()["counters"]["calls"]["active"],
        1
    );

    assert_eq!(
        admin.delete(&format!("/calls/active/{id}")).await.status,
        204
    );
    out.wait_ended(SOON).await.unwrap();
    inn.wait_ended(SOON).await.unwrap();
    loop {
        let (name, ended) = events.next().await;
        if name == "call_ended" {
            assert_eq!(ended["call"]["id"], id.as_str());
            break;
        }
        assert_eq!(name, "call_changed");
    }
    assert_eq!(
        admin.delete(&format!("/calls/active/{id}")).await.status,
        404
    );
    let page = admin.get("/calls?number=2002&result=answered").await.json();
    assert_eq!(page["calls"][0]["id"], id.as_str());
    assert_eq!(page["calls"][0]["legs"].as_array().unwrap().len(), 2);
    assert_eq!(page["next"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_comes_and_goes_is_announced() {
    let (gateway, admin) = Gateway::set_up().await;
    let mut events = Events::open(&admin).await;
    events.next().await;
    let phone = gateway.phone(&admin, "2001").await;
    let mut seen = Vec::new();
    while !seen.contains(&"registration_added".to_owned()) {
        seen.push(events.next().await.0);
    }
    phone.register(600).await.unwrap();
    assert_eq!(events.next().await.0, "registration_changed");
    phone.register(0).await.unwrap();
    let (name, data) = events.next().await;
    assert_eq!(name, "registration_removed");
    assert_eq!(data["registration"]["extension"], "2001");
    assert_eq!(admin.get("/registrations").await.json(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_falls_behind_gets_a_new_snapshot() {
    let (gateway, admin) = Gateway::set_up().await;
    let phone = gateway.phone(&admin, "2001").await;
    let mut events = Events::open_slowly(&admin).await;
    assert_eq!(events.next().await.0, "snapshot");
    // More changes than all buffers between the PBX and this reader hold.
    for _ in 0..2500 {
        phone.register(600).await.unwrap();
    }
    let mut changes = 0;
    while events.next().await.0 != "snapshot" {
        changes += 1;
    }
    assert!(changes < 2500, "nothing was lost");
    phone.register(0).await.unwrap();
    while events.next().await.0 != "registration_removed" {}
}

#[tokio::test]
async fn the_history_comes_in_pages_latest_first() {
    let (gateway, admin) = Gateway::set_up().await;
    for number in 0..5_u8 {
        let started_at = 1_700_000_000_000 + i64::from(number) * 1000;
        let party = |number: String| Party {
            number,
            name: String::new(),
        };
        let call = CallRecord {
            id: CallId::new(started_at, [number; 10]),
            started_at,
            answered_at: None,
            ended_at: Some(started_at + 500),
            direction: Direction::Internal,
            caller: party("2001".into()),
            callee: party(format!("300{number}")),
            result: Some(CallResult::NoAnswer),
            end_reason: String::new(),
            legs: Vec::new(),
            trace: Vec::new(),
            ivr_path: String::new(),
            company: ramal_model::CompanyId::DEFAULT,
            caller_e164: None,
            callee_e164: None,
        };
        gateway.store.call_ended(&call).await.unwrap();
    }
    let mut callees = Vec::new();
    let mut query = "/calls?limit=2".to_owned();
    let mut pages = 0;
    loop {
        let page = admin.get(&query).await.json();
        for call in page["calls"].as_array().unwrap() {
            callees.push(call["callee"]["number"].as_str().unwrap().to_owned());
        }
        pages += 1;
        match page["next"].as_str() {
            Some(next) => query = format!("/calls?limit=2&before={next}"),
            None => break,
        }
    }
    assert_eq!(callees, ["3004", "3003", "3002", "3001", "3000"]);
    assert_eq!(pages, 3);
    let only = admin.get("/calls?number=3003").await.json();
    assert_eq!(only["calls"].as_array().unwrap().len(), 1);
    assert_eq!(
        admin.get("/calls?result=busy").await.json()["calls"],
        json!([])
    );
}
