//! Users.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{NewUser, User, UserChange, UserId};
use ramal_store::StoreError;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::caller::{May, right};
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::problem::Problem;

/// All users, by login.
#[utoipa::path(
    get, path = "/users", tag = "access", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [User]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_users(State(app): State<App>, _: May<right::ViewUsers>) -> Json<Vec<User>> {
    Json(app.store.configuration().users().to_vec())
}

/// Makes a user.
#[utoipa::path(
    post, path = "/users", tag = "access", security(("session" = []), ("token" = [])), request_body = NewUser,
    responses((status = 201, body = User), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_user(
    State(app): State<App>,
    may: May<right::EditUsers>,
    JsonBody(input): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let user = app.store.create_user(&may.caller.actor, input).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

/// One user.
#[utoipa::path(
    get, path = "/users/{id}", tag = "access", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")),
    responses((status = 200, body = User), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_user(
    State(app): State<App>,
    _: May<right::ViewUsers>,
    ObjectId(id): ObjectId,
) -> Result<Json<User>, Problem> {
    let configuration = app.store.configuration();
    let user = configuration
        .user(UserId(id))
        .ok_or_else(|| no_such("user", id))?;
    Ok(Json(user.clone()))
}

/// Changes a user; what is left out stays. A new password ends his sessions.
#[utoipa::path(
    patch, path = "/users/{id}", tag = "access", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")), request_body = UserChange,
    responses((status = 200, body = User), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_user(
    State(app): State<App>,
    may: May<right::EditUsers>,
    ObjectId(id): ObjectId,
    JsonBody(input): JsonBody<UserChange>,
) -> Result<Json<User>, Problem> {
    Ok(Json(
        app.store
            .update_user(&may.caller.actor, UserId(id), input)
            .await?,
    ))
}

/// Deletes a user and ends his sessions.
#[utoipa::path(
    delete, path = "/users/{id}", tag = "access", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn delete_user(
    State(app): State<App>,
    may: May<right::EditUsers>,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store
        .delete_user(&may.caller.actor, UserId(id))
        .await
        .map_err(|error| match error {
            // Nothing was sent that could be corrected: the state does not allow it.
            StoreError::Invalid(reason) => Problem::conflict(reason.to_string()),
            error => error.into(),
        })?;
    Ok(StatusCode::NO_CONTENT)
}
