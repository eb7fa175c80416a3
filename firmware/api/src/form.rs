//! Uploads: `multipart/form-data` (RFC 7578), or the file itself as the body. Files go to the disk as they come.

use std::collections::HashMap;

use axum::extract::{FromRequest, Multipart, Query, Request};
use axum::http::header;
use futures_util::StreamExt;
use ramal_model::code;
use ramal_sounds::{MAX_OCTETS, MAX_SECONDS, SoundError, Upload};

use crate::app::App;
use crate::problem::Problem;

/// Files of one request.
const FILES: usize = 20;
/// Fields of one request that are no files, and octets of each.
const FIELDS: usize = 20;
const FIELD: usize = 16 << 10;

/// A file that was uploaded.
pub struct UploadedFile {
    /// What it was called; blank when that was not said.
    pub name: String,
    /// The content.
    pub content: Upload,
}

/// What came with a request.
#[derive(Default)]
pub struct Form {
    fields: HashMap<String, String>,
    /// The files, in their order.
    pub files: Vec<UploadedFile>,
}

impl Form {
    /// Takes a field out; blank when it was not given.
    pub fn field(&mut self, name: &str) -> String {
        self.fields.remove(name).unwrap_or_default()
    }

    /// Refuses what nobody took.
    pub fn finish(&self) -> Result<(), Problem> {
        match self.fields.keys().next() {
            Some(name) => Err(Problem::invalid_field(
                name.clone(),
                code::UNKNOWN_FIELD,
                None,
                "is not a field of this form",
            )),
            None => Ok(()),
        }
    }

    /// The only file.
    pub fn single(&mut self) -> Result<UploadedFile, Problem> {
        match (self.files.pop(), self.files.is_empty()) {
            (Some(file), true) => Ok(file),
            (None, _) => Err(Problem::invalid_field(
                "file",
                code::REQUIRED,
                None,
                "a file is needed",
            )),
            (Some(_), false) => Err(Problem::invalid_field(
                "file",
                code::TOO_MANY,
                Some("1".to_owned()),
                "takes one file",
            )),
        }
    }

    /// Reads a request of either kind. A body that is no form is a file, its fields are in the query.
    pub async fn read(app: &App, request: Request) -> Result<Self, Problem> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if kind.starts_with("multipart/form-data") {
            let form = Multipart::from_request(request, &()).await;
            let form = form.map_err(|error| Problem::malformed(error.body_text()))?;
            return Self::read_parts(app, form).await;
        }
        let query = Query::<HashMap<String, String>>::try_from_uri(request.uri());
        let Query(mut fields) = query.map_err(|error| Problem::malformed(error.body_text()))?;
        let mut content = app.studio.upload().await.map_err(problem)?;
        let mut body = request.into_body().into_data_stream();
        while let Some(octets) = body.next().await {
            let octets = octets.map_err(|_| Problem::malformed("The request body broke off."))?;
            content.append(&octets).await.map_err(problem)?;
        }
        let name = fields.remove("file_name").unwrap_or_default();
        Ok(Self {
            fields,
            files: vec![UploadedFile { name, content }],
        })
    }

    async fn read_parts(app: &App, mut form: Multipart) -> Result<Self, Problem> {
        let broken =
            |error: axum::extract::multipart::MultipartError| Problem::malformed(error.body_text());
        let mut read = Self::default();
        while let Some(mut part) = form.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            if let Some(file_name) = part.file_name().map(str::to_owned) {
                if read.files.len() >= FILES {
                    let limit = Some(FILES.to_string());
                    let message = format!("takes at most {FILES} files at once");
                    return Err(Problem::invalid_field(
                        "file",
                        code::TOO_MANY,
                        limit,
                        message,
                    ));
                }
                let mut content = app.studio.upload().await.map_err(problem)?;
                while let Some(octets) = part.chunk().await.map_err(broken)? {
                    content.append(&octets).await.map_err(problem)?;
                }
                read.files.push(UploadedFile {
                    name: file_name,
                    content,
                });
                continue;
            }
            let mut value = Vec::new();
            while let Some(octets) = part.chunk().await.map_err(broken)? {
                value.extend_from_slice(&octets);
                if value.len() > FIELD || read.fields.len() >= FIELDS {
                    return Err(Problem::too_large("A field of the form is too long."));
                }
            }
            let value = String::from_utf8(value)
                .map_err(|_| Problem::malformed("A field of the form is not UTF-8."))?;
            read.fields.insert(name, value);
        }
        Ok(read)
    }
}

/// The refusal of a sound.
pub fn problem(error: SoundError) -> Problem {
    let message = error.to_string();
    let field = |code, limit: Option<u64>| {
        Problem::invalid_field(
            "file",
            code,
            limit.map(|limit| limit.to_string()),
            &*message,
        )
    };
    match &error {
        SoundError::NotSound { .. } => field(code::NOT_SOUND, None),
        SoundError::Damaged { .. } | SoundError::TooCostly => field(code::DAMAGED_SOUND, None),
        SoundError::Empty => field(code::NO_SOUND, None),
        SoundError::TooLarge { .. } => field(code::TOO_LARGE, Some(MAX_OCTETS >> 20)),
        SoundError::TooLong { .. } => field(code::PLAYS_TOO_LONG, Some((MAX_SECONDS / 60).into())),
        SoundError::Unspeakable(_) => {
            Problem::invalid_field("text", code::UNSPEAKABLE, None, message)
        }
        SoundError::NoVoice(_) => Problem::invalid_field("language", code::NO_VOICE, None, message),
        SoundError::Busy => Problem::unavailable(message).retry_after(5),
        SoundError::DiskFull => {
            tracing::error!(%error, "a sound was not stored");
            Problem::unavailable(message)
        }
        SoundError::File { .. } => {
            tracing::error!(%error, "a sound was not stored");
            Problem::internal("The sound could not be stored. The gateway's log has the reason.")
        }
    }
}
