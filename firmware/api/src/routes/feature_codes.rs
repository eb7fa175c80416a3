//! Feature codes.

use axum::Json;
use axum::extract::State;
use ramal_model::{FeatureCodes, code};
use ramal_store::StoreError;

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// What people dial or press at their telephones to have something done; null where that is switched off.
#[utoipa::path(
    get, path = "/feature-codes", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = FeatureCodes), Unauthenticated, Forbidden, Common)
)]
pub async fn show_feature_codes(State(app): State<App>, _: Access) -> Json<FeatureCodes> {
    Json(app.store.configuration().feature_codes().clone())
}

/// Replaces the feature codes; what is left out goes back to its default. 409 when an extension, a queue, a conference or
/// an emergency number has one of them.
#[utoipa::path(
    put, path = "/feature-codes", tag = "calls", security(("session" = []), ("token" = [])), request_body = FeatureCodes,
    responses((status = 200, body = FeatureCodes), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn change_feature_codes(
    State(app): State<App>,
    may: Access,
    JsonBody(codes): JsonBody<FeatureCodes>,
) -> Result<Json<FeatureCodes>, Problem> {
    change(&app, &may, codes).await
}

/// Sets all feature codes back to their defaults.
#[utoipa::path(
    delete, path = "/feature-codes", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = FeatureCodes), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn reset_feature_codes(
    State(app): State<App>,
    may: Access,
) -> Result<Json<FeatureCodes>, Problem> {
    change(&app, &may, FeatureCodes::default()).await
}

async fn change(
    app: &App,
    may: &Access,
    codes: FeatureCodes,
) -> Result<Json<FeatureCodes>, Problem> {
    let actor = &may.caller.actor;
    match app.store.change_feature_codes(actor, codes).await {
        Ok(codes) => Ok(Json(codes)),
        // Whoever has the number has to give it up first.
        Err(StoreError::Invalid(invalid)) => {
            let taken = invalid.problems.iter().find(|one| one.code == code::TAKEN);
            match taken.map(|one| format!("{}: {}.", one.field, one.message)) {
                Some(detail) => Err(Problem::conflict(detail)),
                None => Err(StoreError::Invalid(invalid).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}
