//! Which other countries may be called.

use axum::Json;
use axum::extract::State;
use ramal_model::{NewTollSettings, TollSettings};

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// Which other countries may be called.
#[utoipa::path(
    get, path = "/toll-settings", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = TollSettings), Unauthenticated, Forbidden, Common)
)]
pub async fn show_toll_settings(State(app): State<App>, _: Access) -> Json<TollSettings> {
    Json(app.store.configuration().toll_settings().clone())
}

/// Replaces the list of countries that may be called; what is left out goes back to its default, which is none. It holds
/// for the next call. Who calls needs a class of service with `international` as well, and an outbound rule that leads there.
#[utoipa::path(
    put, path = "/toll-settings", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body = NewTollSettings,
    responses((status = 200, body = TollSettings), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn change_toll_settings(
    State(app): State<App>,
    may: Access,
    JsonBody(settings): JsonBody<NewTollSettings>,
) -> Result<Json<TollSettings>, Problem> {
    let actor = &may.caller.actor;
    Ok(Json(app.store.change_toll_settings(actor, settings).await?))
}
