//! Versions of the configuration, undoing them, and drafts (D13).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{Actor, Invalid, code};
use ramal_store::{DraftInfo, ObjectChange, Version};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{
    BadBody, BadQuery, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated,
};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, cut, given, page_size};

/// One save of the configuration. Times are UTC milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionRow {
    /// Counts up with every save.
    version: u64,
    /// When it was saved.
    at: i64,
    /// Who saved it.
    actor: Actor,
    /// What it changed, without secrets.
    changes: Vec<ObjectChange>,
}

impl From<Version> for VersionRow {
    fn from(version: Version) -> Self {
        let changes = version.changes.into_iter();
        Self {
            version: version.version,
            at: version.at,
            actor: version.actor,
            changes: changes.map(ramal_store::Change::shown).collect(),
        }
    }
}

/// Which versions to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Only versions before this one: `next` of the page before.
    #[param(value_type = Option<u64>)]
    before: Option<String>,
}

/// A page of versions, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionPage {
    /// The versions.
    versions: Vec<VersionRow>,
    /// `before` of the next page; null when this is the last.
    next: Option<u64>,
}

/// Every save of the configuration, latest first: who, when, and which fields of which objects it changed.
#[utoipa::path(
    get, path = "/configuration/versions", tag = "gateway", security(("session" = []), ("token" = [])),
    params(VersionQuery),
    responses((status = 200, body = VersionPage), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_versions(
    State(app): State<App>,
    _: Access,
    Parameters(query): Parameters<VersionQuery>,
) -> Result<Json<VersionPage>, Problem> {
    let page = page_size(query.limit)?;
    let before = given(query.before).map(|text| text.parse()).transpose();
    let before =
        before.map_err(|_| Invalid::one("before", code::INVALID, None, "must be a number"))?;
    let mut versions = app.store.versions(page + 1, before).await?;
    let more = cut(&mut versions, page);
    let next = versions.last().filter(|_| more).map(|last| last.version);
    let versions = versions.into_iter().map(VersionRow::from).collect();
    Ok(Json(VersionPage { versions, next }))
}

/// One save of the configuration.
#[utoipa::path(
    get, path = "/configuration/versions/{id}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Number of the version")),
    responses((status = 200, body = VersionRow), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_version(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<VersionRow>, Problem> {
    let version = app.store.version(number(id)?).await?;
    Ok(Json(version.into()))
}

/// Makes everything that a version changed what it was before, as one more version. 409 names what was changed since, or
/// the rule that would be broken.
#[utoipa::path(
    post, path = "/configuration/versions/{id}/undo", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Number of the version")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn undo_version(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store.undo(&may.caller.actor, number(id)?).await?;
    tracing::info!(version = id, by = %may.caller.actor, "version undone");
    Ok(StatusCode::NO_CONTENT)
}

fn number(id: i64) -> Result<u64, Problem> {
    u64::try_from(id).map_err(|_| no_such("version", id))
}

/// Input for a new draft.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDraft {
    /// What it is for, 1-64 characters.
    name: String,
}

/// All drafts, oldest first.
#[utoipa::path(
    get, path = "/configuration/drafts", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [DraftInfo]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_drafts(
    State(app): State<App>,
    _: Access,
) -> Result<Json<Vec<DraftInfo>>, Problem> {
    Ok(Json(app.store.drafts().await?))
}

/// Begins a draft. Requests with the header `X-Ramal-Draft` and its id change the draft and not the configuration, and see
/// the configuration as the draft would make it: those for the company, extensions, trunks, settings of recording and
/// voicemail, and what leads calls.
#[utoipa::path(
    post, path = "/configuration/drafts", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body = NewDraft,
    responses((status = 201, body = DraftInfo), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_draft(
    State(app): State<App>,
    may: Access,
    JsonBody(input): JsonBody<NewDraft>,
) -> Result<(StatusCode, Json<DraftInfo>), Problem> {
    let draft = app
        .store
        .create_draft(&may.caller.actor, &input.name)
        .await?;
    Ok((StatusCode::CREATED, Json(draft)))
}

/// A draft with everything it changes.
#[utoipa::path(
    get, path = "/configuration/drafts/{id}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the draft")),
    responses((status = 200, body = DraftInfo), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_draft(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<DraftInfo>, Problem> {
    Ok(Json(app.store.draft(id).await?))
}

/// Throws a draft away; nothing of it becomes live.
#[utoipa::path(
    delete, path = "/configuration/drafts/{id}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the draft")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn discard_draft(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store.discard_draft(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes everything that a draft changes live, together, as one version. 409 names what was changed since the draft changed
/// it, or the rule that would be broken; the draft stays then.
#[utoipa::path(
    post, path = "/configuration/drafts/{id}/activate", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the draft")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn activate_draft(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store.activate_draft(&may.caller.actor, id).await?;
    tracing::info!(draft = id, by = %may.caller.actor, "draft made live");
    Ok(StatusCode::NO_CONTENT)
}
