//! A whole endpoint: datagrams, user's actions and time in any order. When its user has hung up everything and all
//! timers have run out, nothing may be left.
//!
//! The input is a list of steps. Each begins with a byte: below 0xa0 a datagram follows, with its length in two bytes
//! (little-endian); above, the user acts on the session named by the next byte, or time passes.

use std::time::{Duration, Instant};

use bytes::Bytes;
use ramal_sip::digest::Secret;
use ramal_sip::{
    ClientCredentials, Endpoint, EndpointConfig, Event, Flow, HeaderName, Invite, Method, NameAddr,
    SessionId, StatusCode, SubscriptionEnd, SubscriptionId, Transport, Uri,
};

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

struct Run {
    endpoint: Endpoint,
    now: Instant,
    flow: Flow,
    sessions: Vec<SessionId>,
    subscriptions: Vec<SubscriptionId>,
}

impl Run {
    /// Takes what comes out; the user answers requests at once.
    fn drain(&mut self) {
        while self.endpoint.poll_transmit().is_some() {}
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Incoming { session, .. } => self.sessions.push(session),
                Event::Request {
                    transaction,
                    request,
                    ..
                } => {
                    self.endpoint
                        .respond(self.now, transaction, request.response(StatusCode::OK));
                }
                Event::Refer { refer, .. } => {
                    self.endpoint.accept_refer(self.now, refer.id);
                    self.endpoint
                        .refer_progress(self.now, refer.id, StatusCode::OK);
                }
                Event::Subscribe {
                    transaction,
                    flow,
                    request,
                    ..
                } => {
                    let taken =
                        self.endpoint
                            .accept_subscription(self.now, transaction, flow, &request);
                    self.subscriptions.extend(taken);
                }
                Event::NotifyDue { subscription } => {
                    let body = Bytes::from_static(b"idle");
                    self.endpoint
                        .notify(self.now, subscription, "text/plain".into(), body);
                }
                _ => {}
            }
            while self.endpoint.poll_transmit().is_some() {}
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.endpoint.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn invite(&mut self) {
        let (Ok(target), Ok(from)) = ("sip:b@192.0.2.2".parse::<Uri>(), "sip:a@192.0.2.1".parse())
        else {
            return;
        };
        let secret = Secret::Password("secret".into());
        let invite = Invite {
            offer: Some(Bytes::from_static(SDP)),
            credentials: Some(ClientCredentials {
                username: "a".into(),
                secret,
            }),
            ..Invite::new(
                self.flow,
                target.clone(),
                NameAddr::new(from),
                NameAddr::new(target),
            )
        };
        let session = self.endpoint.invite(self.now, invite);
        self.sessions.push(session);
    }

    fn act(&mut self, action: u8, operand: u8) {
        let sdp = Bytes::from_static(SDP);
        let now = self.now;
        let session = match self.sessions.len() {
            0 => None,
            count => self.sessions.get(usize::from(operand) % count).copied(),
        };
        match (action % 13, session) {
            (0, _) => self.invite(),
            (1, _) => self.pass(Duration::from_millis(u64::from(operand) * 20)),
            (2, _) => self.endpoint.handle_flow_failed(now, self.flow),
            (3, Some(session)) => {
                self.endpoint
                    .progress(now, session, StatusCode::RINGING, Some(sdp))
            }
            (4, Some(session)) => self.endpoint.accept(now, session, sdp),
            (5, Some(session)) => self
                .endpoint
                .reject(now, session, StatusCode::BUSY_HERE, vec![]),
            (6, Some(session)) => self.endpoint.hang_up(now, session, None),
            (7, Some(session)) => self.endpoint.offer(now, session, sdp),
            (8, Some(session)) => self.endpoint.answer_offer(now, session, sdp),
            (9, Some(session)) => {
                self.endpoint
                    .refuse_offer(now, session, StatusCode::NOT_ACCEPTABLE_HERE)
            }
            (10, Some(session)) => self
                .endpoint
                .info(now, session, "application/dtmf".into(), sdp),
            (11, _) => {
                for subscription in &self.subscriptions {
                    self.endpoint.state_changed(*subscription);
                }
            }
            (12, Some(session)) => {
                let refer_to = (HeaderName::ReferTo, "<sip:c@192.0.2.2>".into());
                self.endpoint
                    .request_within(now, session, Method::Refer, vec![refer_to], None);
            }
            _ => {}
        }
    }
}

/// Panics when something is wrong.
pub fn run(input: &[u8]) {
    let address = |last| std::net::SocketAddr::from(([192, 0, 2, last], 5060));
    let flow = Flow {
        transport: Transport::Udp,
        local: address(1),
        remote: address(2),
        connection: 0,
    };
    let config = EndpointConfig {
        methods: vec![
            Method::Register,
            Method::Options,
            Method::Refer,
            Method::Subscribe,
            Method::Message,
        ],
        event_packages: vec!["dialog".into()],
        ..EndpointConfig::default()
    };
    let endpoint = Endpoint::new(config, [1; 32]);
    let mut run = Run {
        endpoint,
        now: Instant::now(),
        flow,
        sessions: Vec::new(),
        subscriptions: Vec::new(),
    };
    let mut rest = input;
    while let [step, tail @ ..] = rest {
        rest = tail;
        if *step < 0xa0 {
            let [low, high, tail @ ..] = rest else { break };
            let length = usize::from(u16::from_le_bytes([*low, *high])).min(tail.len());
            let (datagram, tail) = tail.split_at(length);
            rest = tail;
            run.endpoint
                .handle_message(run.now, flow, Bytes::copy_from_slice(datagram));
        } else {
            let [operand, tail @ ..] = rest else { break };
            rest = tail;
            run.act(*step, *operand);
        }
        run.drain();
    }
    for session in std::mem::take(&mut run.sessions) {
        run.endpoint.hang_up(run.now, session, None);
        run.drain();
    }
    for subscription in std::mem::take(&mut run.subscriptions) {
        run.endpoint
            .end_subscription(subscription, SubscriptionEnd::NoResource);
        run.drain();
    }
    // The outcome of a REFER that was never told is waited for longest.
    run.pass(Duration::from_secs(400));
    let counters = run.endpoint.counters();
    let live = [
        counters.transactions,
        counters.sessions,
        counters.dialogs,
        counters.timers,
        counters.subscriptions,
    ];
    assert_eq!(live, [0; 5]);
}
