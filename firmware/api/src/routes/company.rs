//! The company.

use axum::Json;
use axum::extract::State;
use ramal_model::{Company, NewCompany};

use crate::app::App;
use crate::body::JsonBody;
use crate::caller::{May, right};
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::problem::Problem;

/// The company.
#[utoipa::path(
    get, path = "/company", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = Company), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_company(
    State(app): State<App>,
    _: May<right::ViewDirectory>,
) -> Result<Json<Company>, Problem> {
    let company = app.store.configuration().company().cloned();
    company
        .map(Json)
        .ok_or_else(|| Problem::not_found("The gateway is not set up yet."))
}

/// Replaces the company's data. What is left out comes from the country.
#[utoipa::path(
    put, path = "/company", tag = "gateway", security(("session" = []), ("token" = [])), request_body = NewCompany,
    responses((status = 200, body = Company), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn change_company(
    State(app): State<App>,
    may: May<right::EditCompany>,
    JsonBody(input): JsonBody<NewCompany>,
) -> Result<Json<Company>, Problem> {
    Ok(Json(
        app.store.change_company(&may.caller.actor, input).await?,
    ))
}
