//! Everything that servers and lines do wrong. None of it ends in a success that is none.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use ramal_fleet::{Contact, Policy};
use ramal_update::Restart;

use crate::gateway::Gateway;
use crate::server::{Answer, Asked, Server, base, bundle, roll_out};

/// How a server gives the file; the number says how often it was asked for before.
type Gives = dyn Fn(&Asked, usize, &[u8]) -> Answer + Send + Sync;

/// A server with one roll-out of version 2.0.0.
async fn server(size: impl Fn(usize) -> usize, gives: Arc<Gives>) -> Server {
    let (content, own) = (bundle("2.0.0"), Arc::new(OnceLock::<SocketAddr>::new()));
    let announced = size(content.len());
    let address = own.clone();
    let server = Server::start(move |asked, before| {
        let url = format!("http://{}", address.get().unwrap());
        let path = asked.path.split('?').next().unwrap();
        match (asked.method.as_str(), path) {
            ("GET", "/file") => gives(asked, before, &content),
            ("GET", "/deploymentBase/6") => {
                Answer::json(&roll_out(&url, 6, "2.0.0", &content, announced))
            }
            ("GET", _) => Answer::json(&base(&url, 6)),
            _ => Answer::status(200),
        }
    })
    .await;
    own.set(server.address).unwrap();
    server
}

fn whole(asked: &Asked, content: &[u8]) -> Answer {
    let first = asked.range();
    let mut answer = Answer::status(if first > 0 { 206 } else { 200 });
    if first > 0 {
        let last = content.len() - 1;
        answer = answer.with(
            "content-range",
            format!("bytes {first}-{last}/{}", content.len()),
        );
    }
    answer.body = content[first..].to_vec();
    answer
}

async fn restarts(gateway: &Gateway) {
    gateway
        .until("the restart", async |gateway| gateway.ordered().is_some())
        .await;
}

async fn ends(gateway: &Gateway, server: &Server, count: usize) -> Vec<(String, String)> {
    gateway
        .until("the end", async |_| server.ends().len() >= count)
        .await;
    server.ends()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_out_is_installed_and_told_after_the_restart_only() {
    let server = server(
        |size| size,
        Arc::new(|asked, _, content| whole(asked, content)),
    )
    .await;
    let mut gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
    restarts(&gateway).await;
    assert_eq!(gateway.ordered(), Some(Restart::Idle));
    assert_eq!(server.ends(), [], "nothing has ended yet");
    gateway.restart(None).await;
    let told = ends(&gateway, &server, 1).await;
    assert_eq!(told[0].0, "success");
    assert_eq!(gateway.version(), "2.0.0");
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .all(|one| one.header("authorization") == Some("TargetToken s3cret"))
    );
    let link = asked
        .iter()
        .find(|one| one.path.starts_with("/deploymentBase/6?"));
    assert_eq!(
        link.unwrap().path,
        "/deploymentBase/6?c=7",
        "links are taken as they are"
    );
    let told: Vec<_> = asked
        .iter()
        .filter(|one| one.path.ends_with("/configData"))
        .collect();
    assert!(told.len() >= 2, "told after each start");
    assert_eq!(told.last().unwrap().body["data"]["sw_version"], "2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_falls_back_is_a_failure_and_not_fetched_again() {
    let server = server(
        |size| size,
        Arc::new(|asked, _, content| whole(asked, content)),
    )
    .await;
    let mut gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
    restarts(&gateway).await;
    gateway
        .restart(Some("the telephone service starts over and over"))
        .await;
    // The server offers it again and again, and hears the same.
    for (finished, words) in ends(&gateway, &server, 2).await {
        assert_eq!(finished, "failure");
        assert!(
            words.contains("2.0.0") && words.contains("1.0.0"),
            "{words}"
        );
    }
    assert_eq!(gateway.version(), "1.0.0");
    let fetched = server.asked().into_iter().filter(|one| one.path == "/file");
    assert_eq!(fetched.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_breaks_at_every_tenth_is_gone_on_with() {
    let gives = |asked: &Asked, before: usize, content: &[u8]| {
        let mut answer = whole(asked, content);
        let tenth = content.len() / 10;
        if before < 9 {
            answer.cut = Some(tenth);
        }
        answer
    };
    let server = server(|size| size, Arc::new(gives)).await;
    let gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
    restarts(&gateway).await;
    let asked = server.asked();
    let ranges: Vec<_> = asked
        .iter()
        .filter(|one| one.path == "/file")
        .map(Asked::range)
        .collect();
    assert_eq!(ranges.len(), 10);
    assert!(ranges.is_sorted() && ranges[9] > 200_000, "{ranges:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_loses_power_goes_on_where_the_file_broke_off() {
    let gives = |asked: &Asked, before: usize, content: &[u8]| match before {
        0 => Answer {
            cut: Some(100_000),
            ..whole(asked, content)
        },
        1..4 => Answer::status(503),
        _ => whole(asked, content),
    };
    let server = server(|size| size, Arc::new(gives)).await;
    let mut gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
    gateway
        .until("the break", async |gateway| {
            gateway.status().contact == Contact::Unreachable
        })
        .await;
    gateway.boot().await;
    restarts(&gateway).await;
    let last = server
        .asked()
        .into_iter()
        .rfind(|one| one.path == "/file")
        .unwrap();
    assert!(last.range() > 0, "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_what_was_said_is_refused_before_anything_is_written() {
    /// What is told, how many octets the server announces, and how it gives the file.
    type Case = (&'static str, fn(usize) -> usize, Arc<Gives>);
    let cases: [Case; 5] = [
        (
            "sent",
            |size| size - 1000,
            Arc::new(|asked, _, content| whole(asked, content)),
        ),
        (
            "SHA-256",
            |size| size,
            Arc::new(|asked, _, content| {
                let mut other = content.to_vec();
                other[1000] ^= 1;
                whole(asked, &other)
            }),
        ),
        (
            "HTTP 404",
            |size| size,
            Arc::new(|_, _, _| Answer::status(404)),
        ),
        (
            "HTTP 403",
            |size| size,
            Arc::new(|_, _, _| Answer::status(403)),
        ),
        (
            "more than an update",
            |_| 1 << 40,
            Arc::new(|asked, _, content| whole(asked, content)),
        ),
    ];
    for (words, size, gives) in cases {
        let server = server(size, gives).await;
        let gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
        let (finished, told) = ends(&gateway, &server, 1).await.remove(0);
        assert_eq!(finished, "failure", "{words}");
        assert!(told.contains(words), "{told} should say {words}");
        assert_eq!(gateway.ordered(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ignores_ranges_or_gives_others_is_asked_from_the_beginning() {
    for wrong_part in [false, true] {
        let gives = move |asked: &Asked, before: usize, content: &[u8]| {
            let mut answer = Answer {
                body: content.to_vec(),
                ..Answer::status(200)
            };
            match (before, wrong_part) {
                (0, _) => answer.cut = Some(50_000),
                (1, true) => {
                    answer = whole(asked, content);
                    answer.headers = vec![("content-range".into(), "bytes 7-9/10".into())];
                }
                _ => {}
            }
            answer
        };
        let server = server(|size| size, Arc::new(gives)).await;
        let gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
        restarts(&gateway).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_in_trouble_are_told_apart_and_none_installs_anything() {
    for (answer, contact) in [
        (500, Contact::Unreachable),
        (429, Contact::Unreachable),
        (401, Contact::Refused),
        (404, Contact::Refused),
        (302, Contact::Unreachable),
    ] {
        let server = Server::start(move |_, _| Answer::status(answer)).await;
        let gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
        gateway
            .until("the refusal", async |gateway| {
                gateway.status().contact == contact
            })
            .await;
        assert_eq!(server.asked().len(), 1, "it is left alone");
    }
    for nonsense in [
        "",
        "{",
        "[]",
        "<html>",
        "null",
        "{\"_links\":{\"deploymentBase\":7}}",
    ] {
        let server = Server::start(move |_, _| Answer {
            body: nonsense.into(),
            ..Answer::status(200)
        })
        .await;
        let gateway = Gateway::new(&server.url(), "default", Policy::Install).await;
        gateway
            .until("the question", async |gateway| {
                gateway.status().contact != Contact::None
            })
            .await;
        assert_eq!(gateway.ordered(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_server_may_only_offer_nothing_is_installed() {
    let server = server(
        |size| size,
        Arc::new(|asked, _, content| whole(asked, content)),
    )
    .await;
    let gateway = Gateway::new(&server.url(), "default", Policy::Offer).await;
    let waits = |one: &Asked| {
        one.body["status"]["details"][0]
            .as_str()
            .is_some_and(|text| text.contains("waits for somebody"))
    };
    gateway
        .until("the offer", async |_| server.asked().iter().any(waits))
        .await;
    assert_eq!(gateway.ordered(), None);
    assert_eq!(server.ends(), []);
}
