//! Updates of the gateway.

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use futures_util::StreamExt;
use jiff::Timestamp;
use ramal_model::{FieldProblem, code};
use ramal_update::{Bundle, Refusal, Restart, State as UpdateState};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// Longest pause while an update is sent.
const PAUSE: Duration = Duration::from_secs(60);
/// So far ahead a restart may be put.
const AHEAD_MS: i64 = 14 * 24 * 3_600_000;

/// What to install.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Installation {
    /// Install it although this version was tried here and did not work.
    again: bool,
}

/// When the machine starts again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartInput {
    /// `now` ends the calls; `idle` waits until no call is up, calls go on and new ones are taken; `at` does the same from
    /// `time` on.
    when: When,
    /// With `at`: UTC milliseconds, at most 14 days ahead.
    time: Option<i64>,
}

/// The same, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At once.
    Now,
    /// As soon as no call is up.
    Idle,
    /// As soon as no call is up after a time.
    At,
}

impl RestartInput {
    fn check(self) -> Result<Restart, Problem> {
        match (self.when, self.time) {
            (When::Now, None) => Ok(Restart::Now),
            (When::Idle, None) => Ok(Restart::Idle),
            (When::At, Some(time)) => {
                let ahead = time.saturating_sub(Timestamp::now().as_millisecond());
                if ahead > AHEAD_MS {
                    let message = "must not be more than 14 days ahead";
                    let limit = Some("14".to_owned());
                    return Err(Problem::invalid_field(
                        "time",
                        code::OUT_OF_RANGE,
                        limit,
                        message,
                    ));
                }
                Ok(Restart::At { time })
            }
            (When::At, None) => Err(Problem::invalid_field(
                "time",
                code::REQUIRED,
                None,
                "is needed to restart at a time",
            )),
            (When::Now | When::Idle, Some(_)) => Err(Problem::invalid_field(
                "time",
                code::UNKNOWN_FIELD,
                None,
                "goes with `at` only",
            )),
        }
    }
}

/// The refusal of an update: 422 when the update itself is at fault, 413 and 503 for its size and the disk, else 409.
fn problem(refusal: Refusal) -> Problem {
    let sentence = refusal.to_string();
    let errors = vec![FieldProblem {
        field: "bundle".to_owned(),
        code: refusal.word().to_owned(),
        limit: limit(&refusal),
        message: sentence.clone(),
    }];
    let mut problem = match refusal {
        Refusal::TooLarge(_) => Problem::too_large(sentence),
        Refusal::Disk(_) => {
            tracing::error!(%refusal, "an update was not taken");
            Problem::unavailable(sentence)
        }
        refusal if refusal.is_of_bundle() => {
            let mut problem = Problem::invalid(errors);
            problem.detail = sentence;
            return problem;
        }
        _ => Problem::conflict(sentence),
    };
    problem.errors = errors;
    problem
}

/// What the sentence is about, for words in other languages.
fn limit(refusal: &Refusal) -> Option<String> {
    Some(match refusal {
        Refusal::OtherGateway { gateway, .. } => gateway.clone(),
        Refusal::TooOld { least, .. } => least.clone(),
        Refusal::TooLarge(most) => (most >> 20).to_string(),
        Refusal::NoRoom { needed, .. } => needed.div_ceil(1 << 20).to_string(),
        Refusal::FailedBefore { reason, .. } => reason.clone(),
        Refusal::NoWayBack(reason) | Refusal::Rauc(reason) => reason.clone(),
        _ => return None,
    })
}

/// Both systems, and how far an update is.
#[utoipa::path(
    get, path = "/system/update", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = UpdateState), Unauthenticated, Forbidden, Common)
)]
pub async fn show_update(State(app): State<App>, _: Access) -> Json<UpdateState> {
    Json(app.updater.state().await)
}

/// Takes an update, a RAUC bundle, as the body. Signature, compatibility and version are checked; nothing of the system is
/// written. One that was there and not installed gives way to it.
#[utoipa::path(
    post, path = "/system/update/bundle", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = Bundle), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn send_update(
    State(app): State<App>,
    may: Access,
    request: Request,
) -> Result<(StatusCode, Json<Bundle>), Problem> {
    let expected = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|length| length.parse().ok());
    let by = may.caller.actor.to_string();
    let mut upload = app.updater.receive(expected, by).await.map_err(problem)?;
    let mut body = request.into_body().into_data_stream();
    loop {
        let next = timeout(PAUSE, body.next()).await;
        let next = next.map_err(|_| Problem::timeout("Nothing came for a minute."))?;
        let Some(octets) = next else { break };
        let octets = octets.map_err(|_| problem(Refusal::BrokeOff))?;
        upload.write(&octets).await.map_err(problem)?;
    }
    let bundle = upload.finish().await.map_err(problem)?;
    Ok((StatusCode::CREATED, Json(bundle)))
}

/// Throws away the update that waits to be installed; when it is installed and the machine has not started again, the system
/// that runs stays.
#[utoipa::path(
    delete, path = "/system/update/bundle", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = UpdateState), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn discard_update(
    State(app): State<App>,
    _: Access,
) -> Result<Json<UpdateState>, Problem> {
    app.updater.discard().await.map(Json).map_err(problem)
}

/// Installs the update that waits, over the system that does not run. Calls go on. The answer comes when it has begun.
#[utoipa::path(
    post, path = "/system/update/install", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body = Installation,
    responses((status = 202, body = UpdateState), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn install_update(
    State(app): State<App>,
    may: Access,
    JsonBody(wish): JsonBody<Installation>,
) -> Result<(StatusCode, Json<UpdateState>), Problem> {
    let by = may.caller.actor.to_string();
    let begun = app.updater.install(wish.again, by).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(begun)))
}

/// Says when the machine starts what was installed. It gets one start: unless it passes its checks, the system that runs now
/// comes back.
#[utoipa::path(
    post, path = "/system/update/restart", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body = RestartInput,
    responses((status = 202, body = UpdateState), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn restart_for_update(
    State(app): State<App>,
    _: Access,
    JsonBody(wish): JsonBody<RestartInput>,
) -> Result<(StatusCode, Json<UpdateState>), Problem> {
    let state = app.updater.restart(wish.check()?).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(state)))
}

/// Takes that back: the machine starts again when somebody says so.
#[utoipa::path(
    delete, path = "/system/update/restart", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = UpdateState), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn keep_running(State(app): State<App>, _: Access) -> Result<Json<UpdateState>, Problem> {
    app.updater.keep_running().await.map(Json).map_err(problem)
}

/// Has the machine start the system before, which then shows again that it works.
#[utoipa::path(
    post, path = "/system/update/previous", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body = RestartInput,
    responses((status = 202, body = UpdateState), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn go_back(
    State(app): State<App>,
    may: Access,
    JsonBody(wish): JsonBody<RestartInput>,
) -> Result<(StatusCode, Json<UpdateState>), Problem> {
    let by = may.caller.actor.to_string();
    let state = app
        .updater
        .previous(wish.check()?, by)
        .await
        .map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(state)))
}

/// Takes note of how the last update ended: there is no alarm of it any more.
#[utoipa::path(
    post, path = "/system/update/acknowledge", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = UpdateState), Unauthenticated, Forbidden, Conflict, Common)
)]
pub async fn acknowledge_update(
    State(app): State<App>,
    _: Access,
) -> Result<Json<UpdateState>, Problem> {
    app.updater.acknowledge().await.map(Json).map_err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundles_fault_is_422_and_the_moments_409() {
        let no_bundle = problem(Refusal::NoBundle);
        assert_eq!(no_bundle.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(no_bundle.detail, Refusal::NoBundle.to_string());
        assert_eq!(no_bundle.errors[0].code, "no_bundle");
        let busy = problem(Refusal::Busy("Wait."));
        assert_eq!(
            (busy.status, busy.detail.as_str()),
            (StatusCode::CONFLICT, "Wait.")
        );
        assert_eq!(
            problem(Refusal::TooLarge(1)).status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
        let room = problem(Refusal::NoRoom {
            needed: 5 << 20,
            free: 0,
        });
        assert_eq!(
            (room.status, room.errors[0].limit.as_deref()),
            (StatusCode::CONFLICT, Some("5"))
        );
    }

    #[test]
    fn a_time_long_gone_is_now() {
        let wish = RestartInput {
            when: When::At,
            time: Some(i64::MIN),
        };
        assert_eq!(wish.check(), Ok(Restart::At { time: i64::MIN }));
    }

    #[test]
    fn a_restart_at_a_time_needs_one() {
        let wish = |when, time| RestartInput { when, time }.check();
        assert_eq!(wish(When::Now, None), Ok(Restart::Now));
        assert_eq!(wish(When::At, Some(5)), Ok(Restart::At { time: 5 }));
        assert!(wish(When::At, None).is_err());
        assert!(wish(When::Idle, Some(5)).is_err());
        assert!(wish(When::At, Some(i64::MAX / 2)).is_err());
    }
}
