//! SIP towards phones: sockets, the agent that owns the protocol engine, the registrar, and who may do what.

mod agent;
mod attempt;
mod authorisation;
mod command;
mod connections;
mod count;
mod dead;
mod defence;
mod destination;
mod from_trunk;
mod gate;
mod hop;
mod keep_alive;
mod messages;
mod old_phones;
mod outgoing;
mod registrar;
mod resolve;
mod session;
mod srv;
mod state;
mod stream;
mod subscriptions;
mod tcp;
mod tls;
mod transfer;
mod udp;
mod websocket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ramal_sip::{Advertised, Endpoint, EndpointConfig, Flow, Method, Transport};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use self::agent::{Agent, Transports};
use self::authorisation::Authority;
use self::defence::Defence;
use self::resolve::Resolver;
pub(crate) use self::tcp::Connector;
use self::tls::Tls;
use self::udp::UdpTransport;
use crate::advertise::OuterAddress;
use crate::call_thread::CallThread;
use crate::clock::Now;
use crate::exchange::Exchange;
use crate::pbx::{PbxConfig, PbxError};

pub(crate) use command::{Command, LegKey, SipEvent};
pub(crate) use defence::Memory;
pub use defence::{Ban, BanReason};
pub(crate) use destination::{
    Answered, Destination, MakeInvite, OutgoingRequest, RequestError, Target,
};
pub use websocket::WebSocketLink;

/// Messages of TCP connections that may wait for the agent; the connections wait when it is full.
const INPUT_QUEUE: usize = 1024;

/// The longest registration granted, also the one granted when a phone names none (RFC 3261 §10.3 step 7).
pub(crate) const MAX_EXPIRES: Duration = Duration::from_secs(3600);
/// The shortest registration granted; shorter ones are refused with 423.
const MIN_EXPIRES: Duration = Duration::from_secs(60);
/// Octets of the largest request sent where nothing controls congestion (RFC 3261 §18.1.1, RFC 3428 §8).
pub(crate) const LARGEST_DATAGRAM: usize = 1300;
/// What the gateway calls itself in SIP.
const USER_AGENT: &str = concat!("Ramal/", env!("CARGO_PKG_VERSION"));
/// Methods the gateway takes.
const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, PRACK, UPDATE, REFER, SUBSCRIBE, MESSAGE";

/// The sockets of a PBX that has not started yet.
pub(crate) struct Sockets {
    udp: UdpTransport,
    tcp: TcpListener,
    tls: Option<TcpListener>,
}

impl Sockets {
    /// Opens UDP and TCP on the same port, and TLS on its own.
    pub(crate) async fn bind(
        thread: &CallThread,
        address: SocketAddr,
        tls: Option<SocketAddr>,
    ) -> Result<Self, PbxError> {
        let failed = |transport, address| {
            move |error| PbxError::Listen {
                transport,
                address,
                error,
            }
        };
        let tcp = TcpListener::bind(address)
            .await
            .map_err(failed("TCP", address))?;
        // Port 0 asks for any: TCP has chosen one.
        let address = tcp.local_addr().map_err(failed("TCP", address))?;
        let udp = {
            // The agent alone reads it.
            let _calls = thread.enter();
            UdpTransport::bind(address).map_err(failed("UDP", address))?
        };
        let tls = match tls {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(failed("TLS", address))?,
            ),
            None => None,
        };
        Ok(Self { udp, tcp, tls })
    }

    /// The address bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.udp.local()
    }

    /// The address bound for TLS.
    pub(crate) fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().and_then(|tls| tls.local_addr().ok())
    }

    /// The flow to a phone over UDP.
    pub(crate) fn flow(&mut self, remote: SocketAddr) -> Flow {
        self.udp.flow(remote)
    }
}

/// Starts the acceptors of connections. Gives the agent, which is to be run, and what connections that others accept are
/// handed in by.
pub(crate) fn start(
    exchange: Arc<Exchange>,
    sockets: Sockets,
    commands: mpsc::Receiver<Command>,
    config: &PbxConfig,
    outer: OuterAddress,
    memory: Memory,
) -> (impl Future<Output = ()> + Send + 'static, Connector) {
    let endpoint = EndpointConfig {
        advertised: advertised(outer, &sockets),
        user_agent: USER_AGENT.to_owned(),
        tell_trying: true,
        hold_trying: true,
        methods: vec![
            Method::Register,
            Method::Options,
            Method::Refer,
            Method::Subscribe,
            Method::Message,
        ],
        event_packages: subscriptions::PACKAGES.map(String::from).to_vec(),
        supported: ["path", "outbound", "replaces", "join", "norefersub"]
            .map(String::from)
            .to_vec(),
        ..EndpointConfig::default()
    };
    let (input, inputs) = mpsc::channel(INPUT_QUEUE);
    let server = config.sip_tls.as_ref().map(|tls| tls.config.clone());
    let connector = Connector {
        runtime: Handle::current(),
        connections: Arc::default(),
        input,
        tls: Tls::new(server, config.tls_client.clone()),
    };
    tokio::spawn(connector.clone().accept(sockets.tcp, Transport::Tcp));
    if let Some(listener) = sockets.tls {
        tokio::spawn(connector.clone().accept(listener, Transport::Tls));
    }
    let mut defence = Defence::default();
    defence.restore(Now::read(), &memory.bans, &memory.proved);
    let agent = Agent::new(
        exchange,
        Endpoint::new(endpoint, rand::random()),
        Authority::new(rand::random(), defence),
        memory.changes,
        commands,
        Transports {
            udp: sockets.udp,
            inputs,
            connector: connector.clone(),
            resolver: Arc::new(Resolver::new(config.name_servers.clone())),
        },
    );
    (agent.run(), connector)
}

/// Names the address and port at which the other end of a flow reaches us.
fn advertised(
    outer: OuterAddress,
    sockets: &Sockets,
) -> Box<dyn Fn(&Flow) -> Advertised + Send + Sync> {
    let port = sockets.address().port();
    let tls = sockets.tls_address().map(|address| address.port());
    Box::new(move |flow| {
        let own = match flow.transport {
            Transport::Tls => tls.unwrap_or(port),
            _ => port,
        };
        let port = outer.port(flow.transport).unwrap_or(own);
        SocketAddr::new(outer.for_flow(flow), port).into()
    })
}
