//! A small HTTP client for the API on the Unix socket.

use crate::GatewayError;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// The API as the local administrator.
#[derive(Debug, Clone)]
pub struct Api {
    socket: PathBuf,
}

/// What a request was answered with.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Method and path, for messages.
    pub request: String,
    /// HTTP status.
    pub status: u16,
    /// Content type, empty when absent.
    pub content_type: String,
    /// Body as it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON when the status is `status`, else an error that shows what came.
    pub fn expect(self, status: u16) -> Result<Value, GatewayError> {
        if self.status != status {
            let body = String::from_utf8_lossy(&self.body).into_owned();
            return Err(GatewayError::Api {
                request: self.request,
                status: self.status,
                body,
            });
        }
        Ok(self.json())
    }

    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

impl Api {
    pub(crate) fn new(socket: &Path) -> Api {
        Api {
            socket: socket.to_owned(),
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Answer, GatewayError> {
        self.send(Method::GET, path, Vec::new()).await
    }

    /// POST of a JSON document.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, GatewayError> {
        self.send(Method::POST, path, body.to_string().into_bytes())
            .await
    }

    /// PATCH of a JSON document.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Answer, GatewayError> {
        self.send(Method::PATCH, path, body.to_string().into_bytes())
            .await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Answer, GatewayError> {
        self.send(Method::PUT, path, body.to_string().into_bytes())
            .await
    }

    /// POST of a file.
    pub async fn upload(&self, path: &str, file: Vec<u8>) -> Result<Answer, GatewayError> {
        self.send_as(Method::POST, path, "application/octet-stream", file)
            .await
    }

    /// POST of a body of this kind, such as a form with files.
    pub async fn upload_as(
        &self,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<Answer, GatewayError> {
        self.send_as(Method::POST, path, kind, body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<Answer, GatewayError> {
        self.send(Method::DELETE, path, Vec::new()).await
    }

    /// Any request; a body that is not empty is sent as JSON.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Answer, GatewayError> {
        self.send_as(method, path, "application/json", body).await
    }

    async fn send_as(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<Answer, GatewayError> {
        let http = |e: &dyn std::fmt::Display| GatewayError::Http(e.to_string());
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| http(&e))?;
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method.clone())
            .uri(path)
            .header("host", "localhost");
        if !body.is_empty() {
            request = request.header("content-type", kind);
        }
        let request = request
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| http(&e))?;
        let response = sender.send_request(request).await.map_err(|e| http(&e))?;
        let status = response.status().as_u16();
        let content_type = response
            .headers()
            .get("content-type")
            .and_then(|v| v.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|e| http(&e))?
            .to_bytes()
            .to_vec();
        Ok(Answer {
            request: format!("{method} {path}"),
            status,
            content_type,
            body,
        })
    }
}
