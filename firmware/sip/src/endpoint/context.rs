//! What all sessions of an endpoint share: the transaction layer, settings, identity and randomness.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{EndpointConfig, Event};
use crate::dialog::DialogKey;
use crate::flow::Flow;
use crate::session::{Reliability, SentAck, SessionId, SessionPolicy, SessionTimers};
use crate::transaction::TransactionId;
use crate::transaction::key::{ClientKey, KeyMaker};
use crate::transaction::layer::{Owner, TransactionLayer};
use crate::{
    HeaderName, HeaderValue, Method, NameAddr, Request, Response, StatusCode, Transport, Uri, Via,
};

/// Methods the endpoint handles by itself within INVITE sessions.
const OWN_METHODS: &[Method] = &[
    Method::Invite,
    Method::Ack,
    Method::Bye,
    Method::Cancel,
    Method::Info,
    Method::Prack,
    Method::Update,
];

/// See the module.
pub(crate) struct Context {
    pub(crate) layer: TransactionLayer,
    pub(crate) config: EndpointConfig,
    pub(crate) keys: KeyMaker,
    pub(crate) events: VecDeque<Event>,
    pub(crate) dialogs: HashMap<DialogKey, SessionId>,
    /// ACKs of sessions that are over, by the INVITE whose 2xx may come again.
    pub(crate) acks: HashMap<TransactionId, Vec<SentAck>>,
    random: StdRng,
    allow: HeaderValue,
    /// Values of Supported, one for each set of extensions a [`SessionPolicy`] can ask for.
    supported: [Option<HeaderValue>; 4],
}

impl Context {
    pub(crate) fn new(config: EndpointConfig, seed: [u8; 32]) -> Self {
        let mut random = StdRng::from_seed(seed);
        let allow = OWN_METHODS
            .iter()
            .chain(&config.methods)
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let supported = [
            (Reliability::Off, SessionTimers::Refuse),
            (Reliability::Off, SessionTimers::Accept),
            (Reliability::Supported, SessionTimers::Refuse),
            (Reliability::Supported, SessionTimers::Accept),
        ]
        .map(|(reliability, timers)| {
            let policy = SessionPolicy {
                reliability,
                timers,
                ..config.policy
            };
            let own = config.supported.iter().map(String::as_str);
            let options: Vec<&str> = own.chain(policy.option_tags()).collect();
            (!options.is_empty()).then(|| HeaderValue::sanitized(options.join(", ")))
        });
        Self {
            layer: TransactionLayer::new(config.timers),
            keys: KeyMaker::new((random.next_u64(), random.next_u64())),
            events: VecDeque::new(),
            dialogs: HashMap::new(),
            acks: HashMap::new(),
            random,
            allow: HeaderValue::sanitized(allow),
            supported,
            config,
        }
    }

    /// Whether the endpoint itself or its user takes requests with this method.
    pub(crate) fn takes(&self, method: &Method) -> bool {
        OWN_METHODS.contains(method) || self.config.methods.contains(method)
    }

    /// Whether an option tag of a Require header is understood.
    pub(crate) fn supports(&self, option: &str) -> bool {
        let own = self.config.supported.iter().map(String::as_str);
        own.chain(self.config.policy.option_tags())
            .any(|own| own.eq_ignore_ascii_case(option))
    }

    /// Value of the Allow header.
    pub(crate) fn allow(&self) -> HeaderValue {
        self.allow.clone()
    }

    /// Value of the Supported header of a session with this policy, if there is one.
    pub(crate) fn supported(&self, policy: &SessionPolicy) -> Option<HeaderValue> {
        let reliable = policy.reliability != Reliability::Off;
        let timer = policy.timers != SessionTimers::Refuse;
        self.supported[2 * usize::from(reliable) + usize::from(timer)].clone()
    }

    /// A tag or part of a Call-ID: 64 random bits (RFC 3261 §19.3 asks for 32).
    pub(crate) fn token(&mut self) -> String {
        format!("{:016x}", self.random.next_u64())
    }

    /// A first CSeq number; small, so that it never comes near 2^31 (§8.1.1.5).
    pub(crate) fn first_sequence(&mut self) -> u32 {
        self.below(0xffff) + 1
    }

    /// A random number below `bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        // The bias of at most bound/2^64 does not matter for anything here.
        (self.random.next_u64() % u64::from(bound.max(1))) as u32
    }

    /// The Contact by which the peer of `flow` reaches `user` here.
    pub(crate) fn contact(&self, flow: &Flow, user: &str) -> HeaderValue {
        let advertised = (self.config.advertised)(flow);
        let mut uri = Uri::sip(Some(user), advertised.host, advertised.port);
        let transport = match flow.transport {
            Transport::Udp => None,
            Transport::Tcp => Some("tcp"),
            Transport::Tls => Some("tls"),
            // RFC 7118 §5.3 has one name for both.
            Transport::Ws | Transport::Wss => Some("ws"),
        };
        if transport.is_some() {
            uri = uri.with_param("transport", transport);
        }
        HeaderValue::from(&NameAddr::new(uri))
    }

    /// Sends a request in a transaction of its own; adds Via and User-Agent.
    pub(crate) fn send_request(
        &mut self,
        now: Instant,
        flow: Flow,
        owner: Owner,
        mut request: Request,
    ) -> TransactionId {
        let key = ClientKey::new(self.random.next_u64(), &request.method);
        let message = self.finish(&flow, key, &mut request);
        self.layer.counters.sent.request(&request.method);
        self.layer.request(now, flow, key, owner, message)
    }

    /// Sends the ACK for a 2xx, which is no transaction (§13.2.2.4), and gives it back to be sent again.
    pub(crate) fn send_ack(&mut self, flow: Flow, mut ack: Request) -> Bytes {
        let key = ClientKey::new(self.random.next_u64(), &ack.method);
        let message = self.finish(&flow, key, &mut ack);
        self.layer.counters.sent.request(&ack.method);
        self.layer.transmit(flow, message.clone());
        message
    }

    fn finish(&self, flow: &Flow, key: ClientKey, request: &mut Request) -> Bytes {
        let advertised = (self.config.advertised)(flow);
        let via = Via::new(
            flow.transport,
            advertised.host,
            advertised.port,
            &key.branch(),
        );
        request.headers.push_front(HeaderName::Via, &via);
        if !self.config.user_agent.is_empty() && !request.headers.contains(&HeaderName::UserAgent) {
            request.headers.push(
                HeaderName::UserAgent,
                HeaderValue::sanitized(&self.config.user_agent),
            );
        }
        request.encode()
    }

    /// Sends a response in its transaction; adds Server. Returns whether the transaction's state permitted it.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        mut response: Response,
    ) -> bool {
        self.name_server(&mut response);
        let status = response.status;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => self
                .layer
                .respond_and_forget(transaction, status.code(), response.encode()),
            _ => self
                .layer
                .respond(now, transaction, status.code(), response.encode()),
        }
    }

    /// Adds the Server header.
    pub(crate) fn name_server(&self, response: &mut Response) {
        if !self.config.user_agent.is_empty() && !response.headers.contains(&HeaderName::Server) {
            response.headers.push(
                HeaderName::Server,
                HeaderValue::sanitized(&self.config.user_agent),
            );
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("layer", &self.layer)
            .field("events", &self.events)
            .field("dialogs", &self.dialogs.len())
            .finish_non_exhaustive()
    }
}
