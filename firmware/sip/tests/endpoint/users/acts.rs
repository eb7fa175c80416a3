//! What users do.

use bytes::Bytes;
use ramal_sip::{
    HeaderName, HeaderValue, Method, Reason, ReasonProtocol, Reliability, Request, SessionPolicy,
    StatusCode,
};

use super::{CALL, Intent, Side, Transfer, Users, policy};
use crate::network::*;

impl Users {
    pub(super) fn act(&mut self, network: &mut Network, host: usize, intent: Intent) {
        let over = |users: &Self, session| !users.sides[&(host, session)].outcomes.is_empty();
        match intent {
            Intent::Call(transfer) => self.call(network, host, transfer),
            Intent::Register => {
                let flow = network.flow(host, 1 - host);
                let register = Request::new(Method::Register, uri("sip:127.0.0.12"))
                    .with_header(HeaderName::From, address("sip:alice@a.example"))
                    .with_header(HeaderName::To, address("sip:alice@a.example"));
                let id = network.act(host, |e, now| e.request(now, flow, register));
                self.registrations.insert((host, id), 0);
            }
            Intent::Ring(session) => network.act(host, |e, now| {
                e.progress(now, session, StatusCode::RINGING, None)
            }),
            Intent::ShowMedia(session) => {
                let sdp = self.describe();
                let side = self.side(host, session);
                if side.answered || side.early.is_some() || !side.outcomes.is_empty() {
                    return;
                }
                side.early = Some(sdp.clone());
                match side.asked.take() {
                    Some(Some(offer)) => side.agreed = Some((sdp.clone(), offer)),
                    _ => side.offered = Some(sdp.clone()),
                }
                network.act(host, |e, now| {
                    e.progress(now, session, StatusCode::SESSION_PROGRESS, Some(sdp))
                });
                if self.one_in(4) {
                    let now = (network.now - network.start).as_millis() as u64;
                    self.plan(now, host, 5_000, Intent::Offer(session));
                }
            }
            Intent::Accept(session) => {
                let sdp = self.describe();
                let side = self.side(host, session);
                let sdp = side.early.get_or_insert(sdp).clone();
                if side.agreed.is_none() {
                    match side.asked.take() {
                        Some(Some(offer)) => side.agreed = Some((sdp.clone(), offer)),
                        _ => side.offered = Some(sdp.clone()),
                    }
                }
                network.act(host, |e, now| e.accept(now, session, sdp));
            }
            Intent::Reject(session, status) => {
                network.act(host, |e, now| e.reject(now, session, status, vec![]));
            }
            Intent::HangUp(session) => {
                let reason = Reason {
                    protocol: ReasonProtocol::Q850,
                    cause: 16,
                    text: None,
                };
                network.act(host, |e, now| e.hang_up(now, session, Some(reason)));
            }
            Intent::Offer(session) => {
                let sdp = self.describe();
                let side = self.side(host, session);
                let busy = side.offered.is_some() || side.asked.is_some() || side.agreed.is_none();
                if !busy && !over(self, session) {
                    self.side(host, session).offered = Some(sdp.clone());
                    network.act(host, |e, now| e.offer(now, session, sdp));
                }
            }
            Intent::Digit(session) => {
                let body = Bytes::from_static(b"Signal=5\r\nDuration=160\r\n");
                let media = HeaderValue::from("application/dtmf-relay");
                network.act(host, |e, now| e.info(now, session, media, body));
            }
            Intent::AnswerOffer(session) => {
                let sdp = self.describe();
                let side = self.side(host, session);
                if let Some(asked) = side.asked.take()
                    && side.outcomes.is_empty()
                {
                    match asked {
                        Some(offer) => side.agreed = Some((sdp.clone(), offer)),
                        None => side.offered = Some(sdp.clone()),
                    }
                    network.act(host, |e, now| e.answer_offer(now, session, sdp));
                }
            }
            Intent::RefuseOffer(session) => {
                let side = self.side(host, session);
                if side.asked.take().is_some() && side.outcomes.is_empty() {
                    network.act(host, |e, now| {
                        e.refuse_offer(now, session, StatusCode::NOT_ACCEPTABLE_HERE)
                    });
                }
            }
            Intent::Transfer(session) => {
                let own = network.hosts[host].address;
                let endpoint = network.hosts[host].endpoint.as_ref().unwrap();
                let replaces = endpoint.dialog_name(session).map(|name| {
                    let call_id = String::from_utf8_lossy(name.call_id.as_bytes()).into_owned();
                    let (local, remote) = (name.local_tag, name.remote_tag);
                    format!("?Replaces={call_id}%3Bto-tag%3D{local}%3Bfrom-tag%3D{remote}")
                });
                let replaces = replaces.filter(|_| self.one_in(2)).unwrap_or_default();
                let target = HeaderValue::sanitized(format!("<sip:me@{own}{replaces}>"));
                let headers = vec![(HeaderName::ReferTo, target)];
                network.act(host, |e, now| {
                    e.request_within(now, session, Method::Refer, headers, None)
                });
            }
        }
    }

    fn call(&mut self, network: &mut Network, host: usize, transfer: Option<Transfer>) {
        let mut invite = network.invite();
        invite.flow = network.flow(host, 1 - host);
        let call = self.calls.len();
        let number = HeaderValue::from(call as u32);
        invite.headers.push((HeaderName::from(CALL), number));
        invite.offer = (!self.one_in(5)).then(|| self.describe());
        if self.one_in(5) {
            invite.policy = Some(SessionPolicy {
                reliability: Reliability::Off,
                ..policy()
            });
        } else if self.one_in(5) {
            invite.policy = Some(SessionPolicy {
                reliability: Reliability::Required,
                ..policy()
            });
        }
        let mut side = Side {
            call,
            offered: invite.offer.clone(),
            ..Side::default()
        };
        if let Some(Transfer { refer, replaces }) = transfer {
            side.refer = Some(refer);
            if let Some(replaces) = replaces {
                let value = HeaderValue::from(&replaces);
                invite.headers.push((HeaderName::Replaces, value));
            }
        }
        let session = network.act(host, |endpoint, now| endpoint.invite(now, invite));
        self.tally.begun += 1;
        self.calls.push([Some((host, session)), None]);
        self.sides.insert((host, session), side);
        let patience = if self.one_in(4) { 5_000 } else { 100_000 };
        let now = (network.now - network.start).as_millis() as u64;
        self.plan(now, host, patience, Intent::HangUp(session));
    }
}
