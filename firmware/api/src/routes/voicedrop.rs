//! Messages left on answering machines (F093, F094).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ramal_model::{AudioFileId, CallId, ExtensionId, Invalid, Problems, code};
use ramal_pbx::VoiceDropRefusal;
use serde::Deserialize;
use utoipa::ToSchema;

use super::no_such;
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// Which message is to be left.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VoiceDropOrder {
    /// One of the messages of the user whose call it is; his first when left out.
    message: Option<AudioFileId>,
    /// The extension that leaves it and is free afterwards; the asking user's own when left out.
    extension: Option<ExtensionId>,
    /// Leaves it although no answering machine was heard.
    confirm: bool,
}

/// Leaves a recorded message to the other end of a call. The extension is let go at once and is free for other calls; the
/// message plays to its end, and the call ends after it. Where no answering machine was heard the answer is 409 until the
/// order confirms it.
#[utoipa::path(
    post, path = "/calls/active/{id}/voicedrop", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = String, Path, description = "Id of the call")), request_body = VoiceDropOrder,
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common)
)]
pub async fn leave_message(
    State(app): State<App>,
    may: Access,
    Path(id): Path<String>,
    JsonBody(order): JsonBody<VoiceDropOrder>,
) -> Result<StatusCode, Problem> {
    let configuration = app.store.configuration();
    let own = may.caller.user.as_ref().and_then(|user| user.extension);
    let mut problems = Problems::default();
    if let Some(id) = order.message
        && configuration.audio_file(id).is_none()
    {
        let message = format!("there is no audio file {id}");
        problems.add("message", code::NO_SUCH_OBJECT, None, message);
    }
    let of = order.extension.or(own);
    match of {
        Some(of) if configuration.extension(of).is_none() => {
            let message = format!("there is no extension {of}");
            problems.add("extension", code::NO_SUCH_OBJECT, None, message);
        }
        Some(_) => {}
        None => {
            let message = "whoever asks has no extension: name one";
            problems.add("extension", code::REQUIRED, None, message);
        }
    }
    problems.finish(())?;
    let Some(of) = of else {
        return Err(Problem::internal("No extension was named."));
    };
    may.ensure(own == Some(of) || may.people(&app).have_extension(&configuration, of))?;
    let missing = || no_such("call in progress", &id);
    let call = id.parse::<CallId>().map_err(|_| missing())?;
    let dropped = app.pbx.drop_voice(&call, of, order.message, order.confirm);
    match dropped.await {
        Ok(()) => {
            tracing::info!(%call, by = %may.caller.actor, "a message is left");
            Ok(StatusCode::NO_CONTENT)
        }
        Err(VoiceDropRefusal::NoCall) => Err(missing()),
        Err(refusal @ VoiceDropRefusal::NoMessage) => {
            let message = refusal.to_string();
            Err(Invalid::one("message", code::NO_SUCH_OBJECT, None, message).into())
        }
        Err(refusal) => Err(Problem::conflict(format!("Not done: {refusal}."))),
    }
}
