//! Reading a JSON body: type, size, syntax and shape are checked, and the refusal names the field.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use ramal_model::code;

use crate::problem::Problem;

/// Largest body of an ordinary request, in bytes (1 MiB).
pub const BODY_LIMIT: usize = 1 << 20;
/// Largest configuration document, in bytes (16 MiB).
pub const IMPORT_LIMIT: usize = 16 << 20;

/// A request body of `application/json` no larger than `LIMIT` bytes, read as `T`.
pub struct JsonBody<T, const LIMIT: usize = BODY_LIMIT>(pub T);

impl<S, T, const LIMIT: usize> FromRequest<S> for JsonBody<T, LIMIT>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        if !content_type.is_some_and(is_json) {
            return Err(Problem::unsupported_media_type(format!(
                "Content-Type is {}, it must be application/json.",
                content_type.unwrap_or("missing")
            )));
        }
        let announced = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        if announced
            .and_then(|length| length.parse::<u64>().ok())
            .is_some_and(|length| length > LIMIT as u64)
        {
            return Err(too_large(LIMIT));
        }
        let body = Limited::new(request.into_body(), LIMIT)
            .collect()
            .await
            .map_err(|error| {
                if error.is::<LengthLimitError>() {
                    too_large(LIMIT)
                } else {
                    Problem::malformed("The request body broke off.")
                }
            })?;
        read(&body.to_bytes()).map(Self)
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::too_large(format!("The limit is {} KiB.", limit >> 10))
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The problem of a query or body whose shape is wrong, from serde's sentence about it.
pub fn shape(path: &str, message: &str) -> Problem {
    // serde reports the shape as text only; its sentences are stable and pinned by the tests below.
    let (code, field, limit) = if let Some(name) = quoted_after(message, "missing field ") {
        (code::REQUIRED, below(path, name), None)
    } else if let Some(name) = quoted_after(message, "unknown field ") {
        (
            code::UNKNOWN_FIELD,
            below(parent(path, name), name),
            expected(message),
        )
    } else if let Some(name) = key_for_value(path, message) {
        (
            code::UNKNOWN_FIELD,
            below(parent(path, name), name),
            expected(message),
        )
    } else if let Some(name) = quoted_after(message, "duplicate field ") {
        (code::DUPLICATE, below(parent(path, name), name), None)
    } else {
        (code::INVALID, below(path, ""), expected(message))
    };
    Problem::invalid_field(field, code, limit, format!("{message}."))
}

fn parent<'a>(path: &'a str, name: &str) -> &'a str {
    path.strip_suffix(name)
        .map_or(path, |parent| parent.trim_end_matches('.'))
}

/// Reads JSON; 400 when it is not JSON, 422 with the field when its shape is wrong.
fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take an array for a struct, field by field.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(shape("", "invalid type: sequence, expected object"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // Where a word out of a list is wanted, serde_json takes a number for broken JSON. Read as a value, it is not.
        let whole = serde_json::from_slice::<Value>(bytes);
        match whole.map(serde_path_to_error::deserialize::<_, T>) {
            Ok(Err(other)) if !error.inner().is_data() => {
                shape_problem(&other.path().to_string(), other.inner())
            }
            _ => shape_problem(&error.path().to_string(), error.inner()),
        }
    })?;
    reader
        .end()
        .map_err(|error| Problem::malformed(format!("The body is not one JSON value: {error}.")))?;
    Ok(value)
}

fn shape_problem(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::malformed(format!("The body is not JSON: {error}."));
    }
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    shape(path, message)
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message
        .strip_prefix(start)?
        .strip_prefix('`')?
        .split('`')
        .next()
}

/// The key that serde calls a wrong value: beside tag and content of an alternative it knows no other keys.
fn key_for_value<'a>(path: &str, message: &'a str) -> Option<&'a str> {
    let (name, expected) = message
        .strip_prefix("invalid value: string \"")?
        .split_once("\", expected ")?;
    let is_key = path == name || path.ends_with(&format!(".{name}"));
    (is_key && expected.starts_with('"')).then_some(name)
}

fn expected(message: &str) -> Option<String> {
    let (_, expected) = message.rsplit_once("expected ")?;
    Some(expected.trim_start_matches("one of ").replace('`', ""))
}

fn below(path: &str, name: &str) -> String {
    match (path, name) {
        ("." | "?" | "", "") => "body".into(),
        ("." | "?" | "", name) => name.into(),
        (path, "") => path.into(),
        (path, name) => format!("{path}.{name}"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        ring_time: Option<u16>,
        language: Option<ramal_model::Language>,
        inner: Option<Inner>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        login: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind", content = "settings", deny_unknown_fields)]
    enum Tagged {
        One(Inner),
    }

    #[test]
    fn a_key_beside_tag_and_content_is_an_unknown_field() {
        let body = br#"{"kind":"One","settings":{"login":"b"},"nmae":1}"#;
        let problem = read::<Tagged>(body).unwrap_err();
        assert_eq!(problem.errors[0].field, "nmae");
        assert_eq!(problem.errors[0].code, "unknown_field");
        let Tagged::One(inner) = read(br#"{"kind":"One","settings":{"login":"b"}}"#).unwrap();
        assert_eq!(inner.login, "b");
    }

    fn refusal(body: &str) -> (u16, String, String) {
        let problem = read::<Outer>(body.as_bytes()).unwrap_err();
        let error = problem
            .errors
            .first()
            .map(|error| (error.field.clone(), error.code.clone()));
        let (field, code) = error.unwrap_or_default();
        (problem.status.as_u16(), field, code)
    }

    #[test]
    fn a_whole_body_is_read() {
        let body = br#"{"name":"a","ring_time":5,"language":"pt-BR","inner":{"login":"b"}}"#;
        let expected = Outer {
            name: "a".into(),
            ring_time: Some(5),
            language: Some(ramal_model::Language::PtBr),
            inner: Some(Inner { login: "b".into() }),
        };
        assert_eq!(read::<Outer>(body), Ok(expected));
    }

    #[test]
    fn the_refusal_names_the_field() {
        for (body, status, field, code) in [
            ("", 400, "", ""),
            ("{", 400, "", ""),
            ("{\"name\":\"a\"} x", 400, "", ""),
            ("[]", 422, "body", "invalid"),
            ("[\"a\",null,null,null]", 422, "body", "invalid"),
            ("7", 422, "body", "invalid"),
            ("{}", 422, "name", "required"),
            ("{\"name\":7}", 422, "name", "invalid"),
            ("{\"name\":\"a\",\"nmae\":1}", 422, "nmae", "unknown_field"),
            ("{\"name\":\"a\",\"name\":\"b\"}", 422, "name", "duplicate"),
            (
                "{\"name\":\"a\",\"ring_time\":\"x\"}",
                422,
                "ring_time",
                "invalid",
            ),
            (
                "{\"name\":\"a\",\"ring_time\":70000}",
                422,
                "ring_time",
                "invalid",
            ),
            (
                "{\"name\":\"a\",\"language\":\"xx\"}",
                422,
                "language",
                "invalid",
            ),
            (
                "{\"name\":\"a\",\"language\":7}",
                422,
                "language",
                "invalid",
            ),
            (
                "{\"name\":\"a\",\"inner\":{}}",
                422,
                "inner.login",
                "required",
            ),
            (
                "{\"name\":\"a\",\"inner\":{\"login\":1}}",
                422,
                "inner.login",
                "invalid",
            ),
            (
                "{\"name\":\"a\",\"inner\":{\"login\":\"l\",\"x\":1}}",
                422,
                "inner.x",
                "unknown_field",
            ),
        ] {
            assert_eq!(refusal(body), (status, field.into(), code.into()), "{body}");
        }
    }
}
