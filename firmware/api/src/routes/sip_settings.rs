//! Settings of SIP.

use axum::Json;
use axum::extract::State;
use ramal_model::{NewSipSettings, SipSettings};

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// How SIP is spoken towards networks of others.
#[utoipa::path(
    get, path = "/sip-settings", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = SipSettings), Unauthenticated, Forbidden, Common)
)]
pub async fn show_sip_settings(State(app): State<App>, _: Access) -> Json<SipSettings> {
    Json(app.store.configuration().sip_settings().clone())
}

/// Replaces the settings of SIP; what is left out goes back to its default. They hold for the next message: calls in
/// progress stay.
#[utoipa::path(
    put, path = "/sip-settings", tag = "gateway", security(("session" = []), ("token" = [])), request_body = NewSipSettings,
    responses((status = 200, body = SipSettings), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn change_sip_settings(
    State(app): State<App>,
    may: Access,
    JsonBody(settings): JsonBody<NewSipSettings>,
) -> Result<Json<SipSettings>, Problem> {
    let actor = &may.caller.actor;
    Ok(Json(app.store.change_sip_settings(actor, settings).await?))
}
