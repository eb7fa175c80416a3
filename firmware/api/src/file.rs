//! Answers out of a file on the disk, whole or in part (RFC 9110 §14), block by block.

use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::problem::Problem;

/// Octets read at once.
const BLOCK: usize = 64 << 10;

/// What the file is sent as.
pub struct Sent<'a> {
    /// Its media type.
    pub media_type: &'static str,
    /// Name to save it under.
    pub name: &'a str,
}

/// Answers a request that may ask for a part.
pub async fn serve(path: &Path, sent: Sent<'_>, asked: &HeaderMap) -> Result<Response, Problem> {
    let gone = |error: std::io::Error| {
        tracing::error!(file = %path.display(), %error, "a sound cannot be read");
        Problem::not_found("The sound is not on this gateway; upload it again.")
    };
    let mut file = File::open(path).await.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let range = asked
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| part(value, length));
    let (status, start, end) = match range {
        None => (StatusCode::OK, 0, length),
        Some(Some((start, end))) => (StatusCode::PARTIAL_CONTENT, start, end),
        Some(None) => {
            return Err(Problem::no_such_part(format!("It has {length} octets.")));
        }
    };
    file.seek(SeekFrom::Start(start)).await.map_err(gone)?;
    let blocks = stream::unfold((file, end - start), |(mut file, left)| async move {
        if left == 0 {
            return None;
        }
        let mut block = vec![0; BLOCK.min(usize::try_from(left).unwrap_or(BLOCK))];
        match file.read(&mut block).await {
            Ok(0) => None,
            Ok(read) => {
                block.truncate(read);
                Some((Ok(Bytes::from(block)), (file, left - read as u64)))
            }
            Err(error) => Some((Err(error), (file, 0))),
        }
    });
    let mut response = Response::new(Body::from_stream(blocks));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(sent.media_type),
    );
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, (end - start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{length}", end.saturating_sub(1));
        headers.extend(HeaderValue::from_str(&range).map(|range| (header::CONTENT_RANGE, range)));
    }
    let disposition = format!("inline; filename*=UTF-8''{}", percent_encoded(sent.name));
    headers.extend(
        HeaderValue::from_str(&disposition).map(|value| (header::CONTENT_DISPOSITION, value)),
    );
    Ok(response)
}

/// The one part that `Range` asks for; `Some(None)` when there is no such part, `None` when the header is none that is
/// understood and the whole is sent.
fn part(value: &str, length: u64) -> Option<Option<(u64, u64)>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first.trim(), last.trim()) {
        ("", suffix) => {
            let suffix: u64 = suffix.parse().ok()?;
            (length.saturating_sub(suffix), length)
        }
        (first, "") => (first.parse().ok()?, length),
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(length))
        }
    };
    Some((start < end).then_some((start, end)))
}

/// RFC 8187 §3.2.1.
fn percent_encoded(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~".contains(&octet);
    text.bytes()
        .map(|octet| match plain(octet) {
            true => char::from(octet).to_string(),
            false => format!("%{octet:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_understood_as_rfc_9110_says() {
        for (value, wanted) in [
            ("bytes=0-", Some(Some((0, 100)))),
            ("bytes=10-19", Some(Some((10, 20)))),
            ("bytes=90-500", Some(Some((90, 100)))),
            ("bytes=-10", Some(Some((90, 100)))),
            ("bytes=-500", Some(Some((0, 100)))),
            ("bytes=100-", Some(None)),
            ("bytes=-0", Some(None)),
            ("bytes=20-10", None),
            ("bytes=0-1,5-6", None),
            ("lines=1-2", None),
            ("bytes=x-", None),
        ] {
            assert_eq!(part(value, 100), wanted, "{value}");
        }
    }

    #[test]
    fn names_of_any_script_fit_a_header() {
        assert_eq!(
            percent_encoded("Música \"1\".wav"),
            "M%C3%BAsica%20%221%22.wav"
        );
    }
}
