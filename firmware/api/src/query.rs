//! Reading the query of a request: a refusal names the parameter, as that of a body names the field.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use ramal_model::{Invalid, code};
use serde::de::DeserializeOwned;

use crate::body::shape;
use crate::problem::Problem;

/// Rows of a page when nothing is said.
const PAGE: u32 = 50;
/// Most rows of a page.
const LARGEST_PAGE: u32 = 500;

/// The parameters after the question mark, read as `T`; 422 with the name of the one that does not fit.
pub struct Parameters<T>(pub T);

impl<S, T> FromRequestParts<S> for Parameters<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(refusal(&rejection.body_text())),
        }
    }
}

/// The framework says what it did, where it was, and serde's sentence, with colons between.
fn refusal(text: &str) -> Problem {
    let said = text.split_once(": ").map_or(text, |(_, said)| said);
    match said.split_once(": ") {
        Some((name, sentence)) if !name.contains([' ', '`']) => shape(name, sentence),
        _ => shape("", said),
    }
}

/// A parameter that was given and is not blank.
pub fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The number of rows that `limit` asks for.
///
/// # Errors
/// Names `limit` when it is not a number of 1 to 500.
pub fn page_size(limit: Option<String>) -> Result<u32, Invalid> {
    let Some(text) = given(limit) else {
        return Ok(PAGE);
    };
    let size = text.parse().ok();
    size.filter(|size| (1..=LARGEST_PAGE).contains(size))
        .ok_or_else(|| {
            let limits = format!("1-{LARGEST_PAGE}");
            let message = format!("must be a number of {limits}");
            Invalid::one("limit", code::OUT_OF_RANGE, Some(&limits), message)
        })
}

/// Cuts rows to a page; whether there are more.
pub fn cut<T>(rows: &mut Vec<T>, page: u32) -> bool {
    let more = rows.len() > page as usize;
    rows.truncate(page as usize);
    more
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        original: bool,
        #[expect(dead_code, reason = "only read")]
        reason: Option<String>,
    }

    #[test]
    fn the_refusal_names_the_parameter() {
        for (query, field, code) in [
            ("original=yes", "original", "invalid"),
            ("reason=a&reason=b", "reason", "duplicate"),
            ("colour=a:%20b", "colour", "unknown_field"),
        ] {
            let uri: Uri = format!("/?{query}").parse().unwrap();
            let rejection = Query::<Wanted>::try_from_uri(&uri).unwrap_err();
            let problem = refusal(&rejection.body_text());
            let named: Vec<_> = problem
                .errors
                .iter()
                .map(|error| (&*error.field, &*error.code))
                .collect();
            assert_eq!(named, [(field, code)], "{}", rejection.body_text());
        }
    }

    #[test]
    fn a_page_has_limits() {
        for (text, size) in [
            (None, Some(50)),
            (Some(""), Some(50)),
            (Some("500"), Some(500)),
        ] {
            assert_eq!(page_size(text.map(str::to_owned)).ok(), size);
        }
        for text in ["0", "501", "-1", "x"] {
            assert!(page_size(Some(text.to_owned())).is_err(), "{text}");
        }
        let mut rows = vec![1, 2, 3];
        assert!(cut(&mut rows, 2) && !cut(&mut rows, 2));
    }
}
