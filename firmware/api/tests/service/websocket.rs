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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::gateway::Gateway;

const SOON: Duration = Duration::from_secs(10);

type Socket<S = TlsStream<TcpStream>> = WebSocketStream<S>;

/// Opens one over what leads to the gateway already.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    uri: &str,
    protocol: Option<&'static str>,
    origin: Option<&'static str>,
) -> Result<Socket<S>, Error> {
    let mut request = uri.into_client_request().unwrap();
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
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
    Ok(socket)
}

async fn connect_in_clear(
    gateway: &Gateway,
    origin: Option<&'static str>,
) -> Result<Socket<TcpStream>, Error> {
    let address = gateway.server.http_address().unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    open(tcp, "ws://ramal.local/ws", Some("sip"), origin).await
}

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
    open(tls, "wss://ramal.local/ws", protocol, origin).await
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>, message: Bytes) {
    let text = String::from_utf8(message.to_vec()).unwrap();
    socket.send(Message::text(text)).await.unwrap();
}

async fn receive<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) -> Sip {
    loop {
        let frame = tokio::time::timeout(SOON, socket.next()).await;
        match frame.unwrap().unwrap().unwrap() {
            Message::Text(text) => return Sip::parse(text.into()).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn response<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut Socket<S>) -> Response {
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

/// Registers a phone with the secret of its extension.
async fn enrol<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    register: Request,
    secret: String,
) {
    assert_eq!(try_to_enrol(socket, register, secret).await, StatusCode::OK);
}

/// What the answer to a registration with the right secret is.
async fn try_to_enrol<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut Socket<S>,
    mut register: Request,
    secret: String,
) -> StatusCode {
    send(socket, register.encode()).await;
    let challenge = response(socket).await;
    assert_eq!(challenge.status, StatusCode::UNAUTHORIZED);
    let credentials = ClientCredentials {
        username: "102".to_owned(),
        secret: Secret::Password(secret),
    };
    assert!(credentials.answer(&mut register, &challenge, "cnonce"));
    let again = String::from_utf8(register.encode().to_vec()).unwrap();
    send(socket, again.replace("first", "second").into()).await;
    response(socket).await.status
}

/// The transport of an extension's phone.
fn registered_over(gateway: &Gateway, extension: &str) -> Option<String> {
    let registrations = gateway.pbx.live().registrations.into_iter();
    let mut own = registrations.filter(|registration| registration.extension == extension);
    own.next()
        .map(|registration| registration.transport.to_owned())
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

    enrol(&mut browser, register("102"), secret).await;
    assert_eq!(registered_over(&gateway, "102").as_deref(), Some("wss"));

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
async fn in_clear_it_is_served_where_the_settings_say_so() {
    let (gateway, admin) = Gateway::set_up().await;
    let caller = gateway.phone(&admin, "101").await;
    let made = admin
        .post("/extensions", &serde_json::json!({ "number": "102" }))
        .await
        .json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let status = async |origin| match connect_in_clear(&gateway, origin).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    };
    // Led to HTTPS like everything else.
    assert_eq!(status(None).await, 308);
    let changed = admin
        .put(
            "/sip-settings",
            &serde_json::json!({ "websocket_in_clear": true }),
        )
        .await;
    assert_eq!(changed.status, 200);
    assert_eq!(status(Some("http://evil.example")).await, 403);
    assert_eq!(status(Some("https://ramal.local")).await, 403);

    let mut phone = connect_in_clear(&gateway, Some("http://ramal.local"))
        .await
        .unwrap();
    let text = String::from_utf8(register("102").encode().to_vec()).unwrap();
    let register = Sip::parse(text.replace("SIP/2.0/WSS", "SIP/2.0/WS").into());
    let Ok(Sip::Request(register)) = register else {
        panic!("{register:?}");
    };
    enrol(&mut phone, register, secret).await;
    assert_eq!(registered_over(&gateway, "102").as_deref(), Some("ws"));
    let mut call = caller.call("102").await.unwrap();
    let Sip::Request(invite) = receive(&mut phone).await else {
        panic!("a call was to come");
    };
    let via = invite.headers.via().unwrap();
    assert_eq!(via.transport, Some(ramal_sip::Transport::Ws));
    let busy = invite.response(StatusCode::BUSY_HERE).with_to_tag("b");
    send(&mut phone, busy.encode()).await;
    assert_eq!(
        call.wait_ended(SOON).await.unwrap(),
        sipphone::EndReason::Refused(486)
    );

    // Switched off, no new one is taken.
    let changed = admin.put("/sip-settings", &serde_json::json!({})).await;
    assert_eq!(changed.status, 200);
    assert_eq!(status(None).await, 308);
}

#[tokio::test]
async fn f174_browsers_are_refused_where_they_are_not_allowed_and_the_desk_phone_stays() {
    let (gateway, admin) = Gateway::set_up().await;
    let made = admin
        .post("/extensions", &serde_json::json!({ "number": "102" }))
        .await
        .json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let config = sipphone::PhoneConfig::new(gateway.pbx.sip_address(), "102", &secret);
    let desk = sipphone::Phone::start(config).await.unwrap();
    desk.register(600).await.unwrap();
    let mut browser = connect(&gateway, Some("sip"), None).await.unwrap();
    enrol(&mut browser, register("102"), secret.clone()).await;
    assert_eq!(gateway.pbx.live().registrations.len(), 2);

    let path = format!("/extensions/{}", made["extension"]["id"]);
    let change = serde_json::json!({ "webrtc_allowed": false });
    assert_eq!(admin.patch(&path, &change).await.status, 200);
    // The change counts at once; what it forbids is taken out in the moment after.
    let taken_out = async {
        while gateway.pbx.live().registrations.len() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, taken_out).await.unwrap();
    assert_eq!(gateway.pbx.live().registrations[0].transport, "udp");
    let again = try_to_enrol(&mut browser, register("102"), secret).await;
    assert_eq!(again, StatusCode::FORBIDDEN);
    desk.register(600).await.unwrap();
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
