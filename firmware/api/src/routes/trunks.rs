//! SIP trunks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{LegacyImport, SipTrunk, TrunkId, TrunkInput};
use ramal_pbx::TrunkStatus;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// A trunk and how it stands. Its password is never shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrunkRow {
    /// The trunk.
    #[serde(flatten)]
    trunk: SipTrunk,
    /// Whether a password is stored.
    has_password: bool,
    /// How it stands now; null while it is disabled.
    status: Option<TrunkStatus>,
    /// Calls in progress over it.
    calls: usize,
}

impl TrunkRow {
    fn now(app: &App, trunk: SipTrunk) -> Self {
        let configuration = app.store.configuration();
        Self {
            has_password: configuration.trunk_password(trunk.id).is_some(),
            status: app
                .pbx
                .live()
                .trunks
                .into_iter()
                .find(|one| one.id == trunk.id),
            calls: app.pbx.trunk_calls(trunk.id),
            trunk,
        }
    }
}

/// Text in the form of Asterisk's chan_sip.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LegacyText {
    /// `user:password@host/line` with percent-encoding, `register => …` or `key=value`; at most 8,192 characters.
    #[schema(max_length = 8192)]
    text: String,
}

/// Reads text that other systems ask people to paste. It is told of line by line and never executed; the answer holds a
/// trunk to be completed and made like any other.
#[utoipa::path(
    post, path = "/trunks/legacy-text", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body = LegacyText,
    responses((status = 200, body = LegacyImport), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn read_legacy_text(
    _: Access,
    JsonBody(input): JsonBody<LegacyText>,
) -> Result<Json<LegacyImport>, Problem> {
    Ok(Json(ramal_model::read_legacy(&input.text)?))
}

/// All trunks, in the order calls out try them.
#[utoipa::path(
    get, path = "/trunks", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [TrunkRow]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_trunks(State(app): State<App>, _: Access) -> Json<Vec<TrunkRow>> {
    let configuration = app.store.configuration();
    let row = |trunk: &SipTrunk| TrunkRow::now(&app, trunk.clone());
    Json(configuration.trunks().iter().map(row).collect())
}

/// Makes a trunk.
#[utoipa::path(
    post, path = "/trunks", tag = "telephony", security(("session" = []), ("token" = [])), request_body = TrunkInput,
    responses((status = 201, body = TrunkRow), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_trunk(
    State(app): State<App>,
    may: Access,
    JsonBody(input): JsonBody<TrunkInput>,
) -> Result<(StatusCode, Json<TrunkRow>), Problem> {
    let trunk = app.store.create_trunk(&may.caller.actor, input).await?;
    Ok((StatusCode::CREATED, Json(TrunkRow::now(&app, trunk))))
}

/// One trunk.
#[utoipa::path(
    get, path = "/trunks/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the trunk")),
    responses((status = 200, body = TrunkRow), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_trunk(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<TrunkRow>, Problem> {
    let configuration = app.store.configuration();
    let trunk = configuration
        .trunk(TrunkId(id))
        .ok_or_else(|| no_such("trunk", id))?;
    Ok(Json(TrunkRow::now(&app, trunk.clone())))
}

/// Changes a trunk; what is left out stays.
#[utoipa::path(
    patch, path = "/trunks/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the trunk")), request_body = TrunkInput,
    responses((status = 200, body = TrunkRow), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_trunk(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(input): JsonBody<TrunkInput>,
) -> Result<Json<TrunkRow>, Problem> {
    let trunk = app
        .store
        .update_trunk(&may.caller.actor, TrunkId(id), input)
        .await?;
    Ok(Json(TrunkRow::now(&app, trunk)))
}

/// Deletes a trunk; it is un-registered, its calls in progress go on.
#[utoipa::path(
    delete, path = "/trunks/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the trunk")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn delete_trunk(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store
        .delete_trunk(&may.caller.actor, TrunkId(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
