//! Where a request goes, and what is sent there.

use std::fmt;
use std::sync::Arc;

use ramal_model::TrustedCertificate;
use ramal_sip::{ClientCredentials, Flow, Invite, Request, Response, Transport, Uri};
use thiserror::Error;
use tokio::sync::oneshot;

use super::command::{LegKey, SipEvent};
use crate::queue;

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// Over a path that is known: to a registered phone.
    Flow(Flow),
    /// To whoever answers for a name.
    Target(Target),
}

/// A name to be looked up (RFC 3263), and how to connect to it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Servers, best first; scheme, host, port and `transport` of each count.
    pub(crate) servers: Vec<Uri>,
    /// Used whatever the URIs and the DNS say.
    pub(crate) transport: Option<Transport>,
    /// What the servers' certificates are checked by.
    pub(crate) trusted: Arc<TrustedCertificate>,
}

impl Target {
    /// One server, by what its URI and the DNS say.
    pub(crate) fn new(server: Uri) -> Self {
        Self {
            servers: vec![server],
            transport: None,
            trusted: Arc::default(),
        }
    }
}

/// Makes the INVITE for the way it goes: Contact, SDP and often From name our address on it. Called again for every
/// further server tried. The agent sets [`Invite::flow`] itself.
pub(crate) struct MakeInvite(Box<dyn Fn(Flow) -> Invite + Send>);

impl MakeInvite {
    pub(crate) fn new(make: impl Fn(Flow) -> Invite + Send + 'static) -> Self {
        Self(Box::new(make))
    }

    pub(super) fn make(&self, flow: Flow) -> Invite {
        Invite {
            flow,
            ..(self.0)(flow)
        }
    }
}

impl fmt::Debug for MakeInvite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MakeInvite")
    }
}

/// A request outside of sessions.
#[derive(Debug)]
pub(crate) struct OutgoingRequest {
    /// The request without Via. Missing Call-ID, CSeq, From tag and Max-Forwards are added.
    pub(crate) request: Request,
    /// Adds a Contact with this user and our address on the way taken.
    pub(crate) contact_user: Option<String>,
    /// To answer challenges with.
    pub(crate) credentials: Option<ClientCredentials>,
    /// Told the final response; the request is given up when nobody waits for it.
    pub(crate) reply: oneshot::Sender<Result<Answered, RequestError>>,
}

/// A final response to an [`OutgoingRequest`]. Its CSeq is the last one used: challenges count it up.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) response: Response,
    /// The way it took.
    pub(crate) flow: Flow,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum RequestError {
    /// The servers' names have no address.
    #[error("the server's name has no address")]
    Unresolved,
    /// No server could be connected to, or all connections failed.
    #[error("no server can be reached")]
    Unreachable,
    /// The last server's certificate is not one that is believed.
    #[error("the server's certificate is not trusted")]
    NotTrusted,
    /// No server has answered.
    #[error("no server has answered")]
    Timeout,
}

/// What is sent to a destination.
#[derive(Debug)]
pub(super) enum Outgoing {
    Invite {
        leg: LegKey,
        events: queue::Sender<SipEvent>,
        make: MakeInvite,
    },
    Request(Box<OutgoingRequest>),
}
