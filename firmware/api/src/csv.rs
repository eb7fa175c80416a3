//! Files of comma-separated values (RFC 4180).

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use ramal_model::{Invalid, code};

use crate::problem::Problem;
use crate::query::given;

/// In which form a list is taken as a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// Comma-separated values.
    Csv,
}

/// The form that a request asks for; JSON when it says nothing.
///
/// # Errors
/// Names `format` when it is neither.
pub fn form(format: Option<String>) -> Result<Form, Invalid> {
    match given(format).as_deref() {
        None | Some("json") => Ok(Form::Json),
        Some("csv") => Ok(Form::Csv),
        Some(_) => {
            let message = "must be `json` or `csv`";
            Err(Invalid::one(
                "format",
                code::INVALID,
                Some("json, csv"),
                message,
            ))
        }
    }
}

/// One line with its end (RFC 4180 §2).
pub fn line<T: AsRef<str>>(fields: impl IntoIterator<Item = T>) -> String {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|field| field_of(field.as_ref()))
        .collect();
    fields.join(",") + "\r\n"
}

/// A field, in quotes where it needs them. What a spreadsheet would take for a formula is made a text.
fn field_of(text: &str) -> String {
    let mut letters = text.chars();
    let is_number =
        text.len() > 1 && letters.next().is_some() && letters.all(|letter| letter.is_ascii_digit());
    let is_formula = text.starts_with(['=', '@', '+', '-', '\t', '\r']) && !is_number;
    let text = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n', ';']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A time as ISO 8601 in UTC.
pub fn moment(at: i64) -> String {
    Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

/// Most bytes of a table that is brought in.
const LIMIT: usize = 4 * 1024 * 1024;

/// A request body that is a table in UTF-8.
pub struct CsvBody(pub String);

impl<S: Send + Sync> FromRequest<S> for CsvBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("missing");
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("text/csv") {
            return Err(Problem::unsupported_media_type(format!(
                "Content-Type is {kind}, it must be text/csv."
            )));
        }
        let body = Limited::new(request.into_body(), LIMIT).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Problem::too_large(format!("A table has at most {} MiB.", LIMIT / 1024 / 1024))
            } else {
                Problem::malformed("The request body broke off.")
            }
        })?;
        let text = String::from_utf8(body.to_bytes().to_vec());
        text.map(Self)
            .map_err(|_| Problem::malformed("The table is not UTF-8. Save it as CSV UTF-8."))
    }
}

/// An answer that is a file of this name.
///
/// # Errors
/// Never for names of plain letters.
pub fn file(name: &str, body: Body) -> Result<Response, Problem> {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, body).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_are_no_formulas() {
        assert_eq!(line(["a", "b,c", "d\"e"]), "a,\"b,c\",\"d\"\"e\"\r\n");
        assert_eq!(
            line(["=1+1", "+555133334444", "-", "@x"]),
            "'=1+1,+555133334444,'-,'@x\r\n"
        );
    }
}
