//! Users.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{NewUser, People, User, UserChange, UserId};
use ramal_store::StoreError;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// Refuses to touch somebody who is none of the caller's people, or who may do more than he.
pub(super) fn may_change(app: &App, may: &Access, id: i64) -> Result<(), Problem> {
    may.of_user(app, UserId(id))?;
    let configuration = app.store.configuration();
    match configuration.user(UserId(id)) {
        Some(user) => may.ensure_not_more(&configuration.permissions_of(user)),
        None => Ok(()),
    }
}

/// All users, by login.
#[utoipa::path(
    get, path = "/users", tag = "access", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [User]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_users(State(app): State<App>, access: Access) -> Json<Vec<User>> {
    let people = access.people(&app);
    let mut users = app.store.configuration().users().to_vec();
    users.retain(|user| people.include(user.id));
    Json(users)
}

/// Makes a user.
#[utoipa::path(
    post, path = "/users", tag = "access", security(("session" = []), ("token" = [])), request_body = NewUser,
    responses((status = 201, body = User), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_user(
    State(app): State<App>,
    may: Access,
    JsonBody(mut input): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<User>), Problem> {
    may.ensure(!matches!(may.people(&app), People::Users(_)))?;
    may.adopt(&app, &mut input.company)?;
    if let Some(extension) = input.extension {
        may.of_extension(&app, extension)?;
    }
    let configuration = app.store.configuration();
    let permissions = configuration.permissions_by(input.company, input.role, input.profile);
    may.ensure_not_more(&permissions)?;
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
    access: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<User>, Problem> {
    access.of_user(&app, UserId(id))?;
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
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(input): JsonBody<UserChange>,
) -> Result<Json<User>, Problem> {
    may_change(&app, &may, id)?;
    let configuration = app.store.configuration();
    if let Some(user) = configuration.user(UserId(id)) {
        let role = input.role.unwrap_or(user.role);
        let profile = input.profile.unwrap_or(user.profile);
        let company = input.company.unwrap_or(user.company);
        may.of_company(&app, company)?;
        may.ensure_not_more(&configuration.permissions_by(company, role, profile))?;
    }
    if let Some(Some(extension)) = input.extension {
        may.of_extension(&app, extension)?;
    }
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
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    may_change(&app, &may, id)?;
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
