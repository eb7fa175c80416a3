//! Audio files: uploaded or spoken.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ramal_model::{
    AudioFile, AudioFileChange, AudioFileId, AudioOrigin, NewAudioFile, Recorded, SpeechInput,
    UsedBy,
};
use ramal_sounds::{Taken, Voice};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{
    BadBody, BadQuery, Common, Conflict, Forbidden, NoSuchObject, NoSuchPart, Unauthenticated,
};
use crate::file::{self, Sent};
use crate::form::{Form, UploadedFile, problem};
use crate::permit::Access;
use crate::problem::Problem;
use crate::query::Parameters;

/// An audio file and who plays it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AudioFileRow {
    /// The audio file.
    #[serde(flatten)]
    file: AudioFile,
    /// What plays it; it cannot be deleted while there is anything.
    used_by: Vec<UsedBy>,
    /// Whether the sound is on this gateway: after an import from another one it has to be uploaded or spoken again.
    present: bool,
}

impl AudioFileRow {
    fn now(app: &App, file: AudioFile) -> Self {
        Self {
            used_by: app.store.configuration().users_of_audio_file(file.id),
            present: app.studio.played(&file.key).is_file(),
            file,
        }
    }
}

/// A new audio file that is spoken.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSpeech {
    /// 1-64 characters, unique.
    name: String,
    /// At most 200 characters.
    #[serde(default)]
    description: String,
    /// 1-2,000 characters.
    text: String,
    /// Language to speak it in.
    language: ramal_model::Language,
}

/// A new audio file that is uploaded, as a form.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only described; forms are read part by part")]
pub struct AudioFileForm {
    /// 1-64 characters, unique; the file's name without its end when blank.
    name: Option<String>,
    /// At most 200 characters.
    description: Option<String>,
    /// WAV, MP3, Ogg (Opus or Vorbis) or FLAC, at most 20 MB and 30 minutes.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A sound in place of another one, as a form.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only described; forms are read part by part")]
pub struct SoundForm {
    /// WAV, MP3, Ogg (Opus or Vorbis) or FLAC, at most 20 MB and 30 minutes.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Which form of a sound is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct WhichSound {
    /// The file as it was uploaded instead of what callers hear.
    original: bool,
}

/// All audio files, by name.
#[utoipa::path(
    get, path = "/audio-files", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [AudioFileRow]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_audio_files(State(app): State<App>, _: Access) -> Json<Vec<AudioFileRow>> {
    let configuration = app.store.configuration();
    let row = |file: &AudioFile| AudioFileRow::now(&app, file.clone());
    Json(configuration.audio_files().iter().map(row).collect())
}

/// Uploads a sound. It is checked by its content, brought to the level of the gateway's own prompts, and kept as it came,
/// too. Instead of a form the body may be the file itself, with `name`, `description` and `file_name` in the query.
#[utoipa::path(
    post, path = "/audio-files", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body(content(
        (AudioFileForm = "multipart/form-data"),
        (Vec<u8> = "application/octet-stream"),
    )),
    responses((status = 201, body = AudioFileRow), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn upload_audio_file(
    State(app): State<App>,
    may: Access,
    request: Request,
) -> Result<(StatusCode, Json<AudioFileRow>), Problem> {
    let mut form = Form::read(&app, request).await?;
    let file = form.single()?;
    let mut input = NewAudioFile {
        name: form.field("name"),
        description: form.field("description"),
    };
    form.finish()?;
    if input.name.trim().is_empty() {
        input.name = stem(&file.name);
    }
    input.check(&app.store.configuration())?;
    let made = store_upload(&app, &may.caller.actor, input, file).await?;
    Ok((StatusCode::CREATED, Json(AudioFileRow::now(&app, made))))
}

/// Makes an audio file of an upload.
pub(super) async fn store_upload(
    app: &App,
    actor: &ramal_model::Actor,
    input: NewAudioFile,
    file: UploadedFile,
) -> Result<AudioFile, Problem> {
    let taken = app.studio.take(file.content).await.map_err(problem)?;
    let key = taken.key.clone();
    let sound = uploaded(file.name, taken);
    let stored = app.store.create_audio_file(actor, input, sound).await;
    stored.map_err(|error| {
        app.studio.delete(&key);
        error.into()
    })
}

/// The name of a file without its end and without folders.
pub(super) fn stem(file_name: &str) -> String {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.chars().filter(|c| !c.is_control()).take(64).collect()
}

fn uploaded(file_name: String, taken: Taken) -> Recorded {
    Recorded {
        origin: AudioOrigin::Upload {
            file_name,
            format: taken.format.extension().to_owned(),
        },
        key: taken.key,
        duration_ms: taken.duration_ms,
        octets: taken.octets,
    }
}

async fn spoken(app: &App, input: &SpeechInput) -> Result<Recorded, Problem> {
    let origin = input.validate()?;
    let AudioOrigin::Speech { text, language } = &origin else {
        return Err(Problem::internal("A text became no text."));
    };
    let voice = Voice::of_language(language.tag())
        .ok_or_else(|| Problem::internal("A language of the gateway has no voice."))?;
    let taken = app.studio.speak(text, voice).await.map_err(problem)?;
    Ok(Recorded {
        key: taken.key,
        duration_ms: taken.duration_ms,
        octets: taken.octets,
        origin,
    })
}

/// Speaks a text into a new audio file.
#[utoipa::path(
    post, path = "/audio-files/speech", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body = NewSpeech,
    responses((status = 201, body = AudioFileRow), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn speak_audio_file(
    State(app): State<App>,
    may: Access,
    JsonBody(input): JsonBody<NewSpeech>,
) -> Result<(StatusCode, Json<AudioFileRow>), Problem> {
    let new = NewAudioFile {
        name: input.name,
        description: input.description,
    };
    new.check(&app.store.configuration())?;
    let speech = SpeechInput {
        text: input.text,
        language: input.language,
    };
    let sound = spoken(&app, &speech).await?;
    let key = sound.key.clone();
    let stored = app
        .store
        .create_audio_file(&may.caller.actor, new, sound)
        .await;
    let made = stored.inspect_err(|_| app.studio.delete(&key))?;
    Ok((StatusCode::CREATED, Json(AudioFileRow::now(&app, made))))
}

/// Speaks a text for whoever wants to hear it first; nothing is stored.
#[utoipa::path(
    post, path = "/speech", tag = "telephony", security(("session" = []), ("token" = [])), request_body = SpeechInput,
    responses(
        (status = 200, content_type = "audio/wav", body = Vec<u8>), Unauthenticated, Forbidden, BadBody, Common
    )
)]
pub async fn preview_speech(
    State(app): State<App>,
    _: Access,
    JsonBody(input): JsonBody<SpeechInput>,
) -> Result<Response, Problem> {
    let sound = spoken(&app, &input).await?;
    let sent = Sent {
        media_type: "audio/wav",
        name: "preview.wav",
    };
    // The open file outlives its name.
    let answer = file::serve(&app.studio.played(&sound.key), sent, &HeaderMap::new()).await;
    app.studio.delete(&sound.key);
    answer
}

/// One audio file.
#[utoipa::path(
    get, path = "/audio-files/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the audio file")),
    responses((status = 200, body = AudioFileRow), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_audio_file(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<AudioFileRow>, Problem> {
    Ok(Json(AudioFileRow::now(&app, found(&app, id)?)))
}

fn found(app: &App, id: i64) -> Result<AudioFile, Problem> {
    let configuration = app.store.configuration();
    configuration
        .audio_file(AudioFileId(id))
        .cloned()
        .ok_or_else(|| no_such("audio file", id))
}

/// Changes an audio file; what is left out stays.
#[utoipa::path(
    patch, path = "/audio-files/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the audio file")), request_body = AudioFileChange,
    responses((status = 200, body = AudioFileRow), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_audio_file(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(change): JsonBody<AudioFileChange>,
) -> Result<Json<AudioFileRow>, Problem> {
    found(&app, id)?;
    let sound = match &change.speech {
        Some(speech) => Some(spoken(&app, speech).await?),
        None => None,
    };
    replace(&app, &may.caller.actor, id, change, sound).await
}

async fn replace(
    app: &App,
    actor: &ramal_model::Actor,
    id: i64,
    change: AudioFileChange,
    sound: Option<Recorded>,
) -> Result<Json<AudioFileRow>, Problem> {
    let new = sound.as_ref().map(|sound| sound.key.clone());
    let stored = app
        .store
        .update_audio_file(actor, AudioFileId(id), change, sound)
        .await;
    let (before, after) = stored.inspect_err(|_| {
        if let Some(key) = &new {
            app.studio.delete(key);
        }
    })?;
    if before.key != after.key {
        app.studio.delete(&before.key);
    }
    Ok(Json(AudioFileRow::now(app, after)))
}

/// Deletes an audio file that nothing plays.
#[utoipa::path(
    delete, path = "/audio-files/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the audio file")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn delete_audio_file(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    let deleted = app
        .store
        .delete_audio_file(&may.caller.actor, AudioFileId(id))
        .await?;
    app.studio.delete(&deleted.key);
    Ok(StatusCode::NO_CONTENT)
}

/// The sound: what callers hear, or the file as it was uploaded.
#[utoipa::path(
    get, path = "/audio-files/{id}/sound", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the audio file"), WhichSound),
    responses(
        (status = 200, content((Vec<u8> = "audio/wav"), (Vec<u8> = "audio/mpeg"), (Vec<u8> = "audio/ogg"), (Vec<u8> = "audio/flac"))),
        (status = 206, content((Vec<u8> = "audio/wav"), (Vec<u8> = "audio/mpeg"), (Vec<u8> = "audio/ogg"), (Vec<u8> = "audio/flac"))),
        Unauthenticated, Forbidden, NoSuchObject, NoSuchPart, BadQuery, Common
    )
)]
pub async fn hear_audio_file(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
    Parameters(form): Parameters<WhichSound>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sound = found(&app, id)?;
    match (&sound.origin, form.original) {
        (AudioOrigin::Upload { file_name, format }, true) => {
            let media_type = match format.as_str() {
                "mp3" => "audio/mpeg",
                "ogg" => "audio/ogg",
                "flac" => "audio/flac",
                _ => "audio/wav",
            };
            let name = if file_name.is_empty() {
                &sound.name
            } else {
                file_name
            };
            let sent = Sent { media_type, name };
            file::serve(&app.studio.original(&sound.key), sent, &headers).await
        }
        _ => {
            let name = format!("{}.wav", sound.name);
            let sent = Sent {
                media_type: "audio/wav",
                name: &name,
            };
            file::serve(&app.studio.played(&sound.key), sent, &headers).await
        }
    }
}

/// Puts another sound in the place of an audio file's. Whoever hears the old one hears it to its end.
#[utoipa::path(
    put, path = "/audio-files/{id}/sound", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the audio file")),
    request_body(content(
        (SoundForm = "multipart/form-data"),
        (Vec<u8> = "application/octet-stream"),
    )),
    responses((status = 200, body = AudioFileRow), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn replace_sound(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    request: Request,
) -> Result<Json<AudioFileRow>, Problem> {
    found(&app, id)?;
    let mut form = Form::read(&app, request).await?;
    let file = form.single()?;
    form.finish()?;
    let taken = app.studio.take(file.content).await.map_err(problem)?;
    let sound = uploaded(file.name, taken);
    let change = AudioFileChange::default();
    replace(&app, &may.caller.actor, id, change, Some(sound)).await
}
