//! Requests to the server.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RANGE, RETRY_AFTER};
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::time::timeout;

/// The server has so long for the header of an answer, and for a whole document.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// So long for taking the connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Octets of a document that are read.
const MOST_READ: usize = 1 << 20;

/// What a request came to.
pub(crate) enum Answered {
    /// A document; null when there was none.
    Document(Value),
    /// Another status, and how many seconds to wait.
    Status(u16, Option<u64>),
    /// Nothing.
    Nothing(String),
}

/// What requests are made with. Redirections are not followed: the token goes where the administrator sent it.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    authorization: HeaderValue,
    /// Scheme, host and port that the token is for.
    origin: String,
}

impl Http {
    /// None when the token cannot be part of a header.
    pub(crate) fn new(tls: ClientConfig, server: &str, authorization: &str) -> Option<Self> {
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
        let mut authorization = HeaderValue::from_str(authorization).ok()?;
        authorization.set_sensitive(true);
        Some(Self {
            client,
            authorization,
            origin: origin(server)?,
        })
    }

    /// Sends a document, or asks for one.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> Answered {
        let asked = async {
            let content = body.map(Value::to_string).unwrap_or_default();
            let response = self.send(method, url, Bytes::from(content), None).await?;
            let status = response.status();
            if !status.is_success() {
                let wait = response.headers().get(RETRY_AFTER);
                let wait = wait.and_then(|value| value.to_str().ok()?.parse().ok());
                return Ok(Answered::Status(status.as_u16(), wait));
            }
            let whole = Limited::new(response.into_body(), MOST_READ).collect();
            let octets = whole.await.map_err(|error| error.to_string())?.to_bytes();
            if octets.is_empty() {
                return Ok(Answered::Document(Value::Null));
            }
            // What is answered to feedback is for people.
            let document = serde_json::from_slice(&octets);
            match (document, body.is_some()) {
                (Ok(document), _) => Ok(Answered::Document(document)),
                (Err(_), true) => Ok(Answered::Document(Value::Null)),
                (Err(error), false) => Err(format!("the server's answer is no JSON: {error}")),
            }
        };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(why)) => Answered::Nothing(why),
            Err(_) => Answered::Nothing(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    /// Asks for a file from `first` on.
    pub(crate) async fn file(&self, url: &str, first: u64) -> Result<Response<Incoming>, String> {
        let range = (first > 0).then(|| format!("bytes={first}-"));
        let asked = self.send(Method::GET, url, Bytes::new(), range.as_deref());
        match timeout(PATIENCE, asked).await {
            Ok(response) => response,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Bytes,
        range: Option<&str>,
    ) -> Result<Response<Incoming>, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header("user-agent", concat!("Ramal/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/hal+json, application/json, */*");
        // Files may lie elsewhere: the token stays at home.
        if origin(url).as_ref() == Some(&self.origin) {
            request = request.header(AUTHORIZATION, self.authorization.clone());
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(range) = range {
            request = request.header(RANGE, range);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| format!("{url} cannot be asked for: {error}"))?;
        self.client
            .request(request)
            .await
            .map_err(|error| causes(&error))
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> Option<String> {
    let uri: hyper::Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?;
    let port = uri.port_u16().unwrap_or(match scheme {
        "https" => 443,
        _ => 80,
    });
    Some(format!(
        "{scheme}://{}:{port}",
        uri.host()?.to_ascii_lowercase()
    ))
}

/// An error with everything behind it.
fn causes(error: &dyn std::error::Error) -> String {
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
    fn the_token_is_for_one_server_only() {
        let same = |a: &str, b: &str| origin(a) == origin(b);
        assert!(same(
            "https://Fleet.example/x",
            "https://fleet.example:443/y?z"
        ));
        assert!(!same("https://fleet.example", "http://fleet.example"));
        assert!(!same("https://fleet.example", "https://fleet.example:8443"));
        assert!(!same("https://fleet.example", "https://files.example"));
        assert_eq!(origin("/x"), None);
    }
}
