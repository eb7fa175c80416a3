//! Whether the gateway carries calls, found out by a call of its own.

use axum::Json;
use axum::extract::State;
use ramal_pbx::{SelfCall, SelfCheckError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::document::{Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// What the gateway has found out about itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct SelfCheck {
    /// The call.
    call: SelfCall,
    /// Lines and spans that are there.
    equipment: Vec<String>,
}

/// Has the gateway call itself over its own SIP port, with a tone both ways, and looks whether the lines are there that were there
/// when the last update was begun. The call is in no list and no history.
#[utoipa::path(
    post, path = "/system/self-check", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = SelfCheck), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn check_itself(State(app): State<App>, _: Access) -> Result<Json<SelfCheck>, Problem> {
    let call = app.pbx.self_check().await.map_err(|error| match error {
        SelfCheckError::Busy => Problem::conflict("Another check is under way: wait for it."),
        error => {
            tracing::error!(%error, "the gateway's call to itself");
            Problem::unavailable(format!("The telephone service carries no call: {error}."))
        }
    })?;
    let equipment = app.pbx.equipment();
    let missing = app.updater.missing(&equipment).await;
    if !missing.is_empty() {
        let missing = missing.join(", ");
        tracing::error!(missing, "lines are not there any more");
        let sentence = format!("Lines that were there before the update are missing: {missing}.");
        return Err(Problem::unavailable(sentence));
    }
    Ok(Json(SelfCheck { call, equipment }))
}
