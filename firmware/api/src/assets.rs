//! The web UI, embedded in the program: hashed files are kept by browsers for ever, the page itself is asked for anew.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

/// The files that the UI's build wrote, with precompressed `.br` and `.gz` beside them.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
/// Files below this folder carry a hash of their content in their name.
const HASHED: &str = "assets/";
const KEEP: &str = "public, max-age=31536000, immutable";
const ASK: &str = "no-cache";

/// Serves a file of the UI, or its page for any path that is not a file.
pub async fn serve(request: Request) -> Response {
    respond::<Dist>(request.method(), request.uri().path(), request.headers())
}

fn respond<F: RustEmbed>(method: &Method, path: &str, headers: &HeaderMap) -> Response {
    let path = path.trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Problem::for_status(StatusCode::NOT_FOUND).into_response();
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let allow = [(header::ALLOW, "GET, HEAD")];
        return (allow, Problem::for_status(StatusCode::METHOD_NOT_ALLOWED)).into_response();
    }
    // The last part of a page's address never has a dot; what has one is a file and must exist.
    let is_file = path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.contains('.'));
    let name = if is_file { path } else { INDEX };
    let Some(plain) = F::get(name).filter(|_| !is_variant(name)) else {
        return if F::get(INDEX).is_none() {
            let text = "The web interface is not part of this build.\n";
            (
                StatusCode::SERVICE_UNAVAILABLE,
                [(header::RETRY_AFTER, "3600")],
                text,
            )
                .into_response()
        } else {
            Problem::for_status(StatusCode::NOT_FOUND).into_response()
        };
    };
    let (coding, file) = best_variant::<F>(name, headers).unwrap_or((None, plain));
    let etag = etag(&file);
    let cache = if name.starts_with(HASHED) { KEEP } else { ASK };
    let mut answer = HeaderMap::new();
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    answer.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        answer.insert(header::ETAG, etag);
    }
    if unchanged(headers, &etag) {
        return (StatusCode::NOT_MODIFIED, answer).into_response();
    }
    answer.insert(header::CONTENT_TYPE, content_type(name));
    if let Some(coding) = coding {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    let body = match file.data {
        std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
    };
    (answer, body).into_response()
}

fn is_variant(name: &str) -> bool {
    name.ends_with(".br") || name.ends_with(".gz")
}

fn best_variant<F: RustEmbed>(
    name: &str,
    headers: &HeaderMap,
) -> Option<(Option<&'static str>, EmbeddedFile)> {
    [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(headers, coding))
        .find_map(|(coding, suffix)| Some((Some(coding), F::get(&format!("{name}{suffix}"))?)))
}

/// Whether `Accept-Encoding` names the coding with a quality above zero (RFC 9110 §12.5.3).
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|item| {
            let mut parts = item.split(';').map(str::trim);
            parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(coding))
                && parts
                    .filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
                    .all(|quality| {
                        quality
                            .trim()
                            .parse::<f32>()
                            .is_ok_and(|quality| quality > 0.0)
                    })
        })
}

/// Strong validator: hash of the bytes as sent, so each coding has its own (RFC 9110 §8.8.3).
fn etag(file: &EmbeddedFile) -> String {
    let mut etag = String::with_capacity(34);
    etag.push('"');
    for byte in &file.metadata.sha256_hash()[..16] {
        etag.push_str(&format!("{byte:02x}"));
    }
    etag.push('"');
    etag
}

/// `If-None-Match`, weak comparison (RFC 9110 §13.1.2).
fn unchanged(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|v| v.split(','))
        .any(|candidate| {
            let candidate = candidate.trim();
            candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == etag
        })
}

fn content_type(name: &str) -> HeaderValue {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    let text = guess.type_() == "text" || matches!(guess.subtype().as_str(), "javascript" | "json");
    let value = if text {
        format!("{}; charset=utf-8", guess.essence_str())
    } else {
        guess.essence_str().to_owned()
    };
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[derive(RustEmbed)]
    #[folder = "tests/dist"]
    struct Built;

    #[derive(RustEmbed)]
    #[folder = "tests/no-such-folder"]
    #[allow_missing = true]
    struct NotBuilt;

    fn get(path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        respond::<Built>(&Method::GET, path, &headers)
    }

    fn field(response: &Response, name: header::HeaderName) -> &str {
        response
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    async fn body(response: Response) -> Vec<u8> {
        response
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .to_vec()
    }

    #[tokio::test]
    async fn any_page_address_gives_the_page_which_is_asked_for_anew() {
        for path in ["/", "/index.html", "/extensions", "/calls/01J9/trace"] {
            let response = get(path, &[]);
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(field(&response, header::CACHE_CONTROL), "no-cache");
            assert_eq!(
                field(&response, header::CONTENT_TYPE),
                "text/html; charset=utf-8"
            );
            assert!(body(response).await.starts_with(b"<!doctype html>"));
        }
    }

    #[tokio::test]
    async fn hashed_files_are_kept_and_sent_in_the_best_coding() {
        for (accepted, coding, content) in [
            ("", "", &b"console.log(1)\n"[..]),
            ("gzip, deflate, br", "br", b"as br"),
            ("gzip, br;q=0", "gzip", b"as gzip"),
            ("identity", "", b"console.log(1)\n"),
        ] {
            let response = get(
                "/assets/index-abc123.js",
                &[(header::ACCEPT_ENCODING, accepted)],
            );
            assert_eq!(response.status(), 200);
            assert_eq!(
                field(&response, header::CONTENT_ENCODING),
                coding,
                "{accepted}"
            );
            assert_eq!(
                field(&response, header::CONTENT_TYPE),
                "text/javascript; charset=utf-8"
            );
            assert_eq!(field(&response, header::VARY), "Accept-Encoding");
            assert!(field(&response, header::CACHE_CONTROL).contains("immutable"));
            assert_eq!(body(response).await, content);
        }
    }

    #[test]
    fn an_unchanged_file_is_not_sent_again() {
        let etag = field(&get("/", &[]), header::ETAG).to_owned();
        assert_eq!(etag.len(), 34);
        for candidate in [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"x\", {etag}"),
            "*".into(),
        ] {
            let response = get("/", &[(header::IF_NONE_MATCH, &candidate)]);
            assert_eq!(response.status(), 304, "{candidate}");
            assert_eq!(field(&response, header::ETAG), etag);
        }
        assert_eq!(
            get("/", &[(header::IF_NONE_MATCH, "\"other\"")]).status(),
            200
        );
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in [
            "/assets/gone-1.js",
            "/favicon.xyz",
            "/assets/index-abc123.js.br",
            "/../Cargo.toml",
            "/api",
            "/api/v9/x",
        ] {
            assert_eq!(get(path, &[]).status(), 404, "{path}");
        }
        let response = respond::<Built>(&Method::POST, "/", &HeaderMap::new());
        assert_eq!(
            (response.status().as_u16(), field(&response, header::ALLOW)),
            (405, "GET, HEAD")
        );
    }

    #[test]
    fn a_build_without_the_interface_says_so() {
        let response = respond::<NotBuilt>(&Method::GET, "/", &HeaderMap::new());
        assert_eq!(response.status(), 503);
    }
}
