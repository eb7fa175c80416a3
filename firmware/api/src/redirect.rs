//! The plain HTTP port: it leads browsers to HTTPS. SIP over WebSocket is all that it serves, where the settings say so.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header, uri::Authority};
use axum::response::{IntoResponse, Response};

use axum::routing::get;

use crate::app::App;
use crate::connection::Peer;
use crate::problem::Problem;
use crate::websocket;

const HTTPS_PORT: u16 = 443;

/// Answers every request with the same address under `https`, at `https_port`.
pub fn router(https_port: u16, app: App) -> Router {
    Router::new()
        .route("/ws", get(web_socket))
        .fallback(redirect)
        .with_state((https_port, app))
}

async fn web_socket(state: State<(u16, App)>, request: Request) -> Response {
    let State((_, app)) = &state;
    let allowed = app.store.configuration().sip_settings().websocket_in_clear;
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !allowed {
        return redirect(state, request).await;
    }
    let (mut parts, _) = request.into_parts();
    match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => websocket::upgrade_in_clear(app, peer, &parts.headers, upgrade).await,
        Err(refused) => refused.into_response(),
    }
}

async fn redirect(State((https_port, _)): State<(u16, App)>, request: Request) -> Response {
    // A redirected POST would show that its body, perhaps a password, has already crossed the network in clear.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::forbidden("Only HTTPS takes requests that change something.")
            .into_response();
    }
    let Some(host) = host(&request) else {
        return Problem::malformed("The Host header is missing or is not a host.").into_response();
    };
    let port = if https_port == HTTPS_PORT {
        String::new()
    } else {
        format!(":{https_port}")
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    match HeaderValue::try_from(format!("https://{host}{port}{path}")) {
        Ok(location) => (
            StatusCode::PERMANENT_REDIRECT,
            [(header::LOCATION, location)],
        )
            .into_response(),
        Err(_) => Problem::malformed("The path cannot be redirected.").into_response(),
    }
}

/// Host without port; the address the client reached when it names none (HTTP/1.0).
fn host(request: &Request) -> Option<String> {
    let authority = match request.headers().get(header::HOST) {
        Some(value) => Some(value.to_str().ok()?.parse::<Authority>().ok()?),
        None => request.uri().authority().cloned(),
    };
    match authority {
        Some(authority) if authority.as_str().contains('@') => None,
        Some(authority) => Some(authority.host().to_owned()).filter(|host| !host.is_empty()),
        None => match request.extensions().get::<Peer>()? {
            Peer::Network { local, .. } if local.is_ipv6() => Some(format!("[{}]", local.ip())),
            Peer::Network { local, .. } => Some(local.ip().to_string()),
            Peer::Local { .. } => None,
        },
    }
}
