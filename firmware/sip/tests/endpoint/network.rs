//! Hosts, the network between them, and the clock of both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ramal_sip::{
    Counters, Endpoint, EndpointConfig, Event, Flow, Invite, Message, NameAddr, SessionId,
    SessionPolicy, StatusCode, Transport, Uri,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::sightings::incoming;

pub const OFFER: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
pub const ANSWER: &[u8] = b"v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n";
pub const HOLD: &[u8] = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n";
pub const HELD: &[u8] = b"v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\na=recvonly\r\n";

pub const ALICE: usize = 0;
pub const BOB: usize = 1;
const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// What the network does to datagrams.
#[derive(Clone, Copy)]
pub struct Quality {
    /// Of 100 datagrams, how many are lost.
    pub loss: u32,
    /// Of 100 datagrams, how many arrive twice.
    pub duplication: u32,
    /// Shortest and longest delay in ms; unequal delays reorder.
    pub delay: (u64, u64),
}

pub const PERFECT: Quality = Quality {
    loss: 0,
    duplication: 0,
    delay: (1, 1),
};

/// A host: an endpoint, or nobody, whose messages the test reads and writes itself.
pub struct Host {
    pub address: SocketAddr,
    pub endpoint: Option<Endpoint>,
    pub events: Vec<Event>,
    pub received: Vec<Message>,
    /// Whether nobody, not even the test, listens.
    pub deaf: bool,
}

pub struct Network {
    pub start: Instant,
    pub now: Instant,
    pub hosts: Vec<Host>,
    pub quality: Quality,
    pub transport: Transport,
    /// Every message sent: when (ms), from, to, first line as figures write it.
    pub trace: Vec<(u64, usize, usize, String)>,
    /// Every message sent, when somebody wants them.
    pub tap: Option<Vec<Bytes>>,
    random: StdRng,
    in_flight: BTreeMap<(Instant, u64), (usize, usize, Bytes)>,
    sent: u64,
}

impl Network {
    /// Alice and Bob, over UDP.
    pub fn new(quality: Quality, seed: u64) -> Self {
        Self::with(quality, seed, Transport::Udp, [config(), config()])
    }

    pub fn perfect() -> Self {
        Self::new(PERFECT, 1)
    }

    /// Alice and Bob on a perfect network, each with a policy.
    pub fn with_policies(alice: SessionPolicy, bob: SessionPolicy) -> Self {
        let configs = [alice, bob].map(|policy| EndpointConfig { policy, ..config() });
        Self::with(PERFECT, 1, Transport::Udp, configs)
    }

    /// Alice with an endpoint; Bob and Carol are played by the test.
    pub fn alone() -> Self {
        Self::alone_with(SessionPolicy::default())
    }

    /// The same, with a policy of Alice's.
    pub fn alone_with(policy: SessionPolicy) -> Self {
        let mut network = Self::with_policies(policy, policy);
        network.hosts[BOB].endpoint = None;
        network.hosts.push(Host {
            address: "127.0.0.13:5060".parse().unwrap(),
            endpoint: None,
            events: vec![],
            received: vec![],
            deaf: false,
        });
        network
    }

    pub fn with(
        quality: Quality,
        seed: u64,
        transport: Transport,
        configs: [EndpointConfig; 2],
    ) -> Self {
        let hosts = configs.into_iter().enumerate().map(|(index, config)| Host {
            address: format!("127.0.0.{}:5060", 11 + index).parse().unwrap(),
            endpoint: Some(Endpoint::new(config, [seed as u8 ^ index as u8; 32])),
            events: Vec::new(),
            received: Vec::new(),
            deaf: false,
        });
        let start = Instant::now();
        Self {
            start,
            now: start,
            hosts: hosts.collect(),
            quality,
            transport,
            trace: Vec::new(),
            tap: None,
            random: StdRng::seed_from_u64(seed),
            in_flight: BTreeMap::new(),
            sent: 0,
        }
    }

    pub fn flow(&self, from: usize, to: usize) -> Flow {
        let connection = u64::from(self.transport != Transport::Udp);
        Flow {
            transport: self.transport,
            local: self.hosts[from].address,
            remote: self.hosts[to].address,
            connection,
        }
    }

    /// Acts on a host's endpoint and takes what comes out of it.
    pub fn act<T>(&mut self, host: usize, action: impl FnOnce(&mut Endpoint, Instant) -> T) -> T {
        let now = self.now;
        let result = action(self.hosts[host].endpoint.as_mut().unwrap(), now);
        self.collect(host);
        result
    }

    fn collect(&mut self, host: usize) {
        let Some(endpoint) = &mut self.hosts[host].endpoint else {
            return;
        };
        let transmits: Vec<_> = std::iter::from_fn(|| endpoint.poll_transmit()).collect();
        let events: Vec<_> = std::iter::from_fn(|| endpoint.poll_event()).collect();
        self.hosts[host].events.extend(events);
        for transmit in transmits {
            if let Some(to) = self
                .hosts
                .iter()
                .position(|other| other.address == transmit.flow.remote)
            {
                self.send(host, to, transmit.message);
            }
        }
    }

    /// Puts a message on the wire.
    pub fn send(&mut self, from: usize, to: usize, message: Bytes) {
        let line = message
            .split(|byte| *byte == b'\r')
            .next()
            .unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let line = line
            .strip_prefix("SIP/2.0 ")
            .or(line.split(' ').next())
            .unwrap_or_default()
            .to_owned();
        self.trace
            .push(((self.now - self.start).as_millis() as u64, from, to, line));
        if let Some(tap) = &mut self.tap {
            tap.push(message.clone());
        }
        if self.random.random_range(0..100) < self.quality.loss {
            return;
        }
        let copies = if self.random.random_range(0..100) < self.quality.duplication {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let (least, most) = self.quality.delay;
            let delay = Duration::from_millis(self.random.random_range(least..=most));
            self.sent += 1;
            self.in_flight
                .insert((self.now + delay, self.sent), (from, to, message.clone()));
        }
    }

    /// Lets time pass until the next thing happens, but not beyond `end`. Tells whether something happened.
    pub fn step(&mut self, end: Instant) -> bool {
        let arrival = self.in_flight.keys().next().map(|key| key.0);
        let timers = self
            .hosts
            .iter()
            .filter_map(|host| host.endpoint.as_ref()?.poll_timeout());
        let Some(next) = timers.chain(arrival).min().filter(|next| *next <= end) else {
            self.now = self.now.max(end);
            return false;
        };
        self.now = self.now.max(next);
        if arrival == Some(next) {
            let (_, (from, to, message)) = self.in_flight.pop_first().unwrap();
            let flow = self.flow(to, from);
            let host = &mut self.hosts[to];
            match &mut host.endpoint {
                Some(endpoint) => endpoint.handle_message(self.now, flow, message),
                // An answer to a malformed request may be as malformed; the trace has its first line.
                None if host.deaf => {}
                None => host.received.extend(Message::parse(message)),
            }
            self.collect(to);
        } else {
            for host in 0..self.hosts.len() {
                let now = self.now;
                if let Some(endpoint) = &mut self.hosts[host].endpoint {
                    endpoint.handle_timeout(now);
                }
                self.collect(host);
            }
        }
        true
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
    }

    /// Runs for 100 ms: all that is on the wire arrives on a perfect network, no timer of 500 ms expires.
    pub fn run_shortly(&mut self) {
        self.run(Duration::from_millis(100));
    }

    /// Takes the events of a host that have come so far.
    pub fn events(&mut self, host: usize) -> Vec<Event> {
        std::mem::take(&mut self.hosts[host].events)
    }

    /// Takes the messages a host without endpoint has received.
    pub fn received(&mut self, host: usize) -> Vec<Message> {
        std::mem::take(&mut self.hosts[host].received)
    }

    pub fn counters(&self, host: usize) -> Counters {
        self.hosts[host].endpoint.as_ref().unwrap().counters()
    }

    /// The trace since the last call as call-flow figures show it: `alice -> bob: INVITE`, `alice <- bob: 200 OK`.
    pub fn flow_figure(&mut self) -> Vec<String> {
        let arrow = |(_, from, to, line): (u64, usize, usize, String)| match from < to {
            true => format!("{} -> {}: {line}", NAMES[from], NAMES[to]),
            false => format!("{} <- {}: {line}", NAMES[to], NAMES[from]),
        };
        std::mem::take(&mut self.trace)
            .into_iter()
            .map(arrow)
            .collect()
    }

    /// When (ms) messages beginning with `line` were sent by a host.
    pub fn times(&self, host: usize, line: &str) -> Vec<u64> {
        self.trace
            .iter()
            .filter(|sent| sent.1 == host && sent.3.starts_with(line))
            .map(|sent| sent.0)
            .collect()
    }

    /// Asserts that nothing is left in any endpoint.
    pub fn assert_nothing_left(&mut self) {
        self.run(Duration::from_secs(200));
        for (index, host) in self.hosts.iter().enumerate() {
            let Some(endpoint) = &host.endpoint else {
                continue;
            };
            let counters = endpoint.counters();
            let live = (
                counters.transactions,
                counters.sessions,
                counters.dialogs,
                counters.timers,
            );
            assert_eq!(
                live,
                (0, 0, 0, 0),
                "transactions, sessions, dialogs, timers left with {}",
                NAMES[index]
            );
        }
    }

    /// Alice calls Bob with an offer.
    pub fn alice_calls_bob(&mut self) -> SessionId {
        let invite = self.invite();
        self.act(ALICE, |alice, now| alice.invite(now, invite))
    }

    pub fn invite(&self) -> Invite {
        Invite {
            contact_user: "alice".into(),
            offer: Some(Bytes::from_static(OFFER)),
            ..Invite::new(
                self.flow(ALICE, BOB),
                uri("sip:bob@127.0.0.12"),
                address("sip:alice@a.example"),
                address("sip:bob@b.example"),
            )
        }
    }

    /// Alice calls Bob, Bob rings and answers: gives both sessions, with all events taken.
    pub fn established(&mut self) -> (SessionId, SessionId) {
        let alice = self.alice_calls_bob();
        self.run_shortly();
        let bob = incoming(&self.events(BOB));
        self.act(BOB, |endpoint, now| {
            endpoint.progress(now, bob, StatusCode::RINGING, None)
        });
        self.run_shortly();
        self.act(BOB, |endpoint, now| {
            endpoint.accept(now, bob, Bytes::from_static(ANSWER))
        });
        self.run_shortly();
        self.events(ALICE);
        self.events(BOB);
        self.flow_figure();
        (alice, bob)
    }
}

pub fn config() -> EndpointConfig {
    EndpointConfig::default()
}

pub fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

pub fn address(text: &str) -> NameAddr {
    NameAddr::new(uri(text))
}
