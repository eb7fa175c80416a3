//! HTTPS, plain HTTP and the local socket; the web UI and the security headers.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::gateway::Gateway;

async fn plain<S>(stream: S, method: Method, path: &str, host: &str) -> (u16, HeaderMap, Bytes)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", host)
        .body(Empty::<Bytes>::new())
        .unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    (
        head.status.as_u16(),
        head.headers,
        body.collect().await.unwrap().to_bytes(),
    )
}

#[tokio::test]
async fn plain_http_leads_to_https_on_the_same_host() {
    let gateway = Gateway::start().await;
    let port = gateway.server.https_address().port();
    for (host, path, location) in [
        (
            "gateway.example",
            "/",
            format!("https://gateway.example:{port}/"),
        ),
        (
            "gateway.example:8080",
            "/calls?x=1",
            format!("https://gateway.example:{port}/calls?x=1"),
        ),
        ("[::1]:80", "/a", format!("https://[::1]:{port}/a")),
    ] {
        let stream = TcpStream::connect(gateway.server.http_address().unwrap())
            .await
            .unwrap();
        let (status, headers, _) = plain(stream, Method::GET, path, host).await;
        assert_eq!(
            (status, headers["location"].to_str().unwrap()),
            (308, location.as_str())
        );
    }
}

#[tokio::test]
async fn plain_http_takes_no_passwords_and_no_odd_hosts() {
    let gateway = Gateway::start().await;
    let address = gateway.server.http_address().unwrap();
    let open = || TcpStream::connect(address);
    let (status, _, body) = plain(
        open().await.unwrap(),
        Method::POST,
        "/api/v1/session",
        "gateway",
    )
    .await;
    assert_eq!(status, 403);
    assert!(
        serde_json::from_slice::<Value>(&body).unwrap()["detail"]
            .as_str()
            .unwrap()
            .contains("HTTPS")
    );
    for host in ["a b", "user@evil.example", ""] {
        let (status, headers, _) = plain(open().await.unwrap(), Method::GET, "/", host).await;
        assert_eq!(status, 400, "{host}");
        assert!(!headers.contains_key("location"));
    }
    let mut old = open().await.unwrap();
    old.write_all(b"GET /old HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    old.read_to_string(&mut answer).await.unwrap();
    let port = gateway.server.https_address().port();
    assert!(
        answer.contains(&format!("https://127.0.0.1:{port}/old")),
        "{answer}"
    );
}

#[tokio::test]
async fn the_local_socket_needs_no_login() {
    let (gateway, _admin) = Gateway::set_up().await;
    let stream = UnixStream::connect(gateway.socket()).await.unwrap();
    let (status, _, body) = plain(stream, Method::GET, "/api/v1/extensions", "localhost").await;
    assert_eq!((status, &body[..]), (200, &b"[]"[..]));
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    for path in ["/", "/api/v1/status", "/api/v1/calls", "/nothing.here"] {
        let answer = client.raw(Method::GET, path, &[], Bytes::new()).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe-") && !policy.contains("data:"),
            "{path}: {policy}"
        );
        assert!(
            answer
                .header("strict-transport-security")
                .starts_with("max-age="),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
    assert_eq!(
        client.get("/status").await.header("cache-control"),
        "no-store"
    );
}

#[tokio::test]
async fn pages_come_from_the_built_interface_or_say_that_it_is_missing() {
    let gateway = Gateway::start().await;
    let answer = gateway
        .client()
        .raw(Method::GET, "/extensions", &[], Bytes::new())
        .await;
    match answer.status {
        200 => assert!(answer.header("content-type").starts_with("text/html")),
        503 => assert!(String::from_utf8_lossy(&answer.body).contains("web interface")),
        other => panic!("{other}"),
    }
}
