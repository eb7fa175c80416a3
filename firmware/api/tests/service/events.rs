//! The event stream: a snapshot, then what changes.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::Response;
use hyper::body::Incoming;
use ramal_api::Limits;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Client, collect};
use crate::gateway::Gateway;

const SOON: Duration = Duration::from_secs(10);

pub struct Events {
    body: Incoming,
    text: String,
}

impl Events {
    pub async fn open(client: &Client) -> Self {
        let response = client
            .open(
                Method::GET,
                "/api/v1/events",
                &[("accept", "text/event-stream")],
                Bytes::new(),
            )
            .await;
        Self::of(response)
    }

    /// A stream of which the gateway may send only 1 KiB ahead of the reader.
    pub async fn open_slowly(client: &Client) -> Self {
        Self::of(client.open_http2("/api/v1/events", 1024).await)
    }

    fn of(response: Response<Incoming>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next block up to a blank line; none when the stream ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return Some(block);
            }
            let frame = timeout(SOON, self.body.frame())
                .await
                .expect("no event in time")?;
            let data = frame.ok()?.into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// Name and data of the next event; comments are skipped.
    pub async fn next(&mut self) -> (String, Value) {
        loop {
            let block = self.block().await.expect("the stream ended");
            let line = |name: &str| {
                block
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim)
            };
            if let (Some(event), Some(data)) = (line("event:"), line("data:")) {
                return (event.to_owned(), serde_json::from_str(data).unwrap());
            }
        }
    }
}

#[tokio::test]
async fn a_comment_keeps_the_stream_alive() {
    let limits = Limits {
        event_keep_alive: Duration::from_millis(50),
        ..Limits::default()
    };
    let (_gateway, admin) = Gateway::set_up_with(limits).await;
    let mut events = Events::open(&admin).await;
    events.next().await;
    assert!(events.block().await.unwrap().starts_with(':'));
}

#[tokio::test]
async fn the_stream_ends_with_the_session() {
    let limits = Limits {
        event_keep_alive: Duration::from_millis(50),
        ..Limits::default()
    };
    let (_gateway, admin) = Gateway::set_up_with(limits).await;
    let mut events = Events::open(&admin).await;
    events.next().await;
    assert_eq!(admin.delete("/session").await.status, 204);
    let ended = async { while events.block().await.is_some() {} };
    timeout(SOON, ended).await.expect("the stream goes on");
}

#[tokio::test]
async fn too_many_listeners_are_told_to_come_back() {
    let (_gateway, admin) = Gateway::set_up_with(Limits {
        event_clients: 2,
        ..Limits::default()
    })
    .await;
    let first = Events::open(&admin).await;
    let _second = Events::open(&admin).await;
    let refused = admin.get("/events").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), "30");
    drop(first);
    let again = async {
        while admin
            .open(Method::GET, "/api/v1/events", &[], Bytes::new())
            .await
            .status()
            != 200
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, again).await.unwrap();
}

#[tokio::test]
async fn an_open_stream_is_neither_idle_nor_a_long_request() {
    let limits = Limits {
        idle: Duration::from_millis(200),
        request: Duration::from_secs(2),
        event_keep_alive: Duration::from_millis(600),
        ..Limits::default()
    };
    let (_gateway, admin) = Gateway::set_up_with(limits).await;
    let mut events = Events::open(&admin).await;
    for _ in 0..5 {
        assert!(events.block().await.is_some());
    }
}

#[tokio::test]
async fn who_may_not_see_calls_gets_no_stream() {
    let (gateway, admin) = Gateway::set_up().await;
    let user = gateway.user(&admin, "user").await;
    let refused = collect(
        user.open(Method::GET, "/api/v1/events", &[], Bytes::new())
            .await,
    )
    .await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_saved_change_is_announced() {
    let (_gateway, admin) = Gateway::set_up().await;
    let mut events = Events::open(&admin).await;
    let (name, live) = events.next().await;
    assert_eq!(
        (name.as_str(), live),
        (
            "snapshot",
            json!({ "alarms": [], "registrations": [], "calls": [], "trunks": [] })
        )
    );
    assert_eq!(
        admin
            .post("/extensions", &json!({ "number": "201" }))
            .await
            .status,
        201
    );
    let (name, data) = events.next().await;
    assert_eq!(name, "configuration_changed");
    assert_eq!(data["type"], "configuration_changed");
    assert!(data["version"].as_u64().unwrap() > 1);
}

#[tokio::test]
async fn a_trunk_is_followed_from_its_making_to_its_end() {
    let (_gateway, admin) = Gateway::set_up().await;
    let mut events = Events::open(&admin).await;
    let trunk = json!({ "name": "Vivo", "hosts": ["127.9.9.9:5099"], "auth": "none" });
    let made = admin.post("/trunks", &trunk).await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].clone();
    let news = loop {
        let (name, news) = events.next().await;
        if name == "trunk_changed" {
            break news["trunk"].clone();
        }
    };
    assert_eq!(
        (&news["id"], &news["name"], &news["state"]),
        (&id, &json!("Vivo"), &json!("trying"))
    );
    let path = format!("/trunks/{id}");
    assert_eq!(admin.get(&path).await.json()["status"]["state"], "trying");
    assert_eq!(admin.delete(&path).await.status, 204);
    loop {
        let (name, news) = events.next().await;
        if name == "trunk_removed" {
            assert_eq!(news["trunk"], id);
            return;
        }
    }
}
