//! SIP trunks at work: registration, health, who may call, and the requests that are sent.
//!
//! [`TrunkService`] follows the configuration. For every enabled trunk one task ([`supervisor`]) registers
//! ([`registration`]) and asks its hosts whether they live ([`health`]); what comes of it is in [`Trunk::state`] and in the
//! live state. A call out asks [`TrunkService::trunk`] for a trunk and [`Trunk::hosts`] for the hosts to try; a call
//! in is recognised by [`TrunkService::source`] and read by [`incoming`].

mod diversion;
mod health;
mod incoming;
mod limits;
mod outgoing;
mod registration;
mod status;
mod supervisor;
mod text;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ramal_model::{
    Configuration, HostPort, Secret, SipTrunk, TrunkAuth, TrunkId, TrustedCertificate,
};
use ramal_sip::{Flow, Invite, Request};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) use diversion::{Diverted, diversion, diversions};
pub(crate) use incoming::{caller, did, is_anonymous, is_private};
pub(crate) use limits::{Channel, Usage};
pub(crate) use outgoing::{TrunkCall, policy};
pub use status::{TrunkFault, TrunkState, TrunkStatus};
pub use text::TextError;

use crate::live::LiveState;
use crate::sip::{Answered, Command, Destination, OutgoingRequest, RequestError, Target};

/// Addresses of a registrar that are remembered.
const MAX_ADDRESSES: usize = 16;
/// Within this time all trunks must be un-registered when the gateway stops.
const STOP_TIME: Duration = Duration::from_millis(800);

/// All trunks.
pub(crate) struct TrunkService {
    commands: mpsc::Sender<Command>,
    live: Arc<LiveState>,
    trunks: RwLock<BTreeMap<TrunkId, Entry>>,
}

struct Entry {
    /// The trunk as it is configured; none while it is disabled. Dropped, it ends the supervisor.
    current: watch::Sender<Option<Arc<Trunk>>>,
    usage: Arc<Usage>,
    supervisor: JoinHandle<()>,
}

/// An enabled trunk as configured at one time, and what is known about it.
pub(crate) struct Trunk {
    pub(crate) settings: SipTrunk,
    trusted: Arc<TrustedCertificate>,
    password: Option<Secret>,
    usage: Arc<Usage>,
    known: Mutex<Known>,
    /// Told when the connection it is registered over is gone.
    connection_lost: Notify,
}

/// What is known about a trunk.
#[derive(Debug)]
struct Known {
    state: TrunkState,
    /// Hosts that answer, or may, best first.
    hosts: Vec<usize>,
    /// Where the hosts' answers came from.
    addresses: Vec<IpAddr>,
    /// The connection that it is registered over; none over UDP.
    connection: Option<Flow>,
}

impl TrunkService {
    pub(crate) fn new(commands: mpsc::Sender<Command>, live: Arc<LiveState>) -> Self {
        Self {
            commands,
            live,
            trunks: RwLock::default(),
        }
    }

    /// Follows a configuration: starts, changes and ends trunks.
    pub(crate) fn configure(&self, configuration: &Configuration) {
        let mut trunks = self.trunks.write().unwrap_or_else(PoisonError::into_inner);
        for (id, entry) in trunks.iter() {
            let gone = configuration.trunk(*id).is_none_or(|trunk| !trunk.enabled);
            if gone {
                entry
                    .current
                    .send_if_modified(|current| current.take().is_some());
            }
        }
        trunks.retain(|id, _| configuration.trunk(*id).is_some());
        for settings in configuration.trunks().iter().filter(|trunk| trunk.enabled) {
            let password = configuration.trunk_password(settings.id).cloned();
            let entry = trunks
                .entry(settings.id)
                .or_insert_with(|| self.supervise(settings.id));
            let same = entry
                .current
                .borrow()
                .as_ref()
                .is_some_and(|trunk| trunk.settings == *settings && trunk.password == password);
            if !same {
                let trunk = Arc::new(Trunk::new(settings.clone(), password, entry.usage.clone()));
                entry.current.send_replace(Some(trunk));
            }
        }
    }

    fn supervise(&self, id: TrunkId) -> Entry {
        let (current, configured) = watch::channel(None);
        let supervisor = tokio::spawn(supervisor::run(
            id,
            configured,
            self.commands.clone(),
            self.live.clone(),
        ));
        Entry {
            current,
            usage: Arc::default(),
            supervisor,
        }
    }

    /// The enabled trunk `id`.
    pub(crate) fn trunk(&self, id: TrunkId) -> Option<Arc<Trunk>> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        trunks.get(&id)?.current.borrow().clone()
    }

    /// Calls in progress over the trunk `id`.
    pub(crate) fn calls(&self, id: TrunkId) -> usize {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        trunks.get(&id).map_or(0, |entry| entry.usage.calls())
    }

    /// The trunk that a request from `address` comes from. Of several with the same carrier, the one whose number or
    /// account the request names.
    pub(crate) fn source(&self, address: IpAddr, request: &Request) -> Option<Arc<Trunk>> {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        let mut fallback = None;
        for entry in trunks.values() {
            let Some(trunk) = entry.current.borrow().clone() else {
                continue;
            };
            if !trunk.is_source(address) {
                continue;
            }
            if trunk.is_named_by(request) {
                return Some(trunk);
            }
            fallback = fallback.or(Some(trunk));
        }
        fallback
    }

    /// Whether this is the address of a trunk's carrier.
    pub(crate) fn is_peer(&self, address: IpAddr) -> bool {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        trunks.values().any(|entry| {
            entry.current.borrow().as_ref().is_some_and(|trunk| {
                trunk.is_source(address)
                    || trunk.known().addresses.contains(&address.to_canonical())
            })
        })
    }

    /// A connection is gone, and with it the way to us for the registrars that were reached over it.
    pub(crate) fn flow_closed(&self, flow: Flow) {
        let trunks = self.trunks.read().unwrap_or_else(PoisonError::into_inner);
        for entry in trunks.values() {
            let Some(trunk) = entry.current.borrow().clone() else {
                continue;
            };
            let ours = trunk.known().connection.take_if(|known| *known == flow);
            if ours.is_some() {
                trunk.connection_lost.notify_one();
            }
        }
    }

    /// Un-registers all trunks; returns when that is done, or after a short time.
    pub(crate) async fn close(&self) {
        let entries = {
            let mut trunks = self.trunks.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *trunks)
        };
        let supervisors: Vec<_> = entries
            .into_values()
            .map(|entry| {
                entry.current.send_replace(None);
                entry.supervisor
            })
            .collect();
        let ended = async {
            for supervisor in supervisors {
                // A supervisor that panicked has ended, too.
                let _ = supervisor.await;
            }
        };
        // A registrar that is silent keeps nobody.
        let _ = timeout(STOP_TIME, ended).await;
    }
}

impl Trunk {
    fn new(settings: SipTrunk, password: Option<Secret>, usage: Arc<Usage>) -> Self {
        let known = Known {
            state: TrunkState::Trying,
            hosts: (0..settings.hosts.len()).collect(),
            addresses: Vec::new(),
            connection: None,
        };
        Self {
            trusted: Arc::new(settings.trusted_certificate.clone()),
            settings,
            password,
            usage,
            known: Mutex::new(known),
            connection_lost: Notify::new(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change is a single assignment.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The identity of the trunk.
    pub(crate) fn id(&self) -> TrunkId {
        self.settings.id
    }

    /// How it stands.
    pub(crate) fn state(&self) -> TrunkState {
        self.known().state
    }

    /// Whether calls can go out now. A trunk that is only just started may be tried unless it has to register first.
    pub(crate) fn is_up(&self) -> bool {
        match self.state() {
            TrunkState::Registered | TrunkState::Ok => true,
            TrunkState::Trying => self.settings.auth != TrunkAuth::Register,
            TrunkState::Unregistered | TrunkState::Unreachable | TrunkState::Rejected => false,
        }
    }

    /// The hosts to try for a call, best first.
    pub(crate) fn hosts(&self) -> Vec<HostPort> {
        let order = self.known().hosts.clone();
        order
            .into_iter()
            .filter_map(|index| self.settings.hosts.get(index).cloned())
            .collect()
    }

    /// Takes one of the trunk's channels.
    pub(crate) fn channel(&self) -> Option<Channel> {
        self.usage.take(self.settings.max_channels.into())
    }

    /// Counts a new call; false when there were too many within a second.
    pub(crate) fn begin(&self, now: Instant) -> bool {
        self.usage.begin(now, self.settings.max_calls_per_second)
    }

    /// The way to a host.
    pub(crate) fn destination(&self, host: &HostPort) -> Destination {
        Destination::Target(Target {
            servers: vec![outgoing::host_uri(None, host)],
            transport: Some(outgoing::transport(&self.settings)),
            trusted: self.trusted.clone(),
        })
    }

    /// Sends a request outside of sessions to a host: the answer, or that none came in time. A Contact with `contact_user` is added.
    async fn send(
        &self,
        commands: &mpsc::Sender<Command>,
        host: &HostPort,
        request: Request,
        contact_user: Option<String>,
        limit: Duration,
    ) -> Result<Answered, RequestError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Request {
            destination: self.destination(host),
            request: Box::new(OutgoingRequest {
                request,
                contact_user,
                credentials: outgoing::credentials(&self.settings, self.password.as_ref()),
                reply,
            }),
        };
        let sent = async {
            let gone = commands.send(command).await;
            gone.map_err(|_| RequestError::Unreachable)?;
            answer.await.unwrap_or(Err(RequestError::Unreachable))
        };
        timeout(limit, sent)
            .await
            .unwrap_or(Err(RequestError::Timeout))
    }

    /// The INVITE of a call to a host.
    pub(crate) fn invite(
        &self,
        host: &HostPort,
        call: &TrunkCall,
        flow: Flow,
        offer: Option<bytes::Bytes>,
    ) -> Invite {
        outgoing::invite(
            &self.settings,
            self.password.as_ref(),
            host,
            call,
            flow,
            offer,
        )
    }

    /// Whether requests from this address belong to the trunk.
    fn is_source(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match self.settings.auth {
            TrunkAuth::Ip => self
                .settings
                .sources
                .iter()
                .any(|network| network.contains(address)),
            TrunkAuth::Register => self.known().addresses.contains(&address),
            TrunkAuth::None => false,
        }
    }

    /// Whether the request names the trunk's account or one of its numbers.
    fn is_named_by(&self, request: &Request) -> bool {
        let account = self.settings.account();
        let uri = request.uri.user();
        let to = request.headers.to().ok();
        let to = to.as_ref().and_then(|to| to.uri.user());
        let names = |user: &str| {
            (!account.is_empty() && user == account) || self.settings.has_inbound_number(user)
        };
        uri.as_deref().is_some_and(names)
            || to.as_deref().is_some_and(names)
            || did(&self.settings, request).is_some_and(|did| names(&did))
    }

    fn registered_over(&self, flow: Flow) {
        self.known().connection = Some(flow).filter(Flow::is_reliable);
    }

    fn answered_from(&self, address: IpAddr) {
        let address = address.to_canonical();
        let mut known = self.known();
        if !known.addresses.contains(&address) {
            if known.addresses.len() >= MAX_ADDRESSES {
                known.addresses.remove(0);
            }
            known.addresses.push(address);
        }
    }
}
