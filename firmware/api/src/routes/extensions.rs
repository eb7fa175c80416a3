//! Extensions.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ramal_model::{
    ClassOfService, CompanyId, Extension, ExtensionChange, ExtensionId, Language, MediaEncryption,
    MusicClassId, NewExtension, PickupGroups, RecordingMode, Secret,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::permit::Access;
use crate::problem::Problem;

/// An extension with what is registered for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExtensionRow {
    /// Stays the same when the number changes.
    id: ExtensionId,
    /// 2-7 digits, unique; also the user name of digest authentication.
    number: String,
    /// Caller name inside the company.
    display_name: String,
    /// The company it belongs to: that of its user where it has one; 0 is the one that the gateway is set up for.
    company: CompanyId,
    /// Language of prompts it hears; null follows the company.
    language: Option<Language>,
    /// A disabled extension can neither register nor call nor be called.
    enabled: bool,
    /// Simultaneous calls, 1-20.
    max_calls: u8,
    /// Seconds it rings before a call counts as not answered, 5-300.
    ring_time: u16,
    /// Whether the media of its phones is encrypted.
    media_encryption: MediaEncryption,
    /// What those hear whom it holds; null follows the company.
    music_class: Option<MusicClassId>,
    /// Whether its calls are recorded; null follows the company.
    recording: Option<RecordingMode>,
    /// Where all its calls go, as it would be dialled there; null rings its phones.
    forward_all: Option<String>,
    /// Where calls go while it is busy.
    forward_busy: Option<String>,
    /// Where calls go that nobody takes there, also because no phone of it is registered.
    forward_no_answer: Option<String>,
    /// Whether it takes no calls; it counts as not there then.
    do_not_disturb: bool,
    /// Whether phones in browsers, and others that signal over WebSocket, may be its phones.
    webrtc_allowed: bool,
    /// What it may call outside, and how much.
    class_of_service: ClassOfService,
    /// Whose calls it may take while they ring, and who may take its own.
    pickup_groups: PickupGroups,
    /// Phones registered now.
    registrations: usize,
}

impl ExtensionRow {
    fn new(extension: &Extension, registrations: usize) -> Self {
        let Extension {
            id,
            number,
            display_name,
            company,
            language,
            enabled,
            max_calls,
            ring_time,
            media_encryption,
            music_class,
            recording,
            forward_all,
            forward_busy,
            forward_no_answer,
            do_not_disturb,
            webrtc_allowed,
            class_of_service,
            pickup_groups,
        } = extension.clone();
        Self {
            id,
            number,
            display_name,
            company,
            language,
            enabled,
            max_calls,
            ring_time,
            media_encryption,
            music_class,
            recording,
            forward_all,
            forward_busy,
            forward_no_answer,
            do_not_disturb,
            webrtc_allowed,
            class_of_service,
            pickup_groups,
            registrations,
        }
    }

    fn now(app: &App, extension: &Extension) -> Self {
        let live = app.pbx.live();
        let registered = live
            .registrations
            .iter()
            .filter(|one| one.extension == extension.number)
            .count();
        Self::new(extension, registered)
    }
}

/// An extension and, when there is a new one, its secret. The secret is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExtensionSecret {
    /// The extension.
    extension: ExtensionRow,
    /// Password for the phone's SIP account; null when it has not changed.
    #[schema(value_type = Option<String>)]
    secret: Option<Secret>,
}

/// All extensions, by number.
#[utoipa::path(
    get, path = "/extensions", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [ExtensionRow]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_extensions(State(app): State<App>, may: Access) -> Json<Vec<ExtensionRow>> {
    let live = app.pbx.live();
    let mut registered: HashMap<&str, usize> = HashMap::new();
    for registration in &live.registrations {
        *registered.entry(&registration.extension).or_default() += 1;
    }
    let configuration = app.store.configuration();
    let row = |extension: &Extension| {
        ExtensionRow::new(
            extension,
            registered
                .get(extension.number.as_str())
                .copied()
                .unwrap_or(0),
        )
    };
    let own = may.limit(&app);
    let extensions = configuration.extensions().iter();
    let theirs = extensions.filter(|one| own.is_none_or(|own| own == one.company));
    Json(theirs.map(row).collect())
}

/// Makes an extension and its secret.
#[utoipa::path(
    post, path = "/extensions", tag = "telephony", security(("session" = []), ("token" = [])), request_body = NewExtension,
    responses((status = 201, body = ExtensionSecret), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_extension(
    State(app): State<App>,
    may: Access,
    JsonBody(mut input): JsonBody<NewExtension>,
) -> Result<(StatusCode, Json<ExtensionSecret>), Problem> {
    may.adopt(&app, &mut input.company)?;
    let (extension, secret) = app.store.create_extension(&may.caller.actor, input).await?;
    let extension = ExtensionRow::new(&extension, 0);
    Ok((
        StatusCode::CREATED,
        Json(ExtensionSecret {
            extension,
            secret: Some(secret),
        }),
    ))
}

/// One extension.
#[utoipa::path(
    get, path = "/extensions/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the extension")),
    responses((status = 200, body = ExtensionRow), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_extension(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<ExtensionRow>, Problem> {
    may.of_extension(&app, ExtensionId(id))?;
    let configuration = app.store.configuration();
    let extension = configuration
        .extension(ExtensionId(id))
        .ok_or_else(|| no_such("extension", id))?;
    Ok(Json(ExtensionRow::now(&app, extension)))
}

/// Changes an extension; what is left out stays. A new number brings a new secret.
#[utoipa::path(
    patch, path = "/extensions/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the extension")), request_body = ExtensionChange,
    responses((status = 200, body = ExtensionSecret), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_extension(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(input): JsonBody<ExtensionChange>,
) -> Result<Json<ExtensionSecret>, Problem> {
    may.of_extension(&app, ExtensionId(id))?;
    if let Some(company) = input.company {
        may.of_company(&app, company)?;
    }
    let (extension, secret) = app
        .store
        .update_extension(&may.caller.actor, ExtensionId(id), input)
        .await?;
    Ok(Json(ExtensionSecret {
        extension: ExtensionRow::now(&app, &extension),
        secret,
    }))
}

/// Deletes an extension; its phones are un-registered, its calls in progress go on.
#[utoipa::path(
    delete, path = "/extensions/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the extension")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn delete_extension(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    may.of_extension(&app, ExtensionId(id))?;
    app.store
        .delete_extension(&may.caller.actor, ExtensionId(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the extension's secret.
#[utoipa::path(
    post, path = "/extensions/{id}/secret", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the extension")),
    responses((status = 200, body = ExtensionSecret), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn renew_secret(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<ExtensionSecret>, Problem> {
    may.of_extension(&app, ExtensionId(id))?;
    let secret = app
        .store
        .regenerate_secret(&may.caller.actor, ExtensionId(id))
        .await?;
    let configuration = app.store.configuration();
    let extension = configuration
        .extension(ExtensionId(id))
        .ok_or_else(|| no_such("extension", id))?;
    Ok(Json(ExtensionSecret {
        extension: ExtensionRow::now(&app, extension),
        secret: Some(secret),
    }))
}
