//! Files of comma-separated values (RFC 4180).

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use ramal_model::{Invalid, code};

use crate::problem::Problem;
use crate::query::given;
use crate::text_body;

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

/// A request body that is a table in UTF-8.
pub struct CsvBody(pub String);

impl<S: Send + Sync> FromRequest<S> for CsvBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        text_body::read(request, "text/csv").await.map(Self)
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
