//! Asking a SIP server whether it lives.

use std::net::SocketAddr;

use ramal_sip::{HeaderName, HeaderValue, Host, Method, NameAddr, Request, Uri};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::sip::{Command, Destination, OutgoingRequest, RequestError, Target};

/// What a SIP server said to OPTIONS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Status of its response; any says that it lives.
    pub status: u16,
    /// `UDP`, `TCP`, `TLS`, `WS` or `WSS`.
    pub transport: &'static str,
    /// The address that answered.
    pub address: SocketAddr,
}

/// Why a SIP server did not say anything.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProbeError {
    /// Not `sip:` or `sips:` and a host.
    #[error("{0:?} is no SIP address such as sip:proxy.example")]
    NoAddress(String),
    /// Its name has no address.
    #[error("{0} has no address")]
    Unresolved(String),
    /// It refuses connections, or there is no way to it.
    #[error("{0} cannot be reached")]
    Unreachable(String),
    /// It is silent.
    #[error("{0} does not answer")]
    Timeout(String),
}

/// Sends OPTIONS to a server (RFC 3261 §11).
pub(crate) async fn probe(
    commands: &mpsc::Sender<Command>,
    server: &str,
) -> Result<Probed, ProbeError> {
    let uri: Uri = server
        .parse()
        .ok()
        .filter(|uri: &Uri| uri.is_sip() && uri.host().is_some())
        .ok_or_else(|| ProbeError::NoAddress(server.to_owned()))?;
    // RFC 3323 §4.1.1.3: nobody is asking.
    let nobody = "anonymous.invalid"
        .parse::<Host>()
        .map_err(|_| ProbeError::NoAddress(server.to_owned()))?;
    let from = NameAddr::new(Uri::sip(Some("anonymous"), nobody, None));
    let request = Request::new(Method::Options, uri.clone())
        .with_header(HeaderName::From, &from)
        .with_header(HeaderName::To, NameAddr::new(uri.clone()))
        .with_header(
            HeaderName::Accept,
            HeaderValue::sanitized("application/sdp"),
        );
    let (reply, answer) = oneshot::channel();
    let command = Command::Request {
        destination: Destination::Target(Target::new(uri)),
        request: Box::new(OutgoingRequest {
            request,
            contact_user: Some(String::new()),
            credentials: None,
            reply,
        }),
    };
    let unreachable = || ProbeError::Unreachable(server.to_owned());
    commands.send(command).await.map_err(|_| unreachable())?;
    match answer.await.map_err(|_| unreachable())? {
        Ok(answered) => Ok(Probed {
            status: answered.response.status.code(),
            transport: answered.flow.transport.as_str(),
            address: answered.flow.remote,
        }),
        Err(RequestError::Unresolved) => Err(ProbeError::Unresolved(server.to_owned())),
        Err(RequestError::Unreachable | RequestError::NotTrusted) => Err(unreachable()),
        Err(RequestError::Timeout) => Err(ProbeError::Timeout(server.to_owned())),
    }
}
