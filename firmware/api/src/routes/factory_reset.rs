//! Deleting everything that was set up.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{Actor, Invalid, Secret, code};
use serde::Deserialize;
use utoipa::ToSchema;

use super::session::begin_attempt;
use crate::app::App;
use crate::body::JsonBody;
use crate::connection::Peer;
use crate::document::{BadBody, Common, Forbidden, SlowDown, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// What has to be typed.
const WORD: &str = "RESET";

/// Who orders a factory reset, and that he means it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactoryReset {
    /// The word `RESET`.
    confirmation: String,
    /// The password of whoever is logged in, once more; none on the gateway's own command line.
    password: Option<Secret>,
}

/// Deletes everything that was set up or recorded: settings, users, sounds, messages, recordings, history, copies, archives,
/// keys and certificates. The gateway starts again as it came from the box. It may be broken off by a power cut, and goes on
/// then. Wrong passwords count as failed logins do; API tokens may not do this.
#[utoipa::path(
    post, path = "/factory-reset", tag = "gateway", security(("session" = [])), request_body = FactoryReset,
    responses((status = 202, description = "The gateway starts again, empty."),
        Unauthenticated, Forbidden, BadBody, SlowDown, Common)
)]
pub async fn reset_to_factory(
    State(app): State<App>,
    may: Access,
    Extension(peer): Extension<Peer>,
    JsonBody(reset): JsonBody<FactoryReset>,
) -> Result<StatusCode, Problem> {
    if reset.confirmation != WORD {
        let message = format!("type {WORD} to confirm that everything is to be deleted");
        let refused = Invalid::one("confirmation", code::NOT_CONFIRMED, Some(WORD), message);
        return Err(refused.into());
    }
    match (&may.caller.user, &may.caller.actor) {
        (Some(user), _) => {
            let attempt = begin_attempt(&app, peer, &user.login)?;
            let password = reset.password.unwrap_or_else(|| Secret::new(String::new()));
            let verified = app.store.verify_password(&user.login, password).await?;
            if verified.is_none_or(|verified| verified.id != user.id) {
                tracing::warn!(login = user.login, "wrong password at a factory reset");
                let message = "is not your password";
                return Err(Invalid::one("password", code::WRONG_PASSWORD, None, message).into());
            }
            app.backoff.succeeded(attempt);
        }
        (None, Actor::Local) => {}
        (None, _) => {
            return Err(Problem::forbidden(
                "A factory reset takes a person's password, or the gateway's own command line.",
            ));
        }
    }
    let dir = app.data_dir.clone();
    let ordered = tokio::task::spawn_blocking(move || ramal_archive::request_reset(&dir)).await;
    ordered
        .map_err(|error| Problem::internal(error.to_string()))?
        .map_err(|error| {
            tracing::error!(%error, "a factory reset could not be ordered");
            Problem::internal(
                "The factory reset could not be ordered. The gateway's log has the reason.",
            )
        })?;
    tracing::warn!(by = %may.caller.actor, "factory reset ordered: the gateway starts again");
    app.again.notify_one();
    Ok(StatusCode::ACCEPTED)
}
