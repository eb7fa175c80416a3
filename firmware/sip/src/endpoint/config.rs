//! What an endpoint is told at its making.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Host;
use crate::Method;
use crate::flow::Flow;
use crate::session::SessionPolicy;
use crate::transaction::TimerValues;

/// Settings of an [`Endpoint`](crate::Endpoint).
pub struct EndpointConfig {
    /// Names the address peers should use for a flow, in Via and Contact. Behind a port forward this is the outer
    /// address. By default the flow's local address.
    pub advertised: Box<dyn Fn(&Flow) -> Advertised + Send + Sync>,
    /// Value of User-Agent in requests and Server in responses; empty to leave both out.
    pub user_agent: String,
    /// T1, T2 and T4 (RFC 3261 §17.1.1.1).
    pub timers: TimerValues,
    /// Methods the user takes besides those of INVITE sessions; they come as [`Event::Request`](crate::Event::Request).
    /// Others are answered 405 (or 501 when the method is unknown). By default REGISTER and OPTIONS.
    pub methods: Vec<Method>,
    /// Option tags the user supports on top of the endpoint's own (`Require` is checked against both, §8.2.2.3).
    pub supported: Vec<String>,
    /// Content types of INFO the user understands (RFC 6086 §4.2.2), lower case; others are answered 415.
    pub info_types: Vec<String>,
    /// Event packages the user notifies of (RFC 6665), lower case; subscriptions to others are answered 489.
    pub event_packages: Vec<String>,
    /// Which extensions sessions use.
    pub policy: SessionPolicy,
    /// Whether 100 Trying to our INVITEs is told, for users who go elsewhere when nobody reacts. By default it is not.
    pub tell_trying: bool,
    /// Whether 100 Trying to the INVITEs of others waits for [`Endpoint::trying`](crate::Endpoint::trying), so that
    /// strangers learn of nothing before they are challenged. The user says it, or answers, within 200 ms (RFC 3261
    /// §17.2.1). By default it is sent at once.
    pub hold_trying: bool,
    /// Bounds of memory.
    pub limits: Limits,
}

/// An address as Via and Contact name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// Name or address.
    pub host: Host,
    /// Port; `None` leaves it out and means the transport's default.
    pub port: Option<u16>,
}

impl From<SocketAddr> for Advertised {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Host::from(address.ip()),
            port: Some(address.port()),
        }
    }
}

/// How much may be live at once; what comes above is answered 503 with Retry-After.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Server transactions and client transactions together; requests within standing dialogs have twice the room.
    pub transactions: usize,
    /// INVITE sessions, those that wait for the answer to their BYE included.
    pub sessions: usize,
    /// Subscriptions.
    pub subscriptions: usize,
    /// Value of Retry-After.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions: 80_000,
            sessions: 12_000,
            subscriptions: 50_000,
            retry_after: Duration::from_secs(5),
        }
    }
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            advertised: Box::new(|flow| flow.local.into()),
            user_agent: String::new(),
            timers: TimerValues::default(),
            methods: vec![Method::Register, Method::Options],
            supported: Vec::new(),
            info_types: vec!["application/dtmf-relay".into(), "application/dtmf".into()],
            event_packages: Vec::new(),
            policy: SessionPolicy::default(),
            tell_trying: false,
            hold_trying: false,
            limits: Limits::default(),
        }
    }
}

impl std::fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndpointConfig")
            .field("user_agent", &self.user_agent)
            .field("timers", &self.timers)
            .field("methods", &self.methods)
            .field("supported", &self.supported)
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
