//! The gateway between two phones: the endpoint, authentication, and the SDP of both legs. Call control above and sockets below are
//! left out.

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use ramal_sip::digest::{Algorithm, Challenger, Ha1, Proof};
use ramal_sip::sdp::{self, AudioDescription, Local, RtpCodec};
use ramal_sip::{
    Endpoint, EndpointConfig, Event, Flow, HeaderName, Host, Invite, Method, NameAddr, Reason,
    ReasonProtocol, Request, SessionId, StatusCode, Uri,
};

/// Seconds since 1970, for the nonces; simulated time does not reach their age.
const SECONDS: u64 = 1_700_000_000;
const TELEPHONE_EVENT: u8 = 101;

/// A registered phone.
pub struct Registered {
    pub ha1: Ha1,
    pub flow: Flow,
    pub target: Uri,
}

/// One leg of a call.
struct Leg {
    other: Option<SessionId>,
    local: Local,
    /// The caller's offer, until it is answered.
    offer: Option<Bytes>,
}

pub struct Gateway {
    pub endpoint: Endpoint,
    challenger: Challenger,
    phones: HashMap<String, Registered>,
    legs: HashMap<SessionId, Leg>,
    /// Calls that came to their end as they should.
    pub completed: usize,
    ports: u16,
}

impl Gateway {
    pub fn new(phones: HashMap<String, Registered>) -> Self {
        let config = EndpointConfig {
            user_agent: "Ramal/1.0".into(),
            tell_trying: true,
            hold_trying: true,
            methods: vec![
                Method::Register,
                Method::Options,
                Method::Refer,
                Method::Subscribe,
                Method::Message,
            ],
            event_packages: ["dialog", "message-summary", "presence"]
                .map(String::from)
                .to_vec(),
            supported: ["path", "outbound", "replaces", "norefersub"]
                .map(String::from)
                .to_vec(),
            ..EndpointConfig::default()
        };
        Self {
            endpoint: Endpoint::new(config, [1; 32]),
            challenger: Challenger::new([3; 32], "ramal")
                .with_algorithms(&[Algorithm::Md5, Algorithm::Sha256]),
            phones,
            legs: HashMap::new(),
            completed: 0,
            ports: 0,
        }
    }

    /// Takes one datagram out of the socket's buffer; what is to be sent goes to `send`.
    pub fn receive(
        &mut self,
        now: Instant,
        flow: Flow,
        datagram: &[u8],
        send: &mut impl FnMut(Flow, Bytes),
    ) {
        let bytes = Bytes::copy_from_slice(datagram);
        self.endpoint.handle_message(now, flow, bytes);
        self.pump(now, send);
    }

    /// Runs the timers that are due.
    pub fn tick(&mut self, now: Instant, send: &mut impl FnMut(Flow, Bytes)) {
        self.endpoint.handle_timeout(now);
        self.pump(now, send);
    }

    fn pump(&mut self, now: Instant, send: &mut impl FnMut(Flow, Bytes)) {
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                send(transmit.flow, transmit.message);
            }
            match self.endpoint.poll_event() {
                Some(event) => self.event(now, event),
                None => return,
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Incoming {
                session,
                flow,
                request,
            } => self.incoming(now, session, flow, &request),
            Event::Progress {
                session, status, ..
            } => {
                if let Some(caller) = self.other(session) {
                    self.endpoint.progress(now, caller, status, None);
                }
            }
            Event::Answered {
                session,
                sdp: Some(answer),
                ..
            } => self.answered(now, session, &answer),
            Event::Ended { session, .. } => self.ended(now, session),
            Event::Rejected { session, .. } => {
                self.legs.remove(&session);
            }
            _ => {}
        }
    }

    fn other(&self, session: SessionId) -> Option<SessionId> {
        self.legs.get(&session)?.other
    }

    fn incoming(&mut self, now: Instant, session: SessionId, flow: Flow, request: &Request) {
        if !self.is_proved(flow, request) {
            let challenges = self.challenger.challenge(SECONDS, flow.remote.ip(), false);
            let headers = challenges
                .into_iter()
                .map(|challenge| (HeaderName::WwwAuthenticate, challenge))
                .collect();
            self.endpoint
                .reject(now, session, StatusCode::UNAUTHORIZED, headers);
            return;
        }
        self.endpoint.trying(now, session);
        if self.call(now, session, request).is_none() {
            self.endpoint
                .reject(now, session, StatusCode::NOT_FOUND, Vec::new());
        }
    }

    fn is_proved(&mut self, flow: Flow, request: &Request) -> bool {
        let credentials = request.headers.authorization().unwrap_or_default();
        let Some(credentials) = credentials
            .iter()
            .find(|credentials| self.challenger.recognizes(credentials))
        else {
            return false;
        };
        let proof = Proof {
            credentials,
            method: &request.method,
            uri: &request.uri,
            body: &request.body,
        };
        let phones = &self.phones;
        let lookup = |user: &str| phones.get(user).map(|phone| phone.ha1);
        let verified = self
            .challenger
            .verify(SECONDS, flow.remote.ip(), proof, lookup);
        let claimed = request.headers.from().ok();
        let user = claimed.as_ref().and_then(|from| from.uri.user());
        verified.is_ok() && credentials.username().as_deref() == user.as_deref()
    }

    /// Calls the phone dialled.
    fn call(&mut self, now: Instant, session: SessionId, request: &Request) -> Option<()> {
        let from = request.headers.from().ok()?;
        let (caller, dialled) = (from.uri.user()?, request.uri.user()?);
        let callee = self.phones.get(&*dialled)?;
        let (_, theirs) = sdp::parse(&request.body).ok()?.audios().next()?;
        self.ports = self.ports.wrapping_add(4);
        let host = Host::from(callee.flow.local.ip());
        let party = |number: &str| NameAddr::new(Uri::sip(Some(number), host.clone(), None));
        let mut local = Local::new(u64::from(self.ports));
        let ours = AudioDescription {
            codecs: theirs.codecs,
            ..ours(callee.flow, self.ports)
        };
        let invite = Invite {
            contact_user: caller.clone().into_owned(),
            offer: Some(local.offer(&ours)),
            max_forwards: request.headers.max_forwards().ok()?.unwrap_or(70) - 1,
            ..Invite::new(
                callee.flow,
                callee.target.clone(),
                party(&caller).with_display_name("Ana"),
                party(&dialled),
            )
        };
        let called = self.endpoint.invite(now, invite);
        let leg = |other, local, offer| Leg {
            other: Some(other),
            local,
            offer,
        };
        self.legs.insert(called, leg(session, local, None));
        let local = Local::new(u64::from(self.ports) + 1);
        let offer = Some(request.body.clone());
        self.legs.insert(session, leg(called, local, offer));
        Some(())
    }

    /// Answers the caller with the codec of the callee.
    fn answered(&mut self, now: Instant, session: SessionId, answer: &[u8]) {
        let Some((caller, sdp)) = self.answer(session, answer) else {
            self.endpoint.hang_up(now, session, None);
            return;
        };
        self.endpoint.accept(now, caller, sdp);
    }

    fn answer(&mut self, session: SessionId, answer: &[u8]) -> Option<(SessionId, Bytes)> {
        let (_, theirs) = sdp::parse(answer).ok()?.audios().next()?;
        let caller = self.other(session)?;
        let leg = self.legs.get_mut(&caller)?;
        let offer = sdp::parse(&leg.offer.take()?).ok()?;
        let (at, audio) = offer.audios().next()?;
        let ours = AudioDescription {
            codecs: theirs.codecs.first().cloned().into_iter().collect(),
            ..AudioDescription::new(theirs.addr, self.ports, Vec::new())
        }
        .with_telephone_event(TELEPHONE_EVENT)
        .with_ptime(20);
        let ours = ours.answer_to(&audio)?;
        let leg = self.legs.get_mut(&caller)?;
        Some((caller, leg.local.answer(&offer, at, &ours)))
    }

    /// A leg is over: so is the other one.
    fn ended(&mut self, now: Instant, session: SessionId) {
        let Some(other) = self.legs.remove(&session).and_then(|leg| leg.other) else {
            return;
        };
        if let Some(leg) = self.legs.get_mut(&other) {
            leg.other = None;
            let reason = Reason {
                protocol: ReasonProtocol::Q850,
                cause: 16,
                text: Some("Normal call clearing".to_owned()),
            };
            self.endpoint.hang_up(now, other, Some(reason));
            self.completed += 1;
        }
    }
}

fn ours(flow: Flow, port: u16) -> AudioDescription {
    AudioDescription::new(flow.local.ip(), port, vec![RtpCodec::pcma()])
        .with_telephone_event(TELEPHONE_EVENT)
        .with_ptime(20)
}
