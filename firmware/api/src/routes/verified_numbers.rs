//! Numbers elsewhere that are known to be users' own, and that those they call may see (F208).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_model::{CallId, Invalid, Problems, User, UserId, Verification, code};
use ramal_pbx::{CODE_DIGITS, TellingRefusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::users::may_change;
use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// A number that is somebody's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimedNumber {
    /// The number, in E.164 or as it is dialled where the company is.
    number: String,
}

/// A code that was told by telephone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToldCode {
    /// The number that was called.
    number: String,
    /// The digits that were said there.
    code: String,
}

/// A call by which a code is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct TellingCall {
    /// Its id among the calls in progress, and in the call history.
    id: CallId,
    /// The number called, in E.164.
    number: String,
    /// Until when the code may be entered, UTC ms.
    expires_at: i64,
}

/// The number in E.164; what is wrong with it is added to the problems.
fn e164(app: &App, number: &str, problems: &mut Problems) -> Option<String> {
    let configuration = app.store.configuration();
    let company = configuration.company();
    let found = match company {
        Some(company) => company.e164(number),
        None => Some(number.to_owned()).filter(|number| number.starts_with('+')),
    };
    if found.is_none() {
        let message = "must be a number of the public network, such as +5551999990000";
        problems.add("number", code::CHARACTER, Some("+ 0-9"), message);
    }
    found
}

/// The number in E.164, or why it is refused.
fn claimed(app: &App, number: &str) -> Result<String, Problem> {
    let mut problems = Problems::default();
    let number = e164(app, number, &mut problems);
    Ok(problems.finish(number.unwrap_or_default())?)
}

/// States that a number is a user's own, such as his mobile telephone's. It may be shown on trunks that allow it from then
/// on, as his `caller_id`.
#[utoipa::path(
    post, path = "/users/{id}/verified-numbers", tag = "access", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")), request_body = ClaimedNumber,
    responses((status = 201, body = User), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn state_verified_number(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(ClaimedNumber { number }): JsonBody<ClaimedNumber>,
) -> Result<(StatusCode, Json<User>), Problem> {
    let number = claimed(&app, &number)?;
    let verified = app.store.verify_number(
        &may.caller.actor,
        UserId(id),
        number,
        Verification::Statement,
    );
    Ok((StatusCode::CREATED, Json(verified.await?)))
}

/// Calls a number and tells a code there, in the user's language. Whoever enters the code within ten minutes has shown that
/// the number is his. Once a minute for each user.
#[utoipa::path(
    post, path = "/users/{id}/verified-numbers/call", tag = "access", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")), request_body = ClaimedNumber,
    responses(
        (status = 202, body = TellingCall), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common
    )
)]
pub async fn tell_verification_code(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(ClaimedNumber { number }): JsonBody<ClaimedNumber>,
) -> Result<(StatusCode, Json<TellingCall>), Problem> {
    may_change(&app, &may, id)?;
    let user = UserId(id);
    let number = claimed(&app, &number)?;
    let told = app.pbx.tell_code(user, &number);
    let (call, expires_at) = told.map_err(|refusal| match refusal {
        TellingRefusal::NoSuchUser => no_such("user", id),
        TellingRefusal::NoRoom => {
            Problem::unavailable("There is no room for another call. Try again in a moment.")
                .retry_after(5)
        }
        TellingRefusal::TooSoon => {
            Problem::too_many_requests(format!("Not called: {refusal}.")).retry_after(60)
        }
        TellingRefusal::NoWay => Problem::conflict(format!("Not called: {refusal}.")),
    })?;
    tracing::info!(%call, user = id, by = %may.caller.actor, "a code is told by telephone");
    let telling = TellingCall {
        id: call,
        number,
        expires_at,
    };
    Ok((StatusCode::ACCEPTED, Json(telling)))
}

/// Takes the code that was told at a number: it is the user's own from then on. A code is good once, and for three tries.
#[utoipa::path(
    post, path = "/users/{id}/verified-numbers/code", tag = "access", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the user")), request_body = ToldCode,
    responses((status = 201, body = User), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn enter_verification_code(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(told): JsonBody<ToldCode>,
) -> Result<(StatusCode, Json<User>), Problem> {
    may_change(&app, &may, id)?;
    let mut problems = Problems::default();
    let number = e164(&app, &told.number, &mut problems);
    let digits = told.code.trim();
    if digits.len() != CODE_DIGITS || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        let message = format!("must be the {CODE_DIGITS} digits that were told there");
        let limit = format!("{CODE_DIGITS} digits");
        problems.add("code", code::WRONG_CODE, Some(&limit), message);
    }
    let number = problems.finish(number.unwrap_or_default())?;
    if !app.pbx.takes_code(UserId(id), &number, digits) {
        let message = "is not the code that was told there in the last ten minutes";
        return Err(Invalid::one("code", code::WRONG_CODE, None, message).into());
    }
    let actor = &may.caller.actor;
    let verified = app
        .store
        .verify_number(actor, UserId(id), number, Verification::Code);
    Ok((StatusCode::CREATED, Json(verified.await?)))
}

/// Takes a verified number from a user; nobody sees it any more whom he calls.
#[utoipa::path(
    delete, path = "/users/{id}/verified-numbers/{number}", tag = "access", security(("session" = []), ("token" = [])),
    params(
        ("id" = i64, Path, description = "Id of the user"),
        ("number" = String, Path, description = "The number, in E.164")
    ),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn forget_verified_number(
    State(app): State<App>,
    may: Access,
    Path((id, number)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let user = id.parse().map_err(|_| no_such("user", &id))?;
    may_change(&app, &may, user)?;
    let actor = &may.caller.actor;
    app.store.forget_number(actor, UserId(user), number).await?;
    Ok(StatusCode::NO_CONTENT)
}
