//! The gateway's database: its copies, and what was recovered.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_store::{Backup, Recovery, StorageState};
use serde::Serialize;
use utoipa::ToSchema;

use super::ObjectId;
use crate::app::App;
use crate::document::{Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// How the database is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Storage {
    /// What is wrong with it.
    #[serde(flatten)]
    state: StorageState,
    /// Its copies on the gateway, the newest first. They are made by themselves: of the settings a minute after they
    /// changed at the latest, of everything once a day while there is space.
    backups: Vec<Backup>,
    /// What was recovered from, the newest first.
    recoveries: Vec<Recovery>,
}

/// The database with its copies, and what was recovered.
#[utoipa::path(
    get, path = "/storage", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = Storage), Unauthenticated, Forbidden, Common)
)]
pub async fn show_storage(State(app): State<App>, _: Access) -> Result<Json<Storage>, Problem> {
    let state = app.store.storage().borrow().clone();
    Ok(Json(Storage {
        state,
        backups: app.store.backups().await?,
        recoveries: app.store.recoveries().await?,
    }))
}

/// Copies the settings now, besides what is copied by itself.
#[utoipa::path(
    post, path = "/storage/backups", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 201, body = Backup), Unauthenticated, Forbidden, Common)
)]
pub async fn create_backup(
    State(app): State<App>,
    _: Access,
) -> Result<(StatusCode, Json<Backup>), Problem> {
    Ok((StatusCode::CREATED, Json(app.store.back_up().await?)))
}

/// Takes note of a recovery: there is no alarm of it any more.
#[utoipa::path(
    post, path = "/storage/recoveries/{id}/acknowledge", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path)),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn acknowledge_recovery(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store
        .acknowledge_recovery(&may.caller.actor, id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
