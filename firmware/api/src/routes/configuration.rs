//! The whole configuration as one document.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use ramal_model::Export;
use serde_json::Value;

use crate::app::App;
use crate::body::{IMPORT_LIMIT, JsonBody};
use crate::document::{BadBody, Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// The configuration. It holds password hashes and digest credentials: keep it like a password.
#[utoipa::path(
    get, path = "/configuration/export", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = Export), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn export_configuration(
    State(app): State<App>,
    may: Access,
) -> Result<impl IntoResponse, Problem> {
    let document = app.store.export().await?;
    tracing::info!(by = %may.caller.actor, "configuration exported");
    let disposition = "attachment; filename=\"ramal-configuration.json\"";
    Ok(([(header::CONTENT_DISPOSITION, disposition)], Json(document)))
}

/// Replaces the configuration by the document's, whole or not at all.
#[utoipa::path(
    post, path = "/configuration/import", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body = Export,
    responses((status = 204), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn import_configuration(
    State(app): State<App>,
    may: Access,
    JsonBody(document): JsonBody<Value, IMPORT_LIMIT>,
) -> Result<StatusCode, Problem> {
    app.store
        .import(&may.caller.actor, Export::from_value(document)?)
        .await?;
    tracing::info!(by = %may.caller.actor, "configuration imported");
    Ok(StatusCode::NO_CONTENT)
}
