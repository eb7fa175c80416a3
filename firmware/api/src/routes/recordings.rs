//! Recordings of calls: the list, listening and downloading with ranges, deleting, settings, and who did what.

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use ramal_model::{
    CallId, Invalid, RecordingId, RecordingRecord, RecordingSettings, RecordingSettingsChange, code,
};
use ramal_pbx::{RecordingCommand, RecordingRefusal};
use ramal_store::{RecordingAccess, RecordingAccessKind, RecordingFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ObjectId, calls, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::caller::Caller;
use crate::connection::Peer;
use crate::document::{
    BadBody, BadQuery, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated,
};
use crate::file;
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, cut, given, page_size};

/// Stretches of a waveform.
const POINTS: usize = 400;

/// Which recordings to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordingQuery {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Only recordings before this one: `next` of the page before.
    #[param(value_type = Option<i64>)]
    before: Option<String>,
    /// Only recordings of this call.
    call: Option<String>,
    /// Only recordings of calls of this company, 0 for the one that the gateway is set up for.
    #[param(value_type = Option<i64>)]
    company: Option<String>,
}

impl RecordingQuery {
    fn filter(self) -> Result<(RecordingFilter, u32), Invalid> {
        let page = page_size(self.limit)?;
        let before = given(self.before)
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| Invalid::one("before", code::INVALID, None, "must be a number"))?;
        let call = given(self.call)
            .map(|text| text.parse::<CallId>())
            .transpose()
            .map_err(|error| Invalid::one("call", code::INVALID, None, error.to_string()))?;
        // One more than asked for tells whether there is a next page.
        let filter = RecordingFilter {
            limit: Some(page + 1),
            before: before.map(RecordingId),
            call,
            users: None,
            company: calls::company(self.company)?,
        };
        Ok((filter, page))
    }
}

/// A page of recordings, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordingPage {
    /// The recordings.
    recordings: Vec<RecordingRecord>,
    /// `before` of the next page; null when this is the last.
    next: Option<RecordingId>,
}

/// Recordings, latest first. Those that are deleted, or never came about, are among them and say why.
#[utoipa::path(
    get, path = "/recordings", tag = "calls", security(("session" = []), ("token" = [])), params(RecordingQuery),
    responses((status = 200, body = RecordingPage), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_recordings(
    State(app): State<App>,
    may: Access,
    Parameters(query): Parameters<RecordingQuery>,
) -> Result<Json<RecordingPage>, Problem> {
    let (mut filter, page) = query.filter()?;
    filter.company = may.listed(&app, filter.company)?;
    filter.users = may.users(&app);
    let mut recordings = app.store.recordings(filter).await?;
    let more = cut(&mut recordings, page);
    let next = recordings.last().filter(|_| more).map(|last| last.id);
    Ok(Json(RecordingPage { recordings, next }))
}

/// One recording.
#[utoipa::path(
    get, path = "/recordings/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the recording")),
    responses((status = 200, body = RecordingRecord), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_recording(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<RecordingRecord>, Problem> {
    Ok(Json(recording(&app, &may, id).await?))
}

/// A recording of a call that the caller's people took part in.
async fn recording(app: &App, access: &Access, id: i64) -> Result<RecordingRecord, Problem> {
    let recording = app.store.recording(RecordingId(id)).await?;
    if let Some(own) = access.limit(app) {
        let company = app.store.company_of_call(recording.call.clone()).await?;
        access.ensure(company.unwrap_or_default() == own)?;
    }
    if let Some(users) = access.users(app) {
        let theirs = app.store.call_is_of(recording.call.clone(), users).await?;
        access.ensure(theirs)?;
    }
    Ok(recording)
}

/// How to get the sound.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AudioQuery {
    /// As a file to keep (`1`) and not to listen to.
    download: Option<String>,
}

impl AudioQuery {
    /// Whether it is to be kept.
    pub(super) fn is_download(&self) -> bool {
        self.download.as_deref() == Some("1")
    }
}

/// The sound: a stereo WAV file, on the left the party outside (or the caller), on the right what he heard. Ranges may be
/// asked for. Every access is written down.
#[utoipa::path(
    get, path = "/recordings/{id}/audio", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the recording"), AudioQuery),
    responses((status = 200, body = Vec<u8>, content_type = "audio/wav"),
        (status = 206, body = Vec<u8>, content_type = "audio/wav", description = "The range asked for."),
        (status = 416, description = "The range lies outside of the file.", body = Problem, content_type = "application/problem+json"),
        Unauthenticated, Forbidden, NoSuchObject, BadQuery, Common)
)]
pub async fn recording_audio(
    State(app): State<App>,
    may: Access,
    Extension(peer): Extension<Peer>,
    ObjectId(id): ObjectId,
    Parameters(query): Parameters<AudioQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let recording = recording(&app, &may, id).await?;
    let path = path_of(&app, &recording)?;
    let download = query.is_download();
    let action = if download {
        RecordingAccessKind::Downloaded
    } else {
        RecordingAccessKind::Listened
    };
    // Before the first octet: what cannot be written down is not given out.
    access(&app, &may.caller, peer, recording.id, action).await?;
    let sent = file::Sent {
        media_type: "audio/wav",
        name: &recording.file,
    };
    let mut response = file::serve(&path, sent, &headers).await?;
    if download {
        let name = format!("attachment; filename=\"{}\"", recording.file);
        if let Ok(name) = name.parse() {
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, name);
        }
    }
    Ok(response)
}

/// How loud each side is along a recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct Waveform {
    /// Of equal stretches the highest amplitude, 0-100: the party outside, or the caller.
    left: Vec<u8>,
    /// What he heard.
    right: Vec<u8>,
}

/// A picture of a recording: up to 400 stretches of it.
#[utoipa::path(
    get, path = "/recordings/{id}/waveform", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the recording")),
    responses((status = 200, body = Waveform), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn recording_waveform(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<Waveform>, Problem> {
    let recording = recording(&app, &may, id).await?;
    let path = path_of(&app, &recording)?;
    let [left, right] = tokio::task::spawn_blocking(move || ramal_media::waveform(&path, POINTS))
        .await
        .map_err(|error| Problem::internal(error.to_string()))?
        .map_err(|error| Problem::internal(format!("The recording cannot be read: {error}.")))?;
    Ok(Json(Waveform { left, right }))
}

/// Why a recording is deleted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// The reason, at most 200 characters; kept with the recording's entry.
    reason: Option<String>,
}

/// Deletes the sound of a recording. Its entry stays and says by whom and why.
#[utoipa::path(
    delete, path = "/recordings/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the recording"), DeleteQuery),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, BadQuery, Common)
)]
pub async fn delete_recording(
    State(app): State<App>,
    may: Access,
    Extension(peer): Extension<Peer>,
    ObjectId(id): ObjectId,
    Parameters(query): Parameters<DeleteQuery>,
) -> Result<StatusCode, Problem> {
    let recording = recording(&app, &may, id).await?;
    path_of(&app, &recording)?;
    let reason = query.reason.map(|reason| reason.trim().to_owned());
    let reason = reason.filter(|reason| !reason.is_empty());
    if let Some(reason) = &reason
        && (reason.chars().count() > 200 || reason.chars().any(char::is_control))
    {
        let message = "takes one line of at most 200 characters";
        return Err(Invalid::one("reason", code::TOO_LONG, Some("0-200"), message).into());
    }
    let action = RecordingAccessKind::Deleted;
    access(&app, &may.caller, peer, recording.id, action).await?;
    app.pbx
        .delete_recording(&recording, &may.caller.actor, reason)
        .await?;
    tracing::info!(recording = id, by = %may.caller.actor, "recording deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Who listened to, downloaded or deleted a recording, latest first.
#[utoipa::path(
    get, path = "/recordings/{id}/accesses", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the recording")),
    responses((status = 200, body = [RecordingAccess]), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn recording_accesses(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<Vec<RecordingAccess>>, Problem> {
    let recording = app.store.recording(RecordingId(id)).await?;
    Ok(Json(app.store.recording_accesses(recording.id).await?))
}

/// Which calls are recorded, what the party outside is told, and how long recordings are kept.
#[utoipa::path(
    get, path = "/recording-settings", tag = "calls", security(("session" = []), ("token" = [])),
    responses((status = 200, body = RecordingSettings), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_recording_settings(
    State(app): State<App>,
    _: Access,
) -> Result<Json<RecordingSettings>, Problem> {
    let configuration = app.store.configuration();
    let settings = configuration
        .company()
        .map(|company| company.recording.clone());
    settings
        .map(Json)
        .ok_or_else(|| Problem::not_found("The gateway is not set up yet."))
}

/// Changes the settings for recording; what is left out stays.
#[utoipa::path(
    patch, path = "/recording-settings", tag = "calls", security(("session" = []), ("token" = [])),
    request_body = RecordingSettingsChange,
    responses((status = 200, body = RecordingSettings), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn change_recording_settings(
    State(app): State<App>,
    may: Access,
    JsonBody(change): JsonBody<RecordingSettingsChange>,
) -> Result<Json<RecordingSettings>, Problem> {
    let settings = app
        .store
        .change_recording_settings(&may.caller.actor, change)
        .await?;
    Ok(Json(settings))
}

/// What the recording of a call is to do.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingAction {
    /// Begin, when the settings allow it on demand.
    Start,
    /// End.
    Stop,
    /// Leave out what follows.
    Pause,
    /// Go on.
    Resume,
}

/// An order for the recording of a call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingOrder {
    /// What it is to do.
    action: RecordingAction,
}

/// Starts, stops, pauses or resumes the recording of a call in progress.
#[utoipa::path(
    post, path = "/calls/active/{id}/recording", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = String, Path, description = "Id of the call")), request_body = RecordingOrder,
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common)
)]
pub async fn order_recording(
    State(app): State<App>,
    may: Access,
    Path(id): Path<String>,
    JsonBody(order): JsonBody<RecordingOrder>,
) -> Result<StatusCode, Problem> {
    let missing = || no_such("call in progress", &id);
    let call = id.parse::<CallId>().map_err(|_| missing())?;
    super::calls::of_active_call(&app, &may, &call)?;
    let command = match order.action {
        RecordingAction::Start => RecordingCommand::Start,
        RecordingAction::Stop => RecordingCommand::Stop,
        RecordingAction::Pause => RecordingCommand::Pause,
        RecordingAction::Resume => RecordingCommand::Resume,
    };
    match app.pbx.record(&call, command).await {
        Ok(()) => {
            tracing::info!(call = %call, ?command, by = %may.caller.actor, "recording ordered");
            Ok(StatusCode::NO_CONTENT)
        }
        Err(RecordingRefusal::NoCall) => Err(missing()),
        Err(refusal) => Err(Problem::conflict(format!("Not done: {refusal}."))),
    }
}

fn path_of(app: &App, recording: &RecordingRecord) -> Result<std::path::PathBuf, Problem> {
    let folder = app
        .pbx
        .recordings_folder()
        .filter(|_| recording.is_playable());
    let folder = folder.ok_or_else(|| {
        Problem::not_found(format!(
            "Recording {} has no sound (any more).",
            recording.id
        ))
    })?;
    Ok(folder.join(&recording.file))
}

async fn access(
    app: &App,
    caller: &Caller,
    peer: Peer,
    id: RecordingId,
    action: RecordingAccessKind,
) -> Result<(), Problem> {
    let address = match peer {
        Peer::Network { source, .. } => source.to_string(),
        Peer::Local { .. } => String::new(),
    };
    app.store
        .recording_accessed(id, &caller.actor, address, action)
        .await?;
    Ok(())
}
