//! SIP over WebSocket (RFC 7118) at `/ws`, for phones in browsers: same port, certificate and origin as the web interface.
//!
//! In clear it is served at the HTTP port, and only where the settings of SIP say so. Browsers give their microphone to
//! pages from HTTPS only, and such a page may not open one; in clear, the fingerprints that prove who hears a call are
//! anybody's to replace. It is for phones that know no other way, in networks that are trusted.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ramal_pbx::WebSocketLink;
use tokio::time::{Instant, interval_at, timeout};

use crate::app::App;
use crate::connection::Peer;
use crate::stop::Stop;

/// The subprotocol (RFC 7118 §4).
const SIP: &str = "sip";
/// Time between our pings; a peer that has sent nothing at all meanwhile is gone.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time for the other end to take one message.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// Turns a connection of the HTTPS port into a WebSocket for SIP.
pub async fn upgrade(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(&app, peer, &headers, upgrade, true).await
}

/// The same for a connection of the HTTP port.
pub async fn upgrade_in_clear(
    app: &App,
    peer: Peer,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(app, peer, headers, upgrade, false).await
}

async fn open(
    app: &App,
    peer: Peer,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
    secure: bool,
) -> Response {
    let Peer::Network {
        source,
        port,
        local,
    } = peer
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !is_own_origin(headers, secure) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let upgrade = upgrade
        .max_message_size(WebSocketLink::MAX_MESSAGE)
        .max_frame_size(WebSocketLink::MAX_MESSAGE)
        .protocols([SIP]);
    if upgrade.selected_protocol().is_none() {
        return (StatusCode::BAD_REQUEST, "the subprotocol here is sip").into_response();
    }
    let remote = SocketAddr::new(source, port);
    let Some(link) = app.pbx.web_socket(local, remote, secure).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let stop = app.stop.clone();
    upgrade.on_upgrade(move |socket| async move {
        if let Err(error) = carry(socket, link, stop).await {
            tracing::debug!(%remote, %error, "WebSocket closed");
        }
    })
}

/// Pages of other sites may not speak SIP from within this network. Phones that are no browsers name no origin.
fn is_own_origin(headers: &HeaderMap, secure: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let scheme: &[u8] = if secure { b"https://" } else { b"http://" };
    let host = origin.as_bytes().strip_prefix(scheme).unwrap_or_default();
    headers
        .get(header::HOST)
        .is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(host))
}

/// Carries messages both ways until one side ends.
async fn carry(
    mut socket: WebSocket,
    mut link: WebSocketLink,
    mut stop: Stop,
) -> Result<(), axum::Error> {
    let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    let mut alive = true;
    loop {
        let answer = tokio::select! {
            received = socket.recv() => {
                alive = true;
                match received.transpose()? {
                    Some(Message::Text(text)) => take(&link, text.into()).await,
                    Some(Message::Binary(message)) => take(&link, message).await,
                    // Pings are answered by the library.
                    Some(Message::Ping(_) | Message::Pong(_)) => continue,
                    Some(Message::Close(_)) | None => return Ok(()),
                }
            }
            message = link.next() => match message {
                Some(message) => Some(message),
                None => break,
            },
            _ = pings.tick() => {
                if !std::mem::replace(&mut alive, false) {
                    break;
                }
                send(&mut socket, Message::Ping(Bytes::new())).await?;
                continue;
            }
            () = stop.requested() => break,
        };
        if let Some(answer) = answer {
            send(&mut socket, frame(answer)).await?;
        }
    }
    send(&mut socket, Message::Close(None)).await
}

/// Hands a message on; gives the answer to a keep-alive (RFC 7118 §6, RFC 5626 §3.5.1).
async fn take(link: &WebSocketLink, message: Bytes) -> Option<Bytes> {
    match &message[..] {
        b"\r\n\r\n" => return Some(Bytes::from_static(b"\r\n")),
        b"" | b"\r\n" => {}
        _ => {
            // When SIP has stopped, the next thing to send is nothing.
            link.received(message).await;
        }
    }
    None
}

/// Text where it is text: browsers' SIP stacks understand nothing else.
fn frame(message: Bytes) -> Message {
    match message.clone().try_into() {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(message),
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), axum::Error> {
    timeout(WRITE_TIME, socket.send(message))
        .await
        .map_err(axum::Error::new)?
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_page_of_another_site_is_told_from_our_own() {
        let own = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("ramal.local:8443"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            is_own_origin(&headers, true)
        };
        assert!(own(None));
        assert!(own(Some("https://ramal.local:8443")));
        for other in [
            "https://evil.example",
            "http://ramal.local:8443",
            "https://ramal.local",
            "null",
        ] {
            assert!(!own(Some(other)), "{other}");
        }
    }
}
