//! Sources of SIP messages that are not listened to for a while.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_pbx::Ban;

use super::no_such;
use crate::app::App;
use crate::document::{Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// Bans in force, oldest first.
#[utoipa::path(
    get, path = "/sip/bans", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [Ban]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_bans(State(app): State<App>, _: Access) -> Result<Json<Vec<Ban>>, Problem> {
    app.pbx.bans().await.map(Json).ok_or_else(no_answer)
}

/// Ends all bans of an address, at once. An IPv6 address stands for its network (/64).
#[utoipa::path(
    delete, path = "/sip/bans/{address}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("address" = String, Path, description = "The address, without a prefix length")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn lift_ban(
    State(app): State<App>,
    may: Access,
    Path(text): Path<String>,
) -> Result<StatusCode, Problem> {
    // What is no address is not banned either.
    let Ok(address) = text.parse::<IpAddr>() else {
        return Err(no_such("ban of", text));
    };
    if !app.pbx.lift_ban(address).await.ok_or_else(no_answer)? {
        return Err(no_such("ban of", address));
    }
    tracing::info!(%address, by = %may.caller.actor, "ban lifted");
    Ok(StatusCode::NO_CONTENT)
}

fn no_answer() -> Problem {
    Problem::unavailable("The SIP agent does not answer.")
}
