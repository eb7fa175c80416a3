//! Writing down what requests did, or tried to do.

use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use ramal_model::Actor;
use ramal_store::{Attempt, Origin, RefusedField};

use crate::app::App;
use crate::connection::Peer;

/// Why a request was refused; goes with the answer to where it is written down.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Kind of the problem.
    pub kind: String,
    /// Refused fields. Their values, which may be secret, are not among it.
    pub fields: Vec<RefusedField>,
}

/// Operations that use a method of change and change nothing.
const CHANGES_NOTHING: &[&str] = &[
    "/api/v1/simulate",
    "/api/v1/speech",
    "/api/v1/system/self-check",
    "/api/v1/trunks/legacy-text",
];

/// Where a request comes from and what it asks for.
pub fn origin(parts: &Parts) -> Origin {
    let address = match parts.extensions.get::<Peer>() {
        Some(Peer::Network { source, .. }) => source.to_string(),
        Some(Peer::Local { .. }) | None => String::new(),
    };
    Origin {
        address,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
    }
}

/// Writes down a request that made no version of the configuration: one that changes something, or that was refused for
/// want of a right. What strangers send without any evidence is not: there is no end to it.
pub fn write_down(
    app: &App,
    method: &Method,
    origin: Origin,
    actor: Option<Actor>,
    response: &Response,
) {
    let status = response.status();
    let refusal = response.extensions().get::<Refusal>();
    let actor = actor.or_else(|| response.extensions().get::<Actor>().cloned());
    let is_forbidden = status == 403;
    let is_change = !method.is_safe() && !CHANGES_NOTHING.contains(&origin.path.as_str());
    let is_login = origin.path == "/api/v1/session";
    if !(is_forbidden || is_change) || (actor.is_none() && !is_login) {
        return;
    }
    app.store.attempted(Attempt {
        actor,
        origin,
        status: status.as_u16(),
        problem: refusal
            .map(|refusal| refusal.kind.clone())
            .unwrap_or_default(),
        fields: refusal
            .map(|refusal| refusal.fields.clone())
            .unwrap_or_default(),
    });
}
