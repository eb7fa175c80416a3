//! Requests to the gateway: HTTP/1.1 over the local socket or over TLS, one connection each.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::arguments::Connection;
use crate::failure::{Failure, Problem};
use crate::tls::client_config;
use crate::upload::FileBody;

/// Largest answer that is read into memory: a whole configuration fits.
const ANSWER_LIMIT: usize = 32 << 20;
const CONNECT_TIME: Duration = Duration::from_secs(10);
const REQUEST_TIME: Duration = Duration::from_secs(90);
/// The same for one that brings a file.
const UPLOAD_TIME: Duration = Duration::from_secs(3 * 3600);

/// What a request brings.
enum Sent {
    Nothing,
    Json(Bytes),
    File(FileBody),
}

/// The way to the gateway.
pub struct Client {
    way: Way,
    token: Option<HeaderValue>,
    draft: Option<u64>,
}

enum Way {
    Socket(PathBuf),
    Https {
        host: String,
        port: u16,
        name: ServerName<'static>,
        tls: TlsConnector,
    },
}

impl Client {
    /// Checks the arguments; connects only with the first request.
    pub fn new(connection: &Connection) -> Result<Self, Failure> {
        let token = connection
            .token
            .as_deref()
            .map(|token| HeaderValue::try_from(format!("Bearer {token}")))
            .transpose()
            .map_err(|_| Failure::Usage("the token has characters that no token has".into()))?
            .map(|mut value| {
                value.set_sensitive(true);
                value
            });
        let way = match &connection.url {
            None => Way::Socket(connection.socket.clone()),
            Some(url) => https(url, connection)?,
        };
        Ok(Self {
            way,
            token,
            draft: connection.draft,
        })
    }

    /// Reads a resource below `/api/v1`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let body = self.send(Method::GET, path, None).await?;
        serde_json::from_slice(&body).map_err(|error| {
            Failure::Connection(format!("the gateway's answer makes no sense: {error}"))
        })
    }

    /// Sends JSON and reads the answer; null when it has none.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let answer = self
            .send(Method::POST, path, Some(Bytes::from(body.to_string())))
            .await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| {
            Failure::Connection(format!("the gateway's answer makes no sense: {error}"))
        })
    }

    /// Deletes a resource.
    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(Method::DELETE, path, None).await.map(drop)
    }

    /// Sends one request; a refusal becomes [`Failure::Refused`].
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Bytes, Failure> {
        let body = body.map_or(Sent::Nothing, Sent::Json);
        self.request(method, path, body, None).await
    }

    /// Sends a file of any size.
    pub async fn upload(&self, path: &str, file: FileBody) -> Result<Bytes, Failure> {
        self.request(Method::POST, path, Sent::File(file), None)
            .await
    }

    /// Writes a resource of any size into a file while it comes.
    pub async fn save(&self, path: &str, file: &mut File) -> Result<(), Failure> {
        self.request(Method::GET, path, Sent::Nothing, Some(file))
            .await
            .map(drop)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Sent,
        file: Option<&mut File>,
    ) -> Result<Bytes, Failure> {
        let mut limit = REQUEST_TIME;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        // The description of the API is the same for every draft.
        if let Some(draft) = self.draft.filter(|_| path != "/openapi.json") {
            request = request.header("x-ramal-draft", draft);
        }
        let body = match body {
            Sent::Nothing => Either::Left(Full::default()),
            Sent::Json(text) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Either::Left(Full::new(text))
            }
            Sent::File(file) => {
                request = request.header(CONTENT_TYPE, "application/octet-stream");
                limit = UPLOAD_TIME;
                Either::Right(file)
            }
        };
        let host = match &self.way {
            Way::Socket(_) => "localhost".to_owned(),
            Way::Https { host, port, .. } => format!("{host}:{port}"),
        };
        let request = request
            .header(HOST, host)
            .body(body)
            .map_err(|error| Failure::Usage(format!("this cannot be asked for: {error}")))?;
        match &self.way {
            Way::Socket(path) => {
                exchange(self.open_socket(path).await?, request, file, limit).await
            }
            Way::Https {
                host,
                port,
                name,
                tls,
            } => {
                let stream = open_tls(host, *port, name, tls).await?;
                exchange(stream, request, file, limit).await
            }
        }
    }

    async fn open_socket(&self, path: &Path) -> Result<UnixStream, Failure> {
        UnixStream::connect(path).await.map_err(|error| {
            let path = path.display();
            Failure::Connection(match error.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
                    format!("no gateway answers at {path}: is ramald running here? For another gateway use --url.")
                }
                std::io::ErrorKind::PermissionDenied => {
                    format!("{path} may be used by root and by the gateway's own user only")
                }
                _ => format!("cannot connect to {path}: {error}"),
            })
        })
    }
}

fn https(url: &str, connection: &Connection) -> Result<Way, Failure> {
    let wrong = |reason: &str| {
        Failure::Usage(format!(
            "--url {url}: {reason}, such as https://192.168.1.10"
        ))
    };
    let uri: Uri = url.parse().map_err(|_| wrong("this is not an address"))?;
    if uri.scheme_str() != Some("https") {
        return Err(wrong("it must begin with https://"));
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(wrong("give the host only"));
    }
    let host = uri
        .host()
        .ok_or_else(|| wrong("the host is missing"))?
        .to_owned();
    let bare = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let name =
        ServerName::try_from(bare).map_err(|_| wrong("the host is not a name or address"))?;
    let config = client_config(connection.ca.as_deref(), connection.insecure)?;
    let tls = TlsConnector::from(Arc::new(config));
    Ok(Way::Https {
        port: uri.port_u16().unwrap_or(443),
        host,
        name,
        tls,
    })
}

async fn open_tls(
    host: &str,
    port: u16,
    name: &ServerName<'static>,
    tls: &TlsConnector,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    let open = async {
        let stream = TcpStream::connect(format!("{host}:{port}")).await?;
        tls.connect(name.clone(), stream).await
    };
    let result = tokio::time::timeout(CONNECT_TIME, open).await;
    let failed = |reason: String| {
        Failure::Connection(format!("cannot connect to https://{host}:{port}: {reason}"))
    };
    result.map_err(|_| failed("no answer in 10 s".into()))?.map_err(|error| {
        let tls_error = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls_error {
            Some(rustls::Error::InvalidCertificate(reason)) => failed(format!(
                "its certificate is not trusted ({reason}). Fetch tls/certificate.pem from the gateway's data folder \
                 and name it with --ca, or use --insecure in a network you trust."
            )),
            _ => failed(error.to_string()),
        }
    })
}

/// The body of an answer; nothing when it went into `file`.
async fn exchange<S>(
    stream: S,
    request: Request<Either<Full<Bytes>, FileBody>>,
    file: Option<&mut File>,
    limit: Duration,
) -> Result<Bytes, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| {
        Failure::Connection(format!("the connection to the gateway broke: {error}"))
    };
    let answer = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(broken)?;
        Ok((response, connection, sender))
    };
    let (response, connection, _sender) = within(limit, answer).await?;
    let status = response.status();
    let body = match file {
        Some(file) if status.is_success() => write_to(response, file).await.map(|()| Bytes::new()),
        _ => in_time(read(response)).await,
    };
    connection.abort();
    match body? {
        body if status.is_success() => Ok(body),
        body => Err(Failure::Refused(Problem::read(status.as_u16(), &body))),
    }
}

async fn read(response: Response<Incoming>) -> Result<Bytes, Failure> {
    let whole = Limited::new(response.into_body(), ANSWER_LIMIT).collect();
    Ok(whole.await.map_err(broke_off)?.to_bytes())
}

/// However long it is; each part has to come in time.
async fn write_to(response: Response<Incoming>, file: &mut File) -> Result<(), Failure> {
    let mut body = response.into_body();
    while let Some(frame) = in_time(async { Ok(body.frame().await) }).await? {
        if let Some(part) = frame.map_err(broke_off)?.data_ref() {
            file.write_all(part)
                .map_err(|error| Failure::Usage(format!("cannot write the file: {error}")))?;
        }
    }
    Ok(())
}

fn broke_off(error: impl std::fmt::Display) -> Failure {
    Failure::Connection(format!("the gateway's answer broke off: {error}"))
}

async fn in_time<T>(step: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    within(REQUEST_TIME, step).await
}

async fn within<T>(
    limit: Duration,
    step: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, step).await.map_err(|_| {
        let seconds = limit.as_secs();
        Failure::Connection(format!("the gateway did not answer in {seconds} s"))
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Answers one request with `octets` of those it announces.
    async fn answer(listener: tokio::net::UnixListener, announced: usize, octets: usize) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4_096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {announced}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let part: Vec<u8> = (0..=255).cycle().take(1 << 20).collect();
        for at in (0..octets).step_by(part.len()) {
            let part = &part[..part.len().min(octets - at)];
            stream.write_all(part).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_file_larger_than_memory_should_hold_is_saved_while_it_comes() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("api.sock");
        let client = Client {
            way: Way::Socket(socket.clone()),
            token: None,
            draft: None,
        };
        let size = ANSWER_LIMIT + (1 << 20) + 3;
        for (announced, complete) in [(size, true), (size + 1, false)] {
            let listener = tokio::net::UnixListener::bind(&socket).unwrap();
            let server = tokio::spawn(answer(listener, announced, size));
            let path = folder.path().join("call.wav");
            let mut file = File::create(&path).unwrap();
            let saved = client.save("/recordings/1/audio", &mut file).await;
            server.await.unwrap();
            std::fs::remove_file(&socket).unwrap();
            assert_eq!(saved.is_ok(), complete, "{announced}");
            let octets = std::fs::read(&path).unwrap();
            assert_eq!(octets.len(), size);
            let right = |(at, octet): (usize, &u8)| at % (1 << 20) % 256 == usize::from(*octet);
            assert!(octets.iter().enumerate().all(right));
        }
    }
}
