//! Archives of the whole gateway: made, kept, taken in, and restored.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use ramal_archive::{
    About, AgeError, ArchiveError, ArchiveFile, ArchiveKind, Contents, Difference, Holdings,
    Identity, MAX_KEYS, Order, Parts, Passphrase, PublicKey, Recipient, Report, Restored, Schedule,
    SecretKey,
};
use ramal_lines::dahdi;
use ramal_model::{Invalid, Secret, code};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

use crate::app::App;
use crate::body::JsonBody;
use crate::document::{
    BadBody, Common, Conflict, Forbidden, NoSuchObject, NoSuchPart, Unauthenticated,
};
use crate::file;
use crate::permit::Access;
use crate::problem::Problem;

const MEDIA_TYPE: &str = "application/age";
/// Characters of a passphrase. Whoever has the archive may try as many as he likes.
const PASSPHRASE: std::ops::RangeInclusive<usize> = 10..=256;

/// The archives on the gateway.
#[derive(Debug, Serialize, ToSchema)]
pub struct Backups {
    /// The archives, the newest first.
    archives: Vec<ArchiveFile>,
    /// What is being made, and why the last one could not be made.
    #[serde(flatten)]
    state: ramal_archive::State,
    /// What the gateway was restored from last.
    restored: Option<Restored>,
}

/// The archives on the gateway, and what is being made.
#[utoipa::path(
    get, path = "/backups", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = Backups), Unauthenticated, Forbidden, Common)
)]
pub async fn list_backups(State(app): State<App>, _: Access) -> Result<Json<Backups>, Problem> {
    let archives = app.archives.clone();
    let listed = tokio::task::spawn_blocking(move || archives.list()).await;
    Ok(Json(Backups {
        archives: listed.map_err(|error| Problem::internal(error.to_string()))?,
        state: app.archives.state(),
        restored: app.store.restored().await?,
    }))
}

/// An archive to be made. It is encrypted with the passphrase, or for the owners of the keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupOrder {
    /// What goes into it besides settings and uploaded sounds.
    #[serde(default)]
    parts: Parts,
    /// 10-256 characters. It is kept nowhere: without it the archive cannot be opened.
    passphrase: Option<Secret>,
    /// Public keys (`age1…`), at most 10, instead of a passphrase.
    #[serde(default)]
    keys: Vec<String>,
}

impl BackupOrder {
    fn read(self) -> Result<Order, Invalid> {
        let recipient = match (self.passphrase, self.keys.as_slice()) {
            (Some(passphrase), []) => {
                let text = passphrase.as_str();
                if !PASSPHRASE.contains(&text.chars().count()) {
                    let (code, message) = match text.chars().count() < *PASSPHRASE.start() {
                        true => (code::TOO_SHORT, "must have at least 10 characters"),
                        false => (code::TOO_LONG, "must have at most 256 characters"),
                    };
                    return Err(Invalid::one("passphrase", code, Some("10-256"), message));
                }
                Recipient::Passphrase(Passphrase::new(text.to_owned()))
            }
            (Some(_), _) => {
                let message = "give either a passphrase or keys";
                return Err(Invalid::one("keys", code::TOO_MANY, None, message));
            }
            (None, []) => {
                let message = "give a passphrase, or the keys of whom may open it";
                return Err(Invalid::one("passphrase", code::REQUIRED, None, message));
            }
            (None, keys) if keys.len() > MAX_KEYS => {
                let message = "takes at most 10 keys";
                return Err(Invalid::one("keys", code::TOO_MANY, Some("10"), message));
            }
            (None, keys) => Recipient::Keys(read_keys(keys)?),
        };
        Ok(Order {
            parts: self.parts,
            recipient,
            kind: ArchiveKind::Manual,
        })
    }
}

fn read_keys(keys: &[String]) -> Result<Vec<PublicKey>, Invalid> {
    let read = |(at, key): (usize, &String)| {
        key.parse().map_err(|_| {
            let message = "is no public key; one begins with age1";
            Invalid::one(
                &format!("keys[{at}]"),
                code::INVALID,
                Some("age1…"),
                message,
            )
        })
    };
    keys.iter().enumerate().map(read).collect()
}

/// An archive that is being made.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupStarted {
    /// Its name, under which it is listed when it is whole.
    file: String,
}

/// Begins to make an archive that is kept on the gateway. Calls go on.
#[utoipa::path(
    post, path = "/backups", tag = "gateway", security(("session" = []), ("token" = [])), request_body = BackupOrder,
    responses((status = 202, body = BackupStarted), Unauthenticated, Forbidden, BadBody, Conflict, Common)
)]
pub async fn make_backup(
    State(app): State<App>,
    _: Access,
    JsonBody(order): JsonBody<BackupOrder>,
) -> Result<(StatusCode, Json<BackupStarted>), Problem> {
    let file = app.archives.start(order.read()?).map_err(problem)?;
    Ok((StatusCode::ACCEPTED, Json(BackupStarted { file })))
}

/// Makes an archive and sends it while it is made; nothing of it stays on the gateway. An archive that breaks off is
/// noticed when it is opened.
#[utoipa::path(
    post, path = "/backups/stream", tag = "gateway", security(("session" = []), ("token" = [])), request_body = BackupOrder,
    responses((status = 200, body = Vec<u8>, content_type = "application/age"), Unauthenticated, Forbidden, BadBody,
        Conflict, Common)
)]
pub async fn stream_backup(
    State(app): State<App>,
    _: Access,
    JsonBody(order): JsonBody<BackupOrder>,
) -> Result<Response, Problem> {
    let pieces = app.archives.stream(order.read()?).map_err(problem)?;
    let pieces = stream::unfold(pieces, |mut pieces| async move {
        pieces.recv().await.map(|piece| (piece, pieces))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let media_type = HeaderValue::from_static(MEDIA_TYPE);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

/// Takes in an archive that somebody brings: the body is the file. It is looked at by `check` and `restore`.
#[utoipa::path(
    post, path = "/backups/upload", tag = "gateway", security(("session" = []), ("token" = [])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = ArchiveFile), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn upload_backup(
    State(app): State<App>,
    _: Access,
    request: Request,
) -> Result<(StatusCode, Json<ArchiveFile>), Problem> {
    let mut upload = app.archives.receive().map_err(problem)?;
    let mut body = request.into_body().into_data_stream();
    while let Some(octets) = body.next().await {
        let octets = octets.map_err(|_| Problem::malformed("The request body broke off."))?;
        upload.append(&octets).await.map_err(problem)?;
    }
    let archive = upload.finish().await.map_err(problem)?;
    Ok((StatusCode::CREATED, Json(archive)))
}

/// An archive as a file. Ranges may be asked for.
#[utoipa::path(
    get, path = "/backups/{file}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("file" = String, Path, description = "Name of the archive")),
    responses((status = 200, body = Vec<u8>, content_type = "application/age"),
        (status = 206, body = Vec<u8>, content_type = "application/age", description = "The range asked for."),
        Unauthenticated, Forbidden, NoSuchObject, NoSuchPart, Common)
)]
pub async fn download_backup(
    State(app): State<App>,
    _: Access,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let path = app.archives.path(&name).map_err(problem)?;
    let saved_as = format!("ramal-{name}");
    let sent = file::Sent {
        media_type: MEDIA_TYPE,
        name: &saved_as,
    };
    let mut response = file::serve(&path, sent, &headers).await?;
    let disposition = format!("attachment; filename=\"{saved_as}\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Deletes an archive.
#[utoipa::path(
    delete, path = "/backups/{file}", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("file" = String, Path, description = "Name of the archive")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn delete_backup(
    State(app): State<App>,
    may: Access,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    app.archives.delete(&name).map_err(problem)?;
    tracing::info!(archive = name, by = %may.caller.actor, "an archive was deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// What opens an archive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupSecret {
    /// The passphrase, or the secret half of a key (`AGE-SECRET-KEY-1…`).
    secret: Secret,
}

/// What an archive holds, and what restoring it changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupReport {
    /// What it says of itself.
    about: About,
    /// Its files and their size.
    contents: Contents,
    /// By kind of object: how many there are, and what becomes of them.
    objects: BTreeMap<String, Difference>,
    /// What the gateway holds now.
    here: Holdings,
    /// Lines and spans that it names and this gateway does not have; their settings are kept, and wait for them.
    missing_hardware: Vec<String>,
    /// Objects that this version cannot read; they stay in the database, and nothing else of them is there.
    unread: Vec<String>,
    /// Secrets, such as passwords of trunks, that have to be entered again.
    lost_secrets: u64,
}

impl BackupReport {
    async fn new(app: &App, report: Report) -> Self {
        let lines = app.pbx.lines();
        let spans = tokio::task::spawn_blocking(dahdi::spans).await;
        let spans = spans.ok().and_then(Result::ok).unwrap_or_default();
        let configuration = &report.configuration;
        let ports = configuration.analogue_ports().iter().map(|port| &port.port);
        let ports = ports.filter(|port| !lines.iter().any(|line| line.name == **port));
        let devices = configuration.e1_trunks().iter().map(|trunk| &trunk.device);
        let devices = devices.filter(|device| !spans.iter().any(|span| span.name == **device));
        Self {
            missing_hardware: ports.chain(devices).cloned().collect(),
            about: report.about,
            contents: report.contents,
            objects: report.differences,
            here: report.here,
            unread: report.unread,
            lost_secrets: report.lost_secrets,
        }
    }
}

/// Opens an archive and says what it holds and what restoring it would change. Nothing is changed.
#[utoipa::path(
    post, path = "/backups/{file}/check", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("file" = String, Path, description = "Name of the archive")), request_body = BackupSecret,
    responses((status = 200, body = BackupReport), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common)
)]
pub async fn check_backup(
    State(app): State<App>,
    _: Access,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<BackupSecret>,
) -> Result<Json<BackupReport>, Problem> {
    let report = app.archives.check(&name, identity(body)).await;
    Ok(Json(
        BackupReport::new(&app, report.map_err(problem)?).await,
    ))
}

/// Restores an archive: opens and checks it as `check` does, then the gateway starts again with it. Calls in progress end,
/// everybody has to log in again. The network stays as it is.
#[utoipa::path(
    post, path = "/backups/{file}/restore", tag = "gateway", security(("session" = []), ("token" = [])),
    params(("file" = String, Path, description = "Name of the archive")), request_body = BackupSecret,
    responses((status = 202, body = BackupReport), Unauthenticated, Forbidden, NoSuchObject, BadBody, Conflict, Common)
)]
pub async fn restore_backup(
    State(app): State<App>,
    may: Access,
    Path(name): Path<String>,
    JsonBody(body): JsonBody<BackupSecret>,
) -> Result<(StatusCode, Json<BackupReport>), Problem> {
    let actor = may.caller.actor.clone();
    let restored = app.archives.restore(&name, identity(body), actor).await;
    let report = BackupReport::new(&app, restored.map_err(problem)?).await;
    tracing::warn!(archive = name, by = %may.caller.actor, "an archive is restored: the gateway starts again");
    app.again.notify_one();
    Ok((StatusCode::ACCEPTED, Json(report)))
}

/// When archives are made by themselves.
#[utoipa::path(
    get, path = "/backup-schedule", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 200, body = Schedule), Unauthenticated, Forbidden, Common)
)]
pub async fn show_backup_schedule(
    State(app): State<App>,
    _: Access,
) -> Result<Json<Schedule>, Problem> {
    Ok(Json(app.archives.schedule().await.map_err(problem)?))
}

/// Changes when archives are made by themselves.
#[utoipa::path(
    put, path = "/backup-schedule", tag = "gateway", security(("session" = []), ("token" = [])), request_body = Schedule,
    responses((status = 200, body = Schedule), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn change_backup_schedule(
    State(app): State<App>,
    _: Access,
    JsonBody(schedule): JsonBody<Schedule>,
) -> Result<Json<Schedule>, Problem> {
    app.archives
        .set_schedule(&schedule)
        .await
        .map_err(problem)?;
    Ok(Json(schedule))
}

/// A new pair of keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupKey {
    /// Archives are encrypted for it.
    public: String,
    /// Opens them. It is shown this once, and kept nowhere on the gateway.
    secret: String,
}

/// Makes a pair of keys for scheduled archives. The gateway keeps neither half.
#[utoipa::path(
    post, path = "/backup-keys", tag = "gateway", security(("session" = []), ("token" = [])),
    responses((status = 201, body = BackupKey), Unauthenticated, Forbidden, Common)
)]
pub async fn make_backup_key(_: Access) -> Result<(StatusCode, Json<BackupKey>), Problem> {
    let key = SecretKey::generate().map_err(|error| problem(error.into()))?;
    let pair = BackupKey {
        public: key.public().to_string(),
        secret: key.to_text().to_string(),
    };
    Ok((StatusCode::CREATED, Json(pair)))
}

fn identity(body: BackupSecret) -> Identity {
    Identity::from_text(body.secret.as_str().to_owned())
}

/// The refusal of an archive.
fn problem(error: ArchiveError) -> Problem {
    let message = error.to_string();
    let of = |field: &str, code: &str| Problem::invalid_field(field, code, None, &*message);
    match &error {
        ArchiveError::Age(AgeError::WrongSecret) => of("secret", code::WRONG_SECRET),
        ArchiveError::Age(AgeError::OtherSecret(_)) => of("secret", code::OTHER_SECRET),
        ArchiveError::Age(AgeError::Foreign | AgeError::TooCostly(_))
        | ArchiveError::Foreign(_)
        | ArchiveError::Unexpected(_) => of("file", code::NOT_ARCHIVE),
        ArchiveError::Age(AgeError::Truncated | AgeError::Damaged) | ArchiveError::Damaged(_) => {
            of("file", code::DAMAGED_ARCHIVE)
        }
        ArchiveError::Newer { known, .. } => {
            let limit = Some(known.to_string());
            Problem::invalid_field("file", code::NEWER_SCHEMA, limit, message)
        }
        ArchiveError::NotFound(_) => Problem::not_found(message),
        ArchiveError::Busy => Problem::conflict(message),
        ArchiveError::DiskFull => Problem::unavailable(message),
        ArchiveError::Store(store) => store.clone().into(),
        ArchiveError::Age(_) | ArchiveError::File { .. } => {
            tracing::error!(%error, "archives");
            Problem::internal(
                "The archive could not be made or read. The gateway's log has the reason.",
            )
        }
    }
}
