//! Two users with a diary each, who call, hold, transfer and hang up at random and remember what they were told.

mod acts;

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ramal_sip::{
    EndCause, Event, HeaderName, Method, ReferId, Replaces, Request, SessionId, SessionPolicy,
    StatusCode, TransactionId,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::network::*;

/// Names a call in its INVITE, so that both sides of it can be compared.
const CALL: &str = "X-Call";

/// What a user has in mind, done when its time (ms) comes.
#[derive(Clone)]
pub enum Intent {
    Call(Option<Transfer>),
    Ring(SessionId),
    ShowMedia(SessionId),
    Accept(SessionId),
    Reject(SessionId, StatusCode),
    HangUp(SessionId),
    Offer(SessionId),
    Digit(SessionId),
    AnswerOffer(SessionId),
    RefuseOffer(SessionId),
    Transfer(SessionId),
    Register,
}

/// A call made because the peer of another one asked for it.
#[derive(Clone)]
pub struct Transfer {
    refer: ReferId,
    replaces: Option<Replaces>,
}

/// How a call ended for one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// This side hung up or refused.
    Mine,
    /// It was told that the other side did.
    Theirs,
    /// Nobody answered for too long.
    Silence,
}

/// One side of a call, as its user sees it.
#[derive(Default)]
pub struct Side {
    call: usize,
    /// Whether the session is answered and acknowledged.
    pub answered: bool,
    /// What was offered and not answered yet.
    offered: Option<Bytes>,
    /// What the peer has offered (or, `None`, asked for) and was not answered yet.
    asked: Option<Option<Bytes>>,
    /// The description given before the call was answered.
    early: Option<Bytes>,
    /// What was agreed last: mine, theirs.
    agreed: Option<(Bytes, Bytes)>,
    /// The transfer this call is made for.
    refer: Option<ReferId>,
    pub outcomes: Vec<Outcome>,
}

/// What has happened in all.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    pub begun: u32,
    pub answered: u32,
    pub early_media: u32,
    pub offers_answered: u32,
    pub early_offers_answered: u32,
    pub infos: u32,
    pub registered: u32,
    pub transferred: u32,
    pub replaced: u32,
    /// Calls whose sides were found to agree on the media when the first of them ended.
    pub agreed: u32,
}

type End = (usize, SessionId);

pub struct Users {
    random: StdRng,
    diary: BTreeMap<(u64, u64), (usize, Intent)>,
    entries: u64,
    pub sides: HashMap<End, Side>,
    /// Caller's and called side of each call.
    pub calls: Vec<[Option<End>; 2]>,
    /// How often each registration has got its final answer.
    pub registrations: HashMap<(usize, TransactionId), u32>,
    descriptions: u32,
    pub tally: Tally,
}

impl Users {
    pub fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            diary: BTreeMap::new(),
            entries: 0,
            sides: HashMap::new(),
            calls: Vec::new(),
            registrations: HashMap::new(),
            descriptions: 0,
            tally: Tally::default(),
        }
    }

    pub fn plan(&mut self, now: u64, host: usize, within: u64, intent: Intent) {
        let time = now + self.random.random_range(0..=within);
        self.entries += 1;
        self.diary.insert((time, self.entries), (host, intent));
    }

    /// When the next thing is to be done.
    pub fn next(&self) -> Option<u64> {
        self.diary.keys().next().map(|key| key.0)
    }

    /// Does the next thing.
    pub fn do_next(&mut self, network: &mut Network) {
        if let Some((_, (host, intent))) = self.diary.pop_first() {
            self.act(network, host, intent);
            self.hear_all(network);
        }
    }

    /// Takes all events.
    pub fn hear_all(&mut self, network: &mut Network) {
        for host in [ALICE, BOB] {
            for event in network.events(host) {
                self.hear(network, host, event);
            }
        }
    }

    fn one_in(&mut self, times: u32) -> bool {
        self.random.random_range(0..times) == 0
    }

    /// A session description nobody has seen yet.
    fn describe(&mut self) -> Bytes {
        self.descriptions += 1;
        let number = self.descriptions;
        Bytes::from(format!(
            "v=0\r\no=- {number} 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
        ))
    }

    fn side(&mut self, host: usize, session: SessionId) -> &mut Side {
        self.sides
            .get_mut(&(host, session))
            .expect("a session that began")
    }

    fn hear(&mut self, network: &mut Network, host: usize, event: Event) {
        let now = (network.now - network.start).as_millis() as u64;
        match event {
            Event::Incoming {
                session, request, ..
            } => self.called(network, host, session, &request),
            Event::Progress { session, sdp, .. } => {
                let side = self.side(host, session);
                if let (Some(sdp), Some(offer), None) = (sdp, &side.offered, &side.agreed) {
                    side.agreed = Some((offer.clone(), sdp));
                    side.offered = None;
                    self.tally.early_media += 1;
                    if self.one_in(3) {
                        self.plan(now, host, 3_000, Intent::Offer(session));
                    }
                }
            }
            Event::Answered { session, sdp, .. } => {
                if let Some(refer) = self.side(host, session).refer.take() {
                    network.act(host, |e, now| e.refer_progress(now, refer, StatusCode::OK));
                }
                self.answered(now, host, session, sdp);
            }
            Event::Confirmed { session, sdp } => {
                let side = self.side(host, session);
                side.answered = true;
                if let Some(sdp) = sdp {
                    let offer = side.offered.take().expect("an offer of ours");
                    side.agreed = Some((offer, sdp));
                }
                self.plan_call(now, host, session);
            }
            Event::Offer { session, sdp } => {
                self.side(host, session).asked = Some(sdp);
                match self.one_in(10) {
                    true => self.plan(now, host, 3_000, Intent::RefuseOffer(session)),
                    false => self.plan(now, host, 3_000, Intent::AnswerOffer(session)),
                }
            }
            Event::OfferWithdrawn { session } => self.side(host, session).asked = None,
            Event::OfferAnswered { session, sdp } => {
                let side = self.side(host, session);
                let offer = side.offered.take();
                // A refreshing re-INVITE says again what was said.
                let ours = offer.or(side.agreed.take().map(|agreed| agreed.0));
                side.agreed = Some((ours.expect("an offer of ours"), sdp));
                let early = !side.answered;
                self.tally.offers_answered += 1;
                self.tally.early_offers_answered += u32::from(early);
            }
            Event::OfferRefused { session, .. } => self.side(host, session).offered = None,
            Event::Info { .. } => self.tally.infos += 1,
            Event::Rejected {
                session, status, ..
            } => {
                let outcome = match status {
                    StatusCode::REQUEST_TIMEOUT | StatusCode::SERVER_TIME_OUT => Outcome::Silence,
                    _ => Outcome::Theirs,
                };
                self.over(network, host, session, outcome, status);
            }
            Event::Ended { session, cause, .. } => {
                let outcome = match cause {
                    EndCause::HungUp | EndCause::Refused => Outcome::Mine,
                    // 481 to a request of ours: the BYE was lost so far, but now we know.
                    EndCause::Bye | EndCause::Cancelled | EndCause::DialogGone => Outcome::Theirs,
                    _ => Outcome::Silence,
                };
                let status = StatusCode::REQUEST_TERMINATED;
                self.over(network, host, session, outcome, status);
            }
            Event::Refer { refer, .. } => {
                network.act(host, |e, now| e.accept_refer(now, refer.id));
                let transfer = Transfer {
                    refer: refer.id,
                    replaces: refer.replaces,
                };
                self.plan(now, host, 500, Intent::Call(Some(transfer)));
            }
            Event::Request {
                transaction,
                session,
                request,
                ..
            } => {
                let ok = request.response(StatusCode::OK);
                network.act(host, |e, now| e.respond(now, transaction, ok));
                let done = request.body.starts_with(b"SIP/2.0 200");
                if let Some(session) = session.filter(|_| request.method == Method::Notify && done)
                {
                    self.tally.transferred += 1;
                    self.plan(now, host, 500, Intent::HangUp(session));
                }
            }
            Event::Response {
                transaction,
                response,
            } => {
                if let Some(answers) = self.registrations.get_mut(&(host, transaction))
                    && response.status.is_final()
                {
                    *answers += 1;
                    self.tally.registered += 1;
                }
            }
            Event::Timeout { transaction, .. } => {
                if let Some(answers) = self.registrations.get_mut(&(host, transaction)) {
                    *answers += 1;
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn called(&mut self, network: &mut Network, host: usize, session: SessionId, invite: &Request) {
        let now = (network.now - network.start).as_millis() as u64;
        let call = invite.headers.text(&HeaderName::from(CALL)).unwrap();
        let call: usize = call.parse().unwrap();
        assert!(self.calls[call][1].is_none(), "a call rings once");
        self.calls[call][1] = Some((host, session));
        let asked = (!invite.body.is_empty()).then(|| Some(invite.body.clone()));
        let side = Side {
            call,
            asked,
            ..Side::default()
        };
        self.sides.insert((host, session), side);
        if let Some(replaces) = invite.headers.replaces().unwrap() {
            let found = network.hosts[host]
                .endpoint
                .as_ref()
                .unwrap()
                .find_session(&replaces);
            match found {
                Ok(old) => {
                    self.tally.replaced += 1;
                    self.plan(now, host, 0, Intent::Accept(session));
                    self.plan(now, host, 0, Intent::HangUp(old));
                }
                Err(status) => self.plan(now, host, 0, Intent::Reject(session, status)),
            }
            return;
        }
        self.plan(now, host, 2_000, Intent::Ring(session));
        if self.one_in(3) {
            self.plan(now, host, 5_000, Intent::ShowMedia(session));
        }
        match self.random.random_range(0..10) {
            0 => self.plan(
                now,
                host,
                10_000,
                Intent::Reject(session, StatusCode::BUSY_HERE),
            ),
            1 => self.plan(now, host, 90_000, Intent::HangUp(session)),
            _ => self.plan(now, host, 10_000, Intent::Accept(session)),
        }
    }

    fn answered(&mut self, now: u64, host: usize, session: SessionId, sdp: Option<Bytes>) {
        let side = self.side(host, session);
        side.answered = true;
        match (sdp, &side.agreed, side.offered.clone()) {
            (Some(sdp), Some(agreed), _) => assert_eq!(sdp, agreed.1, "said once"),
            (Some(sdp), None, Some(offer)) => {
                side.agreed = Some((offer, sdp));
                side.offered = None;
            }
            (Some(sdp), None, None) => {
                side.asked = Some(Some(sdp));
                self.plan(now, host, 3_000, Intent::AnswerOffer(session));
            }
            (None, agreed, _) => assert!(agreed.is_some(), "nothing was ever said"),
        }
        self.tally.answered += 1;
        self.plan_call(now, host, session);
    }

    /// What is done in a call that stands.
    fn plan_call(&mut self, now: u64, host: usize, session: SessionId) {
        for _ in 0..self.random.random_range(0..3) {
            self.plan(now, host, 30_000, Intent::Offer(session));
            self.plan(now, host, 30_000, Intent::Digit(session));
        }
        if self.one_in(8) {
            self.plan(now, host, 20_000, Intent::Transfer(session));
        }
        // Some talk for several session intervals.
        let longest = if self.one_in(5) { 400_000 } else { 60_000 };
        self.plan(now, host, longest, Intent::HangUp(session));
    }

    /// One side of a call has ended. When it is the first, and nothing was being agreed on, both must mean the same media.
    fn over(
        &mut self,
        network: &mut Network,
        host: usize,
        session: SessionId,
        outcome: Outcome,
        status: StatusCode,
    ) {
        let side = self.side(host, session);
        side.outcomes.push(outcome);
        let refer = side.refer.take();
        let call = side.call;
        if let Some(refer) = refer {
            network.act(host, |e, now| e.refer_progress(now, refer, status));
        }
        let ends = self.calls[call].map(|end| end.and_then(|end| self.sides.get(&end)));
        if let [Some(one), Some(other)] = ends
            && one.outcomes.len() + other.outcomes.len() == 1
            && [one, other]
                .iter()
                .all(|side| side.offered.is_none() && side.asked.is_none())
            && let (Some(one), Some(other)) = (&one.agreed, &other.agreed)
        {
            assert_eq!((&one.0, &one.1), (&other.1, &other.0), "call {call}");
            self.tally.agreed += 1;
        }
    }
}

/// Session intervals so short that calls see several of them.
pub fn policy() -> SessionPolicy {
    SessionPolicy {
        session_expires: 90,
        ..SessionPolicy::default()
    }
}
