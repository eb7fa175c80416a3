//! Clients that are slow, silent or too many cost little and harm nobody.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use ramal_api::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::gateway::Gateway;

const SOON: Duration = Duration::from_secs(10);

fn impatient() -> Limits {
    let short = Duration::from_millis(300);
    Limits {
        handshake: short,
        header: short,
        idle: short,
        request: short,
        write_stall: short,
        ..Limits::default()
    }
}

/// Reads until the server closes the connection; what came before.
async fn until_closed(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut received = Vec::new();
    let read = async {
        let mut buffer = [0; 4096];
        // A reset is an end as well.
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            received.extend_from_slice(&buffer[..count]);
        }
    };
    timeout(SOON, read)
        .await
        .expect("the server keeps the connection");
    received
}

#[tokio::test]
async fn a_client_without_a_handshake_is_cut_off() {
    let gateway = Gateway::with(impatient()).await;
    let mut silent = TcpStream::connect(gateway.server.https_address())
        .await
        .unwrap();
    assert!(until_closed(&mut silent).await.is_empty());
}

#[tokio::test]
async fn a_header_that_drips_is_cut_off() {
    let gateway = Gateway::with(impatient()).await;
    let client = gateway.client();
    let mut stream = client.connect(&[b"http/1.1"]).await;
    stream
        .write_all(b"GET /api/v1/status HTTP/1.1\r\n")
        .await
        .unwrap();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let drip = tokio::spawn(async move {
        let mut number = 0;
        while writer
            .write_all(format!("X-{number}: y\r\n").as_bytes())
            .await
            .is_ok()
            && number < 200
        {
            number += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        number
    });
    until_closed(&mut reader).await;
    assert!(drip.await.unwrap() < 200);
}

#[tokio::test]
async fn a_body_that_never_comes_is_answered_with_408() {
    let gateway = Gateway::with(impatient()).await;
    let client = gateway.client();
    let mut stream = client.connect(&[b"http/1.1"]).await;
    let head = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = String::from_utf8(until_closed(&mut stream).await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    let gateway = Gateway::with(impatient()).await;
    let mut stream = gateway.client().connect(&[b"h2"]).await;
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn too_large_a_header_is_refused() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    let large = "x".repeat(20 * 1024);
    let answer = client
        .raw(
            Method::GET,
            "/api/v1/status",
            &[("x-large", &large)],
            Bytes::new(),
        )
        .await;
    assert_eq!(answer.status, 431);
    let many: Vec<_> = (0..100).map(|number| format!("x-{number}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "y")).collect();
    let answer = client
        .raw(Method::GET, "/api/v1/status", &many, Bytes::new())
        .await;
    assert_eq!(answer.status, 431);
    assert_eq!(client.get("/status").await.status, 200);
}

#[tokio::test]
async fn one_address_gets_only_its_share_of_connections() {
    let gateway = Gateway::with(Limits {
        connections_per_source: 3,
        ..Limits::default()
    })
    .await;
    let client = gateway.client();
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(client.connect(&[b"http/1.1"]).await);
    }
    let mut refused = TcpStream::connect(gateway.server.https_address())
        .await
        .unwrap();
    assert!(until_closed(&mut refused).await.is_empty());
    open.pop();
    let again = async {
        loop {
            let mut stream = TcpStream::connect(gateway.server.https_address())
                .await
                .unwrap();
            // A place is free when the server waits for our handshake instead of closing.
            if timeout(Duration::from_millis(100), stream.read_u8())
                .await
                .is_err()
            {
                break;
            }
        }
    };
    timeout(SOON, again).await.unwrap();
}

#[tokio::test]
async fn garbage_instead_of_http_is_answered_or_dropped() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    for garbage in [
        &b"\x00\x01\x02\x03\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\nFOO",
    ] {
        let mut stream = client.connect(&[b"http/1.1"]).await;
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let mut plain = TcpStream::connect(gateway.server.https_address())
        .await
        .unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    until_closed(&mut plain).await;
    assert_eq!(client.get("/status").await.status, 200);
}

#[tokio::test]
async fn random_paths_and_bodies_never_break_the_server() {
    let (_gateway, admin) = Gateway::set_up().await;
    // A fixed sequence, so that a failure can be repeated.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let paths = [
        "/extensions",
        "/session",
        "/company",
        "/users",
        "/tokens",
        "/configuration/import",
        "/extensions/%00",
    ];
    let bodies = [
        "{",
        "{}",
        "null",
        "[]",
        "{\"number\":",
        "{\"number\":\"\\u0000\"}",
        "\u{feff}{}",
        "1e999",
    ];
    for _ in 0..150 {
        let path = paths[random() as usize % paths.len()];
        let mut body = bodies[random() as usize % bodies.len()].as_bytes().to_vec();
        if random() % 3 == 0 {
            body.push(random() as u8);
        }
        let method = [Method::POST, Method::PUT, Method::PATCH][random() as usize % 3].clone();
        let answer = admin
            .send(
                method,
                path,
                &[("content-type", "application/json")],
                Bytes::from(body),
            )
            .await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
    }
    assert_eq!(
        admin
            .post("/extensions", &json!({ "number": "201" }))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn running_requests_end_properly_when_the_service_stops() {
    let (gateway, admin) = Gateway::set_up().await;
    let stream = admin
        .open(Method::GET, "/api/v1/events", &[], Bytes::new())
        .await;
    assert_eq!(stream.status(), 200);
    let Gateway { server, folder, .. } = gateway;
    let address = server.https_address();
    timeout(SOON, server.shutdown())
        .await
        .expect("shutdown hangs");
    timeout(SOON, crate::client::collect(stream))
        .await
        .expect("the event stream goes on");
    assert!(TcpStream::connect(address).await.is_err());
    assert!(!folder.path().join("run/api.sock").exists());
}
