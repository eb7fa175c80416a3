//! Conferences that somebody is in: who is there and talks, and what moderators do by their keys.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_model::{CallId, Conference, Id};
use ramal_pbx::ConferenceRoom;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// The conferences that somebody is in, with their members.
#[utoipa::path(
    get, path = "/conferences/active", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [ConferenceRoom]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_active_conferences(
    State(app): State<App>,
    may: Access,
) -> Json<Vec<ConferenceRoom>> {
    let mut rooms = app.pbx.conferences();
    rooms.retain(|room| his_company(&app, &may, room.conference).is_ok());
    Json(rooms)
}

/// Refuses conferences of other companies.
fn his_company(app: &App, may: &Access, id: Id<Conference>) -> Result<(), Problem> {
    let configuration = app.store.configuration();
    let company = configuration.company_of("conference", id.number());
    may.of_company(app, company.unwrap_or_default())
}

/// Whether a conference takes in others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConferenceOrder {
    /// Nobody but moderators gets in while it is true. Ends when the last member has left.
    locked: bool,
}

/// Closes a conference that somebody is in, or opens it again.
#[utoipa::path(
    post, path = "/conferences/{id}/lock", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the conference")), request_body = ConferenceOrder,
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn lock_conference(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(order): JsonBody<ConferenceOrder>,
) -> Result<StatusCode, Problem> {
    his_company(&app, &may, Id::new(id))?;
    if !app.pbx.lock_conference(Id::new(id), order.locked) {
        return Err(no_such("conference in use", id));
    }
    tracing::info!(conference = id, locked = order.locked, by = %may.caller.actor, "conference closed or opened");
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a member is heard.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberOrder {
    /// The others do not hear him while it is true.
    muted: bool,
}

/// Lets the others of a conference not hear a member, or hear him again.
#[utoipa::path(
    patch, path = "/conferences/{id}/members/{call}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the conference"), ("call" = String, Path, description = "Call of the member")),
    request_body = MemberOrder,
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_member(
    State(app): State<App>,
    may: Access,
    Path((id, call)): Path<(String, String)>,
    JsonBody(order): JsonBody<MemberOrder>,
) -> Result<StatusCode, Problem> {
    let (conference, member) = named(&id, &call)?;
    his_company(&app, &may, conference)?;
    if !app.pbx.mute_member(conference, &member, order.muted) {
        return Err(no_such("member", call));
    }
    tracing::info!(conference = id, member = %member, muted = order.muted, by = %may.caller.actor, "conference member muted or heard");
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a member out of a conference; he is told so.
#[utoipa::path(
    delete, path = "/conferences/{id}/members/{call}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the conference"), ("call" = String, Path, description = "Call of the member")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn remove_member(
    State(app): State<App>,
    may: Access,
    Path((id, call)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let (conference, member) = named(&id, &call)?;
    his_company(&app, &may, conference)?;
    if !app.pbx.remove_member(conference, &member) {
        return Err(no_such("member", call));
    }
    tracing::info!(conference = id, member = %member, by = %may.caller.actor, "conference member put out");
    Ok(StatusCode::NO_CONTENT)
}

fn named(id: &str, call: &str) -> Result<(Id<Conference>, CallId), Problem> {
    let conference = id.parse().map_err(|_| no_such("conference", id))?;
    let member = call.parse().map_err(|_| no_such("member", call))?;
    Ok((Id::new(conference), member))
}
