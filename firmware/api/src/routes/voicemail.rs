//! Messages in voicemail boxes: the list, listening and downloading with ranges, marking, deleting, who did what, and the
//! company's greeting.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use ramal_model::{AudioFileId, CallId, Id, Invalid, VoicemailMessage, VoicemailMessageId, code};
use ramal_store::{MessageFilter, MessageMarks, RecordingAccess, RecordingAccessKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ObjectId;
use super::recordings::AudioQuery;
use crate::app::App;
use crate::body::JsonBody;
use crate::caller::Caller;
use crate::connection::Peer;
use crate::document::{BadBody, BadQuery, Common, Forbidden, NoSuchObject, Unauthenticated};
use crate::file;
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::{Parameters, cut, given, page_size};

/// Which messages to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// Rows, 1-500, default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// Only messages before this one: `next` of the page before.
    #[param(value_type = Option<i64>)]
    before: Option<String>,
    /// Only messages of this voicemail box.
    #[param(value_type = Option<i64>)]
    mailbox: Option<String>,
    /// Only messages left in this call.
    call: Option<String>,
    /// Only messages that were heard (`true`), or that were not (`false`).
    #[param(value_type = Option<bool>)]
    heard: Option<String>,
}

impl MessageQuery {
    fn filter(self) -> Result<(MessageFilter, u32), Invalid> {
        let page = page_size(self.limit)?;
        let number = |field: &str, text: Option<String>| {
            given(text)
                .map(|text| text.parse::<i64>())
                .transpose()
                .map_err(|_| Invalid::one(field, code::INVALID, None, "must be a number"))
        };
        let before = number("before", self.before)?;
        let mailbox = number("mailbox", self.mailbox)?;
        let call = given(self.call)
            .map(|text| text.parse::<CallId>())
            .transpose()
            .map_err(|error| Invalid::one("call", code::INVALID, None, error.to_string()))?;
        let heard = given(self.heard)
            .map(|text| text.parse::<bool>())
            .transpose()
            .map_err(|_| Invalid::one("heard", code::INVALID, None, "must be `true` or `false`"))?;
        // One more than asked for tells whether there is a next page.
        let filter = MessageFilter {
            limit: Some(page + 1),
            before: before.map(VoicemailMessageId),
            mailbox: mailbox.map(Id::new),
            call,
            heard,
            mailboxes: None,
        };
        Ok((filter, page))
    }
}

/// A page of messages, latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessagePage {
    /// The messages.
    messages: Vec<VoicemailMessage>,
    /// `before` of the next page; null when this is the last.
    next: Option<VoicemailMessageId>,
}

/// Messages that lie in voicemail boxes, latest first.
#[utoipa::path(
    get, path = "/voicemail-messages", tag = "calls", security(("session" = []), ("token" = [])), params(MessageQuery),
    responses((status = 200, body = MessagePage), Unauthenticated, Forbidden, BadQuery, Common)
)]
pub async fn list_messages(
    State(app): State<App>,
    may: Access,
    Parameters(query): Parameters<MessageQuery>,
) -> Result<Json<MessagePage>, Problem> {
    let (mut filter, page) = query.filter()?;
    filter.mailboxes = may.people(&app).mailboxes(&app.store.configuration());
    let mut messages = app.store.messages(filter).await?;
    let more = cut(&mut messages, page);
    let next = messages.last().filter(|_| more).map(|last| last.id);
    Ok(Json(MessagePage { messages, next }))
}

/// One message; one that was deleted says by whom.
#[utoipa::path(
    get, path = "/voicemail-messages/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the message")),
    responses((status = 200, body = VoicemailMessage), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_message(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<VoicemailMessage>, Problem> {
    Ok(Json(message(&app, &may, id).await?))
}

/// A message in a box of the caller's people.
async fn message(app: &App, may: &Access, id: i64) -> Result<VoicemailMessage, Problem> {
    let message = app.store.message(VoicemailMessageId(id)).await?;
    may.of_mailbox(app, message.mailbox)?;
    Ok(message)
}

/// The sound: a WAV file, mono. Ranges may be asked for. Every access is written down; whether it was heard is said by a
/// change of the message.
#[utoipa::path(
    get, path = "/voicemail-messages/{id}/audio", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the message"), AudioQuery),
    responses((status = 200, body = Vec<u8>, content_type = "audio/wav"),
        (status = 206, body = Vec<u8>, content_type = "audio/wav", description = "The range asked for."),
        (status = 416, description = "The range lies outside of the file.", body = Problem, content_type = "application/problem+json"),
        Unauthenticated, Forbidden, NoSuchObject, BadQuery, Common)
)]
pub async fn message_audio(
    State(app): State<App>,
    may: Access,
    Extension(peer): Extension<Peer>,
    ObjectId(id): ObjectId,
    Parameters(query): Parameters<AudioQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let message = message(&app, &may, id).await?;
    let folder = app
        .pbx
        .voicemail_folder()
        .filter(|_| message.is_playable())
        .ok_or_else(|| Problem::not_found(format!("Message {id} has no sound (any more).")))?;
    let path = folder.join(&message.file);
    let download = query.is_download();
    let action = if download {
        RecordingAccessKind::Downloaded
    } else {
        RecordingAccessKind::Listened
    };
    // Before the first octet: what cannot be written down is not given out.
    access(&app, &may.caller, peer, message.id, action).await?;
    let sent = file::Sent {
        media_type: "audio/wav",
        name: &message.file,
    };
    let mut response = file::serve(&path, sent, &headers).await?;
    if download {
        let name = format!("attachment; filename=\"{}\"", message.file);
        if let Ok(name) = name.parse() {
            response
                .headers_mut()
                .insert(header::CONTENT_DISPOSITION, name);
        }
    }
    Ok(response)
}

/// What becomes of a message; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MessageChange {
    /// Whether it was heard: lamps tell of those that were not.
    heard: Option<bool>,
    /// Whether somebody has done what it asks for.
    handled: Option<bool>,
}

/// Marks a message as heard or handled, or takes that back.
#[utoipa::path(
    patch, path = "/voicemail-messages/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the message")), request_body = MessageChange,
    responses((status = 200, body = VoicemailMessage), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_message(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(change): JsonBody<MessageChange>,
) -> Result<Json<VoicemailMessage>, Problem> {
    let marks = MessageMarks {
        heard: change.heard,
        handled: change.handled,
    };
    message(&app, &may, id).await?;
    let actor = &may.caller.actor;
    let message = app
        .pbx
        .mark_message(VoicemailMessageId(id), marks, actor)
        .await?;
    Ok(Json(message))
}

/// Deletes a message and its sound. Its entry stays and says by whom.
#[utoipa::path(
    delete, path = "/voicemail-messages/{id}", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the message")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn delete_message(
    State(app): State<App>,
    may: Access,
    Extension(peer): Extension<Peer>,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    let message = message(&app, &may, id).await?;
    let action = RecordingAccessKind::Deleted;
    access(&app, &may.caller, peer, message.id, action).await?;
    app.pbx
        .delete_message(message.id, &may.caller.actor)
        .await?;
    tracing::info!(message = id, by = %may.caller.actor, "voice message deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Who listened to, downloaded or deleted a message, latest first.
#[utoipa::path(
    get, path = "/voicemail-messages/{id}/accesses", tag = "calls", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the message")),
    responses((status = 200, body = [RecordingAccess]), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn message_accesses(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<Vec<RecordingAccess>>, Problem> {
    let message = app.store.message(VoicemailMessageId(id)).await?;
    Ok(Json(app.store.message_accesses(message.id).await?))
}

/// What holds for all voicemail boxes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VoicemailSettings {
    /// What callers hear where neither the box nor the number has a greeting; null is the gateway's own words.
    greeting: Option<AudioFileId>,
}

/// What holds for all voicemail boxes.
#[utoipa::path(
    get, path = "/voicemail-settings", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = VoicemailSettings), Unauthenticated, Forbidden, Common)
)]
pub async fn show_voicemail_settings(State(app): State<App>, _: Access) -> Json<VoicemailSettings> {
    let configuration = app.store.configuration();
    let company = configuration.company();
    Json(VoicemailSettings {
        greeting: company.and_then(|company| company.voicemail_greeting),
    })
}

/// Changes what holds for all voicemail boxes.
#[utoipa::path(
    put, path = "/voicemail-settings", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body = VoicemailSettings,
    responses((status = 200, body = VoicemailSettings), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn replace_voicemail_settings(
    State(app): State<App>,
    may: Access,
    JsonBody(settings): JsonBody<VoicemailSettings>,
) -> Result<Json<VoicemailSettings>, Problem> {
    app.store
        .change_voicemail_greeting(&may.caller.actor, settings.greeting)
        .await?;
    Ok(Json(settings))
}

async fn access(
    app: &App,
    caller: &Caller,
    peer: Peer,
    id: VoicemailMessageId,
    action: RecordingAccessKind,
) -> Result<(), Problem> {
    let address = match peer {
        Peer::Network { source, .. } => source.to_string(),
        Peer::Local { .. } => String::new(),
    };
    app.store
        .message_accessed(id, &caller.actor, address, action)
        .await?;
    Ok(())
}
