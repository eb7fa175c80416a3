//! A phone in a browser: SIP over WebSocket at the port of the web interface.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use ramal_sip::digest::Secret;
use ramal_sip::{ClientCredentials, Message as Sip, Request, Response, StatusCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::gateway::Gateway;

const SOON: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn connect(
    gateway: &Gateway,
    protocol: Option<&'static str>,
    origin: Option<&'static str>,
) -> Result<Socket, Error> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(gateway.certificate()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(gateway.server.https_address())
        .await
        .unwrap();
    let name = ServerName::try_from("ramal.local").unwrap();
    let tls = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .unwrap();
    let mut request = "wss://ramal.local/ws".into_client_request().unwrap();
    let headers = request.headers_mut();
    if let Some(protocol) = protocol {
        headers.insert(
            header::SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(protocol),
        );
    }
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
    }
    let (socket, _) = tokio_tungstenite::client_async(request, tls).await?;
    Ok(socket)
}

async fn send(socket: &mut Socket, message: Bytes) {
    let text = String::from_utf8(message.to_vec()).unwrap();
    socket.send(Message::text(text)).await.unwrap();
}

async fn receive(socket: &mut Socket) -> Sip {
    loop {
        let frame = tokio::time::timeout(SOON, socket.next()).await;
        match frame.unwrap().unwrap().unwrap() {
            Message::Text(text) => return Sip::parse(text.into()).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn response(socket: &mut Socket) -> Response {
    match receive(socket).await {
        Sip::Response(response) => response,
        Sip::Request(request) => panic!("{request:?}"),
    }
}

fn request(text: String) -> Request {
    match Sip::parse(text.replace('\n', "\r\n").into()) {
        Ok(Sip::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// As JsSIP writes it: a host name that leads nowhere, `ws` for both kinds.
fn register(number: &str) -> Request {
    request(format!(
        "REGISTER sip:ramal.local SIP/2.0\n\
         Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKfirst\n\
         Max-Forwards: 69\n\
         To: <sip:{number}@ramal.local>\n\
         From: <sip:{number}@ramal.local>;tag=65bnmj.34asd\n\
         Call-ID: aiuy7k9njasd\n\
         CSeq: 1 REGISTER\n\
         Contact: <sip:{number}@df7jal23ls0d.invalid;transport=ws>;expires=600\n\
         Content-Length: 0\n\n"
    ))
}

#[tokio::test]
async fn a_browser_registers_is_called_and_is_forgotten_with_its_page() {
    let (gateway, admin) = Gateway::set_up().await;
    let caller = gateway.phone(&admin, "101").await;
    let made = admin
        .post("/extensions", &serde_json::json!({ "number": "102" }))
        .await
        .json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let mut browser = connect(&gateway, Some("sip"), Some("https://ramal.local"))
        .await
        .unwrap();

    let mut register = register("102");
    send(&mut browser, register.encode()).await;
    let challenge = response(&mut browser).await;
    assert_eq!(challenge.status, StatusCode::UNAUTHORIZED);
    let credentials = ClientCredentials {
        username: "102".to_owned(),
        secret: Secret::Password(secret),
    };
    assert!(credentials.answer(&mut register, &challenge, "cnonce"));
    let again = String::from_utf8(register.encode().to_vec()).unwrap();
    send(&mut browser, again.replace("first", "second").into()).await;
    assert_eq!(response(&mut browser).await.status, StatusCode::OK);
    let registration = gateway
        .pbx
        .live()
        .registrations
        .into_iter()
        .find(|registration| registration.extension == "102")
        .unwrap();
    assert_eq!(registration.transport, "wss");

    let mut call = caller.call("102").await.unwrap();
    let Sip::Request(invite) = receive(&mut browser).await else {
        panic!("a call was to come");
    };
    assert_eq!(
        invite.uri.to_string(),
        "sip:102@df7jal23ls0d.invalid;transport=ws"
    );
    let via = invite.headers.via().unwrap();
    assert_eq!(via.transport, Some(ramal_sip::Transport::Wss));
    let busy = invite.response(StatusCode::BUSY_HERE).with_to_tag("b");
    send(&mut browser, busy.encode()).await;
    assert_eq!(
        call.wait_ended(SOON).await.unwrap(),
        sipphone::EndReason::Refused(486)
    );

    // A keep-alive (RFC 5626 §3.5.1).
    send(&mut browser, Bytes::from_static(b"\r\n\r\n")).await;
    drop(browser);
    let gone = async {
        while gateway.pbx.live().registrations.len() > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, gone).await.unwrap();
}

#[tokio::test]
async fn other_protocols_and_pages_of_other_sites_are_refused() {
    let (gateway, _) = Gateway::set_up().await;
    for (protocol, origin, status) in [
        (None, None, 400),
        (Some("chat"), None, 400),
        (Some("sip"), Some("https://evil.example"), 403),
    ] {
        match connect(&gateway, protocol, origin).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), status),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let (gateway, _) = Gateway::set_up().await;
    let mut socket = connect(&gateway, Some("sip"), None).await.unwrap();
    let large = "x".repeat(ramal_sip::MAX_MESSAGE + 1);
    // It may be cut off while it is being sent.
    let _ = socket.send(Message::text(large)).await;
    let ended = async {
        while let Some(Ok(frame)) = socket.next().await {
            assert!(frame.is_close(), "{frame:?}");
        }
    };
    tokio::time::timeout(SOON, ended).await.unwrap();
}
