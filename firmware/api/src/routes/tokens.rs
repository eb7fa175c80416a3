//! API tokens: long-lived keys for programs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::Secret;
use ramal_store::{NewToken, Token};
use serde::Serialize;
use utoipa::ToSchema;

use super::ObjectId;
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// A token with its secret, shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenSecret {
    /// The token.
    token: Token,
    /// What to send as `Authorization: Bearer <secret>`.
    secret: Secret,
}

/// All tokens.
#[utoipa::path(
    get, path = "/tokens", tag = "access", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [Token]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_tokens(State(app): State<App>, _: Access) -> Result<Json<Vec<Token>>, Problem> {
    Ok(Json(app.store.tokens().await?))
}

/// Makes a token.
#[utoipa::path(
    post, path = "/tokens", tag = "access", security(("session" = []), ("token" = [])), request_body = NewToken,
    responses((status = 201, body = TokenSecret), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_token(
    State(app): State<App>,
    may: Access,
    JsonBody(input): JsonBody<NewToken>,
) -> Result<(StatusCode, Json<TokenSecret>), Problem> {
    may.ensure_not_more(&input.allows()?)?;
    let (token, secret) = app.store.create_token(&may.caller.actor, input).await?;
    Ok((StatusCode::CREATED, Json(TokenSecret { token, secret })))
}

/// Deletes a token; whoever uses it is refused from now on.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "access", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the token")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn delete_token(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store.delete_token(&may.caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
