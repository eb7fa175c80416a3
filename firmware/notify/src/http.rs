//! Requests to other systems.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use tokio::time::timeout;

use crate::outcome::Outcome;

/// A server has so long for its whole answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// So long for taking the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const MOST_READ: usize = 64 << 10;

/// What requests are made with. Redirections are not followed: a signed event goes where the administrator sent it.
#[derive(Clone)]
pub(crate) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Http {
    pub(crate) fn new(tls: ClientConfig) -> Self {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(plain);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(1)
            .build(connector);
        Self(client)
    }

    /// Makes a request and says what came of it.
    pub(crate) async fn ask(&self, request: Request<Full<Bytes>>) -> Outcome {
        match timeout(PATIENCE, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Later(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Outcome {
        let response = match self.0.request(request).await {
            Ok(response) => response,
            Err(error) => return Outcome::Later(causes(&error)),
        };
        let status = response.status();
        // What the server adds is for the reader of the log alone: one that breaks off has answered all the same.
        let body = Limited::new(response.into_body(), MOST_READ)
            .collect()
            .await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let words = String::from_utf8_lossy(&body);
        let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
        judge(status, &format!("{status} {words}"))
    }
}

/// What a status means (RFC 9110 §15).
fn judge(status: StatusCode, answer: &str) -> Outcome {
    let answer = answer.trim().to_owned();
    if status.is_success() {
        Outcome::Taken(answer)
    } else if status == StatusCode::GONE {
        Outcome::Never(answer)
    } else {
        Outcome::Later(answer)
    }
}

/// An error with everything behind it.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words = format!("{words}: {cause_words}");
        }
        next = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_whether_to_try_again() {
        for (code, taken) in [
            (200, true),
            (204, true),
            (302, false),
            (404, false),
            (500, false),
        ] {
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(
                matches!(judge(status, "x"), Outcome::Taken(_)),
                taken,
                "{code}"
            );
            assert!(!matches!(judge(status, "x"), Outcome::Never(_)), "{code}");
        }
        assert_eq!(
            judge(StatusCode::GONE, "410 "),
            Outcome::Never("410".into())
        );
    }
}
