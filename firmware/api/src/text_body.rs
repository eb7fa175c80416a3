//! Request bodies that are files of text.

use axum::extract::Request;
use axum::http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::Problem;

/// Most bytes of such a file.
const LIMIT: usize = 4 * 1024 * 1024;

/// Reads a body of this media type as UTF-8.
///
/// # Errors
/// When it is of another type, longer than 4 MiB, broke off, or is not UTF-8.
pub async fn read(request: Request, media_type: &str) -> Result<String, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("missing");
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        return Err(Problem::unsupported_media_type(format!(
            "Content-Type is {kind}, it must be {media_type}."
        )));
    }
    let body = Limited::new(request.into_body(), LIMIT).collect().await;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::too_large(format!(
                "The file has more than {} MiB.",
                LIMIT / 1024 / 1024
            ))
        } else {
            Problem::malformed("The request body broke off.")
        }
    })?;
    let text = String::from_utf8(body.to_bytes().to_vec());
    text.map_err(|_| Problem::malformed("The file is not UTF-8. Save it as UTF-8."))
}
