//! Supervisors of calls in progress (AT-03, F253).

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_model::{CallId, Configuration, ExtensionId, Invalid, code};
use ramal_pbx::{Supervision, SupervisionRefusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::no_such;
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// How a call is to be supervised.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupervisionOrder {
    /// What the supervisor does. He changes it by another order, or by the keys 4 (listen), 5 (whisper), 6 (barge) and 7
    /// (take over) of his phone.
    mode: Supervision,
    /// The extension that is supervised; left out it is the called one, or the caller's where that is none of his people's.
    #[serde(default)]
    extension: Option<ExtensionId>,
    /// The supervisor's extension, whose phones ring; left out it is that of the user who asks.
    #[serde(default)]
    supervisor: Option<ExtensionId>,
}

/// How a supervisor comes into a call.
#[derive(Debug, Serialize, ToSchema)]
pub struct Supervising {
    /// The call that rings at his phones; null when he is in the supervised call already.
    call: Option<CallId>,
}

/// Lets a supervisor listen to a call in progress, whisper to his agent, talk with both, or take over. His phones ring, and
/// whoever answers is in the call; those who talk hear nothing of him while he listens.
#[utoipa::path(
    post, path = "/calls/active/{id}/supervision", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = String, Path, description = "Id of the call")), request_body = SupervisionOrder,
    responses(
        (status = 202, body = Supervising), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common
    )
)]
pub async fn supervise_call(
    State(app): State<App>,
    may: Access,
    Path(id): Path<String>,
    JsonBody(order): JsonBody<SupervisionOrder>,
) -> Result<(StatusCode, Json<Supervising>), Problem> {
    let missing = || no_such("call in progress", &id);
    let configuration = app.store.configuration();
    let own = may.caller.user.as_ref().and_then(|user| user.extension);
    let supervisor = order.supervisor.or(own);
    check(&configuration, order.extension, supervisor)?;
    let call = id.parse::<CallId>().map_err(|_| missing())?;
    let live = app.pbx.live();
    let active = live.calls.iter().find(|one| one.id == call);
    let active = active.ok_or_else(missing)?;
    let people = may.people(&app);
    let theirs = |number: &&str| people.have_number(&configuration, number);
    let ends = [active.callee.number.as_str(), &active.caller.number].into_iter();
    let found = match order.extension {
        Some(id) => Some(id).filter(|id| people.have_extension(&configuration, *id)),
        None => ends
            .filter(theirs)
            .find_map(|number| configuration.extension_by_number(number))
            .map(|extension| extension.id),
    };
    may.ensure(found.is_some())?;
    let (Some(of), Some(by)) = (found, supervisor) else {
        return Err(missing());
    };
    may.ensure(own == Some(by) || people.have_extension(&configuration, by))?;
    match app.pbx.supervise(&call, of, by, order.mode).await {
        Ok(ringing) => {
            tracing::info!(%call, mode = ?order.mode, by = %may.caller.actor, "call supervised");
            Ok((StatusCode::ACCEPTED, Json(Supervising { call: ringing })))
        }
        Err(SupervisionRefusal::NoCall) => Err(missing()),
        Err(SupervisionRefusal::NoRoom) => Err(Problem::unavailable(
            "There is no room for another call. Try again in a moment.",
        )
        .retry_after(5)),
        Err(refusal) => Err(Problem::conflict(format!("Not done: {refusal}."))),
    }
}

/// Names each extension that does not exist, and a supervisor who has none.
fn check(
    configuration: &Configuration,
    extension: Option<ExtensionId>,
    supervisor: Option<ExtensionId>,
) -> Result<(), Invalid> {
    let mut problems = Vec::new();
    let mut refuse = |field: &str, code, message: String| {
        problems.extend(Invalid::one(field, code, None, message).problems);
    };
    for (field, id) in [("extension", extension), ("supervisor", supervisor)] {
        if let Some(id) = id
            && configuration.extension(id).is_none()
        {
            let message = format!("there is no extension {id}");
            refuse(field, code::NO_SUCH_OBJECT, message);
        }
    }
    if supervisor.is_none() {
        let message = "whoever asks has no extension: name one".to_owned();
        refuse("supervisor", code::REQUIRED, message);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Invalid { problems })
    }
}
