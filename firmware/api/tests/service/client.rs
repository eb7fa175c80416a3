//! An HTTPS client with the manners of the web UI. Each answer is checked against the OpenAPI document.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, SET_COOKIE,
};
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::document::check;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Field and code of the only refused field.
    pub fn refused_field(&self) -> (String, String) {
        let problem = self.json();
        let [error] = problem["errors"].as_array().unwrap().as_slice() else {
            panic!("not one field: {problem}")
        };
        (
            error["field"].as_str().unwrap().into(),
            error["code"].as_str().unwrap().into(),
        )
    }
}

#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    config: ClientConfig,
    document: Arc<Value>,
    pub cookie: Option<String>,
    pub token: Option<String>,
    pub csrf: bool,
}

impl Client {
    pub fn new(address: SocketAddr, certificate: &Path, document: Arc<Value>) -> Self {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(certificate).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            address,
            config,
            document,
            cookie: None,
            token: None,
            csrf: true,
        }
    }

    /// Keeps the session cookie of a log-in as a browser does.
    pub fn take_session(&mut self, answer: &Answer) {
        let cookie = answer.headers.get(SET_COOKIE).unwrap().to_str().unwrap();
        self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PUT, path, body).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], Bytes::new()).await
    }

    async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(
            method,
            path,
            &[("content-type", "application/json")],
            Bytes::from(body.to_string()),
        )
        .await
    }

    /// Sends to a path below the API and checks the answer against the document.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        let answer = self
            .raw(method.clone(), &format!("/api/v1{path}"), headers, body)
            .await;
        check(&self.document, &method, path, &answer);
        answer
    }

    /// Sends to any path of the server.
    pub async fn raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Answer {
        collect(self.open(method, path, headers, body).await).await
    }

    /// Sends and returns when the answer's header is there.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Response<Incoming> {
        let stream = self.connect(&[b"http/1.1"]).await;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = self.request(method, path, headers, body);
        sender.send_request(request).await.unwrap()
    }

    /// The same over HTTP/2, taking no more than `window` bytes of the answer before they are read.
    pub async fn open_http2(&self, path: &str, window: u32) -> Response<Incoming> {
        let stream = self.connect(&[b"h2"]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        let mut request = self.request(Method::GET, path, &[], Bytes::new());
        *request.uri_mut() = format!("https://{}{path}", self.address).parse().unwrap();
        sender.send_request(request).await.unwrap()
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        if self.csrf && !method.is_safe() {
            request
                .headers_mut()
                .insert("x-ramal-csrf", HeaderValue::from_static("1"));
        }
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        let own = request.headers_mut();
        own.insert(HOST, self.address.to_string().parse().unwrap());
        if let Some(cookie) = &self.cookie {
            own.insert(COOKIE, cookie.parse().unwrap());
        }
        if let Some(token) = &self.token {
            own.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        }
        for (name, value) in headers {
            own.insert(
                hyper::header::HeaderName::try_from(*name).unwrap(),
                value.parse().unwrap(),
            );
        }
        request
    }

    /// A TLS connection that offers these protocols.
    pub async fn connect(&self, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        let mut config = self.config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::from(self.address.ip());
        let stream = TcpStream::connect(self.address).await.unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
            .unwrap()
    }
}

pub async fn collect(response: Response<Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    }
}

/// Content type of an answer without its parameters.
pub fn media_type(answer: &Answer) -> &str {
    let value = answer
        .headers
        .get(CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap());
    value.split(';').next().unwrap().trim()
}
