//! What goes around every handler: time limit, refusal of cross-site changes, security headers, and problem documents for
//! refusals that the HTTP framework makes by itself.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::connection::Limits;
use crate::problem::{PROBLEM_JSON, Problem};

/// Everything comes from the gateway itself, nothing is inline, nobody may frame it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    font-src 'self'; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

const SECURITY: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(self)",
    ),
];

/// Takes the largest file there is, over lines of any speed.
const BUNDLE: &str = "/api/v1/system/update/bundle";

/// Ends a request that takes longer than it may with 408.
pub async fn time_limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == BUNDLE {
        // As long as it comes; it is watched where it is read.
        return next.run(request).await;
    }
    let large = [
        "/api/v1/audio-files",
        "/api/v1/music-classes",
        "/api/v1/backups/",
    ];
    let limit = if large.iter().any(|large| path.starts_with(large)) {
        limits.upload
    } else {
        limits.request
    };
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout(format!("The limit is {} s.", limit.as_secs())).into_response(),
    }
}

/// Refuses requests that change something and that a browser says another site has started (Fetch Metadata).
pub async fn same_site(request: Request, next: Next) -> Response {
    let site = request
        .headers()
        .get("sec-fetch-site")
        .map(HeaderValue::as_bytes);
    if !request.method().is_safe() && matches!(site, Some(b"cross-site" | b"same-site")) {
        return Problem::cross_site("Another site may not change anything here.").into_response();
    }
    next.run(request).await
}

/// Gives every refusal a problem document and every answer its security headers.
pub async fn finish(request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let status = response.status();
    if (status.is_client_error() || status.is_server_error())
        && is_api
        && !is_problem(response.headers())
    {
        let kept: Vec<_> = [header::ALLOW, header::RETRY_AFTER]
            .into_iter()
            .filter_map(|name| Some((name.clone(), response.headers_mut().remove(name)?)))
            .collect();
        response = Problem::for_status(status).into_response();
        response
            .headers_mut()
            .extend(kept.into_iter().map(|(name, value)| (Some(name), value)));
    }
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == PROBLEM_JSON)
}
