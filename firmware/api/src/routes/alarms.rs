//! Alarms.

use axum::Json;
use axum::extract::State;
use ramal_model::Alarm;

use crate::app::App;
use crate::document::{Common, Forbidden, Unauthenticated};
use crate::permit::Access;

/// What is wrong now, the worst first. Changes come as events.
#[utoipa::path(
    get, path = "/alarms", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [Alarm]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_alarms(State(app): State<App>, _: Access) -> Json<Vec<Alarm>> {
    Json(app.pbx.live().alarms)
}
