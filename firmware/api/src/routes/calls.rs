//! Phones, calls in progress, and the call history.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_model::{CallId, CallRecord, CallResult, Invalid, code};
use ramal_pbx::{ActiveCall, Registration};
use ramal_store::CallFilter;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::no_such;
use crate::app::App;
use crate::document::{BadQuery, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, cut, given, page_size};

/// Registered phones, oldest registration first.
#[utoipa::path(
    get, path = "/registrations", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [Registration]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_registrations(State(app): State<App>, access: Access) -> Json<Vec<Registration>> {
    let (people, configuration) = (access.people(&app), app.store.configuration());
    let mut registrations = app.pbx.live().registrations;
    registrations.retain(|one| people.have_number(&configuration, &one.extension));
    Json(registrations)
}

/// Calls in progress, oldest first.
#[utoipa::path(
    get, path = "/calls/active", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [ActiveCall]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_active_calls(State(app): State<App>, access: Access) -> Json<Vec<ActiveCall>> {
    let mut calls = app.pbx.live().calls;
    calls.retain(|call| of_call(&app, &access, call).is_ok());
    Json(calls)
}

/// Refuses calls in progress that none of the caller's people takes part in.
pub(super) fn of_call(app: &App, access: &Access, call: &ActiveCall) -> Result<(), Problem> {
    access.of_numbers(
        app,
        [call.caller.number.as_str(), call.callee.number.as_str()],
    )
}

/// The same, for the call with this id; one that is not in progress is nobody's.
pub(super) fn of_active_call(app: &App, access: &Access, id: &CallId) -> Result<(), Problem> {
    let calls = app.pbx.live().calls;
    let call = calls.iter().find(|call| call.id == *id);
    call.map_or(Ok(()), |call| of_call(app, access, call))
}

/// Hangs up a call in progress.
#[utoipa::path(
    delete, path = "/calls/active/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = String, Path, description = "Id of the call")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn hang_up(
    State(app): State<App>,
    may: Access,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    // What is no id is no call either.
    let call = id.parse::<CallId>().ok();
    if let Some(call) = &call {
        of_active_call(&app, &may, call)?;
    }
    if !call.is_some_and(|call| app.pbx.hang_up(&call)) {
        return Err(no_such("call in progress", id));
    }
    tracing::info!(call = id, by = %may.caller.actor, "call ended by hand");
    Ok(StatusCode::NO_CONTENT)
}

/// Which calls to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallQuery {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Only calls before this one: `next` of the page before.
    before: Option<String>,
    /// Only calls from or to this number.
    number: Option<String>,
    /// Only calls that ended like this.
    #[param(value_type = Option<CallResult>)]
    result: Option<String>,
}

impl CallQuery {
    fn filter(self) -> Result<(CallFilter, u32), Invalid> {
        let page = page_size(self.limit)?;
        let before = given(self.before)
            .map(|text| text.parse::<CallId>())
            .transpose();
        let before = before
            .map_err(|error| Invalid::one("before", code::INVALID, None, error.to_string()))?;
        let result = given(self.result)
            .map(|text| {
                CallResult::deserialize(IntoDeserializer::<ValueError>::into_deserializer(text))
            })
            .transpose()
            .map_err(|error| Invalid::one("result", code::INVALID, None, error.to_string()))?;
        // One more than asked for tells whether there is a next page.
        let filter = CallFilter {
            limit: Some(page + 1),
            before,
            number: given(self.number),
            result,
            users: None,
        };
        Ok((filter, page))
    }
}

/// A page of the call history, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallPage {
    /// The calls.
    calls: Vec<CallRecord>,
    /// `before` of the next page; null when this is the last.
    next: Option<CallId>,
}

/// The call history, latest first.
#[utoipa::path(
    get, path = "/calls", tag = "calls", security(("session" = []), ("token" = [])), params(CallQuery),
    responses((status = 200, body = CallPage), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_calls(
    State(app): State<App>,
    access: Access,
    Parameters(query): Parameters<CallQuery>,
) -> Result<Json<CallPage>, Problem> {
    let (mut filter, page) = query.filter()?;
    filter.users = access.users(&app);
    let mut calls = app.store.calls(filter).await?;
    let more = cut(&mut calls, page);
    let next = calls.last().filter(|_| more).map(|call| call.id.clone());
    Ok(Json(CallPage { calls, next }))
}
