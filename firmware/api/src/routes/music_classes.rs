//! Classes of music on hold.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{StatusCode, header};
use ramal_model::{
    AudioFileId, MusicClass, MusicClassId, MusicClassInput, MusicOrder, MusicPosition,
    NewAudioFile, UsedBy, code,
};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use super::audio_files::{stem, store_upload};
use super::{ObjectId, no_such};
use crate::app::App;
use crate::body::JsonBody;
use crate::document::{BadBody, Common, Conflict, Forbidden, NoSuchObject, Unauthenticated};
use crate::form::Form;
use crate::permit::Access;
use crate::problem::Problem;

/// A class of music and who hears it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MusicClassRow {
    /// The class.
    #[serde(flatten)]
    class: MusicClass,
    /// Who hears it; it cannot be deleted while there is anybody.
    used_by: Vec<UsedBy>,
}

impl MusicClassRow {
    fn now(app: &App, class: MusicClass) -> Self {
        Self {
            used_by: app.store.configuration().users_of_music_class(class.id),
            class,
        }
    }
}

/// A new class with the files it plays, as a form.
#[derive(ToSchema)]
#[allow(dead_code, reason = "only described; forms are read part by part")]
pub struct MusicClassForm {
    /// 1-64 characters, unique.
    name: String,
    /// At most 200 characters.
    description: Option<String>,
    /// Defaults to `listed`.
    order: Option<MusicOrder>,
    /// Defaults to `own_of_caller`.
    position: Option<MusicPosition>,
    /// At most 20 files; each becomes an audio file named after it.
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<Vec<u8>>,
}

/// All classes of music, by name.
#[utoipa::path(
    get, path = "/music-classes", tag = "telephony", security(("session" = []), ("token" = [])),
    responses((status = 200, body = [MusicClassRow]), Unauthenticated, Forbidden, Common)
)]
pub async fn list_music_classes(State(app): State<App>, _: Access) -> Json<Vec<MusicClassRow>> {
    let configuration = app.store.configuration();
    let row = |class: &MusicClass| MusicClassRow::now(&app, class.clone());
    Json(configuration.music_classes().iter().map(row).collect())
}

/// Makes a class of music: of audio files that there are, or as a form with the files themselves.
#[utoipa::path(
    post, path = "/music-classes", tag = "telephony", security(("session" = []), ("token" = [])),
    request_body(content(
        (MusicClassInput = "application/json"),
        (MusicClassForm = "multipart/form-data"),
    )),
    responses((status = 201, body = MusicClassRow), Unauthenticated, Forbidden, BadBody, Common)
)]
pub async fn create_music_class(
    State(app): State<App>,
    may: Access,
    request: Request,
) -> Result<(StatusCode, Json<MusicClassRow>), Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_form = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    let class = if is_form {
        create_with_files(&app, &may, request).await?
    } else {
        let JsonBody(input) = JsonBody::<MusicClassInput>::from_request(request, &app).await?;
        app.store
            .create_music_class(&may.caller.actor, input)
            .await?
    };
    Ok((StatusCode::CREATED, Json(MusicClassRow::now(&app, class))))
}

/// All or nothing: when the class or one of its files is refused, no file stays.
async fn create_with_files(
    app: &App,
    may: &Access,
    request: Request,
) -> Result<MusicClass, Problem> {
    let mut form = Form::read(app, request).await?;
    let mut input = MusicClassInput {
        name: Some(form.field("name")),
        description: Some(form.field("description")),
        files: None,
        order: choice(&mut form, "order")?,
        position: choice(&mut form, "position")?,
    };
    form.finish()?;
    // Before the work of reading the files.
    input.validate_new(MusicClassId(0), &app.store.configuration())?;
    let mut made = Vec::new();
    let mut result = Ok(());
    for (index, file) in std::mem::take(&mut form.files).into_iter().enumerate() {
        let name = free_name(app, &stem(&file.name), index);
        let new = NewAudioFile {
            name,
            description: String::new(),
        };
        match store_upload(app, &may.caller.actor, new, file).await {
            Ok(file) => made.push(file),
            Err(problem) => {
                result = Err(problem);
                break;
            }
        }
    }
    let result = match result {
        Ok(()) => {
            input.files = Some(
                made.iter()
                    .map(|file| file.id)
                    .collect::<Vec<AudioFileId>>(),
            );
            let stored = app.store.create_music_class(&may.caller.actor, input).await;
            stored.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    if result.is_err() {
        for file in made {
            if app
                .store
                .delete_audio_file(&may.caller.actor, file.id)
                .await
                .is_ok()
            {
                app.studio.delete(&file.key);
            }
        }
    }
    result
}

/// A name that no audio file has yet.
fn free_name(app: &App, wish: &str, index: usize) -> String {
    let wish = match wish.trim() {
        "" => format!("{}", index + 1),
        wish => wish.chars().take(58).collect(),
    };
    let configuration = app.store.configuration();
    let taken = |name: &str| {
        let name = name.to_lowercase();
        configuration
            .audio_files()
            .iter()
            .any(|file| file.name.to_lowercase() == name)
    };
    std::iter::once(wish.clone())
        .chain((2..).map(|number| format!("{wish} ({number})")))
        .find(|name| !taken(name))
        .unwrap_or(wish)
}

/// A field that takes one of some words.
fn choice<T: DeserializeOwned>(form: &mut Form, name: &str) -> Result<Option<T>, Problem> {
    match form.field(name) {
        word if word.is_empty() => Ok(None),
        word => serde_json::from_value(serde_json::Value::String(word))
            .map(Some)
            .map_err(|error| Problem::invalid_field(name, code::INVALID, None, error.to_string())),
    }
}

/// One class of music.
#[utoipa::path(
    get, path = "/music-classes/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the class")),
    responses((status = 200, body = MusicClassRow), Unauthenticated, Forbidden, NoSuchObject, Common)
)]
pub async fn show_music_class(
    State(app): State<App>,
    _: Access,
    ObjectId(id): ObjectId,
) -> Result<Json<MusicClassRow>, Problem> {
    let configuration = app.store.configuration();
    let class = configuration
        .music_class(MusicClassId(id))
        .ok_or_else(|| no_such("class of music", id))?;
    Ok(Json(MusicClassRow::now(&app, class.clone())))
}

/// Changes a class of music; what is left out stays. Whoever listens hears the change at his next hold.
#[utoipa::path(
    patch, path = "/music-classes/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the class")), request_body = MusicClassInput,
    responses((status = 200, body = MusicClassRow), Unauthenticated, Forbidden, NoSuchObject, BadBody, Common)
)]
pub async fn change_music_class(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
    JsonBody(input): JsonBody<MusicClassInput>,
) -> Result<Json<MusicClassRow>, Problem> {
    let class = app
        .store
        .update_music_class(&may.caller.actor, MusicClassId(id), input)
        .await?;
    Ok(Json(MusicClassRow::now(&app, class)))
}

/// Deletes a class of music that nobody hears; its audio files stay.
#[utoipa::path(
    delete, path = "/music-classes/{id}", tag = "telephony", security(("session" = []), ("token" = [])),
    params(("id" = i64, Path, description = "Id of the class")),
    responses((status = 204), Unauthenticated, Forbidden, NoSuchObject, Conflict, Common)
)]
pub async fn delete_music_class(
    State(app): State<App>,
    may: Access,
    ObjectId(id): ObjectId,
) -> Result<StatusCode, Problem> {
    app.store
        .delete_music_class(&may.caller.actor, MusicClassId(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
